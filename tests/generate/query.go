package generate

import (
	"fmt"
	"strings"
)

const deepest = 5 // of what is generated; texts that nest deeper are cases of their own

// topQuery makes a query as a statement of its own.
func (g *Generator) topQuery() string {
	s := g.query(1 + g.n(3)*g.n(2))
	switch g.n(60) {
	case 0:
		return g.expand("EXPLAIN {|FORMAT=TREE|FORMAT=TRADITIONAL|FORMAT=JSON|ANALYZE|FORMAT='brief'} ") + s
	case 1:
		return s + " INTO @a"
	case 2:
		return "DO " + g.expand("{expr}{|, {expr}}")
	case 3:
		return strings.Repeat("(", 1+g.n(3)) + s + ")"
	case 4:
		return "TABLE " + g.table().name + g.expand(" {order?} {limit?}")
	case 5:
		return g.expand("VALUES ROW({expr}, {expr}), ROW({expr}, {expr}) {|ORDER BY 1|LIMIT 1|ORDER BY column_0 LIMIT 1}")
	case 6, 7:
		return "SELECT " + g.wild()
	}
	return s
}

// query makes a query of n columns: a SELECT, or several joined by set operations, with or without WITH.
func (g *Generator) query(n int) string {
	g.depth++
	defer func(d, c int) { g.depth = d; g.ctes = g.ctes[:c] }(g.depth-1, len(g.ctes))
	with := ""
	if g.chance(0.08) && g.depth < deepest {
		with = g.with()
	}
	if !g.chance(0.12) || g.depth > deepest-1 {
		return with + g.selectOf(n, false)
	}
	s := g.operand(n)
	for range 1 + g.n(2) {
		s += g.pick(" UNION ", " UNION ALL ", " UNION DISTINCT ", " EXCEPT ", " INTERSECT ", " EXCEPT ALL ", " INTERSECT ALL ", " UNION ALL ") + g.operand(n)
	}
	if g.chance(0.3) {
		s += " ORDER BY " + g.pick("1", "1 DESC", fmt.Sprint(n), "c0")
	}
	if g.chance(0.3) {
		s += g.expand(" {limit}")
	}
	return with + s
}

func (g *Generator) operand(n int) string {
	if g.chance(0.5) {
		return "(" + g.selectOf(n, false) + ")"
	}
	return g.expand("SELECT ") + g.list(n, n, "{shallow}")
}

// namedQuery makes a query whose columns are called c0, c1 ….
func (g *Generator) namedQuery(n int) string {
	g.depth++
	defer func() { g.depth-- }()
	return g.selectOf(n, true)
}

func (g *Generator) with() string {
	var parts []string
	recursive := g.chance(0.4)
	for range 1 + g.n(2) {
		t := &table{name: fmt.Sprint("w", len(g.ctes)), columns: []string{"c0", "c1"}}
		if recursive {
			g.scopes = append(g.scopes, []source{{t.name, t.columns}})
			parts = append(parts, t.name+" (c0, c1) AS (SELECT "+g.expand("{literal}, {literal}")+g.pick(" UNION ", " UNION ALL ")+
				g.expand("SELECT {c0 + 1|{shallow}}, {shallow} FROM ")+t.name+g.expand(" WHERE {c0 < 5|c0 < 3 AND {shallow}|{shallow}} {|LIMIT 10})"))
			g.scopes = g.scopes[:len(g.scopes)-1]
		} else {
			parts = append(parts, t.name+" AS ("+g.namedQuery(2)+")")
		}
		g.ctes = append(g.ctes, t)
	}
	if recursive {
		return "WITH RECURSIVE " + strings.Join(parts, ", ") + " "
	}
	return "WITH " + strings.Join(parts, ", ") + " "
}

