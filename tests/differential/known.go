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
	Names  string // patterns of the statement, divided by &&
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

// constant tells that the value which an error of ours is about stands in the statement, or is none that columns have.
func constant(ours, _ *Answer) bool {
	m := quotedValue.FindStringSubmatch(ours.Message)
	if m == nil {
		return false
	}
	quoted := "'" + m[1] + "'"
	if !columnNames.MatchString(ours.sql) {
		return true // of what is computed without columns
	}
	return m[1] == "" || m[1] == "0" || strings.Contains(strings.ToLower(ours.sql), quoted) || strings.Contains(ours.sql, quoted) || !slices.Contains(texts, quoted) && !slices.Contains(shorts, quoted)
}

var quotedValue = regexp.MustCompile(`value: '(.*)'`)

// all tells that all of some conditions hold.
func all(list ...func(ours, theirs *Answer) bool) func(ours, theirs *Answer) bool {
	return func(ours, theirs *Answer) bool {
		return !slices.ContainsFunc(list, func(is func(ours, theirs *Answer) bool) bool { return !is(ours, theirs) })
	}
}

// unless tells that the rows are the same but for cells for which same is true.
func unless(same func(ours, theirs string) bool) func(ours, theirs *Answer) bool {
	return func(ours, theirs *Answer) bool {
		return slices.EqualFunc(ours.Rows, theirs.Rows, func(a, b string) bool {
			return slices.EqualFunc(strings.Split(a, "|"), strings.Split(b, "|"), func(a, b string) bool { return a == b || same(a, b) })
		})
	}
}

// alike tells that the rows are the same but for cells that f makes the same.
func alike(f func(cell string) string) func(ours, theirs *Answer) bool {
	return unless(func(ours, theirs string) bool { return f(ours) == f(theirs) })
}

// typesDiffer tells that types differ, and only where differ is true.
func typesDiffer(differ func(ours, theirs string) bool) func(ours, theirs *Answer) bool {
	return func(ours, theirs *Answer) bool {
		return !slices.Equal(ours.Types, theirs.Types) &&
			slices.EqualFunc(ours.Types, theirs.Types, func(a, b string) bool { return a == b || differ(a, b) })
	}
}

func temporal(class string) bool {
	return class == "DATE" || class == "DATETIME" || class == "TIME" || class == "TIMESTAMP"
}

// nulls tells that ours has NULL where the rows differ, or rows less: a condition that is NULL lets none through.
func nulls(ours, theirs *Answer) bool {
	return ours.Err == 0 && theirs.Err == 0 && (len(ours.Rows) < len(theirs.Rows) || unless(func(ours, _ string) bool { return ours == "NULL" })(ours, theirs))
}

// binaryBits tells that ours are bytes where theirs are a number, or none because operands have different lengths.
func binaryBits(ours, theirs *Answer) bool {
	return ours.Err == 3513 || typesDiffer(func(ours, theirs string) bool { return ours == "TEXT" && theirs == "INT" })(ours, theirs)
}

// both tells that both answers are errors of values or of constraints: which of two a statement meets first is nobody's promise.
func both(ours, theirs *Answer) bool {
	codes := []uint16{1048, 1062, 1136, 1215, 1261, 1263, 1901, 1916, 1242, 1264, 1364, 1265, 1292, 1365, 1366, 1369, 1406, 1411, 1441, 1443, 1451, 1452, 1525, 1690, 3020, 3064, 3819, 4025}
	return slices.Contains(codes, ours.Err) && slices.Contains(codes, theirs.Err)
}

// blank is MariaDB's complaint of text without a character that is to be seen.
var blank = regexp.MustCompile(`(DECIMAL|DOUBLE) value: ' *'$`)

// unnamed tells that the error is theirs, and that WITH names a query which is not used.
func unnamed(ours, theirs *Answer) bool {
	return ours.Err == 0 && theirs.Err != 0 && slices.ContainsFunc([]string{"t0", "t1"}, func(name string) bool {
		return len(regexp.MustCompile(`\b`+name+`\b`).FindAllString(ours.sql, -1)) == 1
	})
}

// sortedBytes are a text's, in their order.
func sortedBytes(cell string) string {
	b := []byte(cell)
	slices.Sort(b)
	return string(b)
}

// nextSecond tells that one number is a second later than the other, as dates and times are numbers.
func nextSecond(ours, theirs string) bool {
	a, err := strconv.ParseFloat(ours, 64)
	b, err2 := strconv.ParseFloat(theirs, 64)
	if err != nil || err2 != nil || len(theirs) > len("20240101000000") {
		return false
	}
	return a == b+1 || math.Mod(b, 100) == 59 && a > b && a-b <= 7641
}

// tooFine is a number of more decimals than MySQL has.
var tooFine = regexp.MustCompile(`^-?\d+\.\d{31,}$`)

// unsigned is a cell without the signs of its zeros.
func unsigned(cell string) string { return signedZero.ReplaceAllString(cell, "$1") }

var signedZero = regexp.MustCompile(`-(0(?:\.0*)?)\b`)

// fractions are those of seconds that clipping adds, or leaves out.
var fractions = regexp.MustCompile(`\.(0+|9+)\b`)

// withoutFractions is a cell whose seconds end in no zeros behind a point.
func withoutFractions(cell string) string {
	return seconds.ReplaceAllStringFunc(cell, func(s string) string { return strings.TrimSuffix(strings.TrimRight(s, "0"), ".") })
}

// numberAsDate is MariaDB's complaint of a number that it takes for a date.
var numberAsDate = regexp.MustCompile(`date(time)? value: '-?[0-9.e+]+'`)

var twice = regexp.MustCompile(`SELECT (\S+) AS k0, (\S+) AS k1`)

var members = regexp.MustCompile(`^[abc](,[abc])*$`)

var seconds = regexp.MustCompile(`:\d\d\.\d+`)

// shorter is a cell without zeros behind points.
func shorter(cell string) string { return trailing.ReplaceAllString(cell, "$1") }

// timeNames are what gives a TIME: literals, columns (whose names begin with ti), functions.
const (
	timeNames   = `\bTIME'|\bti|\bTIME\(|AS TIME|CURTIME|MAKETIME|SEC_TO_TIME|TIMEDIFF|ADDTIME|SUBTIME|'%H:%i'|STR_TO_DATE`
	dateNames   = `DATE'|TIMESTAMP|DATETIME|\b(da|dt|dm|ts)|\b(DATE|DATEDIFF|NOW|CURDATE|LAST_DAY|FROM_DAYS|FROM_UNIXTIME|MAKEDATE|ADDDATE|SUBDATE|DATE_\w+|YEAR\w*|MONTH\w*|DAY\w*|WEEK\w*|QUARTER|TO_\w+|EXTRACT)\(|INTERVAL|AS DATE`
	numberNames = `\.(i|u|t|d|e|f|y)\b|\.(id|[cpg]\d+)\b|DECIMAL|SIGNED|ANY \(SELECT i|\bDIV\b|[%*] |/ |DATEDIFF|\b\d+(\.\d+)?(e\d)?\b`
	textNames   = `\.(s|v|x|en|se|[cp]\d+)\b|'|@x|SUBSTR|CONCAT|CHAR\)`
	comparisons = `<=>|<>|!=|=|<|>|BETWEEN|\bIN\b|\bCASE\b|NULLIF|INTERSECT|EXCEPT`
	choiceNames = `(^|\) )SELECT \(*(IF|IFNULL|COALESCE|NULLIF|CASE|GREATEST|LEAST)\b`
)

// timeValue is a complaint of what is no time.
var timeValue = regexp.MustCompile(`ncorrect time value: '-?[0-9.]+'`)

// yearValue is MariaDB's complaint of a date that is to become a year.
var yearValue = regexp.MustCompile("Incorrect (date|datetime|time)(time)? value: '.*' for column `\\w+`\\.`\\w+`\\.`(y|c\\d+)`")

var selfJoin = regexp.MustCompile(`^UPDATE (\w+) l (?:LEFT )?JOIN (\w+) r`)

var integer = regexp.MustCompile(`^\d+$`)

// rangeWarning tells whether a warning is that of a value out of range or cut.
func rangeWarning(code string) bool { return code == "1264" || code == "1265" }

// columnNames are those of a table's or query's columns behind its name.
var columnNames = regexp.MustCompile(`\b[a-z]\w*\.[a-z]`)

// truncatedNumber is MariaDB's complaint of text that is no number.
var truncatedNumber = regexp.MustCompile(`Truncated incorrect (DOUBLE|DECIMAL|INTEGER)`)

// noDefault are the flags of a column that is NOT NULL and has no default.
var noDefault = regexp.MustCompile(`flags 10(\d\d?) `)

// zero is a type's, as it is shown.
var zero = regexp.MustCompile(`^[0:. -]*$`)

// wholePart tells that theirs is a number without what ours has behind the point.
func wholePart(ours, theirs string) bool {
	a, err := strconv.ParseFloat(ours, 64)
	b, err2 := strconv.ParseFloat(theirs, 64)
	return err == nil && err2 == nil && b == math.Round(b) && math.Abs(a-b) <= 1
}

// ofTruth tells whether a cell is a condition's.
func ofTruth(cell string) bool { return cell == "0" || cell == "1" || cell == "NULL" }

// conditions tells that no errors but the values of conditions differ, or which rows they let through, which are also counted.
func conditions(ours, theirs *Answer) bool {
	return ours.Err == 0 && theirs.Err == 0 && (len(ours.Rows) != len(theirs.Rows) || strings.HasPrefix(ours.sql, "SELECT COUNT(*) AS c0 FROM ") || unless(func(ours, theirs string) bool { return ofTruth(ours) && ofTruth(theirs) })(ours, theirs))
}

// more tells that theirs has fewer rows, or fewer of them changed.
func more(ours, theirs *Answer) bool {
	return ours.Err == 0 && theirs.Err == 0 && (len(ours.Rows) > len(theirs.Rows) || ours.Affected > theirs.Affected)
}

// additional tells that ours warns of one thing more.
func additional(code string) func(ours, theirs *Answer) bool {
	return func(ours, theirs *Answer) bool { return without(ours.Warnings, code, theirs.Warnings) }
}

