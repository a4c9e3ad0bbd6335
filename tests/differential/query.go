package differential

import (
	"fmt"
	"strings"
)

// query is a query of one of the forms.
func (g *Generator) query() Statement {
	s := g.anyQuery()
	s.Binary = g.chance(0.1)
	return s
}

func (g *Generator) anyQuery() Statement {
	switch p := g.n(116); {
	case p >= 108:
		return g.inOtherWords()
	case p >= 100:
		return g.form()
	case p < 25:
		return Statement{SQL: "SELECT " + g.list(1+g.n(3)), Ordered: true}
	case p < 40:
		return g.plain()
	case p < 52:
		return Statement{SQL: g.grouped()}
	case p < 66:
		return g.joined()
	case p < 75:
		return g.windowed()
	case p < 84:
		return g.united()
	case p < 92:
		return Statement{SQL: g.nested()}
	}
	return g.with()
}

// from is a table, a derived one or one that WITH has named, which the expressions that follow may name.
func (g *Generator) from(alias string) string {
	if g.inner < 2 && g.chance(0.12) {
		sql, s := g.derived(alias)
		g.scope = append(g.scope, s)
		return "(" + sql + ") " + alias
	}
	if len(g.ctes) > 0 && g.chance(0.6) {
		c := g.ctes[g.n(len(g.ctes))]
		g.scope = append(g.scope, source{alias, c.columns})
		return c.alias + " " + alias
	}
	t := g.tables[g.n(len(g.tables))]
	g.scope = append(g.scope, t.source(alias))
	return t.name + " " + alias
}

// derived is a query with an id that is unique, and the columns it has.
func (g *Generator) derived(alias string) (sql string, s source) {
	s = source{alias, []column{{name: "id", kind: number}}}
	scope := g.scope
	g.scope = nil
	defer func() { g.scope = scope }()
	sql = g.within(func() string {
		from := g.from("i")
		items := []string{"i.id"}
		for i := range 1 + g.n(3) {
			k := g.kind()
			e := g.column(k)
			if e == "" || g.chance(0.4) {
				e = g.expr(k)
			}
			name := named(column{kind: k}, fmt.Sprint("d", i))
			items, s.columns = append(items, e+" AS "+name), append(s.columns, column{name: name, kind: k})
		}
		return "SELECT " + strings.Join(items, ", ") + " FROM " + from + g.where() + g.maybe(0.2, " ORDER BY i.id LIMIT 7")
	})
	return sql, s
}

func (g *Generator) list(n int) string {
	var items []string
	for i := range n {
		k := g.kind()
		if g.chance(0.05) {
			k = document
		}
		items = append(items, fmt.Sprintf("%s AS c%d", g.expr(k), i))
	}
	return strings.Join(items, ", ")
}

func (g *Generator) where() string {
	if g.chance(0.4) {
		return ""
	}
	return " WHERE " + g.expr(truth)
}

func (g *Generator) plain() Statement {
	f := g.from("q")
	order := " ORDER BY q.id"
	if g.chance(0.3) {
		order = " ORDER BY " + g.expr(kind(g.n(int(truth)))) + g.of("", " DESC") + ", q.id"
	}
	limit := ""
	if g.chance(0.3) {
		limit = fmt.Sprintf(" LIMIT %d", g.n(6))
		limit += g.maybe(0.3, fmt.Sprintf(" OFFSET %d", g.n(4)))
	}
	list := "q.id, " + g.list(1+g.n(2))
	if g.chance(0.1) {
		return Statement{SQL: "SELECT DISTINCT " + g.list(1+g.n(2)) + " FROM " + f + g.where()}
	}
	if g.chance(0.1) {
		list = g.of("*", "q.*")
	}
	return Statement{SQL: "SELECT " + list + " FROM " + f + g.where() + order + limit, Ordered: true}
}

