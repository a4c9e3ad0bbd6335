package generate

import (
	"fmt"
	"slices"
	"strings"

	"cloudsql/storage/expr"
)

// functions are what the grammar can't say by itself. Filled by init, since they use the grammar.
var functions map[string]func(g *Generator) string

func init() {
	functions = map[string]func(g *Generator) string{
		"expr": (*Generator).expr, "literal": (*Generator).literal, "text": (*Generator).text, "column": (*Generator).columnName,
		"arrow": func(g *Generator) string { // which stands after columns only, by the grammar
			if len(g.scopes) == 0 || len(g.scopes[len(g.scopes)-1]) == 0 {
				return g.expand("JSON_EXTRACT({expr}, '$[0]')")
			}
			return g.columnName() + g.expand("{->|->>}{'$.a'|'$[0]'|'$'|'x'}")
		},
		"constant": (*Generator).constant, "shallow": func(g *Generator) string {
			g.depth += 2
			defer func() { g.depth -= 2 }()
			return g.expr()
		},
		"tablename": func(g *Generator) string { return g.table().name },
		"key": func(g *Generator) string {
			return g.pick("k0", "k1", "k2", "a", "s", "b", "PRIMARY", "id", g.oneOf(oddNames))
		},
		"integer": func(g *Generator) string { return g.oneOf(integers) },
		"small":   func(g *Generator) string { return fmt.Sprint(g.n(8)) },
		"json":    func(g *Generator) string { return quote(`{"a": [1, {"b": null}], "c": "x"}`) },
		"jsonrows": func(g *Generator) string {
			return quote(g.pick(`[{"c": 1, "d": "x"}, {"c": [2, 3]}, null, 4]`, `[1, [2, 3], {"a": [{"b": [4]}], "b": null}]`, `{"a": [[1, 2], [], [null]], "b": true}`))
		},
		"query1": func(g *Generator) string { return g.query(1) },
		"query2": func(g *Generator) string { return g.query(2) },
		"insert": (*Generator).insert, "update": (*Generator).update, "delete": (*Generator).delete,
		"query": (*Generator).topQuery, "dmltext": func(g *Generator) string { return g.expand("{dml}") },
		"variable": func(g *Generator) string {
			if len(g.Vars) == 0 || g.chance(0.1) {
				return "nothing"
			}
			return g.oneOf(g.Vars)
		},
		"statement": func(g *Generator) string {
			if g.depth++; g.depth > 1 {
				return "SELECT 1"
			}
			return g.statement().SQL
		},
		"prepare": func(g *Generator) string {
			binding := g.binding
			g.binding = false
			s := g.expand("{{query}|{query}|{dmltext}|{statement}|{text}}")
			g.binding = binding
			s = strings.Replace(s, "1", "?", g.n(2))
			if g.chance(0.9) {
				return g.expand("PREPARE {p0|p1|p2} FROM ") + quote(s)
			}
			return "PREPARE p0 FROM @a"
		},
		"keyparts": (*Generator).keyparts,
	}
}

func (g *Generator) keyparts() string {
	scope := []string{"a", "b", "id", "s"}
	if len(g.scopes) > 0 && len(g.scopes[0]) > 0 {
		scope = g.scopes[0][0].columns
	} else if t := g.table(); len(t.columns) > 0 {
		scope = t.columns
	}
	if len(scope) == 0 {
		scope = []string{"a"}
	}
	parts := make([]string, 1+g.n(3)*g.n(2))
	for i := range parts {
		parts[i] = g.oneOf(scope) + g.pick("", "", "", "(3)", " DESC", "(10) ASC", "(4000)")
		if g.chance(0.06) {
			parts[i] = g.expand("({expr})")
		} else if g.chance(0.03) {
			parts[i] = g.oneOf([]string{"(lower(" + parts[i] + "))", "(" + parts[i] + " + 1)", "((cast(" + parts[i] + " AS char(20)))) DESC"})
		}
	}
	return strings.Join(parts, ", ")
}

// spelled are functions that are not written as name(arguments).
var spelled = []string{
	"+", "-", "*", "/", "div", "%", "mod", "neg", "unary +", "&", "|", "^", "<<", ">>", "~", "cast", "collate", "binary", "convert using", "=", "<>", "<", "<=",
	">", ">=", "<=>", "!=", "between", "not between", "row", "case", "case value", "@", ":=", "@@", "extract", "->", "->>", "member of", "like", "not like", "xor",
	"and", "or", "not", "is null", "is not null", "is true", "is not true", "is false", "is not false", "in", "not in", "char using", "timestampadd", "timestampdiff",
	"regexp", "not regexp", "rlike", "sleep", "benchmark", "get_lock", "repeat", "space", "lpad", "rpad", "get_format", "random_bytes", "date_add", "date_sub", "adddate",
	"subdate", "trim", "weight_string", "position", "&&", "||", "interval",
}

var callable = func() []string {
	var list []string
	for _, n := range expr.Names() {
		if !slices.Contains(spelled, n) && !strings.ContainsAny(n, " +-*/%&|^<>=!~@:") {
			list = append(list, n)
		}
	}
	return list
}()

