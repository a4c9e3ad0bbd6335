package planner

import (
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"strings"
	"testing"

	"cloudsql/storage/version"
)

// TestRandomQueries compares plans with plain ones: the same query, once with indexes, lookup and hash joins, semi joins
// and everything inside the shards, and once by reading all tables whole and looping over them, must give the same rows; so must the
// plans where tablets are read in sections, several at once, and in the same order, and those that hints make of it.
func TestRandomQueries(t *testing.T) {
	seeds := int64(12)
	if n, err := strconv.ParseInt(os.Getenv("PLANNER_SEEDS"), 10, 64); err == nil {
		seeds = n
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			g := &generator{rng: rand.New(rand.NewSource(seed)), laterals: true}
			hints := &generator{rng: rand.New(rand.NewSource(seed))}
			d := newTestDB(t)
			d.raise(version.Max)
			d.mustExec(g.schema()...)
			for range 150 {
				sql, ordered := g.query()
				d.naive = true
				_, want, wantErr := d.query(sql)
				d.naive = false
				_, got, err := d.query(sql)
				if (err != nil) != (wantErr != nil) {
					t.Fatalf("%s\nplanned: %v\nplain: %v", sql, err, wantErr)
				}
				d.processors = new(testProcessors)
				_, cut, cutErr := d.query(sql)
				if n := d.processors.lent.Load(); n != 0 {
					t.Fatalf("%s\n%d processors were not given back", sql, n)
				}
				d.processors = nil
				if !ordered && strings.Contains(d.showPlan(sql), "table:r") { // its tablets' pages come as they are read
					sortRows(got)
					sortRows(cut)
				}
				if showRows(cut) != showRows(got) || (cutErr != nil) != (err != nil) {
					t.Fatalf("%s\nin one go: %v\n%sin sections: %v\n%splan:\n%s", sql, err, showRows(got), cutErr, showRows(cut), d.showPlan(sql))
				}
				if !ordered {
					sortRows(got)
					sortRows(want)
				}
				if showRows(got) != showRows(want) {
					t.Fatalf("%s\nplanned:\n%splain:\n%splan:\n%s", sql, showRows(got), showRows(want), d.showPlan(sql))
				}
				sql = "select " + hints.hints() + strings.TrimPrefix(sql, "select ")
				_, got, err = d.query(sql)
				if !ordered {
					sortRows(got)
				}
				if (err != nil) != (wantErr != nil) || showRows(got) != showRows(want) {
					t.Fatalf("%s\n%v\n%sas without hints: %v\n%splan:\n%s", sql, err, showRows(got), wantErr, showRows(want), d.showPlan(sql))
				}
			}
		})
	}
}

// generator makes tables and queries over them. Every ORDER BY with a LIMIT ends in a key, so that results are certain.
type generator struct {
	rng      *rand.Rand
	scopes   []string // aliases that may be named, with their table behind a colon
	rows     int      // of each table; 0: 40
	changed  string   // the tables that the statement changes
	laterals bool     // some tables in FROM look at others
}

func (g *generator) pick(list ...string) string { return list[g.rng.Intn(len(list))] }
func (g *generator) chance(p float64) bool      { return g.rng.Float64() < p }

// schema has three tables of the same columns with different keys.
func (g *generator) schema() []string {
	cols := "id int not null, a int, b int not null, s varchar(10), d date, n decimal(8,2)"
	list := []string{
		"create table p (" + cols + ", primary key (id), key (a), key ab (a, b), key (s))",
		"create table q (" + cols + ", primary key (a1, id), a1 int not null, unique key (id), key sd (s, d), key (b desc))",
		"create table r (" + cols + ", primary key (id), key nb (n, b), key (d)) comment 'split 10 20 30'",
	}
	for _, t := range []string{"p", "q", "r"} {
		var rows []string
		for id := 1; id <= max(g.rows, 40); id++ {
			row := fmt.Sprintf("%d, %s, %d, %s, %s, %s", id, g.orNull(fmt.Sprint(g.rng.Intn(8))), g.rng.Intn(6),
				g.orNull(g.text()), g.orNull(g.date()), g.orNull(fmt.Sprintf("%d.%02d", g.rng.Intn(5), 25*g.rng.Intn(4))))
			if t == "q" {
				row += fmt.Sprintf(", %d", g.rng.Intn(4))
			}
			rows = append(rows, "("+row+")")
		}
		list = append(list, "insert into "+t+" values "+strings.Join(rows, ", "))
	}
	return list
}