// aggregate is a call over an expression of some kind.
func (g *Generator) aggregate() string {
	switch g.n(11) {
	case 0:
		return "COUNT(*)"
	case 1:
		return "COUNT(" + g.of("", "DISTINCT ") + g.expr(g.kind()) + ")"
	case 2:
		return "SUM(" + g.of("", "DISTINCT ") + g.expr(g.numeric()) + ")"
	case 3:
		return "AVG(" + g.of("", "", "DISTINCT ") + g.expr(g.numeric()) + ")"
	case 4:
		return g.of("BIT_OR(", "BIT_AND(", "BIT_XOR(") + g.expr(number) + ")"
	case 5:
		e := g.expr(g.kind())
		return "GROUP_CONCAT(" + g.of("DISTINCT ", "") + e + " ORDER BY " + e + g.of("", " DESC") + g.of("", " SEPARATOR '|'") + ")"
	case 6:
		return g.of("STD(", "VAR_POP(", "STDDEV_SAMP(", "VARIANCE(") + g.expr(number) + ")"
	case 7:
		return "COUNT(DISTINCT " + g.expr(number) + ", " + g.expr(text) + ")"
	case 8:
		return "SUM(" + g.expr(truth) + ")"
	}
	if g.chance(0.1) {
		return g.of("JSON_ARRAYAGG("+g.expr(g.numeric())+")", "JSON_OBJECTAGG(q.id, "+g.expr(number)+")", "VAR_SAMP("+g.expr(number)+")")
	}
	return g.of("MIN", "MAX") + "(" + g.expr(g.kind()) + ")"
}

func (g *Generator) numeric() kind { return kind(g.n(2)) }

func (g *Generator) grouped() string {
	f := g.from("q")
	if g.chance(0.2) {
		f += g.of(" JOIN ", " LEFT JOIN ") + g.from("r") + " ON " + g.on("q", "r")
	}
	w := g.where()
	if g.chance(0.3) {
		return "SELECT " + g.aggregate() + " AS c0, " + g.aggregate() + " AS c1 FROM " + f + w
	}
	var keys, items []string
	for i := range 1 + g.n(3)/2 {
		key := g.expr(kind(g.n(int(truth))))
		if c := g.column(kind(g.n(int(truth)))); c != "" && g.chance(0.6) {
			key = c
		}
		name := fmt.Sprint("k", i)
		keys, items = append(keys, name), append(items, key+" AS "+name)
	}
	for i := range 1 + g.n(2) {
		items = append(items, fmt.Sprintf("%s AS c%d", g.aggregate(), i))
	}
	having := ""
	switch g.n(8) {
	case 0, 1:
		having = " HAVING COUNT(*) " + g.of(">", "<", "=") + " " + fmt.Sprint(1+g.n(3))
	case 2:
		having = " HAVING " + keys[0] + g.of(" IS NOT NULL", " > 0", " <> ''")
	case 3:
		having = " HAVING " + g.aggregate() + g.of(" > 1", " IS NOT NULL", " = c0")
	}
	return "SELECT " + strings.Join(items, ", ") + " FROM " + f + w + " GROUP BY " + strings.Join(keys, ", ") + g.maybe(0.15, " WITH ROLLUP") + having
}

// on joins two sources: by columns of one kind, by their keys, by anything.
func (g *Generator) on(l, r string) string {
	scope := g.scope
	defer func() { g.scope = scope }()
	column := func(alias string, k kind) string {
		for _, s := range scope {
			if s.alias == alias {
				g.scope = []source{s}
				return g.column(k)
			}
		}
		return ""
	}
	switch g.n(6) {
	case 0:
		return l + ".id = " + r + ".id" + g.of("", " + 12", " - 5")
	case 1:
		return g.expr(truth)
	}
	k := kind(g.n(int(truth)))
	x, y := column(l, k), column(r, k)
	if g.chance(0.1) {
		y = column(r, kind(g.n(int(truth))))
	}
	if x == "" || y == "" {
		return l + ".id = " + r + ".id"
	}
	on := x + g.of(" = ", " = ", " = ", " < ", " <=> ", " >= ") + y
	g.scope = scope
	if g.chance(0.3) {
		on += g.of(" AND ", " AND ", " OR ") + g.expr(truth)
	}
	return on
}

