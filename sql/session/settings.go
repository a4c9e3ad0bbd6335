package session

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
	"cloudsql/storage/zones"
)

// defaultSQLMode is MySQL 8.0's.
const defaultSQLMode = "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE," +
	"ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"

// modeNames are MySQL 8.0's modes in the order in which it prints them, and the bits by which SET may give them.
var modeNames = []struct {
	name string
	bit  uint
	mode mysql.SQLMode
}{
	{"REAL_AS_FLOAT", 0, mysql.ModeRealAsFloat},
	{"PIPES_AS_CONCAT", 1, mysql.ModePipesAsConcat},
	{"ANSI_QUOTES", 2, mysql.ModeANSIQuotes},
	{"IGNORE_SPACE", 3, mysql.ModeIgnoreSpace},
	{"ONLY_FULL_GROUP_BY", 5, mysql.ModeOnlyFullGroupBy},
	{"NO_UNSIGNED_SUBTRACTION", 6, mysql.ModeNoUnsignedSubtraction},
	{"NO_DIR_IN_CREATE", 7, mysql.ModeNoDirInCreate},
	{"ANSI", 18, mysql.ModeANSI},
	{"NO_AUTO_VALUE_ON_ZERO", 19, mysql.ModeNoAutoValueOnZero},
	{"NO_BACKSLASH_ESCAPES", 20, mysql.ModeNoBackslashEscapes},
	{"STRICT_TRANS_TABLES", 21, mysql.ModeStrictTransTables},
	{"STRICT_ALL_TABLES", 22, mysql.ModeStrictAllTables},
	{"NO_ZERO_IN_DATE", 23, mysql.ModeNoZeroInDate},
	{"NO_ZERO_DATE", 24, mysql.ModeNoZeroDate},
	{"ALLOW_INVALID_DATES", 25, mysql.ModeAllowInvalidDates},
	{"ERROR_FOR_DIVISION_BY_ZERO", 26, mysql.ModeErrorForDivisionByZero},
	{"TRADITIONAL", 27, mysql.ModeTraditional},
	{"HIGH_NOT_PRECEDENCE", 29, mysql.ModeHighNotPrecedence},
	{"NO_ENGINE_SUBSTITUTION", 30, mysql.ModeNoEngineSubstitution},
	{"PAD_CHAR_TO_FULL_LENGTH", 31, mysql.ModePadCharToFullLength},
}

// combinations are the modes that stand for several.
var combinations = map[mysql.SQLMode]mysql.SQLMode{
	mysql.ModeANSI: mysql.ModeRealAsFloat | mysql.ModePipesAsConcat | mysql.ModeANSIQuotes | mysql.ModeIgnoreSpace |
		mysql.ModeOnlyFullGroupBy,
	mysql.ModeTraditional: mysql.ModeStrictTransTables | mysql.ModeStrictAllTables | mysql.ModeNoZeroInDate |
		mysql.ModeNoZeroDate | mysql.ModeErrorForDivisionByZero | mysql.ModeNoEngineSubstitution,
}

// parseSQLMode reads sql_mode, by names or as a number, and gives its text as MySQL prints it. 1231.
func parseSQLMode(text string) (mysql.SQLMode, string, error) {
	var mode mysql.SQLMode
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		for _, m := range modeNames {
			if n&(1<<m.bit) != 0 {
				mode |= m.mode
				n &^= 1 << m.bit
			}
		}
		if n != 0 {
			return 0, "", mysqlerr.New(mysql.ErrWrongValueForVar, "sql_mode", text)
		}
	} else {
		for _, word := range strings.Split(text, ",") {
			if word = strings.TrimSpace(word); word == "" {
				continue
			}
			bits := modeNamed(strings.ToUpper(word))
			if bits == 0 {
				return 0, "", mysqlerr.New(mysql.ErrWrongValueForVar, "sql_mode", word)
			}
			mode |= bits
		}
	}
	for combined, parts := range combinations {
		if mode&combined != 0 {
			mode |= parts
		}
	}
	var names []string
	for _, m := range modeNames {
		if mode&m.mode != 0 {
			names = append(names, m.name)
		}
	}
	return mode, strings.Join(names, ","), nil
}