func (g *Generator) selectOf(n int, named bool) string {
	g.depth++
	aggs := g.aggs
	defer func() { g.depth--; g.aggs = aggs }()
	from, scope := g.from()
	g.scopes = append(g.scopes, scope)
	defer func() { g.scopes = g.scopes[:len(g.scopes)-1] }()
	var b strings.Builder
	b.WriteString(g.expand("SELECT {hint?}{|||||DISTINCT|SQL_CALC_FOUND_ROWS|STRAIGHT_JOIN|ALL|HIGH_PRIORITY|SQL_NO_CACHE} "))
	grouped := g.chance(0.25)
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		g.aggs = grouped || g.chance(0.15)
		b.WriteString(g.expand("{expr}"))
		if named {
			fmt.Fprintf(&b, " AS c%d", i)
		} else if g.chance(0.1) {
			fmt.Fprintf(&b, " AS a%d", i)
		}
	}
	if from == "" {
		if g.chance(0.2) {
			b.WriteString(" FROM DUAL")
		}
		g.aggs = false
		if g.chance(0.2) {
			b.WriteString(g.expand(" WHERE {expr}"))
		}
		return b.String()
	}
	b.WriteString(" FROM " + from)
	g.aggs = false
	if g.chance(0.6) {
		b.WriteString(" WHERE " + g.condition())
	}
	if grouped {
		if g.chance(0.8) {
			b.WriteString(" GROUP BY " + g.list(1, 3, "{{column}|{expr}|{column}|1|2|{column} DESC}") + g.pick("", "", "", " WITH ROLLUP"))
		} else if g.chance(0.5) { // what GROUPING may name
			by := g.columnName()
			if !strings.ContainsAny(by, "'") {
				b.WriteString(" GROUP BY " + by + g.expand(", {column} WITH ROLLUP HAVING GROUPING(") + by + g.expand(") {= 0|+ {column}|IN (0, 1)}"))
				grouped = false
			}
		}
		g.aggs = true
		if grouped && g.chance(0.3) {
			b.WriteString(g.expand(" HAVING {expr}"))
		}
	} else if g.chance(0.03) {
		b.WriteString(g.expand(" HAVING {expr}"))
	}
	g.aggs = grouped || g.chance(0.1)
	if g.chance(0.04) {
		b.WriteString(g.expand(" WINDOW w AS ({overspec}){|, w2 AS (w)}"))
	}
	if g.chance(0.4) {
		b.WriteString(g.expand(" {order}"))
	}
	g.aggs = false
	if g.chance(0.3) {
		b.WriteString(g.expand(" {limit}"))
	}
	if g.chance(0.06) {
		b.WriteString(g.expand(" {FOR UPDATE|FOR SHARE|LOCK IN SHARE MODE|FOR UPDATE NOWAIT|FOR UPDATE SKIP LOCKED|FOR SHARE SKIP LOCKED|FOR UPDATE OF r0|FOR SHARE OF r0 FOR UPDATE OF r1 NOWAIT}"))
	}
	return b.String()
}

// wild are the stars and other lists that are no expressions.
func (g *Generator) wild() string {
	from, scope := g.from()
	if from == "" {
		return "*"
	}
	g.scopes = append(g.scopes, scope)
	defer func() { g.scopes = g.scopes[:len(g.scopes)-1] }()
	return g.pick("*", scope[0].alias+".*", "*, 1", "count(*)", "1, *", "nothing.*") + " FROM " + from +
		g.expand(" {|WHERE {expr}} {order?} {limit?}")
}

// from makes the tables of a query, and what an expression may name of them.
func (g *Generator) from() (string, []source) {
	if g.chance(0.12) {
		return "", nil
	}
	n := 1
	for g.chance(0.3) && n < 4 {
		n++
	}
	if g.chance(0.0003) {
		n = 62 + g.n(3)
	}
	var b strings.Builder
	var scope []source
	for i := range n {
		text, src := g.factor(scope, i)
		if i == 0 {
			b.WriteString(text)
			scope = append(scope, src)
			continue
		}
		kind := g.n(12)
		if n > 10 {
			kind = 0
		}
		switch kind {
		case 0, 1:
			b.WriteString(", " + text)
			scope = append(scope, src)
			continue
		case 2:
			b.WriteString(g.pick(" NATURAL JOIN ", " NATURAL LEFT JOIN ", " NATURAL RIGHT JOIN ") + text)
			scope = append(scope, src)
			continue
		}
		b.WriteString(g.pick(" JOIN ", " INNER JOIN ", " CROSS JOIN ", " LEFT JOIN ", " LEFT OUTER JOIN ", " RIGHT JOIN ", " STRAIGHT_JOIN ", " LEFT JOIN ") + text)
		if g.chance(0.1) {
			b.WriteString(" USING (" + g.oneOf(append(src.columns, "id")) + g.pick("", "", ", a") + ")")
			scope = append(scope, src)
			continue
		}
		scope = append(scope, src)
		if g.chance(0.9) {
			left := scope[g.n(len(scope)-1)]
			g.scopes = append(g.scopes, scope)
			on := left.alias + "." + g.oneOf(left.columns) + g.pick(" = ", " = ", " = ", " <=> ", " < ", " >= ") + src.alias + "." + g.oneOf(src.columns)
			if g.chance(0.3) {
				on = g.pick(on+" AND ", "", on+" OR ") + g.expand("{expr}")
			}
			g.scopes = g.scopes[:len(g.scopes)-1]
			b.WriteString(" ON " + on)
		}
	}
	return b.String(), scope
}

