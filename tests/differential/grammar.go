package differential

// kind is what an expression is used as.
type kind int

const (
	number kind = iota
	decimal
	double
	text
	date
	datetime
	clock
	truth
	kinds
	document = kinds // JSON stands only where a template has it: MariaDB's is text
)

var texts = []string{"''", "'a'", "'A'", "'abc'", "'aBc'", "'abc def'", "'12'", "'12abc'", "'-3.5'", "'z'", "'%b%'", "'é'", "'2024-02-29'", "'x,y,z'"}

func (g *Generator) literal(k kind) string {
	switch k {
	case number:
		return g.of("0", "1", "-1", "2", "7", "10", "42", "-100", "2147483647", "100000")
	case decimal:
		return g.of("0.0", "1.5", "-1.25", "3.14159", "0.001", "1234.56", "-0.5", "100.10")
	case double:
		return g.of("0e0", "1.5e0", "-2.25e0", "1e3", "0.125e0", "3e0")
	case text:
		return g.of(texts...)
	case date:
		return "DATE" + g.of("'2024-02-29'", "'2000-01-01'", "'1999-12-31'", "'2023-06-15'", "'1970-01-01'", "'9999-12-31'")
	case datetime:
		return "TIMESTAMP" + g.of("'2024-02-29 12:34:56'", "'2000-01-01 00:00:00'", "'1999-12-31 23:59:59'", "'2023-06-15 08:00:00.5'")
	case clock:
		return "TIME" + g.of("'00:00:00'", "'12:34:56'", "'-01:30:00'", "'838:59:59'", "'23:59:59'")
	case document:
		return "JSON_EXTRACT(" + g.json() + ", '$')"
	}
	return g.of("TRUE", "FALSE")
}

func (g *Generator) json() string {
	return g.of(`'{"a": 1, "b": [1, 2, 3]}'`, `'{"a": "x", "c": {"d": 1.5}}'`, `'[1, "a", null, true]'`, `'{}'`, `'[]'`, `'{"b": {"a": 1}, "a": null}'`, `'[[1, 2], [3]]'`)
}

// letters are the kinds in a template of the grammar: {n} is an expression of a number.
var letters = map[byte]kind{'j': document, 'n': number, 'd': decimal, 'f': double, 's': text, 'D': date, 'T': datetime, 't': clock, 'b': truth}

// grammar has templates of each kind. {k} stands for a small number, {U} for a unit of time, {p} for a path in JSON.
var grammar [kinds + 1][]string