func (g *generator) orNull(s string) string {
	if g.chance(0.15) {
		return "null"
	}
	return s
}

func (g *generator) text() string {
	return "'" + g.pick("a", "Bq", "ab", "abc", "Abd", "b", "c", "", "za") + "'"
}
func (g *generator) date() string {
	return fmt.Sprintf("'2024-0%d-1%d'", 1+g.rng.Intn(3), g.rng.Intn(3))
}

// column names a column of one of the visible tables.
func (g *generator) column() string {
	return g.alias() + "." + g.pick("id", "a", "b", "s", "d", "n", "a", "b", "id")
}

func (g *generator) alias() string { return g.scopes[g.rng.Intn(len(g.scopes))] }

func (g *generator) constantFor(col string) string {
	switch col[strings.IndexByte(col, '.')+1:] {
	case "s":
		return g.text()
	case "d":
		return g.date()
	case "n":
		return g.pick("1", "2.25", "0.5", "3.333", "2.50")
	}
	return g.pick("0", "1", "2", "3", "4", "5", "7", "12", "25", "33", "1.5", "'3'", "-1", "null")
}

func (g *generator) condition(depth int) string {
	c := g.column()
	switch n := g.rng.Intn(21); {
	case n < 5:
		return fmt.Sprintf("%s = %s", c, g.constantFor(c))
	case n < 8:
		return fmt.Sprintf("%s %s %s", c, g.pick("<", "<=", ">", ">=", "<>", "<=>"), g.constantFor(c))
	case n < 10:
		return fmt.Sprintf("%s in (%s, %s, %s)", c, g.constantFor(c), g.constantFor(c), g.constantFor(c))
	case n < 11:
		return fmt.Sprintf("%s between %s and %s", c, g.constantFor(c), g.constantFor(c))
	case n < 12:
		return c + g.pick(" is null", " is not null")
	case n < 13:
		return g.alias() + ".s like " + g.pick("'a%'", "'ab%'", "'%b'", "'a_'", "'A%c'", "'%'")
	case n < 15:
		x, y := g.alias(), g.alias()
		return fmt.Sprintf("%s.%s = %s.%s", x, g.pick("id", "a", "b"), y, g.pick("id", "a", "b"))
	case n < 16 && depth > 0:
		return "(" + g.condition(depth-1) + " or " + g.condition(depth-1) + ")"
	case n < 17 && depth > 0:
		return "not (" + g.condition(depth-1) + ")"
	case n < 19 && depth > 0:
		return g.subquery(depth - 1)
	case n == 19:
		x := g.alias()
		return g.pick(
			fmt.Sprintf("(%s.a, %s.b) in ((1, 2), (3, 3), (%d, 0))", x, x, g.rng.Intn(8)),
			fmt.Sprintf("(%s.a, %s.id) %s (%d, %d)", x, x, g.pick("<", ">", ">=", "="), g.rng.Intn(8), g.rng.Intn(40)),
			fmt.Sprintf("(%s.b = %d and %s.id > 5 or %s.b > 3 and %s.s = 'ab')", x, g.rng.Intn(6), x, x, x),
		)
	}
	return fmt.Sprintf("(%s.a = %d or %s.a > %d)", g.alias(), g.rng.Intn(5), g.scopes[0], g.rng.Intn(8))
}