func (g *Generator) joined() Statement {
	l, r := g.from("l"), g.from("r")
	join := func() string {
		return g.of(" JOIN ", " JOIN ", " INNER JOIN ", " LEFT JOIN ", " LEFT JOIN ", " RIGHT JOIN ", " STRAIGHT_JOIN ", " LEFT OUTER JOIN ")
	}
	var f string
	switch g.n(8) {
	case 0:
		f = l + g.of(" CROSS JOIN ", ", ") + r
	case 1:
		f = l + g.of(" JOIN ", " LEFT JOIN ", " RIGHT JOIN ") + r + " USING (id)"
	default:
		f = l + join() + r + " ON " + g.on("l", "r")
	}
	ids := "l.id, r.id AS rid"
	order := "l.id, r.id"
	if g.chance(0.3) && !strings.Contains(f, ", ") {
		m := g.from("m")
		f += join() + m + " ON " + g.on(g.of("l", "r"), "m")
		ids, order = ids+", m.id AS mid", order+", m.id"
	}
	sql := "SELECT " + ids + ", " + g.list(1) + " FROM " + f + g.where()
	if g.chance(0.25) {
		return Statement{SQL: sql + " ORDER BY " + order + fmt.Sprintf(" LIMIT %d", g.n(20)), Ordered: true}
	}
	return Statement{SQL: sql}
}

func (g *Generator) windowed() Statement {
	f := g.from("q")
	part := ""
	if g.chance(0.6) {
		e := g.column(kind(g.n(int(truth))))
		if e == "" || g.chance(0.2) {
			e = g.expr(number)
		}
		part = "PARTITION BY " + e + " "
	}
	value := func(k kind) string {
		if c := g.column(k); c != "" && g.chance(0.7) {
			return c
		}
		return g.expr(k)
	}
	order, frame := "ORDER BY q.id"+g.of("", " DESC"), ""
	call, ranged := "", false
	switch g.n(4) {
	case 0:
		call = g.of("ROW_NUMBER()", "RANK()", "DENSE_RANK()", "NTILE(3)", "PERCENT_RANK()", "CUME_DIST()", "LAG("+value(g.kind())+")", "LEAD("+value(g.kind())+", 2)")
	case 1: // rows that are equal in what they are ordered by
		order = "ORDER BY " + value(kind(g.n(int(truth)))) + g.of("", " DESC")
		call = g.of("RANK()", "DENSE_RANK()", "PERCENT_RANK()", "CUME_DIST()", "COUNT(*)", "SUM("+value(number)+")", "MIN("+value(number)+")", "MAX("+value(date)+")", "AVG("+value(decimal)+")")
	default:
		if g.chance(0.5) {
			frame = " ROWS " + g.of("UNBOUNDED PRECEDING", "BETWEEN 1 PRECEDING AND 1 FOLLOWING", "BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING", "BETWEEN 2 PRECEDING AND 1 PRECEDING",
				"BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING", "BETWEEN 1 FOLLOWING AND 3 FOLLOWING", "2 PRECEDING")
		} else if k := g.column(kind(g.n(3))); k != "" && g.chance(0.3) && !strings.HasSuffix(k, ".u") && !strings.HasSuffix(k, ".y") {
			order, frame = "ORDER BY "+k+g.of("", " DESC"), " RANGE BETWEEN "+g.of("1.5 PRECEDING AND 2 FOLLOWING", "1 PRECEDING AND CURRENT ROW", "3 PRECEDING AND 1 PRECEDING", "0.5 FOLLOWING AND 100 FOLLOWING")
			ranged = true
		} else if g.chance(0.3) {
			frame = " RANGE " + g.of("BETWEEN 3 PRECEDING AND 2 FOLLOWING", "UNBOUNDED PRECEDING", "BETWEEN CURRENT ROW AND CURRENT ROW", "BETWEEN CURRENT ROW AND 5 FOLLOWING")
		}
		call = g.of("COUNT(*)", "SUM("+value(number)+")", "AVG("+value(decimal)+")", "MIN("+value(g.kind())+")", "MAX("+value(g.kind())+")", "FIRST_VALUE("+value(g.kind())+")",
			"LAST_VALUE("+value(g.kind())+")", "NTH_VALUE("+value(g.kind())+", 2)", "COUNT("+value(g.kind())+")", "BIT_OR("+value(number)+")", "SUM("+value(decimal)+")")
		if ranged { // over rows that are equal in what they are ordered by
			call = g.of("COUNT(*)", "SUM("+value(number)+")", "MIN("+value(date)+")", "MAX("+value(decimal)+")", "COUNT("+value(text)+")")
		}
	}
	over := "(" + part + order + frame + ")"
	tail := " ORDER BY q.id"
	if g.chance(0.15) {
		return Statement{SQL: "SELECT q.id, " + call + " OVER w AS c0, COUNT(*) OVER w AS c1 FROM " + f + g.where() + " WINDOW w AS " + over + tail, Ordered: true}
	}
	return Statement{SQL: "SELECT q.id, " + call + " OVER " + over + " AS c0 FROM " + f + g.where() + tail, Ordered: true}
}

