package differential

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Generator makes statements, of its seed alone.
type Generator struct {
	rng   *rand.Rand
	scope []source
	depth int
	rows  int // a number that the next row gets
}

// source is a table that an expression may name.
type source struct {
	alias   string
	columns []column
}

type column struct {
	name string
	kind kind
}

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
)

// New makes a generator.
func New(seed uint64) *Generator { return &Generator{rng: rand.New(rand.NewPCG(seed, 0))} }

func (g *Generator) n(n int) int              { return g.rng.IntN(n) }
func (g *Generator) chance(p float64) bool    { return g.rng.Float64() < p }
func (g *Generator) of(list ...string) string { return list[g.n(len(list))] }

// columns are those of each table: a to c have the same types, so that they can be joined and united.
var columns = []column{
	{"id", number}, {"i", number}, {"u", number}, {"t", number}, {"y", number}, {"d", decimal}, {"e", decimal}, {"f", double},
	{"s", text}, {"v", text}, {"x", text}, {"da", date}, {"dt", datetime}, {"dm", datetime}, {"ti", clock},
}

const definition = `(id INT PRIMARY KEY, i INT, u BIGINT UNSIGNED, t TINYINT, y YEAR, d DECIMAL(10,2), e DECIMAL(20,6), f DOUBLE, s VARCHAR(20), v CHAR(5),
	x TEXT, da DATE, dt DATETIME, dm DATETIME(3), ti TIME, KEY k1 (i), KEY k2 (s, d), KEY k3 (dt), UNIQUE KEY k4 (t, id))`

// Begin are the statements that a run starts with.
func (g *Generator) Begin() []string {
	var list []string
	for _, t := range []string{"a", "b", "c"} {
		list = append(list, "CREATE TABLE "+t+" "+definition)
		for range 12 {
			list = append(list, g.insert(t))
		}
	}
	return list
}

func (g *Generator) insert(t string) string {
	g.rows++
	values := []string{fmt.Sprint(g.rows)}
	for _, c := range columns[1:] {
		values = append(values, g.stored(c))
	}
	return "INSERT INTO " + t + " VALUES (" + strings.Join(values, ", ") + ")"
}

// stored is a value that fits a column.
func (g *Generator) stored(c column) string {
	if g.chance(0.15) {
		return "NULL"
	}
	switch c.name {
	case "u":
		return g.of("0", "1", "7", "18446744073709551615", "9223372036854775808", "42")
	case "t":
		return g.of("0", "1", "-1", "127", "-128", "7")
	case "y":
		return g.of("1901", "1999", "2000", "2024", "2155")
	case "v":
		return g.of("''", "'a'", "'A'", "'abc'", "'b '", "'12'", "'0'")
	case "dt":
		return g.of("'2024-02-29 12:34:56'", "'2000-01-01 00:00:00'", "'1999-12-31 23:59:59'", "'1970-01-01 00:00:01'")
	case "d":
		return g.of("0", "1.5", "-1.25", "99999999.99", "0.01", "12.3")
	}
	return g.literal(c.kind)
}

func (g *Generator) literal(k kind) string {
	switch k {
	case number:
		return g.of("0", "1", "-1", "2", "7", "10", "42", "-100", "2147483647", "100000")
	case decimal:
		return g.of("0.0", "1.5", "-1.25", "3.14159", "0.001", "1234.56", "-0.5", "100.10")
	case double:
		return g.of("0e0", "1.5e0", "-2.25e0", "1e3", "0.125e0", "3e0")
	case text:
		return g.of("''", "'a'", "'A'", "'abc'", "'aBc'", "'abc def'", "'12'", "'12abc'", "'-3.5'", "'z'", "'%b%'", "'é'", "'2024-02-29'", "'x,y,z'")
	case date:
		return "DATE" + g.of("'2024-02-29'", "'2000-01-01'", "'1999-12-31'", "'2023-06-15'", "'1970-01-01'", "'9999-12-31'")
	case datetime:
		return "TIMESTAMP" + g.of("'2024-02-29 12:34:56'", "'2000-01-01 00:00:00'", "'1999-12-31 23:59:59'", "'2023-06-15 08:00:00.5'")
	case clock:
		return "TIME" + g.of("'00:00:00'", "'12:34:56'", "'-01:30:00'", "'838:59:59'", "'23:59:59'")
	}
	return g.of("TRUE", "FALSE")
}

