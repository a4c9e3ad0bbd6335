package differential

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Known is a difference between MySQL 8.0 and MariaDB 10.11.
type Known struct {
	Reason string
	In     string // what differs: "error", "rows", "affected", "names", "types", "warnings", "notes", "metadata"; more than one, divided by spaces
	Names  string // a pattern of the statement
	Is     func(ours, theirs *Answer) bool
}

func ours(codes ...uint16) func(ours, theirs *Answer) bool {
	return func(ours, _ *Answer) bool { return slices.Contains(codes, ours.Err) }
}

func theirs(codes ...uint16) func(ours, theirs *Answer) bool {
	return func(_, theirs *Answer) bool { return slices.Contains(codes, theirs.Err) }
}

// only is an error of ours of what MariaDB does.
func only(codes ...uint16) func(ours, theirs *Answer) bool {
	return func(ours, theirs *Answer) bool { return theirs.Err == 0 && slices.Contains(codes, ours.Err) }
}

// converted tells that an answer has met a value that is no number, date or time, or is out of range.
func converted(a *Answer) bool {
	codes := []uint16{1264, 1265, 1292, 1365, 1366, 1411, 1441, 1525, 3020}
	return slices.Contains(codes, a.Err) || slices.ContainsFunc(a.Warnings, func(w string) bool {
		n, _ := strconv.Atoi(w)
		return slices.Contains(codes, uint16(n)) //nolint:gosec // a number of a warning
	})
}

// values tells that nothing but values differs, or what was warned of them.
func values(ours, theirs *Answer) bool {
	return (ours.Err == 0 || converted(ours)) && (theirs.Err == 0 || converted(theirs))
}

// unless tells that the rows are the same but for cells for which same is true.
func unless(same func(ours, theirs string) bool) func(ours, theirs *Answer) bool {
	return func(ours, theirs *Answer) bool {
		return slices.EqualFunc(ours.Rows, theirs.Rows, func(a, b string) bool {
			return slices.EqualFunc(strings.Split(a, "|"), strings.Split(b, "|"), func(a, b string) bool { return a == b || same(a, b) })
		})
	}
}

// timeNames are what gives a TIME: literals, columns (whose names begin with ti), functions.
const (
	timeNames   = `\bTIME'|\bti|\bTIME\(|AS TIME|CURTIME|MAKETIME|SEC_TO_TIME|TIMEDIFF|ADDTIME|SUBTIME|'%H:%i'|STR_TO_DATE`
	choiceNames = `\b(IF|IFNULL|COALESCE|NULLIF|CASE|GREATEST|LEAST)\b`
)