func (g *Generator) united() Statement {
	k := g.kind()
	one := func() string {
		g.scope = nil
		if g.chance(0.4) {
			return "SELECT " + g.expr(k) + " AS c0"
		}
		f := g.from("q")
		return "SELECT " + g.expr(k) + " AS c0 FROM " + f + g.where()
	}
	// MariaDB has no end of some INTERSECT ALL beside another operation, not even for KILL.
	ops := []string{" UNION ", " UNION ALL ", " UNION DISTINCT ", " EXCEPT ", " INTERSECT "}
	op := func() string { return g.of(ops...) }
	form := g.n(6)
	if form > 2 {
		ops = append(ops, " EXCEPT ALL ", " INTERSECT ALL ")
	}
	sql := one() + op() + one()
	switch form {
	case 0:
		sql = "(" + sql + ")" + op() + one()
	case 1:
		sql += op() + one()
	case 2:
		sql = one() + op() + "(" + sql + ")"
	}
	if k == text || !g.chance(0.3) { // equal texts may differ
		return Statement{SQL: sql}
	}
	return Statement{SQL: sql + " ORDER BY " + g.of("c0", "1", "c0 DESC") + g.maybe(0.5, fmt.Sprintf(" LIMIT %d", g.n(8))), Ordered: true}
}

// subquery is one of a kind, which may depend on what is around it.
func (g *Generator) subquery(k kind) string {
	t := g.tables[g.n(len(g.tables))]
	alias := fmt.Sprint("n", g.inner)
	own := t.source(alias)
	link := func() string {
		if len(g.scope) == 0 || g.chance(0.3) {
			return g.maybe(0.5, " WHERE "+alias+".id % 2 = 0")
		}
		k := kind(g.n(int(truth)))
		outer := g.column(k)
		scope := g.scope
		g.scope = []source{own}
		inner := g.column(k)
		g.scope = scope
		if outer == "" || inner == "" {
			return ""
		}
		return " WHERE " + inner + g.of(" = ", " < ", " <> ") + outer
	}
	from := " FROM " + t.name + " " + alias + link()
	value := func(k kind) string { // of the inner table alone
		scope, atoms := g.scope, g.atoms
		g.scope, g.atoms = nil, g.chance(0.6)
		defer func() { g.scope, g.atoms = scope, atoms }()
		return g.within(func() string { return g.expr(k) }, own)
	}
	if k != truth {
		return g.of("(SELECT "+g.of("MIN", "MAX")+"("+value(k)+")"+from+")", "(SELECT "+value(k)+from+" ORDER BY "+alias+".id LIMIT 1)")
	}
	o := g.kind()
	switch g.n(4) {
	case 0:
		return g.of("", "NOT ") + "EXISTS (SELECT 1" + from + ")"
	case 1:
		return g.operand(o) + g.of(" IN ", " NOT IN ") + "(SELECT " + value(o) + from + ")"
	case 2:
		return g.operand(o) + g.of(" = ANY ", " > ALL ", " <> ALL ", " <= SOME ") + "(SELECT " + value(o) + from + ")"
	}
	return "(" + g.expr(o) + ", " + g.expr(number) + ")" + g.of(" IN ", " NOT IN ") + "(SELECT " + value(o) + ", " + value(number) + from + ")"
}