// call calls any function of the registry with about as many arguments as it wants.
func (g *Generator) call() string {
	if g.chance(0.2) {
		return g.expand("{special}")
	}
	name := g.oneOf(callable)
	n := g.n(4)
	if lo, hi, ok := expr.Arity(name); ok && !g.chance(0.03) {
		if hi < 0 {
			hi = lo + 2
		}
		n = lo + g.n(hi-lo+1)
	}
	args := make([]string, n)
	for i := range args {
		args[i] = g.expr()
	}
	if g.chance(0.01) {
		name = g.pick("nothing", "st_area", "load_file", g.Database+".f", "`abs`")
	}
	return name + "(" + strings.Join(args, ", ") + ")"
}

func (g *Generator) insert() string {
	t := g.table()
	g.scopes = nil
	cols := slices.Clone(t.columns)
	list := ""
	if len(cols) > 0 && g.chance(0.5) {
		g.rng.Shuffle(len(cols), func(i, j int) { cols[i], cols[j] = cols[j], cols[i] })
		cols = cols[:1+g.n(len(cols))]
		list = " (" + strings.Join(cols, ", ") + ")"
	}
	verb := g.pick("INSERT INTO ", "INSERT INTO ", "INSERT IGNORE INTO ", "INSERT IGNORE INTO ", "REPLACE INTO ", "INSERT LOW_PRIORITY INTO ", "INSERT ")
	var b strings.Builder
	b.WriteString(verb + t.name)
	switch g.n(12) {
	case 0, 1:
		b.WriteString(list + " " + limited(g.query(max(len(cols), 1)), " LIMIT 5"))
	case 2:
		var sets []string
		for _, c := range cols[:min(len(cols), 1+g.n(4))] {
			sets = append(sets, c+g.expand(" = {{constant}|{constant}|DEFAULT|{expr}}"))
		}
		b.WriteString(" SET " + strings.Join(sets, ", "))
	case 3:
		b.WriteString(list + " VALUES ()")
	case 4:
		b.WriteString(list + " TABLE " + g.table().name)
	default:
		var rows []string
		for range 1 + g.n(4)*g.n(2) {
			rows = append(rows, g.pick("", "", "", "ROW")+"("+g.list(len(cols), len(cols), "{{constant}|{constant}|{constant}|{constant}|DEFAULT|{expr}}")+")")
		}
		b.WriteString(list + " VALUES " + strings.Join(rows, ", "))
		if g.chance(0.05) {
			b.WriteString(" AS n")
			if g.chance(0.5) {
				names := make([]string, len(cols))
				for i := range cols {
					names[i] = fmt.Sprint("n", i)
				}
				b.WriteString(" (" + strings.Join(names, ", ") + ") ON DUPLICATE KEY UPDATE " + g.column(t) + g.expand(" = n.n0{| + 1| AND {literal}}"))
				return b.String()
			}
		}
	}
	if g.chance(0.25) && !strings.HasPrefix(verb, "REPLACE") && len(t.columns) > 0 {
		g.scopes = [][]source{{{t.name, t.columns}}}
		var sets []string
		for range 1 + g.n(2) {
			value := g.expand("{{expr}|VALUES|{column} + 1|DEFAULT|CONCAT({column}, {literal})}")
			if value == "VALUES" { // a name is no part of a template: it may have braces
				value += "(" + g.oneOf(t.columns) + ")"
			}
			sets = append(sets, g.oneOf(t.columns)+" = "+value)
		}
		b.WriteString(" ON DUPLICATE KEY UPDATE " + strings.Join(sets, ", "))
	}
	return b.String()
}

func (g *Generator) update() string {
	if g.chance(0.15) {
		from, scope := g.from()
		if from == "" {
			from, scope = "t0 AS r0", []source{{"r0", []string{"a", "s"}}}
		}
		g.scopes = [][]source{scope}
		src := scope[g.n(len(scope))]
		with := ""
		if g.chance(0.1) {
			with = g.with()
		}
		return with + "UPDATE " + g.pick("", "", "IGNORE ") + from + " SET " + src.alias + "." + g.oneOf(append(src.columns, "a")) + " = " + g.expand("{expr} {WHERE {expr}|}")
	}
	t := g.table()
	g.scopes = [][]source{{{t.name, t.columns}}}
	var sets []string
	for range 1 + g.n(3)*g.n(2) {
		sets = append(sets, g.column(t)+" = "+g.expand("{{expr}|{constant}|{constant}|{column}|{column} + {constant}|CONCAT({column}, {constant})|DEFAULT|IF({expr}, {column}, {constant})}"))
	}
	return "UPDATE " + g.pick("", "", "", "IGNORE ", "LOW_PRIORITY ") + t.name + " SET " + strings.Join(sets, ", ") + g.tail(t)
}