func modeNamed(word string) mysql.SQLMode {
	for _, m := range modeNames {
		if m.name == word {
			return m.mode
		}
	}
	return 0
}

func checkSQLMode(_ *Session, text string) (string, error) {
	_, canonical, err := parseSQLMode(text)
	return canonical, err
}

func (s *Session) applySQLMode(text string) {
	mode, canonical, err := parseSQLMode(text)
	if err != nil {
		return // a value that an older version has stored
	}
	s.sqlMode, s.sqlModeText = mode, canonical
	has := func(m mysql.SQLMode) bool { return mode&m != 0 }
	s.mode.Strict = has(mysql.ModeStrictTransTables | mysql.ModeStrictAllTables)
	s.mode.NoZeroDate = has(mysql.ModeNoZeroDate)
	s.mode.NoZeroInDate = has(mysql.ModeNoZeroInDate)
	s.mode.AllowInvalid = has(mysql.ModeAllowInvalidDates)
	s.mode.PadChar = has(mysql.ModePadCharToFullLength)
	s.mode.DivZeroError = has(mysql.ModeErrorForDivisionByZero)
	s.mode.NoUnsignedSub = has(mysql.ModeNoUnsignedSubtraction)
}

// parseTimeZone reads time_zone: SYSTEM, an offset, or a zone's name. 1298.
func parseTimeZone(text string) (*time.Location, string, error) {
	if strings.EqualFold(text, "SYSTEM") {
		return systemZone(), "SYSTEM", nil
	}
	unknown := mysqlerr.New(mysql.ErrUnknownTimeZone, text)
	if text == "" || strings.EqualFold(text, "Local") {
		return nil, "", unknown
	}
	if loc, ok := zones.Offset(text); ok {
		return loc, text, nil
	}
	if loc, ok := zones.Load(text); ok {
		return loc, text, nil
	}
	return nil, "", unknown
}

// systemZone is the machine's zone under its own name where that can be found out ("Europe/Berlin"), so that it means
// the same on another machine; time.Local otherwise.
var systemZone = sync.OnceValue(func() *time.Location {
	name, set := os.LookupEnv("TZ")
	if name = strings.TrimPrefix(name, ":"); set && name == "" {
		return time.UTC
	}
	if !set {
		link, _ := os.Readlink("/etc/localtime")
		_, name, _ = strings.Cut(link, "zoneinfo/")
	}
	if z, ok := zones.Load(name); ok {
		return z
	}
	return time.Local
})

func checkTimeZone(_ *Session, text string) (string, error) {
	_, name, err := parseTimeZone(text)
	return name, err
}

func (s *Session) applyTimeZone(text string) {
	if loc, name, err := parseTimeZone(text); err == nil {
		s.mode.Loc, s.zoneName = loc, name
	}
}

// systemZoneName is system_time_zone: the abbreviation of the machine's zone.
func systemZoneName() string {
	if tz := os.Getenv("TZ"); tz != "" {
		return tz
	}
	name, _ := time.Now().Zone()
	return name
}

const maxTimestamp = 32536771199 // '3001-01-18 23:59:59' UTC, the last second that MySQL's time functions know

// checkTimestamp refuses what is no second of MySQL's. 1231.
func checkTimestamp(_ *Session, text string) (string, error) {
	if f, err := strconv.ParseFloat(text, 64); err != nil || f != 0 && (f < 1 || f > maxTimestamp) {
		return "", sysvars["timestamp"].wrong(text)
	}
	return text, nil
}

// applyTimestamp is SET timestamp = …: statements run at that time until it is set to 0 or DEFAULT.
func (s *Session) applyTimestamp(text string) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f <= 0 {
		s.fixedNow = time.Time{}
		return
	}
	s.fixedNow = time.UnixMicro(int64(f * 1e6)).UTC()
}

func (s *Session) applyMaxPacket(text string) { s.maxPacket = atoi(text) }