func (g *Generator) nested() string {
	f := g.from("o")
	switch g.n(5) {
	case 0, 1:
		return "SELECT o.id, " + g.subquery(g.kind()) + " AS c0 FROM " + f + g.where()
	case 2, 3:
		return "SELECT o.id FROM " + f + " WHERE " + g.subquery(truth) + g.of("", "", " AND "+g.expr(truth), " OR "+g.subquery(truth))
	}
	g.scope = nil
	f = g.from("q")
	return "SELECT z.c0, COUNT(*) AS n FROM (SELECT " + g.expr(g.kind()) + " AS c0 FROM " + f + g.where() + ") z GROUP BY z.c0"
}

// walk is a recursive query over a table's rows, each of which it meets once.
func (g *Generator) walk(name string) string {
	t := g.tables[g.n(len(g.tables))]
	k := kind(g.n(2))
	g.scope = []source{t.source("q")}
	p := "CAST(" + g.expr(k) + " AS SIGNED)"
	g.scope = []source{t.source("q"), {"z", []column{{name: "p", kind: number}}}}
	next := "CAST(" + g.of("z.p + 1", g.expr(k)) + " AS SIGNED)"
	return name + " (id, p) AS (SELECT q.id, " + p + " FROM " + t.name + " q WHERE q.id <= " + g.id() + " UNION " + g.of("ALL ", "") + "SELECT q.id, " + next + " FROM " + name + " z JOIN " + t.name +
		" q ON q.id = z.id + " + g.of("7", "13") + g.where() + ")"
}

// with names tables, some of them recursive.
func (g *Generator) with() Statement {
	var list []string
	recursive := ""
	for i := range 1 + g.n(2) {
		name := fmt.Sprint("t", i)
		if g.chance(0.3) {
			recursive = "RECURSIVE "
			if g.chance(0.4) {
				list = append(list, g.walk(name))
				g.ctes = append(g.ctes, source{name, []column{{name: "id", kind: number}, {name: "p", kind: number}}})
				continue
			}
			list = append(list, fmt.Sprintf("%s (id, p) AS (SELECT 1, %d UNION %sSELECT id + 1, p + id FROM %s WHERE id < %d)", name, g.n(5), g.of("ALL ", ""), name, 1+g.n(12)))
			g.ctes = append(g.ctes, source{name, []column{{name: "id", kind: number}, {name: "p", kind: number}}})
			continue
		}
		sql, s := g.derived(name)
		list = append(list, name+" AS ("+sql+")")
		g.ctes = append(g.ctes, s)
	}
	g.scope = nil
	var s Statement
	switch g.n(4) {
	case 0:
		s = g.plain()
	case 1:
		s = Statement{SQL: g.grouped()}
	case 2:
		s = Statement{SQL: g.nested()}
	default:
		s = g.joined()
	}
	s.SQL = "WITH " + recursive + strings.Join(list, ", ") + " " + s.SQL
	return s
}