// tail is which rows a change is about: half of the time those of a key.
func (g *Generator) tail(t *table) string {
	s := ""
	switch g.n(10) {
	case 0:
	case 1, 2, 3, 4:
		if len(t.columns) > 0 {
			s = " WHERE " + t.columns[0] + g.pick(" = ", " = ", " IN ") + g.expand("({constant})")
			if g.chance(0.3) {
				s += " AND " + g.expand("{expr}")
			}
		}
	default:
		s = " WHERE " + g.condition()
	}
	if g.chance(0.15) {
		s += g.expand(" ORDER BY {expr}")
	}
	if g.chance(0.2) {
		s += " LIMIT " + fmt.Sprint(g.n(4))
	}
	return s
}

func (g *Generator) delete() string {
	if g.chance(0.15) {
		from, scope := g.from()
		if from == "" {
			return "DELETE FROM nothing"
		}
		g.scopes = [][]source{scope}
		last := scope[len(scope)-1].alias
		return g.pick("DELETE "+scope[0].alias+", "+last+" FROM "+from, "DELETE "+last+" FROM "+from, "DELETE "+scope[0].alias+" FROM "+from, "DELETE FROM "+scope[0].alias+" USING "+from) + " WHERE " + g.condition()
	}
	t := g.table()
	g.scopes = [][]source{{{t.name, t.columns}}}
	return "DELETE " + g.pick("", "", "IGNORE ", "QUICK ") + "FROM " + t.name + g.tail(t)
}