// expr is an expression of a kind.
func (g *Generator) expr(k kind) string {
	g.depth++
	defer func() { g.depth-- }()
	switch {
	case g.chance(0.03):
		return "NULL"
	case g.chance(0.06):
		k = kind(g.n(int(kinds))) // as something that it is not
	}
	if g.depth > 4 || g.chance(0.35) {
		if c := g.column(k); c != "" && g.chance(0.7) {
			return c
		}
		return g.literal(k)
	}
	if g.chance(0.2) {
		return g.choice(k)
	}
	list := grammar[k]
	return g.expand(list[g.n(len(list))])
}

func (g *Generator) column(k kind) string {
	if len(g.scope) == 0 {
		return ""
	}
	s := g.scope[g.n(len(g.scope))]
	var fit []column
	for _, c := range s.columns {
		if c.kind == k {
			fit = append(fit, c)
		}
	}
	if len(fit) == 0 {
		return ""
	}
	return s.alias + "." + fit[g.n(len(fit))].name
}

// choice is one of the functions that give what their arguments are.
func (g *Generator) choice(k kind) string {
	a, b := g.expr(k), g.expr(k)
	switch g.n(8) {
	case 0:
		return "IF(" + g.expr(truth) + ", " + a + ", " + b + ")"
	case 1:
		return "IFNULL(" + a + ", " + b + ")"
	case 2:
		return "COALESCE(" + a + ", " + b + ", " + g.expr(k) + ")"
	case 3:
		return "NULLIF(" + a + ", " + b + ")"
	case 4:
		return "CASE WHEN " + g.expr(truth) + " THEN " + a + " ELSE " + b + " END"
	case 5:
		o := kind(g.n(int(truth)))
		return "CASE " + g.expr(o) + " WHEN " + g.expr(o) + " THEN " + a + " WHEN " + g.expr(o) + " THEN " + b + " END"
	case 6:
		return g.of("GREATEST", "LEAST") + "(" + a + ", " + b + ")"
	}
	return "(" + a + ")"
}

// letters are the kinds in a template of the grammar: {n} is an expression of a number.
var letters = map[byte]kind{'n': number, 'd': decimal, 'f': double, 's': text, 'D': date, 'T': datetime, 't': clock, 'b': truth}

// grammar has templates of each kind. {k} stands for a small number.
var grammar [kinds][]string