// hints are some about the tables of a query and of its subqueries, whether or not it has them.
func (g *generator) hints() string {
	table := func() string { return g.pick("x", "y", "z", "x", "y", "i0@`select#2`", "i1@`select#2`") }
	var list []string
	for range 1 + g.rng.Intn(4) {
		switch g.rng.Intn(6) {
		case 0:
			list = append(list, fmt.Sprintf("%s(%s, %s)", g.pick("JOIN_ORDER", "JOIN_PREFIX", "JOIN_SUFFIX"), table(), table()))
		case 1:
			list = append(list, fmt.Sprintf("%s(%s)", g.pick("JOIN_PREFIX", "JOIN_SUFFIX", "NO_BNL", "NO_DERIVED_CONDITION_PUSHDOWN"), table()))
		case 2:
			list = append(list, g.pick("JOIN_FIXED_ORDER()", "NO_BNL()", "NO_DERIVED_CONDITION_PUSHDOWN()", "NO_BNL(@`select#2`)"))
		case 3:
			list = append(list, fmt.Sprintf("%s(@`select#%d` %s)", g.pick("SEMIJOIN", "NO_SEMIJOIN"), 2+g.rng.Intn(2), g.pick("", "FIRSTMATCH", "MATERIALIZATION", "LOOSESCAN", "LOOSESCAN, MATERIALIZATION")))
		default:
			list = append(list, fmt.Sprintf("%s(%s %s)", g.pick("INDEX", "NO_INDEX", "JOIN_INDEX", "NO_JOIN_INDEX", "ORDER_INDEX", "NO_ORDER_INDEX", "GROUP_INDEX", "NO_RANGE_OPTIMIZATION"), table(),
				g.pick("", "", "a", "ab", "sd", "nb", "primary", "a, primary")))
		}
	}
	return "/*+ " + strings.Join(list, " ") + " */ "
}

func (g *generator) subquery(depth int) string {
	outer := g.scopes
	table := g.unchanged()
	alias := fmt.Sprintf("i%d", depth)
	for _, have := range outer {
		if have == alias {
			alias += "x"
		}
	}
	inner := append([]string{alias}, outer...)
	if g.chance(0.4) {
		inner = inner[:1]
	}
	g.scopes = inner
	where := g.condition(depth)
	if g.chance(0.5) {
		where = fmt.Sprintf("%s.%s = %s.%s and %s", alias, g.pick("a", "b", "id"), outer[0], g.pick("a", "b", "id"), where)
	}
	g.scopes = outer
	from := fmt.Sprintf("from %s %s where %s", table, alias, where)
	c := g.alias()
	switch g.rng.Intn(5) {
	case 0:
		return "exists (select 1 " + from + g.pick("", "", " order by 1 limit 1", " limit 2") + ")"
	case 1:
		return "not exists (select 1 " + from + ")"
	case 2:
		return fmt.Sprintf("%s.%s %s (select %s.%s %s)", c, g.pick("a", "b", "id"), g.pick("in", "not in"), alias, g.pick("a", "b", "id"), from)
	case 3:
		return fmt.Sprintf("%s.a %s %s (select %s.b %s)", c, g.pick("<", ">=", "="), g.pick("any", "all"), alias, from)
	}
	return fmt.Sprintf("%s.b %s (select %s(%s.a) %s)", c, g.pick("=", "<", ">"), g.pick("max", "min", "count"), alias, from)
}

// table makes a table of a FROM clause: mostly a plain one, at times a derived one.
func (g *generator) table(alias string) string {
	name := g.pick("p", "q", "r")
	outer := g.scopes
	defer func() { g.scopes = outer }()
	g.scopes = []string{name}
	cols := "id, a, b, s, d, n"
	switch n := g.rng.Intn(20); {
	case n < 2:
		return fmt.Sprintf("(select %s from %s where %s) %s", cols, name, g.condition(1), alias)
	case n == 2:
		return fmt.Sprintf("(select id, a + 1 as a, b, s, d, n from %s where %s) %s", name, g.condition(0), alias)
	case n == 3:
		return fmt.Sprintf("(select max(id) as id, a, count(*) as b, max(s) as s, min(d) as d, sum(n) as n from %s group by a) %s", name, alias)
	case n == 4:
		other := g.pick("p", "q", "r")
		return fmt.Sprintf("(select %s from %s where b < 3 union all select %s from %s where a = 2) %s", cols, name, cols, other, alias)
	case n == 5:
		return fmt.Sprintf("(select %s from %s order by a, id limit 9) %s", cols, "p", alias)
	case n == 6:
		return fmt.Sprintf("(select %s from (select %s, %s over (partition by %s order by %s, id) as rn from %s) w where rn %s %d) %s", cols, cols,
			g.pick("row_number()", "rank()"), g.pick("a", "b", "s", "d"), g.pick("a desc", "b", "s", "n desc"), name, g.pick("<", "<=", "="), 1+g.rng.Intn(4), alias)
	}
	return name + " " + alias
}