// rules is the grammar of what needs no memory.
var rules = map[string][]string{
	"dml": {"{insert}", "{insert}", "{insert}", "{insert}", "{update}", "{update}", "{update}", "{delete}"},
	"operation": {
		"{expr} {arith} {expr}", "{expr} {compare} {expr}", "{expr} {AND|OR|XOR|&&} {expr}", "({expr})", "NOT {expr}", "-{expr}", "~{expr}", "!{expr}",
		"{expr} IS {NOT |}{NULL|TRUE|FALSE|UNKNOWN}", "{expr} {NOT |}BETWEEN {expr} AND {expr}", "{expr} {NOT |}IN ({expr}{|, {expr}|, {constant}, {constant}})",
		"{expr} {NOT |}LIKE {expr}{||| ESCAPE {'!'|''|'ab'|NULL}}", "{expr} {NOT |}REGEXP {expr}", "CASE WHEN {expr} THEN {expr} {|ELSE {expr} }END",
		"CASE {expr} WHEN {expr} THEN {expr} WHEN {expr} THEN {expr} {|ELSE {expr} }END", "({expr}, {expr}) {=|<>|<|>=|<=>} ({expr}, {expr})",
		"({expr}, {expr}) IN (({expr}, {expr}), ({literal}, {literal}))", "CAST({expr} AS {casttype})", "CONVERT({expr}, {casttype})", "CONVERT({expr} USING {charset})",
		"{expr} COLLATE {collation}", "BINARY {expr}", "{expr} {+|-} INTERVAL {expr} {unit}", "{arrow}", "{arrow}",
		"{expr} MEMBER OF ({expr})", "{expr} {arith} {expr}", "{expr} {compare} {expr}", "{column} {compare} {constant}",
	},
	"arith":   {"+", "-", "*", "/", "DIV", "%", "MOD", "&", "|", "^", "<<", ">>", "||"},
	"compare": {"=", "<>", "<", "<=", ">", ">=", "<=>", "!="},
	"special": {
		"DATE_ADD({expr}, INTERVAL {expr} {unit})", "DATE_SUB({expr}, INTERVAL {expr} {unit})", "ADDDATE({expr}, {expr})", "SUBDATE({expr}, INTERVAL {expr} {unit})",
		"EXTRACT({unit} FROM {expr})", "TIMESTAMPADD({simpleunit}, {expr}, {expr})", "TIMESTAMPDIFF({simpleunit}, {expr}, {expr})",
		"TRIM({LEADING|TRAILING|BOTH} {expr} FROM {expr})", "TRIM({expr} FROM {expr})", "SUBSTRING({expr} FROM {expr} FOR {expr})", "SUBSTRING({expr}, {expr})",
		"POSITION({shallow} IN {expr})", "REPEAT({expr}, {small})", "SPACE({small})", "LPAD({expr}, {small}, {expr})", "RPAD({expr}, {small}, {expr})",
		"REPEAT({shallow}, {literal})", "LPAD({shallow}, {literal}, {shallow})", "CHAR({expr}, {expr} USING {charset})", "GET_FORMAT({DATE|TIME|DATETIME}, {'EUR'|'USA'|{expr}})",
		"WEIGHT_STRING({expr}{| AS CHAR({small})| AS BINARY({small})})", "SLEEP(0.00{1|2})", "SLEEP({NULL|-1|'x'})", "BENCHMARK({small}, {expr})",
		"GET_LOCK({'l0'|'l1'|'l2'|''|NULL|{literal}}, 0)", "RELEASE_LOCK({'l0'|'l1'})", "RANDOM_BYTES({small})", "RANDOM_BYTES({integer})", "NOW({small})", "CURRENT_TIMESTAMP", "CURRENT_DATE",
		"UTC_TIME({small})", "CURRENT_USER", "JSON_OBJECT({expr}, {expr})", "JSON_SET({json}, {'$.a'|'$.a[1]'|'$[9]'|{expr}}, {expr})", "JSON_EXTRACT({json}, {'$.a'|'$**.b'|{expr}})",
		"JSON_ARRAY({expr}, {expr})", "JSON_SEARCH({json}, 'one', {expr})", "JSON_VALUE({json}, '$.a' {|RETURNING {casttype}} {|NULL ON EMPTY|ERROR ON ERROR|DEFAULT 1 ON EMPTY})",
		"JSON_CONTAINS({json}, {expr}, {'$.a'|{expr}})", "IF({expr}, {expr}, {expr})", "IFNULL({expr}, {expr})", "NULLIF({expr}, {expr})", "COALESCE({expr}, {expr}, {expr})",
		"CONCAT({expr}, {expr}, {expr})", "CONCAT_WS(',', {expr}, {expr})", "INTERVAL({expr}, {expr}, {expr})", "GROUPING({column})", "MATCH ({column}) AGAINST ('a')",
		"STR_TO_DATE({expr}, {'%Y-%m-%d'|'%H:%i:%s'|'%j'|'%X%V %W'|{expr}})", "DATE_FORMAT({expr}, {'%Y-%m-%d %T.%f'|'%U %u %V %v %X %x'|{expr}})",
	},
	"unit":       {"{simpleunit}", "{simpleunit}", "SECOND_MICROSECOND", "MINUTE_MICROSECOND", "HOUR_SECOND", "DAY_MICROSECOND", "DAY_HOUR", "YEAR_MONTH", "HOUR_MINUTE", "DAY_SECOND"},
	"simpleunit": {"MICROSECOND", "SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"},
	"casttype": {
		"SIGNED", "UNSIGNED", "CHAR", "CHAR({small})", "CHAR({integer})", "CHAR CHARACTER SET {charset}", "BINARY", "BINARY({small})", "DATE", "DATETIME", "DATETIME(6)", "DATETIME(7)", "TIME",
		"TIME(3)", "DECIMAL", "DECIMAL(65,30)", "DECIMAL(10,2)", "DECIMAL({integer})", "DOUBLE", "FLOAT", "FLOAT({small})", "REAL", "JSON", "YEAR", "NCHAR(3)", "{SIGNED|SIGNED|SIGNED|UNSIGNED ARRAY}",
	},
	"charset": {"utf8mb4", "latin1", "binary", "ascii", "utf8mb3", "utf8mb4", "utf8mb4", "latin1", "{ucs2|utf16|gbk|nothing}"},
	"collation": {
		"utf8mb4_bin", "utf8mb4_0900_ai_ci", "utf8mb4_general_ci", "utf8mb4_unicode_ci", "latin1_swedish_ci", "binary", "utf8mb4_0900_as_cs", "utf8mb4_0900_bin",
		"utf8mb4_ja_0900_as_cs", "ascii_bin", "nothing", "utf8mb3_general_ci",
	},
	"agg": {
		"COUNT(*)", "COUNT({expr})", "COUNT(DISTINCT {expr})", "COUNT(DISTINCT {expr}, {expr})", "SUM({expr})", "SUM(DISTINCT {expr})", "AVG({expr})", "MIN({expr})", "MAX({expr})",
		"MAX(DISTINCT {expr})", "GROUP_CONCAT({expr})", "GROUP_CONCAT(DISTINCT {expr} ORDER BY {expr} DESC SEPARATOR {text})", "GROUP_CONCAT({expr}, {expr} ORDER BY 1, {expr})",
		"BIT_AND({expr})", "BIT_OR({expr})", "BIT_XOR({expr})", "STD({expr})", "VAR_SAMP({expr})", "STDDEV_POP({expr})", "VARIANCE({expr})", "JSON_ARRAYAGG({expr})",
		"JSON_OBJECTAGG({expr}, {expr})", "ANY_VALUE({expr})", "GROUPING({column})",
	},
	"windowfn": {
		"ROW_NUMBER()", "RANK()", "DENSE_RANK()", "PERCENT_RANK()", "CUME_DIST()", "NTILE({small})", "NTILE({literal})", "LAG({expr})", "LAG({expr}, {small}, {expr})", "LEAD({expr}, {literal})",
		"FIRST_VALUE({expr})", "LAST_VALUE({expr})", "NTH_VALUE({expr}, {small})", "NTH_VALUE({expr}, {literal})", "{agg}", "{agg}", "{agg}",
	},
	"overspec":   {"{|PARTITION BY {shallow}{|, {column}}} {|ORDER BY {shallow} {|DESC}{|, {column}}} {|{frame}}"},
	"rangespec":  {"{|PARTITION BY {column}} ORDER BY {column}{| DESC| + 0} RANGE BETWEEN {rangebound} PRECEDING AND {{rangebound} FOLLOWING|{rangebound} PRECEDING|CURRENT ROW|UNBOUNDED FOLLOWING}"},
	"rangebound": {"{small}", "{small}", "1.5", "INTERVAL {small} {simpleunit}", "UNBOUNDED", "{literal}"},
	"jsontable": {
		"JSON_TABLE({jsondoc}, {'$[*]'|'$'|'$.a[*]'} COLUMNS (c0 {int|varchar(5)|json|{type}} PATH {'$'|'$.b'|'$[0]'} {jsondefault}, c1 {FOR ORDINALITY|int EXISTS PATH '$.b'|decimal(5,2) PATH '$.c' {jsondefault}}))",
		"JSON_TABLE({jsondoc}, '$.a[*]' COLUMNS (NESTED PATH '$[*]' COLUMNS (c0 json PATH '$'), NESTED '$.b[*]' COLUMNS (n FOR ORDINALITY, c1 {type} PATH '$' {jsondefault})))",
		"JSON_TABLE({jsonrows}, '$[*]' COLUMNS (c0 int PATH '$.c' {jsondefault}, NESTED PATH '$.c[*]' COLUMNS (c1 int PATH '$')))",
	},
	"jsondoc":     {"{json}", "{shallow}", "{jsonrows}", "'[]'", "{text}", "CAST('[1, 2.5, \"x\"]' AS JSON)"},
	"jsondefault": {"", "", "{NULL|ERROR|DEFAULT '1'|DEFAULT {text}} ON EMPTY", "{NULL|ERROR|DEFAULT '[1]'} ON ERROR", "DEFAULT '0' ON EMPTY DEFAULT '7' ON ERROR"},
	"frame":       {"{ROWS|RANGE|GROUPS} {framebound}", "{ROWS|RANGE} BETWEEN {framebound} AND {framebound}"},
	"framebound":  {"UNBOUNDED PRECEDING", "CURRENT ROW", "{small} PRECEDING", "{small} FOLLOWING", "UNBOUNDED FOLLOWING", "INTERVAL {small} DAY PRECEDING", "{literal} FOLLOWING"},
	"order":       {"ORDER BY {orderitem}", "ORDER BY {orderitem}, {orderitem}", "ORDER BY {column} {|DESC}"},
	"orderitem":   {"{column}", "{column} DESC", "{expr}", "1", "2 DESC", "{expr} DESC", "RAND()", "a0"},
	"limit":       {"LIMIT {small}", "LIMIT {small} OFFSET {small}", "LIMIT {small}, {small}", "LIMIT 18446744073709551615", "LIMIT 0", "LIMIT 1 OFFSET 18446744073709551615"},
	"hint":        {"/*+ MAX_EXECUTION_TIME(1000) */", "/*+ NO_INDEX(r0) */", "/*+ nothing(x) */", "/*+ SET_VAR(sql_mode='') */", "/*+ JOIN_ORDER(r1, r0) */", "/* plain */"},
	"level":       {"READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE", "READ UNCOMMITTED"},
	"indexoption": {"USING BTREE", "USING HASH", "COMMENT 'c'", "INVISIBLE", "KEY_BLOCK_SIZE = 8"},
	"type": {
		"INT", "INT UNSIGNED", "TINYINT", "TINYINT(1)", "SMALLINT UNSIGNED", "MEDIUMINT", "BIGINT", "BIGINT UNSIGNED ZEROFILL", "INT(11) ZEROFILL", "DECIMAL(10,2)", "DECIMAL(65,30)", "DECIMAL",
		"NUMERIC(5)", "DECIMAL(5,5) UNSIGNED", "FLOAT", "FLOAT(7,3)", "DOUBLE", "DOUBLE(20,5)", "REAL", "BIT", "BIT(64)", "BIT(10)", "DATE", "DATETIME", "DATETIME(6)", "TIMESTAMP", "TIMESTAMP(3)",
		"TIME", "TIME(6)", "YEAR", "YEAR(4)", "CHAR", "CHAR(10)", "CHAR(255)", "CHAR(0)", "VARCHAR(20)", "VARCHAR(255)", "VARCHAR(16000)", "VARCHAR(0)", "BINARY(5)", "BINARY", "VARBINARY(100)",
		"TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT", "TEXT(100)", "TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB", "BLOB(70000)", "ENUM('a','b','c')", "ENUM('')", "ENUM('a','A')", "ENUM('x', 'é', '日本')",
		"SET('a','b','c')", "SET('x')", "SET('a,b')", "JSON", "BOOLEAN", "SERIAL", "NATIONAL CHAR(5)", "CHAR(10) CHARACTER SET latin1", "VARCHAR(20) COLLATE utf8mb4_bin", "VARCHAR(20) BINARY",
		"VARCHAR({integer})", "CHAR({integer})", "DECIMAL({integer},{integer})", "INT({integer})", "FLOAT({integer})", "DATETIME({small})", "TIME({integer})", "BIT({integer})", "GEOMETRY", "POINT",
		"VARCHAR(10) CHARACTER SET {charset}", "VARCHAR(10) COLLATE {collation}", "ENUM({text}, {text})", "SET({text}, {text}, {text})", "CHAR({integer}{integer}{integer}{integer}{integer}{integer}{integer}{integer}{integer})",
	},
	"columnoptions": {
		"", "", "", "NOT NULL", "NULL", "DEFAULT {literal}", "DEFAULT {literal}", "NOT NULL DEFAULT {literal}", "DEFAULT ({expr})", "DEFAULT ({shallow})", "DEFAULT CURRENT_TIMESTAMP",
		"DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3)", "DEFAULT NOW() ON UPDATE NOW()", "UNIQUE", "PRIMARY KEY", "AUTO_INCREMENT", "AUTO_INCREMENT UNIQUE", "COMMENT {text}", "KEY",
		"NOT NULL COMMENT 'c'", "CHECK ({expr})", "CHECK ({expr}) NOT ENFORCED", "GENERATED ALWAYS AS ({expr})", "AS ({expr}) {STORED|VIRTUAL}", "AS ({shallow}) {STORED|VIRTUAL} {|UNIQUE|NOT NULL|INVISIBLE}", "INVISIBLE", "COLLATE {collation}", "REFERENCES t0 (a)", "DEFAULT -{literal}", "DEFAULT (UUID())",
		"DEFAULT ''", "DEFAULT NULL", "NOT NULL DEFAULT ''", "DEFAULT 0", "COLUMN_FORMAT FIXED", "NOT NULL UNIQUE",
	},
	"tablekey": {
		"KEY {k0|k1|k2|} ({keyparts})", "INDEX ({keyparts})", "UNIQUE KEY ({keyparts})", "PRIMARY KEY ({keyparts})", "UNIQUE {k0|k1} ({keyparts}) {indexoption?}", "CONSTRAINT x CHECK ({expr}) NOT ENFORCED", "CHECK ({expr})",
		"FULLTEXT KEY ({keyparts})", "{foreignkey}", "{foreignkey}", "CONSTRAINT PRIMARY KEY ({keyparts})",
	},
	"tableoption": {
		"ENGINE = {InnoDB|MyISAM|nothing}", "DEFAULT CHARSET = {charset}", "COLLATE = {collation}", "AUTO_INCREMENT = {integer}", "COMMENT = {text}", "ROW_FORMAT = {DYNAMIC|COMPRESSED}", "PARTITION BY HASH (c0) PARTITIONS 2",
		"KEY_BLOCK_SIZE = 8", "STATS_PERSISTENT = 0",
	},
	"foreignkey": {
		"FOREIGN KEY ({keyparts}) REFERENCES t0 (id)", "{|CONSTRAINT x|CONSTRAINT y} FOREIGN KEY {|k0|k1} ({column}) REFERENCES {t0|t1|t7|{tablename}} ({id|a|{column}}) {| ON DELETE {action}} {| ON UPDATE {action}}",
		"FOREIGN KEY ({column}, {column}) REFERENCES {t2|{tablename}} (a, b) {MATCH FULL|}", "CONSTRAINT x FOREIGN KEY ({column}) REFERENCES {tablename} ({column}) ON DELETE CASCADE",
	},
	"action": {"CASCADE", "SET NULL", "RESTRICT", "NO ACTION", "SET DEFAULT", "CASCADE"},
	"alterclause": {
		"ADD {foreignkey}", "ADD {foreignkey}", "DROP FOREIGN KEY {x|y|up|t7_ibfk_1|{key}}", "ALTER CHECK {x|of_both} {NOT |}ENFORCED", "ADD CONSTRAINT {x|y} CHECK ({expr})", "ADD CHECK ({column} {compare} {literal})",
		"ADD COLUMN {z1|z2} {type} AS ({expr}) {STORED|VIRTUAL}",
		"ADD {INDEX|KEY|UNIQUE KEY|UNIQUE} {k0|k1|k2|} ({keyparts})", "ADD PRIMARY KEY ({keyparts})", "DROP PRIMARY KEY", "DROP KEY {key}", "RENAME KEY {key} TO {k0|k1|k3}", "RENAME TO {n0|n1}", "AUTO_INCREMENT = {integer}",
		"COMMENT = {text}", "CONVERT TO CHARACTER SET {charset}", "DEFAULT CHARACTER SET {charset}", "COLLATE {collation}", "ENGINE = InnoDB", "FORCE", "ALGORITHM = {INPLACE|COPY|INSTANT|DEFAULT}", "LOCK = {NONE|SHARED|EXCLUSIVE}",
		"ALTER INDEX {key} {INVISIBLE|VISIBLE}", "ADD CONSTRAINT x CHECK ({expr}) NOT ENFORCED", "DROP CHECK x", "ORDER BY a", "DISABLE KEYS", "ADD FULLTEXT ({keyparts})", "ROW_FORMAT = DYNAMIC", "DROP CONSTRAINT x",
	},
	"ddlrare": {
		"CREATE DATABASE {d0|d1}", "DROP DATABASE {IF EXISTS|} {d0|d1}", "ALTER DATABASE d0 {CHARACTER SET {charset}|COLLATE {collation}|READ ONLY = 1}", "CREATE DATABASE IF NOT EXISTS d0 COLLATE {collation}",
		"CREATE VIEW v AS {query1}", "CREATE TEMPORARY TABLE {tt|t0} (a int, KEY (a), b varchar(20) AS (a) {VIRTUAL|STORED})", "DROP TEMPORARY TABLE {|IF EXISTS }{tt|t0}", "CREATE TEMPORARY TABLE tt {|AS} {query1}", "CREATE TABLE d0.x {AS|} {query1}", "DROP TABLE {tablename}, {tablename}", "DROP VIEW IF EXISTS v", "CREATE TRIGGER x BEFORE INSERT ON t0 FOR EACH ROW SET @a = 1",
		"ANALYZE TABLE {tablename}", "ANALYZE TABLE {tablename} {UPDATE HISTOGRAM ON a WITH 8 BUCKETS|DROP HISTOGRAM ON a}", "SET foreign_key_checks = {0|1}", "OPTIMIZE TABLE {tablename}", "CHECK TABLE {tablename}", "REPAIR TABLE {tablename}", "CHECKSUM TABLE {tablename}", "ALTER TABLE {tablename} RENAME TO d0.x", "RENAME TABLE d0.x TO x9",
		"CREATE PROCEDURE p() SELECT 1", "DROP TABLE IF EXISTS nothing", "CREATE TABLE mysql.x (a int)", "DROP TABLE information_schema.tables", "INSERT INTO mysql.user VALUES (1)", "CREATE SEQUENCE q", "ALTER TABLE {tablename} SPLIT BY (1)",
	},
	"other": {
		"SET @a = {expr}", "SET @a = {expr}, @b = {expr}", "SET @b := ({query1})", "SET {variable} = {constant}", "SET SESSION {variable} = {literal}", "SET @@{variable} = DEFAULT", "SET sql_mode = {text}",
		"SET time_zone = {'+05:30'|'SYSTEM'|'UTC'|'Europe/Berlin'|{text}}", "SET NAMES {utf8mb4|latin1|binary|{charset}} {| COLLATE {collation}}", "SET CHARACTER SET {charset}", "SET sql_select_limit = {integer}",
		"SHOW {FULL|} TABLES {| LIKE {text}| WHERE {expr}}", "SHOW {FULL|EXTENDED|} COLUMNS FROM {tablename} {| LIKE {text}| WHERE {expr}}", "SHOW INDEX FROM {tablename} {| WHERE {expr}}", "SHOW CREATE TABLE {tablename}",
		"SHOW CREATE DATABASE {d0|nothing}", "SHOW {SESSION|GLOBAL|} VARIABLES LIKE {text}", "SHOW {GLOBAL|} STATUS {LIKE {text}|WHERE {expr}}", "SHOW WARNINGS {|LIMIT {small}}", "SHOW ERRORS", "SHOW COUNT(*) WARNINGS", "SHOW PROCESSLIST",
		"SHOW DATABASES {|LIKE {text}}", "SHOW GRANTS {|FOR {user}}", "SHOW CREATE USER {user}", "SHOW TABLE STATUS {|LIKE {text}| WHERE {expr}}", "SHOW ENGINES", "SHOW COLLATION {WHERE {expr}|LIKE {text}}", "SHOW CHARACTER SET", "SHOW PLUGINS",
		"SHOW PRIVILEGES", "SHOW OPEN TABLES", "SHOW TRIGGERS", "SHOW EVENTS", "SHOW PROCEDURE STATUS", "SHOW ENGINE INNODB STATUS", "SHOW MASTER STATUS", "SHOW PROFILES", "SHOW CREATE VIEW {tablename}",
		"DESCRIBE {tablename}", "DESC {tablename} {column}", "EXPLAIN {tablename}", "EXPLAIN {dmltext}", "EXPLAIN {dmltext}", "EXPLAIN {FORMAT=TREE|FORMAT=JSON|ANALYZE} {query}",
		"{prepare}", "{prepare}", "{prepare}", "EXECUTE {p0|p1|p2}", "EXECUTE {p0|p1} USING @a", "EXECUTE {p0|p1} USING @a, @b", "DEALLOCATE PREPARE {p0|p1|p2}", "DROP PREPARE p0",
		"CREATE USER {IF NOT EXISTS|} {user} {|IDENTIFIED BY {text}|IDENTIFIED WITH {mysql_native_password|caching_sha2_password|'nothing'} BY {text}}", "DROP USER {IF EXISTS|} {user}", "ALTER USER {user} {IDENTIFIED BY {text}|ACCOUNT LOCK|PASSWORD EXPIRE}",
		"RENAME USER {user} TO {user}", "GRANT {privilege} ON {*.*|{d0|nothing}.*|d0.x|*} TO {user} {|WITH GRANT OPTION}", "REVOKE {privilege} ON {*.*|d0.*} FROM {user}", "REVOKE ALL PRIVILEGES, GRANT OPTION FROM {user}", "SET PASSWORD FOR {user} = {text}",
		"FLUSH {PRIVILEGES|TABLES|STATUS|LOGS|HOSTS}", "SELECT GET_LOCK({'l0'|'l1'}, {0|0.01})", "SELECT RELEASE_LOCK({'l0'|'l1'})", "SELECT RELEASE_ALL_LOCKS()", "SELECT IS_USED_LOCK('l0'), IS_FREE_LOCK('l1')",
		"KILL QUERY {small}", "KILL QUERY {expr}", "USE {d0|nothing|information_schema}", "SELECT DATABASE()", "SELECT FOUND_ROWS(), ROW_COUNT(), LAST_INSERT_ID()", "SELECT LAST_INSERT_ID({expr})", "HELP 'x'", "XA START 'x'", "HANDLER t0 OPEN",
		"{load}", "{load}", "{load}", "LOAD DATA INFILE 'x' INTO TABLE t0", "CALL p()", "SIGNAL SQLSTATE '45000'", "GET DIAGNOSTICS @a = NUMBER", "SELECT {expr} FROM {tablename} INTO {OUTFILE|DUMPFILE} {'/tmp/x'|{text}} {|FIELDS TERMINATED BY {text}}", "{query2} INTO OUTFILE '/nothing/x'", "TABLE {tablename} INTO OUTFILE 'x'", "RESET MASTER", "DO {expr}", "SELECT {expr} INTO @a", "SELECT {expr}, {expr} INTO @a, @b",
		"{dmltext}; {query}", "SELECT 1; SELECT {expr}; SHOW WARNINGS", ";", "", "/* only */", "SELECT @@{variable}", "SELECT @@global.{variable}", "BEGIN; {dmltext}; {dmltext}; COMMIT", "BEGIN; {dmltext}; SAVEPOINT s; {dmltext}; ROLLBACK TO s; {dmltext}; COMMIT",
		"{dmltext}; {dmltext}; {dmltext}", "SELECT STATEMENT_DIGEST({text})", "SET TRANSACTION READ ONLY", "SELECT * FROM {tablename} AS OF TIMESTAMP {NOW()|NOW() - INTERVAL 1 SECOND|{literal}}", "SET cloudsql_read_staleness_ms = {0|100|5000}",
		"USE d0", "SET PERSIST max_connections = 151", "SET GLOBAL sort_buffer_size = {integer}", "SHOW BINARY LOGS", "SET ROLE {NONE|DEFAULT|ALL|r|r, s|ALL EXCEPT r}", "{CREATE ROLE|CREATE ROLE IF NOT EXISTS|DROP ROLE|DROP ROLE IF EXISTS} {r|r, s|{user}}", "GRANT {r|s|r, s} TO {r|s|{user}} {|WITH ADMIN OPTION}",
		"REVOKE {r|s|{privilege} ON {tablename}} FROM {r|{user}}", "GRANT {privilege} ON {|TABLE }{tablename} TO {r|{user}}", "SET DEFAULT ROLE {r|NONE|ALL} TO {user}", "SHOW GRANTS FOR {user} USING {r|s}", "SELECT CURRENT_ROLE()",
		"{flow}", "{flow}", "SHOW CREATE TABLE {tablename}", "SHOW CREATE VIEW {v0|v1|v2}", "SELECT * FROM information_schema.{views|key_column_usage|check_constraints|referential_constraints|view_table_usage} {WHERE {expr}|LIMIT 5}",
		"GET DIAGNOSTICS {|CURRENT|STACKED} {@a = NUMBER, @b = ROW_COUNT|CONDITION {1|{small}|@a} @a = {RETURNED_SQLSTATE|MYSQL_ERRNO|MESSAGE_TEXT|nothing}}", "SHOW REPLICA STATUS",
	},
	"load": {
		"LOAD DATA {|CONCURRENT |LOW_PRIORITY }LOCAL INFILE 'Reader::{lines|comma|broken|empty|wide}' {|IGNORE|REPLACE} INTO TABLE {tablename} {|CHARACTER SET {charset}} {|{loadfields}} {|LINES STARTING BY {text}|LINES TERMINATED BY {text}}" +
			" {|IGNORE {small} LINES} {|({column}, {column})|(@a, @b)|({column}, @a) SET {column} = {expr}}",
		"LOAD DATA LOCAL INFILE 'Reader::{lines|comma}' INTO TABLE t0 {|FIELDS TERMINATED BY ','} (a, s{|, @c}) {|SET d = @c + {literal}|SET b = {expr}}",
	},
	"loadfields": {"FIELDS TERMINATED BY ','", "FIELDS TERMINATED BY {text} {OPTIONALLY |}ENCLOSED BY {'\"'|{text}} ESCAPED BY {''|'\\\\'|{text}}", "FIELDS ENCLOSED BY '\"' TERMINATED BY ','", "FIELDS TERMINATED BY ''"},
	"flow":       {"BEGIN; {dmltext}; {query}; ROLLBACK", "SELECT {expr}; GET DIAGNOSTICS CONDITION 1 @a = MESSAGE_TEXT", "SET foreign_key_checks = 0; {dmltext}; SET foreign_key_checks = 1", "SET @c = {expr}; {query}"},
	"user":       {"u0", "'u0'@'%'", "'u1'@'localhost'", "u2", "'u''3'@'10.0.0.0/255.0.0.0'", "''@'x'", "{text}@{text}", "u1"},
	"privilege":  {"ALL", "SELECT", "SELECT, INSERT", "UPDATE (a)", "SELECT (a, b), INSERT (a)", "REFERENCES", "CREATE VIEW, SHOW VIEW", "CREATE ROLE, DROP ROLE", "FILE", "USAGE", "CREATE USER", "SUPER", "PROXY", "GRANT OPTION", "nothing", "BACKUP_ADMIN"},
}