func (g *Generator) factor(before []source, i int) (string, source) {
	alias := fmt.Sprint("r", i)
	if g.depth > 1 && g.chance(0.5) {
		alias = fmt.Sprintf("q%d_%d", g.depth, i)
	}
	switch n := g.n(40); {
	case n < 4 && g.depth < deepest-1:
		if g.chance(0.2) {
			g.scopes = append(g.scopes, before)
			defer func() { g.scopes = g.scopes[:len(g.scopes)-1] }()
			return "LATERAL (" + g.namedQuery(2) + ") AS " + alias, source{alias, []string{"c0", "c1"}}
		}
		outer := g.scopes
		g.scopes = nil
		q := g.namedQuery(2)
		g.scopes = outer
		return "(" + q + ") AS " + alias, source{alias, []string{"c0", "c1"}}
	case n < 12 && len(g.ctes) > 0:
		t := g.ctes[g.n(len(g.ctes))]
		return t.name + " AS " + alias, source{alias, t.columns}
	case n == 12 && len(g.System) > 0 && g.chance(0.3):
		t := g.System[g.n(len(g.System))]
		return t.name + " AS " + alias, source{alias, t.columns}
	case n == 13 && g.chance(0.3):
		return g.expand("(VALUES ROW(1, 'a'), ROW({shallow}, {shallow})) AS " + alias + " (c0, c1)"), source{alias, []string{"c0", "c1"}}
	case n == 14:
		g.scopes = append(g.scopes, before)
		defer func() { g.scopes = g.scopes[:len(g.scopes)-1] }()
		return g.expand("{jsontable}") + " AS " + alias, source{alias, []string{"c0", "c1"}}
	}
	t := g.table()
	cols := t.columns
	if len(cols) == 0 {
		cols = []string{"a"}
	}
	if g.chance(0.1) {
		return g.Database + "." + t.name + " " + alias, source{alias, cols}
	}
	if g.chance(0.05) {
		return t.name + " AS " + alias + g.expand(" {FORCE INDEX ({key})|USE INDEX ()|IGNORE INDEX (PRIMARY)|FORCE INDEX FOR ORDER BY (PRIMARY)|USE INDEX (PRIMARY, a)}"), source{alias, cols}
	}
	return t.name + " AS " + alias, source{alias, cols}
}

// condition is an expression that indexes can often serve.
func (g *Generator) condition() string {
	switch g.n(8) {
	case 0, 1:
		return g.expand("{column} {=|=|<|>|<=|>=|<>|<=>} {constant}")
	case 2:
		return g.expand("{column} IN ({constant}, {constant}, {constant}) {|AND {expr}}")
	case 3:
		return g.expand("{column} BETWEEN {constant} AND {constant} {|AND {column} = {constant}|OR {column} = {constant}}")
	case 4:
		return g.expand("{column} {=|>|<} {constant} {AND|OR|AND} {column} {=|<|>|IS NULL OR 1 =} {constant}")
	case 5:
		return g.expand("{column} LIKE {constant}")
	}
	return g.expand("{expr}")
}

