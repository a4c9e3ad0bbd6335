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

const (
	timeNames   = `TIME|\bti\b`
	choiceNames = `\b(IF|IFNULL|COALESCE|NULLIF|CASE|GREATEST|LEAST)\b`
)

// Differences are those that are known; the first that fits explains.
var Differences = []Known{
	{"a literal number in a window's ORDER BY or PARTITION BY is error 3592 in MySQL", "error", "OVER|WINDOW", ours(3592)},
	{"MariaDB tells ranks of rows to ten decimals, and variances to four", "rows", `CUME_DIST|PERCENT_RANK|STD|VAR`, nearly},
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
	{"GREATEST and LEAST of values of different types: MySQL compares them as text, MariaDB as the first type that fits", "error rows types warnings", "GREATEST|LEAST", nil},
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

// trailing are zeros behind a point.
var trailing = regexp.MustCompile(`\.?0+\b`)

// nearly tells that the rows are the same but for digits behind the fourth decimal.
func nearly(ours, theirs *Answer) bool {
	return slices.EqualFunc(ours.Rows, theirs.Rows, func(a, b string) bool {
		return slices.EqualFunc(strings.Split(a, "|"), strings.Split(b, "|"), func(a, b string) bool {
			x, err := strconv.ParseFloat(a, 64)
			y, err2 := strconv.ParseFloat(b, 64)
			return a == b || err == nil && err2 == nil && math.Abs(x-y) < 1e-4
		})
	})
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