// Differences are those that are known; the first that fits explains.
var Differences = []Known{
	{"the table that a statement changes may be read in it in MariaDB: error 1093 in MySQL", "error", "UPDATE|DELETE|INSERT|REPLACE", func(ours, theirs *Answer) bool { return ours.Err == 1093 && theirs.Err != 1093 }},
	{"a temporary table may be read twice in one statement in MariaDB: error 1137 in MySQL", "error", "", only(1137)},
	{"a generated column reads no AUTO_INCREMENT column in MySQL: error 3109", "error", "TABLE", only(3109)},
	{"a column that generated columns read keeps its name in MySQL: error 3108", "error", "RENAME COLUMN|CHANGE", only(3108)},
	{"a column with NULLs becomes no NOT NULL one in MySQL, whatever default it has: error 1138", "error", "ALTER TABLE", only(1138)},
	{"JSON is text in MariaDB, and may have a default: error 1101 in MySQL", "error", "DEFAULT", only(1101)},
	{"a column without a default must be given a value in MySQL, also where ON DUPLICATE KEY UPDATE has one: error 1364", "error", "ON DUPLICATE KEY", only(1364)},
	{"NULL given to a TIMESTAMP that is NOT NULL is the present time in MariaDB: error 1048 in MySQL", "error", "", func(ours, theirs *Answer) bool {
		return only(1048)(ours, theirs) && strings.Contains(ours.Message, "Column 'ts")
	}},
	{"CHECK constraints of CREATE TABLE … LIKE have names of the new table in MySQL", "rows", "LIKE.*table_constraints", func(ours, _ *Answer) bool {
		return strings.Contains(strings.Join(ours.Rows, " "), "_chk_")
	}},
	{"a second index of the same columns is warned of in MySQL, be the first the primary key: a note in MariaDB", "warnings", "KEY", func(ours, theirs *Answer) bool {
		return without(ours.Warnings, "1831", theirs.Warnings) && without(theirs.Notes, "1831", ours.Notes)
	}},
	{"MariaDB has no subqueries in rows that are compared with a subquery's: error 1235", "error", "SELECT", theirs(1235)},
	{"MariaDB's UPDATE and DELETE with ORDER BY are not strict while they look for rows", "error", "^(UPDATE|DELETE) .* ORDER BY", func(ours, theirs *Answer) bool {
		return ours.Err != 0 && converted(ours) && theirs.Err == 0 && converted(theirs)
	}},
	{"MariaDB compares dates with numbers of a subquery as dates", "error", "(ANY|SOME|ALL|IN) \\(SELECT", func(ours, theirs *Answer) bool {
		return ours.Err == 0 && theirs.Err == 1292 && strings.Contains(theirs.Message, "for column `")
	}},
	{"MariaDB compares dates with numbers of a subquery as dates", "error rows affected", `ANY \(SELECT i`, func(_, theirs *Answer) bool { return slices.Contains(theirs.Warnings, "1292") }},
	{"a literal number in a window's ORDER BY or PARTITION BY is error 3592 in MySQL", "error", "OVER|WINDOW", ours(3592)},
	{"MariaDB tells ranks of rows to ten decimals, and variances to four", "rows", `CUME_DIST|PERCENT_RANK|STD|VAR`, unless(near(1e-4))},
	{"the last digits of doubles are those of the C library", "rows", `\b(SIN|COS|ATAN|ATAN2|EXP|LN|LOG|LOG2|LOG10|SQRT|POW|POWER|RADIANS|PI)\(`, unless(near(1e-12))},
	{"the logarithm of what has none warns in MySQL", "warnings", `LOG|LN\(`, func(ours, theirs *Answer) bool { return without(ours.Warnings, "3020", theirs.Warnings) }},
	{"MariaDB computes with a user variable's DECIMAL to 38 decimals", "rows", "@x", func(ours, theirs *Answer) bool {
		return trailing.ReplaceAllString(strings.Join(ours.Rows, ";"), "") == trailing.ReplaceAllString(strings.Join(theirs.Rows, ";"), "")
	}},
	{"bytes are no JSON text in MySQL", "error", "JSON", ours(3144)},
	{"MariaDB notes a negative TIME as an unsigned number", "notes", "UNSIGNED", func(ours, theirs *Answer) bool { return without(theirs.Notes, "1916", ours.Notes) }},
	{"a double in a JSON document has a point in MySQL", "rows", "JSON_", func(ours, theirs *Answer) bool {
		return strings.ReplaceAll(strings.Join(ours.Rows, ";"), ".0", "") == strings.Join(theirs.Rows, ";")
	}},
	{"FROM_BASE64 gives bytes in MySQL", "rows", "FROM_BASE64", nil},
	{"text that is no date beside a date is error 1525 in MySQL, a warning in MariaDB", "error", "", ours(1525)},
	{"CONVERT(… USING utf8mb4) has the character set's default collation: utf8mb4_0900_ai_ci in MySQL", "error", "USING", ours(1267, 1270, 1271)},
	{"CONVERT(… USING utf8mb4) in set operations and groups: the collation decides what is equal", "rows", "USING", nil},
	{"GREATEST and LEAST of values of different types: MySQL compares them as text, MariaDB as the first type that fits", "error rows types warnings affected", "GREATEST|LEAST", values},
	{"a TIME ends at 838:59:59 in MySQL, at 838:59:59.999999 in MariaDB", "rows", "", func(ours, theirs *Answer) bool {
		return strings.Contains(strings.Join(theirs.Rows, " "), "838:59:59.")
	}},
	{"a TIME where a date is wanted has the current day in MySQL, and is none in MariaDB", "error rows warnings types affected notes", timeNames, values},
	{"FLOOR, CEILING and ROUND keep a temporal or floating type in one of the two and not in the other", "rows types warnings", "FLOOR|CEIL|ROUND|TRUNCATE", nil},
	{"the remainder has no sign of zero in MySQL", "rows", "%|MOD", func(_, theirs *Answer) bool {
		return strings.Contains(strings.Join(theirs.Rows, " "), "-0")
	}},
	{"BIT_OR and its kin take a DECIMAL beyond BIGINT as unsigned in MySQL", "rows", "BIT_(OR|XOR|AND)", func(_, theirs *Answer) bool {
		return strings.Contains(strings.Join(theirs.Rows, " "), "9223372036854775807")
	}},
	{"types of choices between values of different types", "types", choiceNames, nil},
	{"types of NULL and of what is computed of it", "types", "NULL", nil},
	{"the negative of a number: its type", "types", `-\(|-[A-Z]`, nil},
	{"MariaDB warns of more conversions: dates beside numbers, text beside numbers in conditions that need not be evaluated", "warnings", "", func(ours, theirs *Answer) bool {
		return !slices.ContainsFunc(ours.Warnings, func(w string) bool { return !slices.Contains(theirs.Warnings, w) })
	}},
	{"INET_NTOA of what is no address warns in MySQL", "warnings", "INET_NTOA", func(ours, theirs *Answer) bool { return without(ours.Warnings, "1411", theirs.Warnings) }},
	{"dates beyond the calendar are warned of where they are computed: 1441 in MySQL", "warnings", "", func(ours, _ *Answer) bool { return slices.Contains(ours.Warnings, "1441") }},
	{"which of a group's equal texts stands for it", "rows", "GROUP BY|UNION|EXCEPT|INTERSECT|DISTINCT", func(ours, theirs *Answer) bool { return folded(ours) == folded(theirs) }},
	{"a comparison with an invalid date is NULL in MySQL, 0 in MariaDB", "rows", "AS DATE|STR_TO_DATE|DATE'", func(ours, _ *Answer) bool { return slices.Contains(ours.Warnings, "1292") }},
	{"MariaDB looks into a TINYINT of a subquery for the nearest number it can hold", "rows", "SELECT t FROM", nil},
	{"parts of the date 0 are NULL under NO_ZERO_DATE in MySQL", "rows", `YEAR|MONTH|DAY|WEEK|QUARTER|DATE\(|_DATE|FROM_DAYS`, unless(func(ours, _ string) bool { return ours == "NULL" })},
	{"parts of the date 0 are NULL under NO_ZERO_DATE in MySQL", "warnings", `YEAR|MONTH|DAY|WEEK|QUARTER|DATE\(|_DATE|FROM_DAYS`, func(ours, theirs *Answer) bool { return without(ours.Warnings, "1292", theirs.Warnings) }},
	{"expressions that no row needs may be evaluated, and warn", "warnings", `WHERE|ON|IN \(|CASE|IF|AS CHAR\(|SUM|REPLACE|ORDER BY`, nil},
	{"the negative of a large unsigned number is out of range in MySQL", "error", "-", ours(1690)},
	{"ORDER BY a negative literal is no column in MySQL", "error", "ORDER BY -", theirs(1054)},
	{"types of set operations with YEAR", "types", "UNION|EXCEPT|INTERSECT", nil},
	{"the sign of zero", "rows", "-|DEGREES|f", func(ours, _ *Answer) bool { return strings.Contains(strings.Join(ours.Rows, " "), "-0") }},
	{"bits of text: MySQL cuts '-3.5,y' to -3, MariaDB rounds to -4", "rows", "[|&^]", nil},
	{"text from bytes: MariaDB reads them as characters", "rows warnings", "UNHEX", nil},
	{"TRUNCATE to more digits than there are adds none in MySQL", "error rows", "TRUNCATE", nil},
	{"quotients have nine more digits than are shown; MariaDB cuts them in temporary tables", "rows", "/ [0-9]", nil},
	{"numbers are compared with dates as numbers in MySQL's BETWEEN", "rows", "BETWEEN", nil},
	{"parts of dates have no sign in MariaDB, and results out of range", "error", "-", theirs(1690)},
	{"conditions on one table are tested before a join, and their errors met", "error", "JOIN", only(1690, 1292, 1411)},
	{"types of set operations", "rows", "EXCEPT|INTERSECT|UNION", func(ours, theirs *Answer) bool { return !slices.Equal(ours.Types, theirs.Types) }},
	{"which of two errors in one statement is met first", "error", "", func(ours, theirs *Answer) bool { return ours.Err != 0 && theirs.Err != 0 }},
	{"ONLY_FULL_GROUP_BY knows what depends on what in MySQL", "error", "GROUP BY", theirs(1055)},
}