func (s *Session) applyLockWait(text string) {
	s.lockWait = time.Duration(atoi(text)) * time.Second
	if s.txn != nil {
		s.txn.SetLockWait(s.lockWait)
	}
}

// charset finds a character set by name, or by the number of one of its collations. 1115.
func charsetOf(text string) (types.Collation, error) {
	if c, ok := types.DefaultCollation(text); ok {
		return c, nil
	}
	if n, err := strconv.ParseUint(text, 10, 16); err == nil && types.Collation(n).Valid() {
		return types.Collation(n), nil
	}
	return 0, mysqlerr.New(mysql.ErrUnknownCharacterSet, text)
}

func checkCharset(_ *Session, text string) (string, error) {
	c, err := charsetOf(text)
	if err != nil {
		return "", err
	}
	return c.Charset(), nil
}

// checkClientCharset refuses what no client may talk in: wide character sets.
func checkClientCharset(_ *Session, text string) (string, error) {
	c, err := charsetOf(text)
	if err != nil {
		return "", err
	}
	if isWide(c) {
		return "", mysqlerr.New(mysql.ErrWrongValueForVar, "character_set_client", c.Charset())
	}
	return c.Charset(), nil
}

// isWide tells the character sets whose ASCII is not one byte.
func isWide(c types.Collation) bool {
	switch c.Charset() {
	case "ucs2", "utf16", "utf16le", "utf32":
		return true
	}
	return false
}

func checkResultsCharset(s *Session, text string) (string, error) {
	if text == "" {
		return "", nil
	}
	return checkCharset(s, text)
}

func checkCollation(_ *Session, text string) (string, error) {
	if c, ok := types.CollationByName(text); ok {
		return c.Name(), nil
	}
	if n, err := strconv.ParseUint(text, 10, 16); err == nil && types.Collation(n).Valid() {
		return types.Collation(n).Name(), nil
	}
	return "", mysqlerr.New(mysql.ErrUnknownCollation, text)
}

func (s *Session) applyConnectionCollation(text string) {
	if c, ok := types.CollationByName(text); ok {
		s.collation = c
		s.vars["character_set_connection"] = c.Charset()
	}
}

func (s *Session) applyConnectionCharset(text string) {
	c, err := charsetOf(text)
	if err == nil {
		s.collation = c
		s.vars["collation_connection"] = c.Name()
	}
}

func (s *Session) applyClientCharset(text string) {
	if c, err := charsetOf(text); err == nil {
		s.clientCharset = c
	}
}

// applyResultsCharset: NULL sends everything as it is stored.
func (s *Session) applyResultsCharset(text string) {
	s.resultsCharset = types.CollationBinary
	if c, err := charsetOf(text); err == nil {
		s.resultsCharset = c
	}
}

// Charsets tells the protocol in what the client talks.
func (s *Session) Charsets() (client, results types.Collation) {
	return s.clientCharset, s.resultsCharset
}

// greetedCharset is what the client asked for while logging in; the default, as in MySQL, where it cannot talk in that.
func (s *Session) greetedCharset() types.Collation {
	c := s.conn.Collation
	if !c.Valid() || isWide(c) {
		return types.CollationDefault
	}
	return c
}

// setNames is SET NAMES and the character set of a new connection.
func (s *Session) setNames(c types.Collation) {
	name := c.Charset()
	s.vars["character_set_client"], s.vars["character_set_results"] = name, name
	s.vars["character_set_connection"], s.vars["collation_connection"] = name, c.Name()
	s.clientCharset, s.resultsCharset, s.collation = c, c, c
}

// WaitTimeout is how long the protocol lets the connection idle.
func (s *Session) WaitTimeout() time.Duration { return s.waitTimeout }

// databaseCollation is that of the current database.
func (s *Session) databaseCollation() types.Collation {
	if d, ok := s.eng.db.Catalog().Database(s.db); ok {
		return d.Collation
	}
	return s.serverCollation()
}

// serverCollation is collation_server: what databases get that name none.
func (s *Session) serverCollation() types.Collation {
	v := sysvars["collation_server"]
	if c, ok := types.CollationByName(s.variable(v)); ok {
		return c
	}
	return types.CollationDefault
}
