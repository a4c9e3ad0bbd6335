package sysvar

import (
	"strconv"
	"strings"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/planner"
	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Server is where the values of the whole cluster are.
type Server struct {
	Catalog func() *catalog.Snapshot
	// Defaults are values that the node was started with, in place of the usual ones.
	Defaults map[string]string
	Now      func() time.Time
}

// Global is a variable's global value as far as it does not depend on a session: what SET GLOBAL put into the catalog, or the default.
func (s *Server) Global(name string) string {
	if text, ok := s.Catalog().Setting(name); ok {
		return text
	}
	return s.defaultOf(byName[name])
}

// defaultOf is a variable's default: what the node was started with, where it was told.
func (s *Server) defaultOf(x *Variable) string {
	if text, ok := s.Defaults[x.Name]; ok {
		return text
	}
	return x.def
}

// Values are the variables of a session, in the form in which statements use them.
type Values struct {
	planner.Settings
	Mode           types.Mode // how values convert
	Autocommit     bool
	SQLModeText    string
	ZoneName       string
	ClientCharset  collation.ID
	ResultsCharset collation.ID
	LockWait       time.Duration
	TableLockWait  time.Duration
	MaxExecution   time.Duration
	WaitTimeout    time.Duration
	LongQuery      time.Duration // long_query_time
	MinExamined    uint64        // min_examined_row_limit
	NetRead        time.Duration // net_read_timeout
	NetWrite       time.Duration // net_write_timeout
	MaxConditions  int           // max_error_count
	Notes          bool
	Staleness      time.Duration // cloudsql_read_staleness_ms
	RowsOnly       bool          // cloudsql_columnar is OFF
	FixedNow       time.Time     // SET timestamp; zero: the clock
	LastInsertID   uint64
	Fresh          bool   // LastInsertID was given by AUTO_INCREMENT, and no condition has asked for it (sql_auto_is_null)
	InsertID       uint64 // insert_id: what the next AUTO_INCREMENT values begin with; 0: the table knows
	ParserMemory   uint64 // parser_max_mem_size

	// Live gives the value of a variable that is shown and not set.
	Live func(name string) string

	maxJoin    uint64
	bigSelects bool
	switches   string // optimizer_switch

	server *Server
	texts  map[string]string // those that differ from the defaults
}

// Init is for a new session, before Seed.
func (v *Values) Init(s *Server, live func(name string) string) {
	v.server, v.Live, v.texts = s, live, map[string]string{}
}

// Now is the time of statements.
func (v *Values) Now() time.Time {
	if !v.FixedNow.IsZero() {
		return v.FixedNow
	}
	return v.server.Now()
}

// Global is a variable's global value.
func (v *Values) Global(x *Variable) string {
	if x.Scope&Global != 0 && !x.ReadOnly {
		if text, ok := v.server.Catalog().Setting(x.Name); ok {
			return text
		}
	}
	if x.live && x.Scope == Global {
		return v.Live(x.Name)
	}
	return v.server.defaultOf(x)
}

// Of is a variable's value in the session, or the global one where it has no other.
func (v *Values) Of(x *Variable) string {
	switch {
	case x.Scope&Session == 0:
		return v.Global(x)
	case x.live:
		return v.Live(x.Name)
	case x.get != nil:
		return x.get(v)
	}
	if text, ok := v.texts[x.Name]; ok {
		return text
	}
	return v.server.defaultOf(x) // a session's values are seeded from the global ones when it opens
}

// Text is Of by name.
func (v *Values) Text(name string) string { return v.Of(byName[name]) }

func (v *Values) applyLongQuery(text string) {
	seconds, _ := strconv.ParseFloat(text, 64)
	v.LongQuery = time.Duration(min(max(seconds, 0), year) * float64(time.Second))
}

// IsSlow tells whether a statement that took so long, and examined so many rows, is a slow one; LogsSlow whether the log tells of those.
func (v *Values) IsSlow(took time.Duration, rows uint64) bool {
	return took >= v.LongQuery && rows >= v.MinExamined
}

// LogsSlow tells whether the log of slow statements is on.
func (v *Values) LogsSlow() bool { return v.On("slow_query_log") && v.Text("log_output") == "FILE" }

// checkLogOutput refuses what would need a table of the slow log.
func checkLogOutput(text string) (string, error) {
	if text == "TABLE" {
		return "", mysqlerr.NotSupported("log_output = 'TABLE'")
	}
	return text, nil
}

// engines are the engines that tables may ask for, in MySQL's spelling: InnoDB, and those that it stands in for.
var engines = map[string]string{"innodb": "InnoDB", "myisam": "MyISAM", "memory": "MEMORY", "heap": "MEMORY", "csv": "CSV", "archive": "ARCHIVE"}

func checkEngine(text string) (string, error) {
	if name := engines[strings.ToLower(text)]; name != "" {
		return name, nil
	}
	return "", mysqlerr.New(mysqlerr.UnknownStorageEngine, text)
}

// On tells whether a boolean variable is on.
func (v *Values) On(name string) bool { return v.Text(name) == "ON" }

// Set gives a variable a value in this session.
func (v *Values) Set(x *Variable, text string) {
	if x.get == nil && !x.live {
		v.texts[x.Name] = text
	}
	if x.apply != nil {
		x.apply(v, text)
	}
	if name, value := x.Pair(text); name != "" {
		v.texts[name] = value
	}
}

// SetText is Set by name.
func (v *Values) SetText(name, text string) { v.Set(byName[name], text) }

// Seed gives a new session the global values.
func (v *Values) Seed() {
	clear(v.texts)
	v.switches = ""
	v.FixedNow, v.LastInsertID, v.InsertID, v.Fresh = time.Time{}, 0, 0, false
	c := v.server.Catalog()
	for _, x := range all {
		if x.Scope&Session == 0 || x.ReadOnly {
			continue
		}
		text := v.server.defaultOf(x)
		if x.Scope&Global != 0 {
			if g, ok := c.Setting(x.Name); ok {
				text = g
				if x.get == nil && !x.live {
					v.texts[x.Name] = g
				}
			}
		}
		if x.apply != nil {
			x.apply(v, text)
		}
	}
}

// applyMaxJoin: a bound takes sql_big_selects back, as in MySQL.
func (v *Values) applyMaxJoin(text string) {
	n, _ := strconv.ParseUint(text, 10, 64)
	v.setMaxJoin(n, n == maxU64)
}

func (v *Values) setMaxJoin(rows uint64, big bool) {
	v.maxJoin, v.bigSelects, v.MaxJoin = rows, big, rows
	if big {
		v.MaxJoin = 0
	}
}

func (v *Values) applyMaxPacket(text string) { v.MaxPacket = Int(text) }

func (v *Values) applyLockWait(text string) { v.LockWait = time.Duration(Int(text)) * time.Second }

func (v *Values) applyStaleness(text string) {
	v.Staleness = time.Duration(Int(text)) * time.Millisecond
}