// lateral makes a table of the rows that go with one on its left.
func (g *generator) lateral(alias, left string) string {
	c := g.pick("a", "b", "id")
	rows := fmt.Sprintf("select id, a, b, s, d, n from %s l where l.%s = %s.%s", g.pick("p", "r"), g.pick("a", "b"), left, c)
	switch g.rng.Intn(3) {
	case 0:
		rows += " order by id limit 2"
	case 1:
		rows = fmt.Sprintf("select max(id) as id, %s.%s as a, count(*) as b, max(s) as s, min(d) as d, sum(n) as n from (%s) k", left, c, rows)
	}
	return fmt.Sprintf("lateral (%s) %s", rows, alias)
}

// from makes a FROM clause of one to three tables.
func (g *generator) from() string {
	text := g.table("x")
	g.scopes = []string{"x"}
	for _, alias := range []string{"y", "z"}[:g.rng.Intn(3)] {
		prev := g.alias()
		g.scopes = append(g.scopes, alias)
		kind := g.pick("join", "left join", "join", "left join", "right join")
		on := fmt.Sprintf("%s.%s = %s.%s", prev, g.pick("id", "a", "b"), alias, g.pick("id", "a", "b", "n"))
		if g.chance(0.2) {
			c := g.pick("s", "d")
			on = fmt.Sprintf("%s.%s = %s.%s", prev, c, alias, c)
		}
		if g.chance(0.3) {
			on += " and " + g.condition(0)
		}
		table := g.table(alias)
		if g.laterals && kind != "right join" && g.chance(0.15) {
			table = g.lateral(alias, prev)
		}
		text += fmt.Sprintf(" %s %s on %s", kind, table, on)
	}
	return text
}

// query makes a SELECT and tells whether its rows come in a certain order.
func (g *generator) query() (sql string, ordered bool) {
	from := g.from()
	var conds []string
	for range g.rng.Intn(4) {
		conds = append(conds, g.condition(2))
	}
	where := ""
	if len(conds) > 0 {
		where = " where " + strings.Join(conds, " and ")
	}
	switch g.rng.Intn(6) {
	case 0:
		return g.grouped(from, where)
	case 1:
		c := g.column()
		return fmt.Sprintf("select distinct %s, %s from %s%s", c, g.column(), from, where), false
	case 2:
		return fmt.Sprintf("select %s(%s), count(*) from %s%s", g.pick("max", "min", "sum", "count", "avg"), g.alias()+"."+g.pick("id", "a", "b", "n"), from, where), true
	case 3:
		return fmt.Sprintf("select %s(%s) from %s%s", g.pick("max", "min"), g.column(), from, where), true
	}
	var list, keys []string
	for range 1 + g.rng.Intn(3) {
		list = append(list, g.column())
	}
	for _, a := range g.scopes {
		list = append(list, a+".id")
		keys = append(keys, a+".id")
	}
	sql = fmt.Sprintf("select %s from %s%s", strings.Join(list, ", "), from, where)
	if g.chance(0.6) {
		var order []string
		for range g.rng.Intn(3) {
			order = append(order, g.column()+g.pick("", " desc"))
		}
		order = append(order, keys...)
		if g.chance(0.3) {
			for i := range order {
				order[i] = strings.TrimSuffix(order[i], " desc") + " desc"
			}
		}
		sql += " order by " + strings.Join(order, ", ")
		if g.chance(0.6) {
			sql += fmt.Sprintf(" limit %d", g.rng.Intn(12))
			if g.chance(0.3) {
				sql += fmt.Sprintf(" offset %d", g.rng.Intn(6))
			}
		}
		return sql, true
	}
	return sql, false
}

func (g *generator) grouped(from, where string) (string, bool) {
	k := g.alias() + "." + g.pick("a", "b", "n", "d")
	agg := fmt.Sprintf("%s(%s)", g.pick("sum", "max", "min", "count", "avg"), g.alias()+"."+g.pick("a", "b", "id", "n"))
	sql := fmt.Sprintf("select %s, count(*), %s, count(distinct %s) from %s%s group by %s", k, agg, g.column(), from, where, k)
	if g.chance(0.3) {
		sql += fmt.Sprintf(" having count(*) > %d", g.rng.Intn(3))
	}
	if g.chance(0.5) {
		return sql + fmt.Sprintf(" order by %s%s", k, g.pick("", " desc")), true
	}
	return sql, false
}