func (g *Generator) columnName() string {
	if g.chance(0.004) || len(g.scopes) == 0 {
		if len(g.scopes) == 0 && g.chance(0.95) {
			return g.literal()
		}
		return g.oneOf(oddNames)
	}
	scope := g.scopes[len(g.scopes)-1]
	if len(g.scopes) > 1 && g.chance(0.25) {
		scope = g.scopes[g.n(len(g.scopes))]
	}
	if len(scope) == 0 {
		return g.literal()
	}
	src := scope[g.n(len(scope))]
	if len(src.columns) == 0 {
		return "1"
	}
	c := g.oneOf(src.columns)
	if g.chance(0.1) {
		return c
	}
	return src.alias + "." + c
}

// expr makes an expression; how deep it may nest is counted from the statement on.
func (g *Generator) expr() string {
	if g.depth >= deepest || g.chance(0.3) {
		return g.leaf()
	}
	g.depth++
	defer func() { g.depth-- }()
	switch n := g.n(100); {
	case n < 34:
		return g.call()
	case n < 40:
		return g.subquery()
	case n < 50 && g.aggs:
		return g.aggregate()
	case n < 55 && g.aggs:
		return g.window()
	}
	if g.chance(0.2) {
		return g.expand("{operation}")
	}
	return "(" + g.expand("{operation}") + ")" // not all of what binds otherwise than one might think
}

func (g *Generator) leaf() string {
	switch n := g.n(40); {
	case n < 22:
		return g.columnName()
	case n < 24 && g.binding:
		return g.param()
	case n == 25:
		return g.pick("@a", "@b", "@nothing", "@`a b`", "@a := 1", "@b := @a")
	case n == 26:
		return g.pick("@@sql_mode", "@@session.autocommit", "@@global.max_connections", "@@version", "@@nothing", "@@local.time_zone")
	case n == 27 && g.chance(0.3):
		return g.pick("?", "DEFAULT", "*", "DEFAULT("+g.columnName()+")", "VALUES("+g.columnName()+")", "ROW(1, 2)", "(1, 2)")
	}
	return g.literal()
}

// constant is what a key may be compared with.
func (g *Generator) constant() string {
	if g.binding && g.chance(0.4) {
		return g.param()
	}
	if g.chance(0.1) {
		return g.expr()
	}
	return g.literal()
}

func (g *Generator) subquery() string {
	aggs := g.aggs
	defer func() { g.aggs = aggs }()
	switch g.n(8) {
	case 0:
		return g.pick("EXISTS (", "NOT EXISTS (") + g.query(1) + ")"
	case 1, 2:
		return g.expand("{shallow}") + g.pick(" IN (", " NOT IN (") + g.query(1) + ")"
	case 3:
		return g.expand("{shallow} {=|<>|<|>=|<=>} {ANY|ALL|SOME} (") + g.query(1) + ")"
	case 4:
		return g.expand("{|ROW}({shallow}, {shallow})") + g.pick(" IN (", " NOT IN (", " = (", " <=> (", " <> (", " < (", " >= (", " = ANY (", " <> ALL (", " = ALL (") + g.query(2) + ")"
	case 5:
		return "(" + limited(g.query(2), g.pick("", " LIMIT 1")) + g.expand(") {=|<=>|<>|<|>=} {({shallow}, {shallow})|ROW({literal}, {shallow})}")
	}
	return "(" + limited(g.query(1), g.pick("", " LIMIT 1", " LIMIT 1", " LIMIT 0")) + ")"
}

// limited puts a LIMIT behind a query that has none at its end.
func limited(query, limit string) string {
	if end := query[max(0, len(query)-60):]; strings.Contains(end, " LIMIT ") || strings.Contains(end, " FOR ") || strings.Contains(end, "LOCK IN") {
		return query
	}
	return query + limit
}

func (g *Generator) aggregate() string {
	g.aggs = g.chance(0.02)
	defer func() { g.aggs = true }()
	return g.expand("{agg}")
}

func (g *Generator) window() string {
	g.aggs = g.chance(0.3)
	defer func() { g.aggs = true }()
	return g.expand("{windowfn} OVER {({overspec})|({overspec})|({overspec})|({rangespec})|w|()|(w)}")
}