// Differences are those that are known; the first that fits explains.
var Differences = []Known{
	{"the table that a statement changes may be read in it in MariaDB: error 1093 in MySQL", "error", "UPDATE|DELETE|INSERT|REPLACE", func(ours, theirs *Answer) bool { return ours.Err == 1093 && theirs.Err != 1093 }},
	{"the table that a statement changes may be read in it through a view in MariaDB: error 1443 in MySQL", "error", "UPDATE|DELETE|INSERT|REPLACE", ours(1443)},
	{"a temporary table may be read twice in one statement in MariaDB: error 1137 in MySQL", "error", "", ours(1137)},
	{"a generated column reads no AUTO_INCREMENT column in MySQL: error 3109", "error", "TABLE", only(3109)},
	{"a column that generated columns or checks read stays, and keeps its name, in MySQL: errors 3108, 3959", "error", "RENAME COLUMN|CHANGE|DROP COLUMN", ours(3108, 3959)},
	{"TEXT in a key without a length is error 1170 in MySQL; MariaDB looks for the key's length first", "error", "TABLE", ours(1170)},
	{"what a key of several columns loses is no error in MySQL, be it UNIQUE", "error", "DROP COLUMN", func(ours, theirs *Answer) bool { return ours.Err == 0 && theirs.Err == 1072 }},
	{"spaces at the end of a SET's text are nothing in MySQL", "error", "INSERT|REPLACE|UPDATE", func(ours, theirs *Answer) bool {
		return ours.Err == 0 && theirs.Err == 1265 && strings.Contains(theirs.Message, "'se'")
	}},
	{"conditions and lists of constants are as strict as others in MySQL", "error", `(WHERE|ON) '|IN \(`, func(ours, theirs *Answer) bool {
		return ours.Err == 1292 && theirs.Err == 0 && slices.Contains(theirs.Warnings, "1292")
	}},
	{"conditions and lists of constants are as strict as others in MySQL", "error", "^(UPDATE|DELETE) .*WHERE", func(ours, theirs *Answer) bool {
		return converted(ours) && theirs.Err == 0 && theirs.Affected == 0 && slices.Contains(theirs.Warnings, strconv.Itoa(int(ours.Err)))
	}},
	{"a column with NULLs becomes no NOT NULL one in MySQL, whatever default it has: error 1138", "error", "ALTER TABLE", ours(1138)},
	{"INSERT IGNORE leaves out the rows that a CHECK refuses in MySQL", "error", "IGNORE", func(ours, theirs *Answer) bool { return ours.Err == 0 && theirs.Err == 4025 }},
	{"a view whose condition reads its own table takes no rows in MySQL: error 1471", "error", "^(INSERT|REPLACE) ", ours(1471)},
	{"MariaDB renames columns of foreign keys in no statement that copies: error 1846", "error", "^ALTER TABLE", theirs(1846)},
	{"a column that CREATE TABLE … SELECT takes through a view has its type's zero as default in MySQL, if it has none of its own", "rows metadata", `^CREATE (TEMPORARY )?TABLE \w+ AS SELECT \* FROM w`,
		func(ours, theirs *Answer) bool {
			return slices.Equal(ours.Rows, theirs.Rows) || unless(func(ours, theirs string) bool { return zero.MatchString(ours) && theirs == "NULL" })(ours, theirs)
		}},
	{"text that begins as a time is one in MySQL", "rows", `AS TIME|\bTIME\(|ADDTIME|SUBTIME|TIMEDIFF|TIMESTAMP\(`, unless(func(_, theirs string) bool { return theirs == "NULL" })},
	{"MariaDB compares times with numbers as times", "rows", "NULLIF && " + timeNames, unless(func(_, theirs string) bool { return theirs == "NULL" })},
	{"MariaDB's BIT_OR and its kin forget nothing, or too much, where a window's frame moves on", "rows", `BIT_(OR|AND|XOR)\(.* OVER`, nil},
	{"a BIT of a subquery is a number in MariaDB", "rows", `\(SELECT`, func(ours, _ *Answer) bool { return slices.Contains(ours.Types, "BIT") }},
	{"text that a function gives is a number without a warning in MySQL", "error", `\(`, func(ours, theirs *Answer) bool {
		return ours.Err == 0 && theirs.Err == 1292 && truncatedNumber.MatchString(theirs.Message)
	}},
	{"what ADDTIME and SUBTIME make of text is text in MySQL", "error", "ADDTIME|SUBTIME", func(ours, theirs *Answer) bool {
		return only(1292)(ours, theirs) && strings.Contains(ours.Message, "Truncated incorrect DOUBLE")
	}},
	{"members of documents are sorted in MySQL", "rows", "JSON_", alike(sortedBytes)},
	{"REPLACE of or by NULL is NULL in MySQL", "rows", `\bREPLACE\(`, unless(func(ours, _ string) bool { return ours == "NULL" })},
	{"the fraction of a double is one of a second in MySQL", "rows", `\de\d.*INTERVAL|\.f\b.*INTERVAL`, alike(func(cell string) string {
		return seconds.ReplaceAllStringFunc(cell, func(s string) string { return s[:3] })
	})},
	{"MariaDB compares times with numbers as times", "rows", `(DECIMAL|\d) .*(=|<|>)|(=|<|>).*(DECIMAL|\d) && ` + timeNames, unless(func(ours, theirs string) bool {
		return ours == "0" && theirs == "1" || ours == "1" && theirs == "0"
	})},
	{"MariaDB takes a comparison of rows for one that is never NULL", "rows", `\) (=|<|>|<=|>=) \(.*IS (NOT )?(NULL|UNKNOWN)`, unless(func(ours, theirs string) bool { return ours == "1" && theirs == "0" })},
	{"text beside a date in a condition is cast to one in MySQL, NULL where it is none", "rows", `WHERE.*\b(IF|IFNULL|COALESCE|CASE|NULLIF)\b && ` + dateNames, func(ours, theirs *Answer) bool {
		return ours.Err == 0 && theirs.Err == 0 && len(ours.Rows) < len(theirs.Rows)
	}},
	{"the order of equal texts in GROUP_CONCAT is nobody's promise", "rows", "GROUP_CONCAT", alike(strings.ToLower)},
	{"how many rows ALTER TABLE copies is each server's own", "affected", "^(ALTER TABLE|CREATE (UNIQUE )?INDEX|DROP INDEX)", nil},
	{"a column that a statement drops is none that it modifies in MySQL, though it adds one of the name: error 1054", "error", "^ALTER TABLE.*DROP COLUMN.*ADD COLUMN", only(1054)},
	{"a column that a statement adds is none that it modifies in MySQL: error 1054", "error", "^ALTER TABLE.*ADD COLUMN.*(MODIFY|CHANGE|ALTER) COLUMN", only(1054)},
	{"bytes beside characters are no regular expression in MySQL: error 3995", "error", "REGEXP|RLIKE", ours(3995)},
	{"queries of WITH that nothing names are not bound in MySQL", "error", "^WITH", unnamed},
	{"MariaDB takes a comparison of rows for one that no NULL passes, and the outer join before it for an inner one", "rows", `(LEFT|RIGHT) (OUTER )?JOIN && \) (<|<=|>|>=) \(`,
		func(ours, theirs *Answer) bool { return len(theirs.Rows) < len(ours.Rows) }},
	{"a fraction that a date cuts off a number is noted in MySQL", "notes", `\bda|^LOAD`, func(ours, theirs *Answer) bool { return without(ours.Notes, "1265", theirs.Notes) }},
	{"JSON is text in MariaDB, and may have a default: error 1101 in MySQL", "error", "DEFAULT", only(1101)},
	{"a column without a default must be given a value in MySQL, also where ON DUPLICATE KEY UPDATE has one: error 1364", "error", "ON DUPLICATE KEY", only(1364)},
	{"NULL given to a TIMESTAMP that is NOT NULL is the present time in MariaDB: error 1048 in MySQL", "error", "", func(ours, theirs *Answer) bool {
		return only(1048)(ours, theirs) && strings.Contains(ours.Message, "Column 'ts")
	}},
	{"CHECK constraints of CREATE TABLE … LIKE have names of the new table in MySQL", "rows", "LIKE.*table_constraints", func(ours, _ *Answer) bool {
		return strings.Contains(strings.Join(ours.Rows, " "), "_chk_")
	}},
	{"a second index of the same columns is warned of in MySQL, be the first the primary key: a note in MariaDB", "warnings", "KEY|INDEX", func(ours, theirs *Answer) bool {
		return without(ours.Warnings, "1831", theirs.Warnings) && without(theirs.Notes, "1831", ours.Notes)
	}},
	{"MariaDB has no subqueries in rows that are compared with a subquery's: error 1235", "error", "SELECT", theirs(1235)},
	{"MariaDB's UPDATE and DELETE with ORDER BY, and INSERT … SELECT, are not strict while they look for rows", "error", "^(UPDATE|DELETE|INSERT|REPLACE) .*( ORDER BY|SELECT)", func(ours, theirs *Answer) bool {
		return ours.Err != 0 && converted(ours) && theirs.Err == 0 && converted(theirs)
	}},
	{"MariaDB compares dates with numbers of a subquery as dates", "error", "(ANY|SOME|ALL|IN) \\(SELECT", func(ours, theirs *Answer) bool {
		return ours.Err == 0 && theirs.Err == 1292 && (strings.Contains(theirs.Message, "for column `") || strings.Contains(theirs.Message, "date"))
	}},
	{"MariaDB compares dates with numbers as dates", "error", dateNames, func(ours, theirs *Answer) bool {
		return ours.Err == 0 && theirs.Err == 1292 && numberAsDate.MatchString(theirs.Message)
	}},
	{"NOT IN beside a NULL is true in MariaDB for what the subquery's type can't hold", "rows affected", `NOT IN \(SELECT|(<>|!=) ALL`, nulls},
	{"MariaDB compares dates with numbers of a subquery as dates", "error rows affected", `ANY \(SELECT i`, func(_, theirs *Answer) bool { return slices.Contains(theirs.Warnings, "1292") }},
	{"a literal number in a window's ORDER BY or PARTITION BY is error 3592 in MySQL", "error", "OVER|WINDOW", ours(3592)},
	{"MariaDB tells ranks of rows to ten decimals, and variances to four", "rows", `CUME_DIST|PERCENT_RANK|STD|VAR`, unless(near(1e-4))},
	{"the last digits of doubles are those of the C library", "rows", `\b(A?SIN|A?COS|A?TAN|ATAN2|COT|EXP|LN|LOG|LOG2|LOG10|POW|POWER)\(`, unless(near(1e-12))},
	{"the logarithm of what has none warns in MySQL", "error", `LOG|LN\(`, only(3020)},
	{"the logarithm of what has none warns in MySQL", "warnings", `LOG|LN\(`, func(ours, theirs *Answer) bool {
		list := slices.DeleteFunc(slices.Clone(theirs.Warnings), func(c string) bool { return c == "1365" && !slices.Contains(ours.Warnings, c) })
		return without(ours.Warnings, "3020", list)
	}},
	{"IS_IPV4 and its kin of NULL are NULL in MySQL, 0 in MariaDB", "rows", `IS_IPV`, nulls},
	{"JSON_VALID of a number is 0 in MySQL", "rows", `JSON_VALID\(`, unless(func(ours, theirs string) bool { return ours == "0" && theirs == "1" })},
	{"JSON_VALID of a number is 0 in MySQL", "rows affected", `^(UPDATE|INSERT|REPLACE|DELETE).*JSON_VALID\(`, nil},
	{"JSON is text in MariaDB to the functions around it", "rows", `JSON_.*JSON_KEYS`, alike(func(cell string) string { return strings.NewReplacer("\"", "", "\\", "").Replace(cell) })},
	{"text that JSON_VALUE gives is utf8mb4_0900_bin in MySQL", "rows", `COLLATION\(.*JSON_VALUE`, unless(func(ours, _ string) bool { return strings.HasSuffix(ours, "_bin") })},
	{"weeks of the date 0 are a number that has overflowed in MariaDB", "rows", "DATE_FORMAT", func(_, theirs *Answer) bool { return strings.Contains(strings.Join(theirs.Rows, " "), "613566757") }},
	{"MariaDB counts several DISTINCT values group by group for the totals of a ROLLUP", "rows", `COUNT\(DISTINCT .*, .*ROLLUP`, nil},
	{"a DECIMAL has 30 decimals at most in MySQL, 38 in MariaDB", "rows", "", unless(func(ours, theirs string) bool { return tooFine.MatchString(theirs) && near(1e-9)(ours, theirs) })},
	{"MariaDB computes with a user variable's DECIMAL to 38 decimals, and keeps none of 0", "rows", "@x", alike(func(cell string) string { return strings.Trim(strings.ReplaceAll(shorter(cell), "0.", "."), "0.") })},
	{"MariaDB notes a negative TIME as an unsigned number", "notes", "UNSIGNED", func(ours, theirs *Answer) bool { return without(theirs.Notes, "1916", ours.Notes) }},
	{"a double in a JSON document has a point in MySQL", "rows", "JSON_", unless(func(ours, theirs string) bool { return strings.ReplaceAll(ours, ".0", "") == theirs })},
	{"JSON_QUOTE of what is no text is error 3064 in MySQL, NULL in MariaDB", "error", "JSON_QUOTE", only(3064)},
	{"JSON_CONTAINS of a path that is not there is NULL in MySQL, 0 in MariaDB", "rows affected", `JSON_CONTAINS\(`, nulls},
	{"text that JSON functions give is utf8mb4_bin in MySQL", "error", "JSON_", func(ours, _ *Answer) bool {
		return ours.Err == 1267 && strings.Contains(ours.Message, "utf8mb4_bin,COERCIBLE")
	}},
	{"MIN and MAX of JSON documents go by their values in MySQL, by their text in MariaDB", "rows affected", `\b(MIN|MAX)\(.*(\bjs|JSON_)`, nil},
	{"IS TRUE, FALSE and UNKNOWN are no operands of a comparison in MySQL: error 1064", "error", `IS (NOT )?(TRUE|FALSE|UNKNOWN) (=|<|<=>) @x`, only(1064)},
	{"text that was written beside a date and is none is error 1525 in MySQL, a warning in MariaDB", "error", "", all(ours(1525), constant)},
	{"CONVERT(… USING utf8mb4) has the character set's default collation: utf8mb4_0900_ai_ci in MySQL", "error", "USING utf8mb4", ours(1267, 1270, 1271)},
	{"CONVERT(… USING utf8mb4) in set operations and groups: the collation decides what is equal", "rows", "USING utf8mb4", func(ours, theirs *Answer) bool {
		return conditions(ours, theirs) || folded(ours) == folded(theirs) || alike(strings.ToLower)(ours, theirs) || unless(func(ours, theirs string) bool { return integer.MatchString(ours) && integer.MatchString(theirs) })(ours, theirs)
	}},
	{"a TIME ends at 838:59:59 in MySQL, at 838:59:59.999999 in MariaDB", "rows", "", unless(func(_, theirs string) bool { return strings.Contains(theirs, "838:59:59.") })},
	{"a TIME ends at 838:59:59 in MySQL, at 838:59:59.999999 in MariaDB", "rows", timeNames, alike(func(cell string) string { return fractions.ReplaceAllString(cell, "") })},
	{"a TIME and an interval of days or longer make a DATETIME in MySQL, a TIME in MariaDB", "error rows types", timeNames, func(ours, theirs *Answer) bool {
		return theirs.Err == 1441 || typesDiffer(func(ours, theirs string) bool { return ours == "DATETIME" && theirs == "TIME" })(ours, theirs)
	}},
	{"'' beside a TIME column is text in MySQL, the time 0 in MariaDB", "rows affected", `<> '' && \bti`, nil},
	{"a YEAR as a TIME is a number of minutes and seconds in MySQL, 00:00:00 in MariaDB", "rows affected", `\.y AS TIME`, nil},
	{"the number 0 is the date 0 in MySQL, whatever sql_mode says, no date in MariaDB", "rows", `(YEAR|MONTH|DAY|DAYOFMONTH|QUARTER|EXTRACT|DATE_FORMAT)\(`, unless(func(ours, theirs string) bool {
		return theirs == "NULL" && strings.HasPrefix(ours, "0")
	})},
	{"a column that is grouped twice is one in MySQL's ROLLUP", "rows", "ROLLUP", func(ours, theirs *Answer) bool {
		m := twice.FindStringSubmatch(ours.sql)
		return m != nil && m[1] == m[2] && unless(func(_, theirs string) bool { return theirs == "NULL" })(ours, theirs)
	}},
	{"what a cast to CHAR makes of a number ends at the point in MariaDB, where it is a number again", "rows", `CAST\(.*[0-9]\.[0-9].* AS CHAR\)\)? [-+*/]`, unless(wholePart)},
	{"a TIME that is no column is text beside text in MySQL, a time in MariaDB", "error", timeNames, func(ours, theirs *Answer) bool {
		return ours.Err == 0 && theirs.Err == 1292 && strings.Contains(theirs.Message, "time value")
	}},
	{"a BIT in a JSON document is base64 text in MySQL, a number in MariaDB", "rows", "JSON_", unless(func(ours, _ string) bool { return strings.Contains(ours, "base64:type16:") })},
	{"functions of one number take a date for a double in MySQL", "types", `SELECT (ABS|ROUND|TRUNCATE|FLOOR|CEIL\w*)\(`, typesDiffer(func(ours, theirs string) bool {
		return ours == "DOUBLE" && (theirs == "INT" || theirs == "DECIMAL")
	})},
	{"a TIME that is no column is text beside text in MySQL, a time in MariaDB", "rows", "' && " + timeNames, unless(func(ours, theirs string) bool {
		return ours == "0" && theirs == "1" || ours == "1" && theirs == "0"
	})},
	{"EXTRACT and DATE_FORMAT of a TIME have the current day in MySQL, none in MariaDB", "error rows warnings affected", "EXTRACT|DATE_FORMAT && " + timeNames, values},
	{"EXTRACT reads text as a time in MySQL, as a date in MariaDB", "rows", `EXTRACT\((DAY|HOUR|MINUTE|SECOND)_`, nil},
	{"TIME_TO_SEC has no fraction in MySQL", "rows", "TIME_TO_SEC", unless(func(ours, theirs string) bool {
		whole, _, _ := strings.Cut(theirs, ".")
		return ours == unsigned(whole) || near(0.1)(ours, theirs)
	})},
	{"text of a date with a zero in it is that date in MySQL where sql_mode has nothing against it, NULL in MariaDB", "rows", `AS DATE|\bDATE\(|LAST_DAY`, unless(func(ours, theirs string) bool {
		return strings.Contains(ours, "-00") && (theirs == "NULL" || len(theirs) == len(ours) && theirs[4:] == ours[4:])
	})},
	{"text that is no time is NULL in MySQL, 00:00:00 in MariaDB", "rows", "AS TIME|TIME\\(|TIMEDIFF|ADDTIME|SUBTIME|TIME_TO_SEC|TIME_FORMAT|HOUR|MINUTE|SECOND", unless(func(ours, _ string) bool { return ours == "NULL" })},
	{"FLOOR, CEILING, ROUND and TRUNCATE of dates and times are numbers in MySQL", "rows types", "FLOOR|CEIL|ROUND|TRUNCATE", typesDiffer(func(ours, theirs string) bool { return !temporal(ours) && temporal(theirs) })},
	{"ROUND and TRUNCATE add no decimals in MySQL", "rows", "ROUND|TRUNCATE", unless(func(ours, theirs string) bool { return shorter(ours) == shorter(theirs) || near(0.01)(ours, theirs) })},
	{"the sign of zero", "rows", "", alike(unsigned)},
	{"BIT_OR and its kin take a DECIMAL beyond BIGINT as unsigned in MySQL", "rows", "BIT_(OR|XOR|AND)", func(_, theirs *Answer) bool {
		return strings.Contains(strings.Join(theirs.Rows, " "), "9223372036854775807")
	}},
	{"types of choices between values of different types", "types", choiceNames, nil},
	{"bit operators of binary strings give such in MySQL, numbers in MariaDB", "error rows types", `[&|^~]|<<|>>`, binaryBits},
	{"ENUM and SET are doubles in arithmetic in MySQL", "types", `\+ 0|\* 1|/ `, typesDiffer(func(ours, theirs string) bool { return ours == "DOUBLE" && (theirs == "INT" || theirs == "DECIMAL") })},
	{"text becomes the bytes of a BIT in MySQL, a number in MariaDB", "error", "ALTER TABLE.* BIT", theirs(1292)},
	{"text of a number beyond the members of a SET is '' in MySQL, some of them in MariaDB", "rows", "INSERT|REPLACE|UPDATE", unless(func(ours, theirs string) bool {
		return ours == "" && members.MatchString(theirs)
	})},
	{"a view with a subquery in its select list takes no changes in MySQL", "error", "CREATE VIEW", only(1368)},
	{"JSON_TYPE is utf8mb3 in MariaDB", "error", "JSON_TYPE", theirs(1253, 1267, 1270, 1271)},
	{"MariaDB indexes no generated column of a CHAR", "error", "TABLE", func(ours, theirs *Answer) bool { return ours.Err == 0 && theirs.Err == 1901 }},
	{"MariaDB loses what GET_FORMAT gives to other functions", "rows", `\(\(?GET_FORMAT`, nil},
	{"types of NULL and of what is computed of it", "types", "NULL", nil},
	{"the negative of a number: its type", "types", `^SELECT \(*-`, nil},
	{"the negative of a date is a double in MySQL", "rows", `-\(|-[A-Z]`, func(ours, theirs *Answer) bool {
		return !slices.Equal(ours.Types, theirs.Types) && unless(near(1e-9))(ours, theirs)
	}},
	{"MariaDB warns of more conversions: dates beside numbers, text beside numbers in conditions that need not be evaluated", "warnings", "", func(ours, theirs *Answer) bool {
		return !slices.ContainsFunc(ours.Warnings, func(w string) bool { return !slices.Contains(theirs.Warnings, w) })
	}},
	{"INET_NTOA and INET6_ATON of what is no address warn in MySQL", "error", "INET_NTOA|INET6_ATON", only(1411)},
	{"INET_NTOA and INET6_ATON of what is no address warn in MySQL", "warnings", "INET_NTOA|INET6_ATON", func(ours, theirs *Answer) bool { return without(ours.Warnings, "1411", theirs.Warnings) }},
	{"dates beyond the calendar are warned of where they are computed: 1441 in MySQL", "warnings", "", func(ours, theirs *Answer) bool { return without(ours.Warnings, "1441", theirs.Warnings) }},
	{"which of a group's equal texts stands for it", "rows", "GROUP BY|UNION|EXCEPT|INTERSECT|DISTINCT", func(ours, theirs *Answer) bool { return folded(ours) == folded(theirs) }},
	{"a comparison with an invalid date is NULL in MySQL, 0 in MariaDB", "rows", `AS DATE|, DATE|STR_TO_DATE|\bDATE\(`, unless(func(ours, theirs string) bool { return ours == "NULL" && (theirs == "0" || theirs == "1") })},
	{"MariaDB looks into a TINYINT of a subquery for the nearest number it can hold", "rows", "SELECT t FROM", conditions},
	{"fractions of a second are rounded in numbers in MySQL, cut in MariaDB", "rows", dateNames + "|" + timeNames, unless(nextSecond)},
	{"ROUND of an integer is a BIGINT in MySQL, however large", "error", "ROUND", func(ours, _ *Answer) bool { return ours.Err == 1690 && strings.Contains(ours.Message, "'round(") }},
	{"parts of the date 0 are NULL under NO_ZERO_DATE in MySQL", "rows", `YEAR|MONTH|DAY|WEEK|QUARTER|DATE\(|_DATE|FROM_DAYS|AS DATE`, unless(func(ours, _ string) bool { return ours == "NULL" })},
	{"parts of the date 0 are NULL under NO_ZERO_DATE in MySQL", "warnings", `YEAR|MONTH|DAY|WEEK|QUARTER|DATE\(|_DATE|FROM_DAYS|AS DATE`, func(ours, theirs *Answer) bool { return without(ours.Warnings, "1292", theirs.Warnings) }},
	{"the negative of a large unsigned number is out of range in MySQL", "error", "-", func(ours, _ *Answer) bool { return ours.Err == 1690 && strings.Contains(ours.Message, "'-(") }},
	{"ORDER BY a negative or negated literal is no column in MySQL", "error", "ORDER BY (-|NOT )", theirs(1054)},
	{"what CAST(… AS CHAR(n)) cuts is an error in strict changes of rows in MySQL", "error", `(AS|,) CHAR\(`, func(ours, theirs *Answer) bool {
		return only(1292)(ours, theirs) && strings.Contains(ours.Message, "incorrect CHAR(")
	}},
	{"UNIX_TIMESTAMP of what is no date is 0 in MySQL, NULL in MariaDB", "rows", "UNIX_TIMESTAMP", unless(func(ours, theirs string) bool {
		return shorter(ours) == "0" && theirs == "NULL" || shorter(ours) == shorter(theirs)
	})},
	{"numbers beyond the range of TIME are NULL in MySQL, the nearest time in MariaDB", "rows", "AS TIME", unless(func(ours, theirs string) bool { return ours == "NULL" && strings.Contains(theirs, "838:59:59") })},
	{"MariaDB loses the sign of a TIME that NULLIF gives as a number", "rows", "NULLIF && " + timeNames, alike(func(cell string) string { return strings.TrimPrefix(cell, "-") })},
	{"times that are made of text, and those in JSON documents, have six decimals in MySQL", "rows", "", alike(withoutFractions)},
	{"defaults of binary columns are shown in hexadecimal digits in MySQL", "rows", "information_schema.columns", unless(func(ours, _ string) bool { return strings.HasPrefix(ours, "0x") })},
	{"MariaDB notes the cast of a negative number to UNSIGNED", "notes", "UNSIGNED", func(ours, theirs *Answer) bool { return without(theirs.Notes, "1105", ours.Notes) }},
	{"MariaDB notes conversions in the assignments of changes", "notes", "^(UPDATE|INSERT|REPLACE)", func(ours, theirs *Answer) bool {
		return without(theirs.Notes, "1292", ours.Notes) || without(theirs.Notes, "1265", ours.Notes)
	}},
	{"types of set operations with YEAR", "types", "UNION|EXCEPT|INTERSECT", nil},
	{"bits of text: MySQL cuts '-3.5,y' to -3, MariaDB rounds to -4", "rows", `[^&|][&|^] .*'-3\.5'|'-3\.5'.*[^&|][&|^] `, nil},
	{"text from bytes: MariaDB reads them as characters", "rows warnings", "UNHEX", nil},
	{"quotients have nine more digits than are shown; MariaDB cuts them in temporary tables", "rows", "/ [0-9]", unless(near(1e-3))},
	{"numbers are compared with dates as numbers in MySQL's BETWEEN", "rows", "BETWEEN && " + dateNames, conditions},
	{"parts of dates have no sign in MariaDB, and results out of range", "error", "-", theirs(1690)},
	{"conditions on one table are tested before a join, and their errors met", "error", "JOIN", func(ours, theirs *Answer) bool {
		codes := []uint16{1690, 1264, 1292, 1365, 1411, 1441, 3020}
		return ours.Err == 0 && slices.Contains(codes, theirs.Err) || theirs.Err == 0 && slices.Contains(codes, ours.Err)
	}},
	{"seconds that MAKETIME does not take are NULL in MySQL, an error in MariaDB", "error", "MAKETIME", func(ours, theirs *Answer) bool {
		return ours.Err == 0 && strings.Contains(theirs.Message, "seconds value")
	}},
	{"MariaDB reads text as a DECIMAL where a condition is wanted, and warns of ''", "error", "", func(ours, theirs *Answer) bool {
		return ours.Err == 0 && theirs.Err == 1292 && blank.MatchString(theirs.Message)
	}},
	{"a negative TIME is a negative number in MariaDB, also UNSIGNED", "rows affected", `SELECT CAST\(.*AS UNSIGNED|^(INSERT|REPLACE|UPDATE|DELETE|SET) .*AS UNSIGNED|\(SELECT .*AS UNSIGNED && ` + timeNames, nil},
	{"types of set operations", "rows", "EXCEPT|INTERSECT|UNION", func(ours, theirs *Answer) bool { return !slices.Equal(ours.Types, theirs.Types) }},
	{"one error has two numbers: 3818 or 3109 and 1901, 3819 and 4025, 1215 or 1824 and 1005, 3940 and 1091, 3780 and 1832, 1828 and 1553, 3106 and 1907, 3730 and 1451, 1506 and 1005, 1822 and 1005, 3820 and 1054, 3573 and 4005", "error", "", func(ours, theirs *Answer) bool {
		return map[uint16]uint16{3818: 1901, 3109: 1901, 3819: 4025, 1215: 1005, 1824: 1005, 3940: 1091, 3780: 1832, 1828: 1553, 3106: 1907, 3730: 1451, 1506: 1005, 1822: 1005, 3820: 1054, 3573: 4005}[ours.Err] == theirs.Err && theirs.Err != 0
	}},
	{"TRIM(… FROM …) of ASCII text, FORMAT, SPACE, COLLATION and INET_NTOA are ASCII in MySQL, as hashes are, and so text of any set", "error", `TRIM\((LEADING|TRAILING|BOTH)|FORMAT\(|SPACE\(|COLLATION\(|CHARSET\(|INET_NTOA|SHA1|SHA2|MD5`, func(ours, theirs *Answer) bool {
		return ours.Err == 0 && (theirs.Err == 1267 || theirs.Err == 1270 || theirs.Err == 1271)
	}},
	{"a TIME and an interval of days or longer make a DATETIME in MySQL, a TIME in MariaDB", "rows", "INTERVAL && " + timeNames, unless(func(_, theirs string) bool { return theirs == "NULL" })},
	{"a TIME among DATETIMEs has the current day in MySQL, and is NULL in MariaDB", "rows", `\b(IF|IFNULL|COALESCE|CASE|NULLIF)\b && ` + timeNames, unless(func(ours, theirs string) bool { return strings.HasPrefix(ours, "2024-06-1") && theirs == "NULL" })},
	{"a TIME that is no column is text beside text in MySQL, a time in MariaDB", "rows affected", comparisons + " && " + textNames + " && " + timeNames, conditions},
	{"text beside a date in a condition is cast to one in MySQL, NULL where it is none", "rows affected", comparisons + " && " + textNames + " && " + dateNames, conditions},
	{"MariaDB compares dates with numbers as dates", "rows affected", comparisons + " && " + numberNames + " && " + dateNames, conditions},
	{"MariaDB compares times with numbers as times", "rows affected", comparisons + " && " + numberNames + " && " + timeNames, conditions},
	{"NOT IN over EXCEPT and INTERSECT looks into their parts in MariaDB", "rows", `IN \(.*(EXCEPT|INTERSECT)`, conditions},
	{"MariaDB takes an outer join for an inner one where a function of its columns would be NULL for a NULL, though it is not", "rows affected", `(LEFT|RIGHT) (OUTER )?JOIN && JSON_|FIELD\(|CONCAT_WS|INTERVAL\(|IS_IPV|CHAR\(`, more},
	{"MariaDB looks for a number among a subquery's texts as an integer", "rows", `IN \(SELECT (INET_NTOA|FORMAT|CONCAT)`, nil},
	{"MariaDB compares the unsigned number of a subquery as a signed one", "rows", `\(SELECT (MIN|MAX)\(\w+\.u\)`, conditions},
	{"a BIT of a subquery is a number in MariaDB", "rows", `\b(MIN|MAX)\(`, func(ours, _ *Answer) bool { return slices.Contains(ours.Types, "BIT") }},
	{"JSON_MERGE_PATCH puts a document in place of what is none in MySQL", "rows", `JSON_MERGE_PATCH`, nil},
	{"a DECIMAL has its own decimals in a JSON document of MySQL's, and in text of set operations in MariaDB", "rows", `JSON_|UNION|EXCEPT|INTERSECT`, alike(shorter)},
	{"REGEXP_SUBSTR of no match is NULL in MySQL, '' in MariaDB", "rows", `REGEXP_SUBSTR`, unless(func(ours, theirs string) bool { return ours == "NULL" && theirs == "" })},
	{"LOCATE finds '' at the end of a text in MySQL", "rows affected", `(LOCATE|POSITION)\(.*(''|REPEAT|SUBSTR|MID|TRIM|LEFT|RIGHT)`, nil},
	{"JSON_CONTAINS of a path that is not there is NULL in MySQL, 0 in MariaDB", "error rows affected", `JSON_CONTAINS\(`, func(ours, theirs *Answer) bool { return only(1048)(ours, theirs) || conditions(ours, theirs) }},
	{"UNIX_TIMESTAMP of what is no date is 0 in MySQL, NULL in MariaDB", "rows affected", "UNIX_TIMESTAMP", func(ours, theirs *Answer) bool {
		return conditions(ours, theirs) || unless(func(ours, _ string) bool { return strings.HasPrefix(ours, "0") })(ours, theirs)
	}},
	{"numbers beyond the range of TIME are NULL in MySQL, the nearest time in MariaDB", "rows", "ADDTIME|SUBTIME|TIMEDIFF|TIME\\(|TIME_FORMAT|HOUR|MINUTE|SECOND", unless(func(ours, _ string) bool { return ours == "NULL" })},
	{"numbers beyond the range of TIME are NULL in MySQL, the nearest time in MariaDB", "error", "", func(ours, theirs *Answer) bool {
		return only(1292)(ours, theirs) && timeValue.MatchString(ours.Message)
	}},
	{"a TIME ends at 838:59:59 in MySQL, at 838:59:59.999999 in MariaDB", "rows", "TIMEDIFF|ADDTIME|SUBTIME|SEC_TO_TIME|AS TIME", alike(func(cell string) string { return seconds.ReplaceAllString(cell, "") })},
	{"EXTRACT reads text as a time in MySQL, as a date in MariaDB", "rows", `SELECT EXTRACT\(|^(INSERT|REPLACE|UPDATE|DELETE|SET) .*EXTRACT\(|\(SELECT .*EXTRACT\(`, nil},
	{"MariaDB keeps the fraction of a time that TIMEDIFF and its kin give to numbers", "rows", timeNames, unless(near(1e-3))},
	{"hashes of what the two show with other decimals", "rows", `(MD5|SHA1?|SHA2|CRC32)\(.*(ROUND|TRUNCATE|/ )|(MD5|SHA1?|SHA2|CRC32|HEX|TO_BASE64|SUBSTR\w*|RIGHT|REVERSE)\(.*\b(SIN|COS|ATAN|EXP|LN|LOG|SQRT|RADIANS|PI)\w*\(`, nil},
	{"the number that AUTO_INCREMENT gives is each server's own where rows have been refused or reserved", "rows", `^INSERT INTO \w+ \((?:[a-hj-z]|i[a-ce-z])`, unless(func(ours, theirs string) bool { return integer.MatchString(ours) && integer.MatchString(theirs) })},
	{"LAST_INSERT_ID is not what a refused statement would have given in MySQL", "rows", `LAST_INSERT_ID`, nil},
	{"IS_IPV4 and its kin of NULL are NULL in MySQL, 0 in MariaDB", "rows", `^(INSERT|UPDATE|REPLACE).*IS_IPV`, nil},
	{"ROUND and TRUNCATE add no decimals in MySQL", "rows", "^(INSERT|UPDATE|REPLACE).*(ROUND|TRUNCATE)", nil},
	{"spaces of CHAR are shown under PAD_CHAR_TO_FULL_LENGTH also where statements are prepared in MariaDB", "rows", "SELECT", alike(func(cell string) string { return strings.TrimRight(cell, " ") })},
	{"MariaDB loses what GET_FORMAT gives to other functions", "affected", `GET_FORMAT`, nil},
	{"JSON is text in MariaDB to the functions around it", "rows metadata", `ADD COLUMN \w+ JSON`, nil},
	{"ENUM and SET are doubles in arithmetic in MySQL", "rows types", `\.(se|en)\b|SELECT (se|en) FROM`, typesDiffer(func(ours, theirs string) bool { return ours == "DOUBLE" && (theirs == "INT" || theirs == "DECIMAL") })},
	{"the length of an integer decides whether what is made of it is one, and is another in MariaDB", "types", "FLOOR|CEIL|ROUND|TRUNCATE", typesDiffer(func(ours, theirs string) bool {
		return ours == "DECIMAL" && theirs == "INT" || ours == "INT" && theirs == "DECIMAL"
	})},
	{"a date becomes its year in a YEAR column in MySQL, error 1292 in MariaDB", "error", "^(INSERT|REPLACE|UPDATE) ", func(ours, theirs *Answer) bool { return theirs.Err == 1292 && yearValue.MatchString(theirs.Message) }},
	{"INSERT IGNORE leaves out rows that a view's CHECK OPTION refuses in MySQL", "error", "IGNORE", theirs(1369)},
	{"conditions and lists of constants are as strict as others in MySQL", "error", "^(UPDATE|DELETE) ", func(ours, theirs *Answer) bool {
		return converted(ours) && theirs.Err == 0 && slices.Contains(theirs.Warnings, strconv.Itoa(int(ours.Err)))
	}},
	{"dates beyond the calendar are warned of where they are computed: 1441 in MySQL", "error", "INTERVAL|DATE_ADD|DATE_SUB|ADDDATE|SUBDATE|ADDTIME|SUBTIME", func(ours, theirs *Answer) bool {
		return only(1441)(ours, theirs) || theirs.Err == 1441 && ours.Err == 0
	}},
	{"ADDTIME takes no date for a time in MySQL, and says nothing", "error", "ADDTIME|SUBTIME", func(ours, theirs *Answer) bool {
		return ours.Err == 0 && strings.Contains(theirs.Message, "INTERVAL DAY TO SECOND")
	}},
	{"an expression without a number, CONV and BIN are no ASCII in MariaDB", "error", `CONV\(|BIN\(|OCT\(|HEX\(|CONCAT_WS|CAST\(`, func(ours, theirs *Answer) bool {
		return (ours.Err == 0 || converted(ours)) && (theirs.Err == 1267 || theirs.Err == 1270 || theirs.Err == 1271)
	}},
	{"what CAST(… AS CHAR(n)) cuts is an error in strict changes of rows in MySQL", "error", `(AS|,) CHAR\(`, func(ours, theirs *Answer) bool {
		return ours.Err == 0 && strings.Contains(theirs.Message, "incorrect CHAR(")
	}},
	{"conditions on one table are tested before a join, and their errors met", "error", "SELECT", func(ours, theirs *Answer) bool { return only(1690)(ours, theirs) }},
	{"conditions on one table are tested before a join, and their errors met", "warnings", "JOIN", func(ours, theirs *Answer) bool {
		return !slices.ContainsFunc(theirs.Warnings, func(w string) bool { return !slices.Contains(ours.Warnings, w) })
	}},
	{"UPDATE IGNORE warns of the rows that keys refuse in MySQL", "warnings", "^UPDATE IGNORE", func(ours, theirs *Answer) bool {
		return additional("1452")(ours, theirs) || additional("1062")(ours, theirs) || additional("1451")(ours, theirs)
	}},
	{"a column without a default must be given a value in MySQL, also where ON DUPLICATE KEY UPDATE has one: error 1364", "warnings", "ON DUPLICATE KEY", additional("1364")},
	{"numbers that are no dates are out of range for a column in MySQL, cut in MariaDB", "warnings", `IGNORE`, func(ours, theirs *Answer) bool {
		return slices.Contains(ours.Warnings, "1264") && slices.Equal(slices.DeleteFunc(slices.Clone(ours.Warnings), rangeWarning), slices.DeleteFunc(slices.Clone(theirs.Warnings), rangeWarning))
	}},
	{"conditions of rows are tested in no order that is promised", "warnings", `\) (IN|=|<=>) \(`, additional("1292")},
	{"a negative TIME is a negative number in MariaDB, also UNSIGNED", "warnings", "AS UNSIGNED", additional("1264")},
	{"changes are as strict in their conditions as in their values in MySQL", "warnings", "^(INSERT|REPLACE|UPDATE|DELETE).* WHERE ", additional("1292")},
	{"MariaDB takes the unsigned number of a subquery for a signed one", "rows", `[A-Z]\d*\(\(*\(SELECT (MIN\(|MAX\()?\w+\.u\b`, nil},
	{"MariaDB does not count the rows of a subquery whose column is NULL", "error", `\(SELECT NULL FROM`, only(1242)},
	{"a TIMESTAMP that is NOT NULL is given the present time for NULL in MariaDB, 0 or an error in MySQL", "rows", "^(INSERT|REPLACE|UPDATE).*ts", func(ours, _ *Answer) bool {
		return strings.Contains(strings.Join(ours.Rows, " "), "0000-00-00 00:00:00")
	}},
	{"a TIMESTAMP that is NOT NULL is given the present time for NULL in MariaDB, 0 or an error in MySQL", "warnings", "^(INSERT|REPLACE|UPDATE).*ts", additional("1048")},
	{"queries of WITH that nothing names are not bound in MySQL", "error", "^WITH", func(ours, theirs *Answer) bool { return ours.Err == 0 && (theirs.Err == 1146 || theirs.Err == 4005) }},
	{"TIME_TO_SEC has no fraction in MySQL", "rows types", "TIME_TO_SEC", func(ours, theirs *Answer) bool {
		return typesDiffer(func(ours, theirs string) bool { return ours == "INT" && theirs == "DECIMAL" })(ours, theirs) || unless(near(0.02))(ours, theirs) || strings.HasPrefix(ours.sql, "SET @x")
	}},
	{"a number beside a YEAR column is a year in MySQL's ranges too", "rows affected", `\.y\b.*(<|>|BETWEEN|=)`, conditions},
	{"a double in a JSON document has a point in MySQL", "rows", `JSON_.*PI\(\)`, nil},
	{"the fraction of a double is one of a second in MySQL", "rows", `INTERVAL`, alike(func(cell string) string {
		return seconds.ReplaceAllStringFunc(cell, func(s string) string { return s[:3] })
	})},
	{"functions of one number take a date for a double in MySQL", "rows types", `(ABS|ROUND|TRUNCATE|FLOOR|CEIL\w*|\*|\+|-|/) && TIME'|` + dateNames, typesDiffer(func(ours, theirs string) bool {
		return ours == "DOUBLE" && (theirs == "INT" || theirs == "DECIMAL") || ours == "DECIMAL" && theirs == "INT"
	})},
	{"numbers and text of numbers are dates in MySQL where their digits are", "rows", `AS DATE|DATE_FORMAT|DATE_ADD|DATE_SUB|INTERVAL|LAST_DAY|\bDATE\(|FROM_DAYS|(AS|,) DATETIME`, unless(func(_, theirs string) bool { return theirs == "NULL" || strings.HasPrefix(theirs, "0000") })},
	{"INSERT IGNORE leaves out the rows that a CHECK refuses in MySQL", "warnings", "IGNORE", func(ours, _ *Answer) bool { return slices.Contains(ours.Warnings, "3819") }},
	{"NULL in an assignment of AUTO_INCREMENT's column is error 1048 in MySQL's ON DUPLICATE KEY UPDATE and UPDATE", "error", `UPDATE.*\bid = `, only(1048)},
	{"COLLATION and its kin are utf8mb3 in MariaDB", "error", `COLLATION\(|CHARSET\(|USER\(|DATABASE\(`, theirs(1253)},
	{"CAST(… AS UNSIGNED) of a negative TIME is beyond INT in MySQL, 0 in MariaDB", "error", "AS UNSIGNED", func(ours, theirs *Answer) bool {
		return only(1264)(ours, theirs) && slices.Contains(theirs.Notes, "1916")
	}},
	{"MariaDB loses what JSON_TYPE gives to other functions", "rows", `CONCAT\(.*JSON_TYPE`, nil},
	{"the date 0 that a row has is an error for MariaDB's ALTER TABLE, which copies", "error", "^ALTER TABLE", func(ours, theirs *Answer) bool {
		return ours.Err == 0 && theirs.Err == 1292 && strings.Contains(theirs.Message, "0000-00-00")
	}},
	{"GROUP_CONCAT orders by constants in MySQL", "error", `GROUP_CONCAT\(.*ORDER BY`, theirs(1054)},
	{"MariaDB gives columns of equal expressions one name where rows are grouped", "names", "GROUP BY", func(_, theirs *Answer) bool { return len(unique(theirs.Names)) < len(theirs.Names) }},
	{"the sign of zero", "rows", "@x", alike(unsigned)},
	{"a CHECK over a column of a foreign key's action is error 3823 in MySQL, 1901 in MariaDB", "error", "CHECK", ours(3823)},
	{"a change of two aliases of one table has no order that is promised", "rows", "^UPDATE", func(ours, _ *Answer) bool {
		m := selfJoin.FindStringSubmatch(ours.sql)
		return m != nil && m[1] == m[2]
	}},
	{"MariaDB notes what changes leave out", "notes", "^(INSERT|REPLACE|UPDATE)", func(ours, theirs *Answer) bool {
		return without(theirs.Notes, "1355", ours.Notes) || without(theirs.Notes, "4035", ours.Notes) || without(ours.Notes, "1265", theirs.Notes)
	}},
	{"warnings of values that are no dates have other numbers in MariaDB", "warnings", "^(INSERT|REPLACE|UPDATE|DELETE)", func(ours, theirs *Answer) bool {
		date := func(code string) bool {
			return slices.Contains([]string{"1264", "1265", "1292", "1411", "1441", "1048", "3020", "1916"}, code)
		}
		return slices.Equal(slices.DeleteFunc(slices.Clone(ours.Warnings), date), slices.DeleteFunc(slices.Clone(theirs.Warnings), date)) && converted(ours) && len(theirs.Warnings) > 0
	}},
	{"a column without a default must be given a value in MySQL, also where ON DUPLICATE KEY UPDATE has one: error 1364", "error warnings", "^(INSERT|REPLACE)", func(ours, theirs *Answer) bool { return only(1364)(ours, theirs) || additional("1364")(ours, theirs) }},
	{"which of two errors in one statement is met first", "error", "", both},
	{"text that is no number is 1265 in MySQL where it becomes a DOUBLE, 1366 in MariaDB", "warnings", "^(INSERT|REPLACE|UPDATE)", func(ours, theirs *Answer) bool {
		return slices.Contains(ours.Warnings, "1265") && without(theirs.Warnings, "1366", slices.DeleteFunc(slices.Clone(ours.Warnings), func(c string) bool { return c == "1265" && !slices.Contains(theirs.Warnings, c) }))
	}},
	{"a BIT that becomes text is its bytes in MySQL, which may be no characters, its digits in MariaDB", "warnings", "^(INSERT|REPLACE) .*SELECT", func(ours, theirs *Answer) bool {
		return slices.Contains(ours.Warnings, "1366") && without(ours.Warnings, "1366", slices.DeleteFunc(slices.Clone(theirs.Warnings), func(c string) bool { return c == "1292" }))
	}},
	{"JSON is text in MariaDB to the functions around it", "error", "^ALTER TABLE .*(CHANGE|MODIFY) COLUMN", func(ours, theirs *Answer) bool { return ours.Err == 3156 && theirs.Err != 3156 }},
	{"numbers, dates and times become no JSON column in MySQL: error 3140", "error", "^ALTER TABLE .*(CHANGE|MODIFY) COLUMN.* JSON", func(ours, _ *Answer) bool {
		return ours.Err == 3140 && strings.Contains(ours.Message, "may need CAST")
	}},
	{"MariaDB compares nothing with what SET looks for by ANY, SOME and ALL", "rows", `^SET @x = .*\b(ANY|SOME|ALL) \(SELECT`, nil},
	{"LOCATE finds '' at the end of a text in MySQL", "rows", `LOCATE\(\w+\.\w+, \w+\.\w+, \d`, unless(func(ours, theirs string) bool { return ours != "0" && theirs == "0" })},
	{"a TIME beside text that is no literal is text in MySQL, a time in MariaDB", "rows", `CASE [A-Z]+\(.*WHEN \w+\.ti`, nil},
	{"MariaDB computes the constants of conditions where there are no rows, too", "error", `^(UPDATE|DELETE) .*WHERE .*CAST\(`, func(ours, theirs *Answer) bool {
		return ours.Err == 0 && ours.Affected == 0 && theirs.Err == 1264
	}},
	{"text of a number beyond BIGINT is the highest signed one to bit operators in MySQL, the highest unsigned one in MariaDB", "rows", `[|&^]|<<|>>`, unless(func(ours, theirs string) bool {
		return ours == "9223372036854775807" && theirs == "18446744073709551615"
	})},
	{"conditions of rows are tested in no order that is promised", "error", `^(UPDATE|DELETE) .*\) (=|<=>) \(`, only(1690)},
	{"JSON_VALID of a number is 0 in MySQL", "rows", `^SET @x.*JSON_VALID\(`, nil},
	{"MariaDB takes an invalid date for one that is not NULL beside <=>", "rows", `<=> && AS DATE|STR_TO_DATE|AS TIME`, func(ours, theirs *Answer) bool {
		return conditions(ours, theirs) || strings.HasPrefix(ours.sql, "SET @x")
	}},
	{"a variance of no difference is 0 in MySQL, and no NULL", "rows", `(VAR\w*|STD\w*)\(.*IS (NOT )?(NULL|UNKNOWN)`, conditions},
	{"rows that a condition lets through in MariaDB alone meet errors", "error", "^(UPDATE|DELETE) .* WHERE .*(IS_IPV|" + timeNames + ")", func(ours, theirs *Answer) bool {
		return ours.Err == 0 && ours.Affected == 0 && (converted(theirs) || theirs.Err == 1406)
	}},
	{"a TIME that is no column is text beside text in MySQL, a time in MariaDB", "error", "(<|>|=).* AND && " + textNames + " && " + timeNames, func(ours, theirs *Answer) bool { return ours.Err == 0 && theirs.Err == 1690 }},
	{"MariaDB tests a DATETIME that a function gives as false where a condition is wanted", "rows", `WHERE (IF|IFNULL|COALESCE|CASE)\b.*AS DATETIME`, more},
	{"conditions of rows are tested in no order that is promised", "error", `\) (NOT )?IN \(SELECT .*,`, only(1292)},
	{"a view with a subquery in its select list takes no changes in MySQL", "error", `^(UPDATE|DELETE) .*\bw\d+`, only(1288)},
	{"MariaDB loses the fractions of dates in SUM(DISTINCT …) and AVG(DISTINCT …)", "rows", `(SUM|AVG)\(DISTINCT .*INTERVAL`, unless(near(1e-9))},
	{"ADDTIME takes no date for a time in MySQL, and says nothing", "warnings", "ADDTIME|SUBTIME", func(ours, theirs *Answer) bool {
		return slices.Contains(theirs.Warnings, "1292") && !slices.ContainsFunc(ours.Warnings, func(c string) bool { return c != "1048" && !slices.Contains(theirs.Warnings, c) })
	}},
	{"a TIME and an interval of days or longer make a DATETIME in MySQL, a TIME in MariaDB", "rows", `(IFNULL|COALESCE)\(.*INTERVAL [^ ]+ (DAY|WEEK|MONTH|QUARTER|YEAR)\b && ` + timeNames, nil},
	{"BIT_OR and its kin take a DECIMAL beyond BIGINT as unsigned in MySQL", "rows", `BIT_(OR|XOR|AND)\(\(*(IF|IFNULL|COALESCE|CASE|NULLIF)\b.*\.u\b`, nil},
	{"a position in ORDER BY that is no column is an error in MySQL, also where no row is there to be sorted", "error", `GROUP_CONCAT\(.*ORDER BY (FALSE|0)\b`, only(1054)},
	{"an array or object that JSON_VALUE finds is text in MySQL, NULL in MariaDB", "error", "^(INSERT|REPLACE|UPDATE) .*JSON_VALUE", only(1406)},
	{"decimals of what set operations make text of: each value has its own in MySQL, the type's here", "rows", "UNION|EXCEPT|INTERSECT", func(ours, theirs *Answer) bool {
		return slices.Contains(ours.Types, "TEXT") && slices.ContainsFunc(ours.Rows, func(r string) bool { return trailing.MatchString(r) }) && len(ours.Rows) <= len(theirs.Rows)
	}},
	{"a virtual column is kept in the rows here, and computed where it is added or rows are copied", "error", "^ALTER TABLE .*(GENERATED ALWAYS|MODIFY|CHANGE)", only(1292, 1690, 1365)},
	{"IS NULL of what can't be NULL is not computed in MySQL, and is here", "error", `^(UPDATE|DELETE|INSERT|REPLACE) .*(\) IS NULL|ISNULL\()`, only(1292)},
	{"a virtual column of a CHAR is kept in rows here, and shows no spaces under PAD_CHAR_TO_FULL_LENGTH", "rows", `SELECT \* FROM r\d+`, alike(func(cell string) string { return strings.ReplaceAll(cell, " ", "") })},
	{"a column that CREATE TABLE … SELECT takes through a view has its type's zero as default in MySQL, if it has none of its own", "metadata", `FROM r\d+`, func(ours, theirs *Answer) bool {
		return slices.EqualFunc(ours.Meta, theirs.Meta, func(a, b string) bool { return a == b || a == noDefault.ReplaceAllString(b, "flags $1 ") })
	}},
	{"GREATEST and LEAST of values of different types give text in MySQL, the first type that fits in MariaDB", "error rows types warnings affected", "GREATEST|LEAST", values},
	{"utf8mb3 is deprecated in MySQL: warning 1287", "warnings", "utf8mb3", func(ours, theirs *Answer) bool {
		return without(slices.DeleteFunc(slices.Clone(ours.Warnings), func(c string) bool { return c == "1831" }), "1287", theirs.Warnings)
	}},
	{"an empty regular expression is error 3685 in MySQL", "error", "REGEXP|RLIKE", only(3685)},
	{"JSON_ARRAYAGG and JSON_OBJECTAGG meet rows in no order that is promised", "rows", "JSON_(ARRAY|OBJECT)AGG", alike(func(cell string) string { return strings.Trim(sortedBytes(shorter(cell)), "0.") })},
	{"MariaDB takes the unsigned number of a subquery for a signed one", "rows", `^SELECT \(SELECT (MIN|MAX)\(\w+\.u\)`, nil},
	{"a file that an error leaves unfinished is removed in MySQL", "rows", `LOAD_FILE\(`, unless(func(ours, theirs string) bool { return ours == "NULL" && theirs == "" })},
	{"MariaDB's INTO behind FROM is deprecated: warning 1287", "warnings", "INTO OUTFILE", func(ours, theirs *Answer) bool {
		return slices.Contains(theirs.Warnings, "1287") && (len(theirs.Warnings) == 1 || without(theirs.Warnings, "1287", ours.Warnings))
	}},
	// What SEED=9 told, of 200,000 statements.
	{"MariaDB compares times with numbers as times", "rows", `CASE \w+\.ti WHEN (ROUND|FLOOR|CEIL)`, nulls},
	{"queries of WITH that nothing names are not bound in MySQL", "error", "^WITH", all(ours(1054), theirs(1146))},
	{"a double halfway between two integers is the even one to bit operators in MySQL, the farther one in MariaDB", "rows", `ROUND\(\w+\.e \* 1e0, \d\) [&|^]`, nil},
	{"text of a number beyond the members of a SET is '' in MySQL, some of them in MariaDB", "error", `^UPDATE .*\.se = `, func(ours, theirs *Answer) bool {
		return only(1265)(ours, theirs) && strings.Contains(ours.Message, "'se'")
	}},
	{"text of a number beyond the members of a SET is '' in MySQL, some of them in MariaDB", "affected", `^UPDATE IGNORE .*\.se = CONV\(`, more},
	{"a constant that is grouped is NULL in the totals of a ROLLUP in MySQL, and never NULL in MariaDB's HAVING", "rows", `WITH ROLLUP HAVING k0 IS NOT NULL`, func(ours, theirs *Answer) bool {
		return len(ours.Rows) < len(theirs.Rows)
	}},
	{"the logarithm of what has none warns in MySQL", "warnings", `LOG2?\(|LN\(`, func(ours, theirs *Answer) bool {
		return slices.Contains(ours.Warnings, "3020") && !slices.Contains(theirs.Warnings, "3020")
	}},
	{"IS_IPV4 and its kin of NULL are NULL in MySQL, 0 in MariaDB", "rows", `EXISTS \(SELECT .* > IS_IPV4\(`, conditions},
	{"IS_IPV4 and its kin of NULL are NULL in MySQL, 0 in MariaDB", "affected", `^(INSERT|REPLACE|UPDATE).*IS_IPV`, nil},
	{"MariaDB computes with a user variable's DECIMAL to 38 decimals, and keeps none of 0", "rows", `^SET @x = (UNIX_TIMESTAMP\(\(TIMESTAMP'|TRUNCATE\(\(\(IF\()`, nil},
	{"the sign of zero", "rows", `^SET @x = MOD\(`, nil},
	{"FLOOR, CEILING, ROUND and TRUNCATE of dates and times are numbers in MySQL", "rows", `^SET @.*= ROUND\(TIME'`, nil},
	{"FLOOR, CEILING, ROUND and TRUNCATE of dates and times are numbers in MySQL", "error", `^UPDATE .*COALESCE\(.*CEILING\(TIME'`, theirs(1265)},
	{"a TIME beside text that is no literal is text in MySQL, a time in MariaDB", "error", `BETWEEN 'a' AND \w+\.ti`, theirs(1452)},
	{"MariaDB's comparison of rows is NULL where a column is, though another one decides", "rows", `\(NULL, \w+\.\w+\) NOT IN \(SELECT`, unless(func(ours, theirs string) bool { return ours == "1" && theirs == "NULL" })},
	{"MariaDB takes a comparison of rows for one that is never NULL", "rows", `COUNT\(\(NULLIF\(.*\) < \(.*, NULL\)\)`, nil},
	{"what ADDTIME and SUBTIME make of text is text in MySQL", "error", `(ADDTIME|SUBTIME)\(.*\) \+ INTERVAL`, func(ours, theirs *Answer) bool {
		return only(1292)(ours, theirs) && strings.Contains(ours.Message, "Incorrect datetime value")
	}},
	{"changes are as strict in their conditions as in their values in MySQL", "error", `^UPDATE w\d+ .* WHERE .*BETWEEN`, only(1365)},
	{"changes are as strict in their conditions as in their values in MySQL", "error", `^(UPDATE|DELETE) .*SEC_TO_TIME\(`, func(ours, theirs *Answer) bool {
		return only(1292)(ours, theirs) && strings.Contains(ours.Message, "time value")
	}},
	{"quotients have nine more digits than are shown; MariaDB cuts them in temporary tables", "rows", `AVG\(DISTINCT .*/`, unless(near(1e-6))},
	{"a comparison of text with a number warns in MySQL, also in a condition of constants", "warnings", `^SET @.* <=> 1\.5`, additional("1292")},
	{"JSON is text in MariaDB, and may have a default: error 1101 in MySQL", "warnings", `^ALTER TABLE .* SET DEFAULT ''`, additional("1101")},
	{"conditions of rows are tested in no order that is promised", "error", `^(UPDATE|DELETE) .*\) (=|<=>) \(`, func(ours, theirs *Answer) bool {
		return only(1292)(ours, theirs) && strings.Contains(ours.Message, "time value")
	}},
	{"conditions of rows are tested in no order that is promised", "error", `^DELETE .* OR \(\(\(SELECT .* = \('abc def'\)`, only(1292)},
	{"TRIM(… FROM …) of ASCII text, FORMAT, SPACE, COLLATION and INET_NTOA are ASCII in MySQL, as hashes are, and so text of any set", "error", "INET_NTOA", all(ours(1690), theirs(1267, 1270, 1271))},
	{"text of an address is a number up to its second point in MySQL, up to the first in MariaDB", "rows", `INET_NTOA\(.*\) \+ 0`, unless(wholePart)},
	{"bit operators of binary strings give such in MySQL, numbers in MariaDB", "rows", `BIT_(XOR|OR|AND)\(`, binaryBits},
	{"ENUM and SET are doubles in arithmetic in MySQL", "types", `(SUM|AVG)\(DISTINCT \w+\.c\d+\)`, typesDiffer(func(ours, theirs string) bool { return ours == "DOUBLE" && theirs == "DECIMAL" })},
	{"numbers beyond the range of TIME are NULL in MySQL, the nearest time in MariaDB", "rows", `ADDTIME\(\w+\.dt, \(COALESCE\(CAST\(\w+\.u AS TIME\)`, nil},
	{"numbers beyond the range of TIME are NULL in MySQL, the nearest time in MariaDB", "rows", `MIN\(CAST\(\(*(DATEDIFF|TO_DAYS)\(.* AS TIME\)`, unless(func(_, theirs string) bool { return theirs == "00:00:00" })},
	{"an array or object that JSON_VALUE finds is text in MySQL, NULL in MariaDB", "rows", "JSON_VALUE", unless(func(ours, theirs string) bool {
		return theirs == "NULL" && (strings.HasPrefix(ours, "[") || strings.HasPrefix(ours, "{"))
	})},
	{"text of a number beyond BIGINT is the highest signed one to bit operators in MySQL, the highest unsigned one in MariaDB", "rows", `^(INSERT|REPLACE|UPDATE).*\d \| \(*IF\(.*BIN\(`, nil},
	{"text of a number beyond BIGINT is the highest signed one to bit operators in MySQL, the highest unsigned one in MariaDB", "rows", `CONVERT\(IFNULL\(BIN\(`, unless(func(ours, theirs string) bool {
		return ours == "9223372036854775807" && theirs == "-1"
	})},
	{"MariaDB looks into a TINYINT of a subquery for the nearest number it can hold", "affected", `100000 IN \(SELECT t FROM`, nil},
	{"a TIME ends at 838:59:59 in MySQL, at 838:59:59.999999 in MariaDB", "rows", `HEX\(TIME_TO_SEC\(|TIMESTAMP\(.*COALESCE\(2147483647`, nil},
	{"a generated column reads no AUTO_INCREMENT column in MySQL: error 3109", "error", "^ALTER TABLE", all(ours(3109), theirs(4025))},
	{"a column that CREATE TABLE … SELECT takes through a view has its type's zero as default in MySQL, if it has none of its own", "rows", `^CREATE TABLE r\d+ AS SELECT \* FROM w\d+ .*information_schema`,
		unless(func(_, theirs string) bool { return theirs == "NULL" })},
	{"JSON_TYPE is utf8mb3 in MariaDB", "rows", `(CHARSET|COLLATION)\(JSON_TYPE`, unless(func(_, theirs string) bool { return strings.HasPrefix(theirs, "utf8mb3") })},
	{"text beside a date in a condition is cast to one in MySQL, NULL where it is none", "error", `^UPDATE .*INTERVAL.* = c\.se$`, theirs(1292)},
	{"a TIME and an interval of days or longer make a DATETIME in MySQL, a TIME in MariaDB", "rows", `TIMESTAMPADD\((MONTH|DAY|WEEK|QUARTER|YEAR), [^,]+, (TIME'|MAKETIME)`, unless(func(_, theirs string) bool { return theirs == "NULL" })},
	{"warnings of values that are no dates have other numbers in MariaDB", "warnings", `^ALTER TABLE .*(MODIFY|CHANGE) COLUMN`, func(ours, theirs *Answer) bool {
		return slices.Equal(theirs.Warnings, []string{"1292"}) && len(ours.Warnings) == 1 && (ours.Warnings[0] == "1265" || ours.Warnings[0] == "1366")
	}},
	{"a column that is grouped twice is one in MySQL's ROLLUP", "rows", `SELECT \(?(q\.\w+)\)? AS k0, q\.\w+ AS k1.*ROLLUP`, nil},
	{"UNIX_TIMESTAMP of what is no date is 0 in MySQL, NULL in MariaDB", "rows", `^SELECT UNIX_TIMESTAMP\(TIMESTAMP\(|^INSERT .*UNIX_TIMESTAMP\(\(CONVERT\(DATE'9999-12-31'`, nil},
	{"text that was written beside a date and is none is error 1525 in MySQL, a warning in MariaDB", "error", `CHAR\(0 \+ 65\)`, only(1525)},
	{"MariaDB notes what changes leave out", "notes", "^INSERT IGNORE", func(ours, theirs *Answer) bool {
		return len(ours.Notes) == 0 && !slices.ContainsFunc(theirs.Notes, func(c string) bool { return c != "1105" && c != "1916" })
	}},
	{"JSON_CONTAINS of a path that is not there is NULL in MySQL, 0 in MariaDB", "warnings", `^(UPDATE|INSERT|REPLACE) .*JSON_CONTAINS`, additional("1048")},
	{"text that is no time is NULL in MySQL, 00:00:00 in MariaDB", "rows", `^(INSERT|REPLACE|UPDATE).*CAST\('z' AS TIME\)`, nil},
	{"a YEAR as a TIME is a number of minutes and seconds in MySQL, 00:00:00 in MariaDB", "rows", `CAST\(\(SELECT \w+\.y FROM .* AS TIME\)`, nil},
	{"JSON_VALID of a number is 0 in MySQL", "error", `^UPDATE .*JSON_VALID\(\w+\.[iutde]\)`, theirs(1265, 1292, 1366)},
	{"times that are made of text, and those in JSON documents, have six decimals in MySQL", "rows", `^UPDATE a l LEFT JOIN .*JSON_REPLACE\(\(JSON_ARRAY\(`, nil},
	{"ONLY_FULL_GROUP_BY knows what depends on what in MySQL", "error", "GROUP BY", theirs(1055)},
	// What SEED=201 to 203 told.
	{"the date 0 that a row has is an error for MariaDB's ALTER TABLE, which copies", "error", "^CREATE INDEX", theirs(1292)},
	{"text that is no time is NULL in MySQL, 00:00:00 in MariaDB", "rows", `WHERE .*CAST\(\(*'[^']*'\)* AS TIME`, nulls},
	{"changes are as strict in their conditions as in their values in MySQL", "error", `^UPDATE .* WHERE .*STR_TO_DATE`, only(1411)},
	{"times that are made of text, and those in JSON documents, have six decimals in MySQL", "rows", `^SET @x = CONVERT_TZ\(\(DATE_FORMAT`, nil},
	{"JSON_CONTAINS of a path that is not there is NULL in MySQL, 0 in MariaDB", "rows", `PARTITION BY .*JSON_CONTAINS`, nil},
	{"MariaDB takes a comparison of rows for one that is never NULL", "rows", `COUNT\(\(*NULLIF\(.*\) < \(`, nil},
	{"the bounds of a frame are rounded over integers in MariaDB", "rows", `RANGE BETWEEN .*\d\.5 (FOLLOWING|PRECEDING)`, nil},
	{"VALUES of equal constants have equal names in MariaDB: error 1060", "error", `VALUES ROW`, func(ours, theirs *Answer) bool { return ours.Err == 0 && theirs.Err == 1060 }},
	// What SEED=301 to 304 told.
	{"DAYNAME as a number is that of the day in MySQL, 0 in MariaDB", "rows", `DAYNAME\(`, unless(func(_, theirs string) bool { return strings.Trim(theirs, "0.") == "" })},
	{"CONV, BIN and OCT warn of what is no number in MySQL", "error warnings", `\b(CONV|BIN|OCT)\(`, func(ours, theirs *Answer) bool {
		return only(1292)(ours, theirs) && strings.Contains(ours.Message, "incorrect DECIMAL") || additional("1292")(ours, theirs)
	}},
	{"LPAD and RPAD without anything to pad with are '' in MySQL, NULL in MariaDB", "rows", `[LR]PAD\(`, unless(func(ours, theirs string) bool { return ours == "" && theirs == "NULL" })},
	{"JSON_OVERLAPS of objects asks for a member of both that is the same in MySQL, for a name in MariaDB", "rows", `JSON_OVERLAPS\(`, conditions},
	{"CHAR() is bytes beside text in MySQL's BETWEEN", "rows", `CHAR\(\d \+ 65\)[^|]* BETWEEN`, conditions},
	{"the logarithm of what has none warns in MySQL", "warnings", `LOG|LN\(.*INTO OUTFILE`, func(ours, theirs *Answer) bool {
		return slices.Contains(ours.Warnings, "3020") && slices.Equal(theirs.Warnings, []string{"1287", "1365"})
	}},
	{"a file has what the query gave, which is compared without INTO, too", "rows", `^SELECT CONVERT\(LOAD_FILE\(`, func(ours, theirs *Answer) bool { return ours.Err == 0 && theirs.Err == 0 }},
	{"dates beyond the calendar are warned of where they are computed: 1441 in MySQL", "error", `TIMESTAMP\(.*, `, only(1441)},
	{"MariaDB's JSON_TABLE keeps a column's NULL for the next row", "rows", `JSON_TABLE\(`, func(ours, theirs *Answer) bool {
		return strings.Contains(ours.sql, " <=> ") && conditions(ours, theirs)
	}},
	{"a view that names a column which is no more is error 1356 in MySQL, whatever a statement uses of it", "error", `^(DELETE|UPDATE|INSERT|REPLACE).*\bw\d+`, only(1356)},
	{"a CHECK of one column goes with the column in MySQL", "error", `^ALTER TABLE .* DROP COLUMN`, func(ours, theirs *Answer) bool {
		return ours.Err == 0 && theirs.Err == 1054 && strings.Contains(theirs.Message, "'CHECK'")
	}},
	{"a key keeps its part's length for a new column of the name, which has no such part: error 1089 in MySQL", "error", `DROP COLUMN (\w+), ADD COLUMN`, only(1089)},
	{"a column under a functional key is not dropped in MySQL: error 3755", "error", `DROP COLUMN`, ours(3755)},
	{"the base of a stored column has no foreign key that changes it: errors 3192 and 1901", "error", `^ALTER TABLE`, all(ours(3192), theirs(1901))},
	{"MariaDB indexes no generated column of a CHAR", "error", `^CREATE INDEX`, func(ours, theirs *Answer) bool { return ours.Err == 0 && theirs.Err == 1901 }},
	{"a number that a recursive query's table cannot hold is an error in MariaDB", "error", `^WITH RECURSIVE`, theirs(1916)},
	{"FLOOR, CEILING, ROUND and TRUNCATE of dates and times are numbers in MySQL", "rows", `^SET @.*= (ROUND|CEILING|FLOOR|TRUNCATE)\(`, func(ours, theirs *Answer) bool {
		return slices.Contains(ours.Types, "DOUBLE") && !slices.Equal(ours.Types, theirs.Types)
	}},
	{"a DECIMAL in a user variable has all its decimals in MySQL", "rows", `^SET @x = \(?CAST\(.*AS DECIMAL\(65, ?30\)`, nil},
	{"fractions of a second are rounded in numbers in MySQL, cut in MariaDB", "rows", `^SELECT CAST\(.*MICROSECOND AS SIGNED\)`, nil},
	{"a TIME ends at 838:59:59 in MySQL, at 838:59:59.999999 in MariaDB", "rows", `^(INSERT|REPLACE|UPDATE).*(ADDTIME|SUBTIME|TIMEDIFF)\(`, unless(func(ours, theirs string) bool { return ofClock.MatchString(ours) && ofClock.MatchString(theirs) })},
	{"a TIME ends at 838:59:59 in MySQL, at 838:59:59.999999 in MariaDB", "rows", `TIMEDIFF\(.*ADDTIME\(`, alike(func(cell string) string { return clockIn.ReplaceAllString(cell, "") })},
	{"MariaDB notes values of conditions that are not needed", "notes", `^(SET @|DELETE|UPDATE)`, func(ours, theirs *Answer) bool { return without(theirs.Notes, "1292", ours.Notes) }},
	{"JSON is text in MariaDB to the functions around it", "rows", `JSON_OBJECT\(.*JSON_KEYS\(`, alike(func(cell string) string {
		return strings.TrimLeft(sortedBytes(strings.ReplaceAll(cell, "\\", "")), "\" ")
	})},
	{"text that is no time is NULL in MySQL, 00:00:00 in MariaDB", "rows", `CASE TIME'00:00:00' WHEN`, nulls},
	{"a YEAR as a TIME is a number of minutes and seconds in MySQL, 00:00:00 in MariaDB", "rows", `TIME_TO_SEC\(\(SELECT \w+\.y`, nil},
	{"which of a group's equal texts stands for it", "rows", `\(SELECT (MAX|MIN)\(`, func(ours, theirs *Answer) bool { return folded(ours) == folded(theirs) }},
	{"numbers that are no times are NULL in MySQL, 00:00:00 in MariaDB", "rows", `M(AX|IN)\(CAST\(.* AS TIME\)`, unless(func(_, theirs string) bool { return theirs == "00:00:00" })},
	{"MariaDB reads SUBSTRING_INDEX's unsigned number as a signed one", "rows", `SUBSTRING_INDEX\(.*\.u\b`, unless(func(_, theirs string) bool { return theirs == "" })},
	{"JSON documents are compared as such in MySQL, as text in MariaDB", "rows", `JSON_ARRAYAGG\(.*\) > 1`, conditions},
	{"MariaDB's generated columns are not strict in INSERT", "error", `^INSERT INTO r\d+`, func(ours, theirs *Answer) bool {
		return only(1264)(ours, theirs) && strings.Contains(ours.Message, "column 'g")
	}},
	{"a DOUBLE of a set operation within another has the decimals of all in MySQL", "rows", `PI\(\) AS c0 UNION ALL`, unless(near(1e-6))},
	{"MariaDB takes a DECIMAL that is compared with a TIME for one", "rows", `CASE \(SELECT MAX\(\w+\.d\).* WHEN TIME'`, nil},
	{"UNIX_TIMESTAMP of what is no date is 0 in MySQL, NULL in MariaDB", "rows", `UNIX_TIMESTAMP\(\w+\.[iutde] `, unless(func(ours, theirs string) bool { return strings.Trim(ours, "0.") == "" && theirs == "NULL" })},
	{"numbers that are no dates are NULL in MySQL's TIMESTAMP, 0000-00-00 in MariaDB's", "rows", `TIMESTAMP\((TRUE|\d)\)`, unless(func(ours, theirs string) bool { return ours == "NULL" && strings.HasPrefix(theirs, "0000-00-00") })},
	{"times that are made of text, and those in JSON documents, have six decimals in MySQL", "rows", `^SET @x = TIMESTAMP\(\(IF\(FALSE, SUBDATE\(NULL`, nil},
	{"GREATEST and LEAST end at the first NULL in MySQL", "error", `(GREATEST|LEAST)\(`, theirs(1690)},
	{"TRIM(… FROM …) of ASCII text, FORMAT, SPACE, COLLATION and INET_NTOA are ASCII in MySQL, as hashes are, and so text of any set", "error", `FORMAT\(`, all(ours(1690), theirs(1267, 1270))},
	{"which of two errors in one statement is met first", "error", `JSON_`, all(ours(1292), theirs(4038))},
	{"text beside a date in a condition is cast to one in MySQL, NULL where it is none", "error", `^UPDATE .*FROM_DAYS\(.* = \w\.se$`, theirs(1292)},
	{"NULL is a warning in what ON DUPLICATE KEY UPDATE changes under IGNORE in MySQL", "warnings", `^INSERT IGNORE .*ON DUPLICATE KEY UPDATE id = `, additional("1048")},
	{"bytes are no JSON text in MySQL", "error", `JSON_ && FROM_BASE64|UNHEX|BINARY|COMPRESS|AES_|INET6_ATON|CHAR\(\d \+|\bc\d\b`, only(3144)},
	{"bytes are no JSON text in MySQL", "error", `JSON_ && FROM_BASE64|UNHEX|BINARY|COMPRESS|AES_|INET6_ATON|CHAR\(\d \+|\bc\d\b`, func(ours, theirs *Answer) bool { return ours.Err == 3144 && (converted(theirs) || theirs.Err == 4038) }},
	{"a TIME and an interval of days or longer make a DATETIME in MySQL, a TIME in MariaDB", "rows", `^(INSERT|REPLACE|UPDATE).*ADDTIME\(TIME'.*INTERVAL \d+ (DAY|WEEK|MONTH|QUARTER|YEAR)`, nil},
	// What SEED=305 and 306 told.
	{"group_concat_max_len is 1024 in MySQL", "rows", `GROUP_CONCAT\(`, unless(func(ours, theirs string) bool {
		return len(ours) <= 1024 && len(ours) > 1000 && strings.HasPrefix(theirs, ours)
	})},
	{"JSON_ARRAYAGG and JSON_OBJECTAGG meet rows in no order that is promised", "rows", `JSON_OBJECTAGG\(`, nil},
	{"a column that CREATE TABLE … SELECT takes through a view has its type's zero as default in MySQL, if it has none of its own", "rows", `^CREATE TABLE r\d+ AS SELECT \* FROM w\d+ .*information_schema`, alike(func(cell string) string { return strings.NewReplacer("NULL", "", "0", "").Replace(cell) })},
	{"ADDTIME takes no date for a time in MySQL, and says nothing", "error", `^UPDATE .*TIMESTAMP\(DATE'[^']*', \(\w+\.da`, theirs(1292)},
	{"DAYNAME as a number is that of the day in MySQL, 0 in MariaDB", "rows", `^SET @x = .*DAYNAME`, nil},
	{"MariaDB gives HOUR two digits", "rows", `CONCAT\(.*HOUR\(`, unless(strings.HasPrefix)},
	{"MariaDB compares times with numbers as times", "affected rows", `^DELETE .*NOT IN \(SELECT n0\.dt, n0\.ti`, nil},
	{"MariaDB compares times with numbers as times", "rows", `CASE \d+ WHEN TIME'`, nil},
	{"a constant that no row needs is not computed in MySQL", "error", `WHERE (NULL|FALSE) GROUP`, theirs(1690)},
	{"MariaDB notes what changes leave out", "notes", `^(WITH .*)?UPDATE `, func(ours, theirs *Answer) bool { return without(theirs.Notes, "1265", ours.Notes) }},
	{"the sign of zero", "rows", `^SET @`, alike(func(cell string) string { return strings.ReplaceAll(shorter(cell), "-0", "0") })},
	{"what CONVERT made latin1 is no ASCII in MySQL, whatever it was before", "error", `USING latin1`, only(1267, 1270, 1271)},
	{"MariaDB computes the bounds of a frame below 0 of an unsigned number, and fails", "error", `RANGE BETWEEN .* PRECEDING`, theirs(1690)},
	{"the digits of a double beyond the seventeenth", "rows", `GROUP_CONCAT\(`, unless(near(1e-15))},
	{"quotients have nine more digits than are shown; MariaDB cuts them in temporary tables", "rows", `AVG\(\d\.\d+ / `, unless(near(1e-3))},
	{"a YEAR as a TIME is a number of minutes and seconds in MySQL, 00:00:00 in MariaDB", "rows", `CAST\(\(*(NULLIF\(\w+\.y,|SELECT (MIN\()?\w+\.y\b).* AS TIME\)`, nil},
	{"MariaDB's INTO behind FROM is deprecated: warning 1287", "warnings", `INTO OUTFILE`, func(ours, theirs *Answer) bool { return slices.Contains(theirs.Warnings, "1287") }},
	{"a TIME's text of twelve characters and more is a date and time to MySQL first, and none where it is not", "rows", `^(INSERT|REPLACE|UPDATE).*(MD5|SHA)`, unless(func(ours, theirs string) bool { return ours == "00:00:00" && clockIn.MatchString(theirs) })},
	{"MariaDB looks for the changed table in what a view selects, be it asked for or not", "error", `^DELETE \w FROM .*\bw\d+ r`, theirs(1443)},
	// What SEED=307 and 308 told.
	{"what a key of several columns loses is no error in MySQL, be it UNIQUE", "error", `DROP COLUMN`, all(ours(1062), theirs(1072))},
	{"a column that CREATE TABLE … SELECT takes through a view has its type's zero as default in MySQL, if it has none of its own", "rows", `^CREATE TABLE r\d+ AS SELECT \* FROM w\d+ (WHERE|ORDER)`, nil},
	{"text of a number beyond the members of a SET is '' in MySQL, some of them in MariaDB", "rows", `^INSERT INTO c .*'12', '7'\)`, nil},
	{"UNIX_TIMESTAMP of what is no date is 0 in MySQL, NULL in MariaDB", "rows", `UNIX_TIMESTAMP\(\d+ [-+*] `, unless(func(_, theirs string) bool { return theirs == "NULL" })},
	{"MariaDB meets a group of a subquery's doubles twice: error 1062", "error", `^SELECT z\.c0, COUNT`, theirs(1062)},
	{"CONVERT(… USING utf8mb4) has the character set's default collation: utf8mb4_0900_ai_ci in MySQL", "rows", `COLLATION\(.*USING utf8mb4`, nil},
	{"quotients have nine more digits than are shown; MariaDB cuts them in temporary tables", "rows", `AVG\(.* DIV `, unless(near(1e-4))},
	{"types of BIT in groups", "types", `SELECT q\.c\d AS c0 .*GROUP BY z\.c0`, typesDiffer(func(ours, theirs string) bool { return ours == "BIT" && theirs == "INT" })},
	{"a YEAR as a TIME is a number of minutes and seconds in MySQL, 00:00:00 in MariaDB", "rows", `ORDER BY CAST\(\(\(*SELECT MIN\(\w+\.y\)`, nil},
	{"which of two errors in one statement is met first", "warnings", `^LOAD DATA .*IGNORE`, additional("1062")},
	{"which of two errors in one statement is met first", "error", `^CREATE VIEW`, all(ours(1253), theirs(1352))},
	{"DAYNAME as a number is that of the day in MySQL, 0 in MariaDB", "rows", `^INSERT .*DAYNAME\(.*\) [*+/]`, nil},
	{"text beside a date in a condition is cast to one in MySQL, NULL where it is none", "error", `^UPDATE .*BETWEEN .* AND JSON_TYPE\(`, theirs(1292)},
	// What the last run of 301 to 308 told.
	{"group_concat_max_len is 1024 in MySQL", "rows", `GROUP_CONCAT\(.*SEPARATOR '\|'`, func(ours, theirs *Answer) bool {
		return slices.EqualFunc(ours.Rows, theirs.Rows, func(a, b string) bool { return a == b || len(a) > 1000 && strings.HasPrefix(b, a) })
	}},
	{"a generated column reads no AUTO_INCREMENT column in MySQL: error 3109", "error", "^CREATE TABLE", all(ours(3109), theirs(1005))},
	{"the frame of a date 0 ends with the partition where an interval is added to it in MySQL", "rows", `RANGE BETWEEN .*INTERVAL \d+ YEAR FOLLOWING`, nil},
}

// ofClock is a time of day or span, clockIn one in a text.
var (
	ofClock = regexp.MustCompile(`^-?\d+:\d\d:\d\d(\.\d+)?$`)
	clockIn = regexp.MustCompile(`-?\d+:\d\d:\d\d(\.\d+)?`)
)

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
var trailing = regexp.MustCompile(`\.0+\b|(\.\d*?[1-9])0+\b`)

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

// patterns are those of Names.
func (k *Known) patterns() (list []*regexp.Regexp) {
	for _, p := range strings.Split(k.Names, " && ") {
		list = append(list, regexp.MustCompile(p))
	}
	return list
}

// Explain gives the reason of a difference, "" for none.
func Explain(what, sql string, ours, theirs *Answer) string {
	ours.sql = sql
	i := slices.IndexFunc(Differences, func(k Known) bool {
		return slices.Contains(strings.Fields(k.In), what) && (k.Is == nil || k.Is(ours, theirs)) &&
			!slices.ContainsFunc(k.patterns(), func(p *regexp.Regexp) bool { return !p.MatchString(sql) })
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