func init() {
	grammar = [kinds + 1][]string{
		number: {
			"{n} + {n}", "{n} - {n}", "{n} * {k}", "{n} DIV {n}", "{n} % {n}", "-{n}", "ABS({n})", "SIGN({d})", "{n} & {n}", "{n} | {n}", "{n} ^ {n}",
			"CAST({d} AS SIGNED)", "CAST({s} AS SIGNED)", "FLOOR({d})", "CEILING({d})", "ROUND({d})", "LENGTH({s})", "CHAR_LENGTH({s})", "ASCII({s})",
			"LOCATE({s}, {s})", "INSTR({s}, {s})", "FIELD({s}, {s}, {s})", "FIND_IN_SET({s}, {s})", "STRCMP({s}, {s})", "YEAR({D})", "MONTH({D})",
			"DAYOFMONTH({T})", "DAYOFWEEK({D})", "DAYOFYEAR({D})", "WEEK({D}, {k})", "WEEKDAY({D})", "QUARTER({D})", "HOUR({t})", "MINUTE({t})", "SECOND({T})",
			"DATEDIFF({D}, {T})", "TO_DAYS({D})", "TIMESTAMPDIFF(DAY, {T}, {T})", "TIMESTAMPDIFF(MONTH, {D}, {D})", "EXTRACT(YEAR_MONTH FROM {D})",
			"TIME_TO_SEC({t})", "BIT_COUNT({n})", "CRC32({s})", "INTERVAL({n}, 1, 5, 10)", "MOD({n}, {k})", "{n} << {k}", "MICROSECOND({T})",
			"LEAST({n}, {n}, {n})", "CAST({b} AS SIGNED)", "COERCIBILITY({s})", "ORD({s})", "BIT_LENGTH({s})", "PERIOD_ADD(202401, {k})", "PERIOD_DIFF(202401, 199912)",
			"CAST({n} AS UNSIGNED)", "YEARWEEK({D})", "TO_SECONDS({T})", "INET_ATON('10.0.0.1')",
			"JSON_LENGTH({j})", "JSON_LENGTH({j}, {p})", "JSON_DEPTH({j})", "JSON_VALID({s})", "JSON_CONTAINS_PATH({j}, 'one', {p}, {p})", "JSON_CONTAINS({j}, '1', {p})",
			"~{n}", "NOT {n}", "OCTET_LENGTH({s})", "POSITION({s} IN {s})", "LOCATE({s}, {s}, {k})", "WEEKOFYEAR({D})", "EXTRACT({U} FROM {T})", "UNIX_TIMESTAMP({T})",
			"TIMESTAMPDIFF({U}, {T}, {T})", "EXTRACT(DAY_SECOND FROM {T})", "EXTRACT(HOUR_MINUTE FROM {t})", "{n} >> {k}", "REGEXP_INSTR({s}, '[b-d]')", "DAY({D})", "WEEK({D})",
			"CAST({f} AS SIGNED)", "CAST({T} AS SIGNED)", "CAST({t} AS UNSIGNED)", "CONVERT({s}, SIGNED)", "IS_IPV4({s})", "TO_DAYS({T}) - TO_DAYS({D})", "ROUND({n}, -1)",
			"SIGN({n})", "MONTH({T}) * {k}", "CURDATE() + 0", "HOUR(NOW())", "DATEDIFF(NOW(), {D})", "FLOOR({n} / 3)", "CEIL({d} * {k})", "ROW_COUNT() IS NULL",
			"LENGTH(AES_ENCRYPT({s}, 'k'))", "JSON_OVERLAPS({j}, {j})", "REGEXP_INSTR({s}, {s})", "INTERVAL({d}, {n}, {d})", "FIELD({n}, {n}, {d})", "BIT_COUNT(~{n})",
		},
		decimal: {
			"{d} + {d}", "{d} - {n}", "{d} * {d}", "{n} / {k}", "{d} / {k}", "{d} % {k}", "-{d}", "ABS({d})", "ROUND({d}, {k})", "TRUNCATE({d}, {k})",
			"CAST({d} AS DECIMAL(10,3))", "CAST({s} AS DECIMAL(8,2))", "CAST({n} AS DECIMAL(12,1))", "{n} + {d}", "ROUND({d}, -1)", "MOD({d}, 0.7)",
			"SEC_TO_TIME({k}) + 0.0", "GREATEST({d}, {n})", "{d} / {d}", "CAST({f} AS DECIMAL(10,2))", "TRUNCATE({d}, -1)", "{n} * 1.1", "{d} DIV {k}", "CAST({t} AS DECIMAL(12,2))",
			"UNIX_TIMESTAMP({T}) + 0.5", "TIME_TO_SEC({t}) / 60", "SIGN({d}) * {d}", "LEAST({d}, {d})", "CAST({s} AS DECIMAL(65,30))", "({n} - {n}) / {k}",
		},
		double: {
			"{f} + {f}", "{f} * {d}", "{f} / {k}", "SQRT(ABS({f}))", "POW({k}, {k})", "-{f}", "ABS({f})", "{s} + 0", "ROUND({f}, {k})", "CAST({n} AS DOUBLE)",
			"DEGREES(0e0)", "FLOOR({f})", "CEILING({f})", "SIN({f})", "COS({n})", "ATAN({f})", "ATAN2({f}, {k})", "EXP({k})", "LN({d})", "LOG({k}, {f})", "LOG2({n})", "LOG10({d})", "PI()",
			"RADIANS({n})", "TRUNCATE({f}, {k})", "{f} - {n}", "{f} % {k}", "{d} * 1e0", "CAST({d} AS DOUBLE)", "{s} * 1", "{s} / {k}", "POWER({n}, 2)", "TAN({f})", "COT({f})", "ASIN({f})", "ACOS({f})", "DEGREES({f})", "MOD({f}, {d})", "CEILING({s})",
		},
		text: {
			"CONCAT({s}, {s})", "CONCAT({s}, {n})", "CONCAT_WS(',', {s}, {n}, {s})", "UPPER({s})", "LOWER({s})", "LEFT({s}, {k})", "RIGHT({s}, {k})",
			"SUBSTRING({s}, {k})", "SUBSTRING({s}, {k}, {k})", "REPLACE({s}, {s}, {s})", "TRIM({s})", "LTRIM({s})", "RTRIM({s})", "LPAD({s}, {k}, 'xy')",
			"RPAD({s}, {k}, 'xy')", "REPEAT({s}, {k})", "REVERSE({s})", "SPACE({k})", "INSERT({s}, {k}, {k}, {s})", "ELT({k}, {s}, {s})", "HEX({s})", "HEX({n})",
			"BIN({n})", "OCT({k})", "CONV({k}, 10, 2)", "CAST({n} AS CHAR)", "CAST({d} AS CHAR)", "CAST({D} AS CHAR)", "CAST({T} AS CHAR(10))", "FORMAT({d}, {k})",
			"DATE_FORMAT({T}, '%Y-%m-%d %H:%i:%s')", "DATE_FORMAT({D}, '%a %b %e %j %U %u %W')", "TIME_FORMAT({t}, '%H:%i')", "DAYNAME({D})", "MONTHNAME({D})",
			"SUBSTRING_INDEX({s}, ',', {k})", "QUOTE({s})", "MD5({s})", "SHA1({s})", "MAKE_SET({k}, 'a', 'b', 'c')", "EXPORT_SET({k}, 'Y', 'N', ',', 4)", "SOUNDEX({s})",
			"CONVERT({s} USING utf8mb4)", "TO_BASE64({s})", "CHAR({k} + 65)", "TRIM(LEADING 'a' FROM {s})", "LCASE({s})", "MID({s}, {k}, {k})", "INET_NTOA({n})",
			"CAST({s} AS CHAR(3))", "UNHEX(HEX({s}))", "JSON_UNQUOTE(JSON_EXTRACT({j}, '$.a'))", "JSON_TYPE({j})", "JSON_VALUE({j}, '$.a')", "SHA2({s}, 256)", "{s} COLLATE utf8mb4_bin",
			"REGEXP_REPLACE({s}, '[ab]+', 'X')", "IFNULL(REGEXP_SUBSTR({s}, '[a-c]+'), '')", "CHARSET({s})", "COLLATION({s})", "SUBSTRING({s} FROM {k} FOR {k})", "SUBSTR({s}, -{k})",
			"TRIM(BOTH 'a' FROM {s})", "TRIM(TRAILING {s} FROM {s})", "CONVERT({s}, CHAR)", "HEX(CONVERT({s} USING latin1))", "DATE_FORMAT({T}, '%c/%d/%y %l:%i %p')", "CONCAT({D}, {t})",
			"DATE_FORMAT({T}, '%X-%V %v %x %f %T %r')", "CAST({t} AS CHAR)", "CAST({f} AS CHAR)", "LEFT({D}, 4)", "BINARY {s}", "FORMAT({n}, 0)", "FROM_BASE64(TO_BASE64({s}))",
			"SUBSTRING_INDEX({s}, 'b', -1)", "LPAD({n}, 5, '0')", "REPLACE({D}, '-', '/')", "HEX({d})", "CONCAT_WS({s}, {s}, NULL, {D})", "JSON_QUOTE({s})", "GET_FORMAT(DATE, 'USA')",
			"FROM_UNIXTIME({k} * 86400, '%Y %j')", "UCASE(CONCAT({s}, 'é'))", "CONVERT({n}, CHAR(3))", "DATE_FORMAT({D}, '%M %D, %Y')", "CONV({s}, 16, 10)", "CONV({n}, 10, 16)",
			"HEX(AES_ENCRYPT({s}, 'key'))", "FORMAT({d}, {k}, 'de_DE')", "INET6_NTOA(INET6_ATON('::ffff:1.2.3.4'))", "EXTRACTVALUE('<a><b>x</b><b>y</b></a>', '/a/b[1]')", "SUBSTRING({s}, {n}, {n})", "INSERT({s}, {n}, {n}, {s})",
			"ELT({n}, {s}, {s}, {s})", "LPAD({s}, {k}, {s})", "LEFT({s}, {n})", "CONVERT({s} USING latin1)", "HEX(INET6_ATON({s}))", "SUBSTRING_INDEX({s}, {s}, {n})", "REPLACE({s}, {s}, '')", "TIME_FORMAT({t}, '%H %k %h %i %s %f')",
		},
		date: {
			"DATE({T})", "{D} + INTERVAL {k} DAY", "{D} - INTERVAL {k} MONTH", "DATE_ADD({D}, INTERVAL {k} YEAR)", "LAST_DAY({D})", "MAKEDATE(2020 + {k}, {k} + 1)",
			"FROM_DAYS(730000 + {k})", "CAST({T} AS DATE)", "CAST({s} AS DATE)", "ADDDATE({D}, {k})", "STR_TO_DATE('2024,5,17', '%Y,%m,%d')", "{D} + INTERVAL {k} WEEK",
			"{D} - INTERVAL {k} QUARTER", "CURDATE()", "DATE(NOW())", "DATE_ADD({D}, INTERVAL {n} DAY)", "SUBDATE({D}, INTERVAL {k} {U})", "CONVERT({T}, DATE)", "STR_TO_DATE({s}, '%Y-%m-%d')",
			"DATE_SUB({D}, INTERVAL '1-2' YEAR_MONTH)", "LAST_DAY({T})", "MAKEDATE(YEAR({D}), 60)",
		},
		datetime: {
			"{T} + INTERVAL {k} HOUR", "{T} - INTERVAL {n} SECOND", "{D} + INTERVAL {k} MINUTE", "TIMESTAMP({D})", "TIMESTAMP({D}, {t})", "CAST({D} AS DATETIME)",
			"CAST({s} AS DATETIME)", "ADDTIME({T}, {t})", "SUBTIME({T}, {t})", "DATE_ADD({T}, INTERVAL '1:30' MINUTE_SECOND)", "DATE_SUB({T}, INTERVAL '2 3' DAY_HOUR)",
			"CAST({T} AS DATETIME(3))", "CONVERT_TZ({T}, '+00:00', '+05:30')", "STR_TO_DATE('2024-05-17 10:11', '%Y-%m-%d %H:%i')", "FROM_UNIXTIME(1700000000 + {k})",
			"TIMESTAMPADD(DAY, {k}, {T})", "{T} + INTERVAL {k} MICROSECOND", "NOW()", "{T} - INTERVAL {k} {U}", "DATE_ADD({T}, INTERVAL {d} SECOND)", "TIMESTAMPADD({U}, {k}, {T})",
			"{T} + INTERVAL '1 2:3:4' DAY_SECOND", "{T} - INTERVAL '1.5' SECOND_MICROSECOND", "CONVERT({D}, DATETIME)", "STR_TO_DATE({s}, '%Y-%m-%d %H')", "DATE_FORMAT({T}, '%Y-%m-%d %H:00')",
		},
		clock: {
			"TIME({T})", "SEC_TO_TIME({n})", "MAKETIME({k}, {k}, {k})", "ADDTIME({t}, {t})", "SUBTIME({t}, {t})", "TIMEDIFF({T}, {T})", "CAST({T} AS TIME)", "CAST({s} AS TIME)",
			"TIMEDIFF({t}, {t})", "CAST({t} AS TIME(2))", "CURTIME()", "CAST({n} AS TIME)", "{t} + INTERVAL {k} MINUTE", "MAKETIME({k}, {k}, {d})", "STR_TO_DATE('11:12', '%H:%i')",
			"ADDTIME({t}, '00:00:01.5')", "SEC_TO_TIME({d})",
		},
		truth: {
			"{n} = {n}", "{n} < {d}", "{d} >= {f}", "{s} = {s}", "{s} < {s}", "{D} = {D}", "{D} <= {T}", "{T} > {T}", "{t} < {t}", "{n} <=> {n}", "{s} <=> {s}", "{n} <> {s}",
			"{b} AND {b}", "{b} OR {b}", "NOT {b}", "{b} XOR {b}", "{n} IS NULL", "{s} IS NOT NULL", "{b} IS TRUE", "{b} IS NOT FALSE", "{n} IN ({n}, {n}, {n})",
			"{s} IN ({s}, {s})", "{n} NOT IN ({n}, {d})", "{d} BETWEEN {n} AND {d}", "{s} NOT BETWEEN {s} AND {s}", "{D} BETWEEN {D} AND {D}", "{s} LIKE {s}",
			"{s} NOT LIKE 'a%'", "{s} LIKE '_b%'", "{s} REGEXP '^a'", "({n}, {s}) = ({n}, {s})", "({n}, {n}) IN (({n}, {n}), ({n}, {n}))", "{D} = {s}", "{d} = {s}", "ISNULL({t})",
			"{n} < ANY (SELECT i FROM c)", "{n} IN (SELECT t FROM b)", "EXISTS (SELECT 1 FROM c WHERE c.i > {n})", "{s} IN (SELECT v FROM c)",
			"{d} <> {d}", "{T} BETWEEN {D} AND {T}", "{t} = {t}", "{f} <=> {f}", "{D} <> {D}", "{T} <=> {T}", "{b} IS UNKNOWN", "{n} IS NOT TRUE", "{D} IN ({D}, {D})", "{d} IN ({d}, {n})",
			"{s} LIKE CONCAT({s}, '%')", "{s} LIKE 'a|%' ESCAPE '|'", "{s} NOT REGEXP 'b$'", "{s} RLIKE '[0-9]'", "({D}, {n}) < ({D}, {n})", "({s}, {d}) <=> ({s}, {d})",
			"{s} = {s} COLLATE utf8mb4_bin", "BINARY {s} = {s}", "{n} BETWEEN {k} AND {n}", "{n} > {d} OR {s} = 'a'", "{b} = {b}", "{b} && NOT {b}", "{n}", "{s} > {s} AND {n} < {k}",
			"JSON_EXTRACT({j}, '$.a') = 1", "{n} NOT IN (1, NULL, {n})", "COALESCE({s}, '') = ''", "{s} BETWEEN 'a' AND {s}", "STRCMP({s}, {s}) = 0", "{t} BETWEEN {t} AND {t}", "{s} SOUNDS LIKE {s}", "({n}, {s}) <> ({n}, {s})", "{s} NOT LIKE {s} ESCAPE 'b'", "{n} IN (SELECT q.i FROM b q WHERE q.d > {d})", "{D} IN (SELECT da FROM c)", "{s} IN (SELECT UPPER(s) FROM a)",
		},
		document: {
			"JSON_OBJECT('a', {n}, 'b', {s})", "JSON_ARRAY({n}, {s}, {d})", "JSON_EXTRACT({j}, {p})", "JSON_SET({j}, {p}, {k})", "JSON_INSERT({j}, '$.z', {s})", "JSON_REPLACE({j}, {p}, {n})",
			"JSON_REMOVE({j}, '$.a')", "JSON_KEYS({j})", "JSON_MERGE_PATCH({j}, {j})", "JSON_ARRAY_APPEND({j}, '$', {n})", "JSON_MERGE_PRESERVE({j}, {j})", "JSON_ARRAY({D}, {T}, {t})",
			"JSON_OBJECT('k', {j})", "JSON_SEARCH({j}, 'one', 'x')", "JSON_ARRAY_INSERT({j}, '$[0]', {k})",
		},
	}
}