func init() {
	grammar = [kinds][]string{
		number: {
			"{n} + {n}", "{n} - {n}", "{n} * {k}", "{n} DIV {n}", "{n} % {n}", "-{n}", "ABS({n})", "SIGN({d})", "{n} & {n}", "{n} | {n}", "{n} ^ {n}",
			"CAST({d} AS SIGNED)", "CAST({s} AS SIGNED)", "FLOOR({d})", "CEILING({d})", "ROUND({d})", "LENGTH({s})", "CHAR_LENGTH({s})", "ASCII({s})",
			"LOCATE({s}, {s})", "INSTR({s}, {s})", "FIELD({s}, {s}, {s})", "FIND_IN_SET({s}, {s})", "STRCMP({s}, {s})", "YEAR({D})", "MONTH({D})",
			"DAYOFMONTH({T})", "DAYOFWEEK({D})", "DAYOFYEAR({D})", "WEEK({D}, {k})", "WEEKDAY({D})", "QUARTER({D})", "HOUR({t})", "MINUTE({t})", "SECOND({T})",
			"DATEDIFF({D}, {T})", "TO_DAYS({D})", "TIMESTAMPDIFF(DAY, {T}, {T})", "TIMESTAMPDIFF(MONTH, {D}, {D})", "EXTRACT(YEAR_MONTH FROM {D})",
			"TIME_TO_SEC({t})", "BIT_COUNT({n})", "CRC32({s})", "INTERVAL({n}, 1, 5, 10)", "MOD({n}, {k})", "{n} << {k}", "MICROSECOND({T})",
			"LEAST({n}, {n}, {n})", "CAST({b} AS SIGNED)", "COERCIBILITY({s})", "ORD({s})", "BIT_LENGTH({s})", "PERIOD_ADD(202401, {k})", "PERIOD_DIFF(202401, 199912)",
			"CAST({n} AS UNSIGNED)", "YEARWEEK({D})", "TO_SECONDS({T})", "INET_ATON('10.0.0.1')",
		},
		decimal: {
			"{d} + {d}", "{d} - {n}", "{d} * {d}", "{n} / {k}", "{d} / {k}", "{d} % {k}", "-{d}", "ABS({d})", "ROUND({d}, {k})", "TRUNCATE({d}, {k})",
			"CAST({d} AS DECIMAL(10,3))", "CAST({s} AS DECIMAL(8,2))", "CAST({n} AS DECIMAL(12,1))", "{n} + {d}", "ROUND({d}, -1)", "MOD({d}, 0.7)",
			"SEC_TO_TIME({k}) + 0.0", "GREATEST({d}, {n})",
		},
		double: {
			"{f} + {f}", "{f} * {d}", "{f} / {k}", "SQRT(ABS({f}))", "POW({k}, {k})", "-{f}", "ABS({f})", "{s} + 0", "ROUND({f}, {k})", "CAST({n} AS DOUBLE)",
			"DEGREES(0e0)", "FLOOR({f})", "CEILING({f})",
		},
		text: {
			"CONCAT({s}, {s})", "CONCAT({s}, {n})", "CONCAT_WS(',', {s}, {n}, {s})", "UPPER({s})", "LOWER({s})", "LEFT({s}, {k})", "RIGHT({s}, {k})",
			"SUBSTRING({s}, {k})", "SUBSTRING({s}, {k}, {k})", "REPLACE({s}, {s}, {s})", "TRIM({s})", "LTRIM({s})", "RTRIM({s})", "LPAD({s}, {k}, 'xy')",
			"RPAD({s}, {k}, 'xy')", "REPEAT({s}, {k})", "REVERSE({s})", "SPACE({k})", "INSERT({s}, {k}, {k}, {s})", "ELT({k}, {s}, {s})", "HEX({s})", "HEX({n})",
			"BIN({n})", "OCT({k})", "CONV({k}, 10, 2)", "CAST({n} AS CHAR)", "CAST({d} AS CHAR)", "CAST({D} AS CHAR)", "CAST({T} AS CHAR(10))", "FORMAT({d}, {k})",
			"DATE_FORMAT({T}, '%Y-%m-%d %H:%i:%s')", "DATE_FORMAT({D}, '%a %b %e %j %U %u %W')", "TIME_FORMAT({t}, '%H:%i')", "DAYNAME({D})", "MONTHNAME({D})",
			"SUBSTRING_INDEX({s}, ',', {k})", "QUOTE({s})", "MD5({s})", "SHA1({s})", "MAKE_SET({k}, 'a', 'b', 'c')", "EXPORT_SET({k}, 'Y', 'N', ',', 4)", "SOUNDEX({s})",
			"CONVERT({s} USING utf8mb4)", "TO_BASE64({s})", "CHAR({k} + 65)", "TRIM(LEADING 'a' FROM {s})", "LCASE({s})", "MID({s}, {k}, {k})", "INET_NTOA({n})",
			"CAST({s} AS CHAR(3))", "UNHEX(HEX({s}))",
		},
		date: {
			"DATE({T})", "{D} + INTERVAL {k} DAY", "{D} - INTERVAL {k} MONTH", "DATE_ADD({D}, INTERVAL {k} YEAR)", "LAST_DAY({D})", "MAKEDATE(2020 + {k}, {k} + 1)",
			"FROM_DAYS(730000 + {k})", "CAST({T} AS DATE)", "CAST({s} AS DATE)", "ADDDATE({D}, {k})", "STR_TO_DATE('2024,5,17', '%Y,%m,%d')", "{D} + INTERVAL {k} WEEK",
			"{D} - INTERVAL {k} QUARTER",
		},
		datetime: {
			"{T} + INTERVAL {k} HOUR", "{T} - INTERVAL {n} SECOND", "{D} + INTERVAL {k} MINUTE", "TIMESTAMP({D})", "TIMESTAMP({D}, {t})", "CAST({D} AS DATETIME)",
			"CAST({s} AS DATETIME)", "ADDTIME({T}, {t})", "SUBTIME({T}, {t})", "DATE_ADD({T}, INTERVAL '1:30' MINUTE_SECOND)", "DATE_SUB({T}, INTERVAL '2 3' DAY_HOUR)",
			"CAST({T} AS DATETIME(3))", "CONVERT_TZ({T}, '+00:00', '+05:30')", "STR_TO_DATE('2024-05-17 10:11', '%Y-%m-%d %H:%i')", "FROM_UNIXTIME(1700000000 + {k})",
			"TIMESTAMPADD(DAY, {k}, {T})", "{T} + INTERVAL {k} MICROSECOND",
		},
		clock: {
			"TIME({T})", "SEC_TO_TIME({n})", "MAKETIME({k}, {k}, {k})", "ADDTIME({t}, {t})", "SUBTIME({t}, {t})", "TIMEDIFF({T}, {T})", "CAST({T} AS TIME)", "CAST({s} AS TIME)",
			"TIMEDIFF({t}, {t})", "CAST({t} AS TIME(2))",
		},
		truth: {
			"{n} = {n}", "{n} < {d}", "{d} >= {f}", "{s} = {s}", "{s} < {s}", "{D} = {D}", "{D} <= {T}", "{T} > {T}", "{t} < {t}", "{n} <=> {n}", "{s} <=> {s}", "{n} <> {s}",
			"{b} AND {b}", "{b} OR {b}", "NOT {b}", "{b} XOR {b}", "{n} IS NULL", "{s} IS NOT NULL", "{b} IS TRUE", "{b} IS NOT FALSE", "{n} IN ({n}, {n}, {n})",
			"{s} IN ({s}, {s})", "{n} NOT IN ({n}, {d})", "{d} BETWEEN {n} AND {d}", "{s} NOT BETWEEN {s} AND {s}", "{D} BETWEEN {D} AND {D}", "{s} LIKE {s}",
			"{s} NOT LIKE 'a%'", "{s} LIKE '_b%'", "{s} REGEXP '^a'", "({n}, {s}) = ({n}, {s})", "({n}, {n}) IN (({n}, {n}), ({n}, {n}))", "{D} = {s}", "{d} = {s}", "ISNULL({t})",
			"{n} < ANY (SELECT i FROM c)", "{n} IN (SELECT t FROM b)", "EXISTS (SELECT 1 FROM c WHERE c.i > {n})", "{s} IN (SELECT v FROM c)",
		},
	}
}