// folded is an answer's rows without regard to case and order.
func folded(a *Answer) string {
	rows := slices.Clone(a.Rows)
	for i := range rows {
		rows[i] = strings.ToLower(rows[i])
	}
	slices.Sort(rows)
	return strings.Join(rows, "\n")
}

// trailing are zeros behind a point.
var trailing = regexp.MustCompile(`\.?0+\b`)

// numbers are those in a text.
var numbers = regexp.MustCompile(`-?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?`)

// near tells that texts are the same but for numbers, which differ by no more than a part of themselves, or of one.
func near(part float64) func(a, b string) bool {
	return func(a, b string) bool {
		return numbers.ReplaceAllString(a, "") == numbers.ReplaceAllString(b, "") &&
			slices.EqualFunc(numbers.FindAllString(a, -1), numbers.FindAllString(b, -1), func(a, b string) bool {
				x, err := strconv.ParseFloat(a, 64)
				y, err2 := strconv.ParseFloat(b, 64)
				return err == nil && err2 == nil && math.Abs(x-y) <= part*max(1, math.Abs(x))
			})
	}
}

// without tells that one list is the other but for what it has of code.
func without(list []string, code string, other []string) bool {
	return slices.Equal(slices.DeleteFunc(slices.Clone(list), func(c string) bool { return c == code }), other)
}

