package differential

import (
	"regexp"
	"slices"
	"strings"
)

// Known is a difference between MySQL 8.0 and MariaDB 10.11.
type Known struct {
	Reason string
	In     string // what differs: "error", "rows", "names", "types", "warnings"; more than one, divided by spaces
	Names  string // a pattern of the statement
	Is     func(ours, theirs *Answer) bool
}

func ours(codes ...uint16) func(ours, theirs *Answer) bool {
	return func(ours, _ *Answer) bool { return slices.Contains(codes, ours.Err) }
}

func theirs(codes ...uint16) func(ours, theirs *Answer) bool {
	return func(_, theirs *Answer) bool { return slices.Contains(codes, theirs.Err) }
}

const (
	timeNames   = `TIME|\bti\b`
	choiceNames = `\b(IF|IFNULL|COALESCE|NULLIF|CASE|GREATEST|LEAST)\b`
)

// Differences are those that are known; the first that fits explains.
var Differences = []Known{
	{"text that is no date beside a date is error 1525 in MySQL, a warning in MariaDB", "error", "", ours(1525)},
	{"CONVERT(… USING utf8mb4) has the character set's default collation: utf8mb4_0900_ai_ci in MySQL", "error", "USING", ours(1267, 1270, 1271)},
	{"CONVERT(… USING utf8mb4) in set operations and groups: the collation decides what is equal", "rows", "USING", nil},
	{"GREATEST and LEAST of values of different types: MySQL compares them as text, MariaDB as the first type that fits", "error rows types warnings", "GREATEST|LEAST", nil},
	{"fractions of a second are rounded in MySQL, cut in MariaDB", "rows error", `\.5'|\bdm\b|MICROSECOND|DATETIME\(3\)|TIME\(2\)|AS TIME\b|AS DATETIME\b|FROM_UNIXTIME|SIGNED|dt =|ti =`, differsInSeconds},
	{"a TIME ends at 838:59:59 in MySQL, at 838:59:59.999999 in MariaDB", "rows", "", func(ours, theirs *Answer) bool {
		return strings.Contains(strings.Join(theirs.Rows, " "), "838:59:59.")
	}},
	{"a TIME where a date is wanted has the current day in MySQL, and is none in MariaDB", "error rows warnings types", timeNames, nil},
	{"FLOOR, CEILING and ROUND keep a temporal or floating type in one of the two and not in the other", "rows types warnings", "FLOOR|CEILING|ROUND|TRUNCATE", nil},
	{"the remainder has no sign of zero in MySQL", "rows", "%|MOD", func(_, theirs *Answer) bool {
		return strings.Contains(strings.Join(theirs.Rows, " "), "-0")
	}},
	{"types of choices between values of different types", "types", choiceNames, nil},
	{"types of NULL and of what is computed of it", "types", "NULL", nil},
	{"the negative of a number: its type", "types", `-\(|-[A-Z]`, nil},
	{"MariaDB warns of more conversions: dates beside numbers, text beside numbers in conditions that need not be evaluated", "warnings", "", func(ours, theirs *Answer) bool {
		return !slices.ContainsFunc(ours.Warnings, func(w string) bool { return !slices.Contains(theirs.Warnings, w) })
	}},
	{"INET_NTOA of what is no address warns in MySQL", "warnings", "INET_NTOA", nil},
	{"dates beyond the calendar are warned of where they are computed: 1441 in MySQL", "warnings", "", func(ours, _ *Answer) bool { return slices.Contains(ours.Warnings, "1441") }},
	{"which of a group's equal texts stands for it", "rows", "GROUP BY|UNION|EXCEPT|INTERSECT|DISTINCT", func(ours, theirs *Answer) bool { return folded(ours) == folded(theirs) }},
	{"a comparison with an invalid date is NULL in MySQL, 0 in MariaDB", "rows", "AS DATE|STR_TO_DATE|DATE'", func(ours, _ *Answer) bool { return slices.Contains(ours.Warnings, "1292") }},
	{"MariaDB looks into a TINYINT of a subquery for the nearest number it can hold", "rows", "SELECT t FROM", nil},
	{"MariaDB compares an INT column of a subquery with a date as dates", "rows", "ANY \\(SELECT i", nil},
	{"parts of the date 0 are NULL under NO_ZERO_DATE in MySQL", "rows warnings", "YEAR|MONTH|DAY|WEEK|QUARTER|DATE", nil},
	{"expressions that no row needs may be evaluated, and warn", "warnings", "WHERE|ON|IN \\(|CASE|IF|AS CHAR\\(|SUM|REPLACE|ORDER BY", nil},
	{"a Note of MariaDB's is a Warning here: rounding to a DECIMAL (MySQL: Note, as MariaDB)", "warnings", "INSERT|UPDATE", func(ours, _ *Answer) bool { return slices.Contains(ours.Warnings, "1265") }},
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
	{"conditions on one table are tested before a join, and their errors met", "error", "JOIN", ours(1690, 1292, 1411)},
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

// differsInSeconds tells whether the rows could be the same but for a fraction of a second.
func differsInSeconds(ours, theirs *Answer) bool {
	return len(ours.Rows) == len(theirs.Rows) || ours.Err != 0 || theirs.Err != 0
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
	case !slices.Equal(ours.Rows, theirs.Rows):
		return "rows"
	case !slices.Equal(ours.Names, theirs.Names):
		return "names"
	case !slices.Equal(ours.Types, theirs.Types):
		return "types"
	case !slices.Equal(ours.Warnings, theirs.Warnings):
		return "warnings"
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