// expand fills a template.
func (g *Generator) expand(template string) string {
	var b strings.Builder
	for i := 0; i < len(template); i++ {
		if template[i] != '{' {
			b.WriteByte(template[i])
			continue
		}
		if c := template[i+1]; c == 'k' {
			fmt.Fprint(&b, g.n(7))
		} else {
			b.WriteString(g.operand(letters[c]))
		}
		i += 2
	}
	return b.String()
}

// operand is an expression with parentheses where it may need them.
func (g *Generator) operand(k kind) string {
	e := g.expr(k)
	if strings.ContainsAny(e, " ") || strings.HasPrefix(e, "-") {
		return "(" + e + ")"
	}
	return e
}

// Next makes a statement. ordered tells that its rows have an order.
func (g *Generator) Next() (sql string, ordered bool) {
	g.scope, g.depth = nil, 0
	switch p := g.n(100); {
	case p < 35:
		return "SELECT " + g.list(1+g.n(3)), true
	case p < 55:
		return g.plain(), true
	case p < 65:
		return g.grouped(), false
	case p < 73:
		return g.joined(), false
	case p < 79:
		return g.windowed(), true
	case p < 84:
		return g.united(), false
	case p < 88:
		return g.nested(), false
	}
	return g.change(), true
}

func (g *Generator) from(alias string) string {
	t := g.of("a", "b", "c")
	g.scope = append(g.scope, source{alias, columns})
	return t + " " + alias
}