// Explain gives the reason of a difference, "" for none.
func Explain(what, sql string, ours, theirs *Answer) string {
	i := slices.IndexFunc(Differences, func(k Known) bool {
		return slices.Contains(strings.Fields(k.In), what) && regexp.MustCompile(k.Names).MatchString(sql) && (k.Is == nil || k.Is(ours, theirs))
	})
	if i < 0 {
		return ""
	}
	return Differences[i].Reason
}

// Compare tells in what two answers differ, "" for nothing.
func Compare(ours, theirs *Answer) string {
	switch {
	case ours.Err != theirs.Err:
		return "error"
	case ours.Err != 0:
		return ""
	case !slices.Equal(ours.Rows, theirs.Rows):
		return "rows"
	case ours.Affected != theirs.Affected:
		return "affected"
	case !slices.Equal(ours.Names, theirs.Names):
		return "names"
	case !slices.Equal(ours.Types, theirs.Types):
		return "types"
	case !slices.Equal(ours.Warnings, theirs.Warnings):
		return "warnings"
	case !slices.Equal(ours.Notes, theirs.Notes):
		return "notes"
	case !slices.Equal(ours.Meta, theirs.Meta):
		return "metadata"
	}
	return ""
}

var words = regexp.MustCompile(`[A-Z_]{2,}`)

// kindOf names the kind of a difference, of which one statement is told: what differs, and the functions that are called.
func kindOf(what, sql string) string {
	list := words.FindAllString(sql, -1)
	slices.Sort(list)
	return what + ": " + strings.Join(slices.Compact(list), " ")
}
