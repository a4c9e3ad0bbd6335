package sysvar

import (
	"strconv"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/mysqlerr"
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

// ParseSQLMode reads sql_mode, by names or as a number, and gives its text as MySQL prints it. 1231.
func ParseSQLMode(text string) (mysql.SQLMode, string, error) {
	var mode mysql.SQLMode
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		for _, m := range modeNames {
			if n&(1<<m.bit) != 0 {
				mode |= m.mode
				n &^= 1 << m.bit
			}
		}
		if n != 0 {
			return 0, "", mysqlerr.New(mysqlerr.WrongValueForVar, "sql_mode", text)
		}
	} else {
		for _, word := range strings.Split(text, ",") {
			if word = strings.TrimSpace(word); word == "" {
				continue
			}
			bits := modeNamed(strings.ToUpper(word))
			if bits == 0 {
				return 0, "", mysqlerr.New(mysqlerr.WrongValueForVar, "sql_mode", word)
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

func checkSQLMode(text string) (string, error) {
	_, canonical, err := ParseSQLMode(text)
	return canonical, err
}

func (v *Values) applySQLMode(text string) {
	mode, canonical, err := ParseSQLMode(text)
	if err != nil {
		return // a value that an older version has stored
	}
	v.SQLMode, v.SQLModeText = mode, canonical
	has := func(m mysql.SQLMode) bool { return mode&m != 0 }
	v.Mode.Strict = has(mysql.ModeStrictTransTables | mysql.ModeStrictAllTables)
	v.Mode.NoZeroDate = has(mysql.ModeNoZeroDate)
	v.Mode.NoZeroInDate = has(mysql.ModeNoZeroInDate)
	v.Mode.AllowInvalid = has(mysql.ModeAllowInvalidDates)
	v.Mode.PadChar = has(mysql.ModePadCharToFullLength)
	v.Mode.DivZeroError = has(mysql.ModeErrorForDivisionByZero)
	v.Mode.NoUnsignedSub = has(mysql.ModeNoUnsignedSubtraction)
	v.NoUnsignedSub = v.Mode.NoUnsignedSub
}