func (g *Generator) list(n int) string {
	var items []string
	for i := range n {
		items = append(items, fmt.Sprintf("%s AS c%d", g.expr(kind(g.n(int(kinds)))), i))
	}
	return strings.Join(items, ", ")
}

func (g *Generator) where() string {
	if g.chance(0.4) {
		return ""
	}
	return " WHERE " + g.expr(truth)
}

func (g *Generator) plain() string {
	f := g.from("q")
	order := " ORDER BY q.id"
	if g.chance(0.3) {
		order = " ORDER BY " + g.expr(kind(g.n(int(truth)))) + g.of("", " DESC") + ", q.id"
	}
	limit := ""
	if g.chance(0.3) {
		limit = fmt.Sprintf(" LIMIT %d", g.n(6))
	}
	return "SELECT q.id, " + g.list(1+g.n(2)) + " FROM " + f + g.where() + order + limit
}

// aggregate is a call over an expression of some kind.
func (g *Generator) aggregate() string {
	switch g.n(8) {
	case 0:
		return "COUNT(*)"
	case 1:
		return "COUNT(" + g.of("", "DISTINCT ") + g.expr(kind(g.n(int(kinds)))) + ")"
	case 2:
		return "SUM(" + g.of("", "DISTINCT ") + g.expr(g.numeric()) + ")"
	case 3:
		return "AVG(" + g.expr(g.numeric()) + ")"
	case 4:
		return "BIT_OR(" + g.expr(number) + ")"
	case 5:
		k := kind(g.n(int(kinds)))
		e := g.expr(k)
		return "GROUP_CONCAT(DISTINCT " + e + " ORDER BY " + e + ")"
	}
	return g.of("MIN", "MAX") + "(" + g.expr(kind(g.n(int(kinds)))) + ")"
}

func (g *Generator) numeric() kind { return kind(g.n(2)) }

func (g *Generator) grouped() string {
	f := g.from("q")
	w := g.where()
	if g.chance(0.4) {
		return "SELECT " + g.aggregate() + " AS c0, " + g.aggregate() + " AS c1 FROM " + f + w
	}
	key := g.expr(kind(g.n(int(truth))))
	if c := g.column(kind(g.n(int(truth)))); c != "" && g.chance(0.6) {
		key = c
	}
	having := ""
	if g.chance(0.25) {
		having = " HAVING COUNT(*) " + g.of(">", "<", "=") + " " + fmt.Sprint(1+g.n(3))
	}
	return "SELECT " + key + " AS k, " + g.aggregate() + " AS c0, " + g.aggregate() + " AS c1 FROM " + f + w + " GROUP BY k" + having
}

