package generate

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// everydayViews are made with the everyday tables: one of each kind that changes go through, or don't.
var everydayViews = []string{
	"CREATE VIEW v0 AS SELECT id, a, b, s FROM t0 WHERE a < 100 OR a IS NULL WITH CHECK OPTION",
	"CREATE VIEW v1 (x, y, z) AS SELECT t0.id, t0.a, t1.s FROM t0 JOIN t1 ON t0.a = t1.id WITH LOCAL CHECK OPTION",
	"CREATE ALGORITHM = TEMPTABLE VIEW v2 AS SELECT a, COUNT(*) AS n, MAX(s) AS m FROM t0 GROUP BY a",
	"CREATE SQL SECURITY INVOKER VIEW v3 AS SELECT id, a + 1 AS e, s FROM v0 WHERE id > 0 WITH CASCADED CHECK OPTION",
}

var everydayViewColumns = [][]string{{"id", "a", "b", "s"}, {"x", "y", "z"}, {"a", "n", "m"}, {"id", "e", "s"}}

// viewName are the names of views.
var viewName = regexp.MustCompile(`^v[0-9]+$`)

// view makes a statement about the definition of a view. Queries and changes come to views as to tables.
func (g *Generator) view() Statement {
	t := &table{name: g.name("v", 6), view: true}
	done := func() {
		g.tables = slices.DeleteFunc(g.tables, func(o *table) bool { return o.name == t.name })
		g.tables = append(g.tables, t)
	}
	switch n := g.n(10); {
	case n == 0:
		return Statement{SQL: g.expand("DROP VIEW {IF EXISTS |}") + t.name + g.pick("", "", ", v0", ", nothing RESTRICT"), Done: func() { g.forgetName(t.name) }}
	case n == 1:
		return Statement{SQL: g.expand("{SHOW CREATE VIEW|SHOW CREATE TABLE|DESC|CHECK TABLE|SHOW COLUMNS FROM|SHOW INDEX FROM|ANALYZE TABLE|SELECT * FROM|EXPLAIN SELECT * FROM} ") + t.name}
	}
	query := g.viewQuery(t)
	columns := ""
	if g.chance(0.2) {
		t.columns = []string{"y0", "y1"}
		columns = " (y0, y1)"
	}
	return Statement{
		SQL: g.expand("{CREATE|CREATE OR REPLACE|CREATE OR REPLACE|ALTER} {|||ALGORITHM = {MERGE|TEMPTABLE|UNDEFINED}} {|||DEFINER = {CURRENT_USER|{user}}} {||SQL SECURITY {INVOKER|DEFINER}} VIEW ") + t.name + columns +
			" AS " + query + g.expand("{|||| WITH CHECK OPTION| WITH LOCAL CHECK OPTION| WITH CASCADED CHECK OPTION}"),
		Done: done,
	}
}

// viewQuery makes a view's query: half of the time one that changes can go through.
func (g *Generator) viewQuery(t *table) string {
	t.columns = []string{"c0", "c1"}
	if g.chance(0.4) {
		with := ""
		if g.chance(0.1) {
			with = g.with()
		}
		return with + g.namedQuery(2)
	}
	from := g.table()
	g.scopes = [][]source{{{from.name, from.columns}}}
	defer func() { g.scopes = nil }()
	if g.chance(0.3) {
		t.columns = slices.Clone(from.columns)
		return "SELECT * FROM " + from.name + g.pick("", " WHERE "+g.condition())
	}
	list := []string{g.column(from) + " AS c0", g.column(from) + " AS c1"}
	if g.chance(0.3) {
		list[1] = g.expand("{expr} AS c1")
	}
	tables := from.name
	if g.chance(0.25) {
		other := g.table()
		tables += g.pick(" JOIN ", " LEFT JOIN ", ", ") + other.name + " AS o"
		list = append(list, "o."+g.column(other)+" AS c2")
		t.columns = append(t.columns, "c2")
	}
	return fmt.Sprint("SELECT ", strings.Join(list, ", "), " FROM ", tables, g.pick("", " WHERE "+g.condition()))
}

func (g *Generator) forgetName(name string) {
	g.tables = slices.DeleteFunc(g.tables, func(o *table) bool { return o.name == name })
}

// files are what LOAD DATA LOCAL reads.
var files = map[string]string{
	"lines":  "1\ta\n2\t\\N\n300\tabc\t9\n\n-5\n1\tdup\n",
	"comma":  "7,\"a,b\",1.5\n8,\"c\"\"d\",\n9,'x',2020-01-01\r\n",
	"broken": "1\t\xff\xfe\n\"1\n2\\\t\x00\\0\\Z\\",
	"empty":  "",
	"wide":   strings.Repeat(strings.Repeat("1\t", 40)+"\n", 50) + strings.Repeat("x", 70_000),
}