func (g *Generator) joined() string {
	l, r := g.from("l"), g.from("r")
	on := g.of("l.id = r.id + 12", "l.i = r.i", "l.s = r.s", "l.t = r.t AND l.y = r.y", "l.d < r.d", "l.da = r.da", "l.v = r.s", "l.i = r.d", "l.dt = r.da", "TRUE")
	if g.chance(0.3) {
		on = g.expr(truth)
	}
	return "SELECT l.id, r.id AS rid, " + g.list(1) + " FROM " + l + g.of(" JOIN ", " LEFT JOIN ", " RIGHT JOIN ") + r + " ON " + on + g.where()
}

func (g *Generator) windowed() string {
	f := g.from("q")
	part := ""
	if g.chance(0.6) {
		part = "PARTITION BY q." + g.of("t", "y", "s", "i") + " "
	}
	call := g.of("ROW_NUMBER()", "RANK()", "DENSE_RANK()", "COUNT(*)", "NTILE(3)", "SUM(q.i)", "AVG(q.d)", "MIN(q.s)", "MAX(q.dt)", "LAG(q.i)", "LEAD(q.s, 2)",
		"FIRST_VALUE(q.d)", "LAST_VALUE(q.i)", "NTH_VALUE(q.s, 2)", "SUM("+g.expr(number)+")")
	return "SELECT q.id, " + call + " OVER (" + part + "ORDER BY q.id" + g.of("", " DESC") + ") AS c0 FROM " + f + " ORDER BY q.id"
}

func (g *Generator) united() string {
	k := kind(g.n(int(kinds)))
	one := func() string {
		g.scope = nil
		if g.chance(0.5) {
			return "SELECT " + g.expr(k) + " AS c0"
		}
		f := g.from("q")
		return "SELECT " + g.expr(k) + " AS c0 FROM " + f + g.where()
	}
	return one() + g.of(" UNION ", " UNION ALL ", " EXCEPT ", " INTERSECT ") + one()
}

func (g *Generator) nested() string {
	f := g.from("o")
	inner := g.of("a", "b", "c") + " n"
	link := "n." + g.of("i = o.i", "id < o.id", "t = o.t", "s = o.s", "da <= o.da")
	switch g.n(4) {
	case 0:
		return "SELECT o.id, (SELECT " + g.of("COUNT(*)", "MAX(n.i)", "MIN(n.s)", "SUM(n.d)") + " FROM " + inner + " WHERE " + link + ") AS c0 FROM " + f
	case 1:
		return "SELECT o.id FROM " + f + " WHERE " + g.of("", "NOT ") + "EXISTS (SELECT 1 FROM " + inner + " WHERE " + link + " AND n.id <> o.id)"
	case 2:
		return "SELECT o.id FROM " + f + " WHERE o.i " + g.of("IN", "NOT IN", "> ALL", "= ANY") + " (SELECT n.i FROM " + inner + " WHERE " + link + ")"
	}
	g.scope = nil
	f = g.from("q")
	return "SELECT z.c0, COUNT(*) AS n FROM (SELECT " + g.expr(kind(g.n(int(kinds)))) + " AS c0 FROM " + f + g.where() + ") z GROUP BY z.c0"
}

// change changes a table; what it has then is asked for by the caller.
func (g *Generator) change() string {
	t := g.of("a", "b", "c")
	c := columns[1+g.n(len(columns)-1)]
	switch g.n(5) {
	case 0, 1:
		return g.insert(t)
	case 2:
		return fmt.Sprintf("DELETE FROM %s WHERE id = %d", t, g.n(g.rows+1))
	case 3:
		g.rows++
		return fmt.Sprintf("INSERT INTO %s (id, %s) VALUES (%d, %s)", t, c.name, g.rows, g.expr(c.kind))
	}
	g.scope = []source{{t, columns}}
	return fmt.Sprintf("UPDATE %s SET %s = %s WHERE id = %d", t, c.name, g.expr(c.kind), g.n(g.rows+1))
}
