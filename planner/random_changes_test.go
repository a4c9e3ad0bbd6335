package planner

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
)

// TestRandomChanges compares data changes with plain ones: the same statement, once with indexes, joins and keys that are known,
// and once with all tables read whole and every row found by a query, must leave the same rows.
func TestRandomChanges(t *testing.T) {
	for seed := range int64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			g := &generator{rng: rand.New(rand.NewSource(seed))}
			planned, plain := newTestDB(t), newTestDB(t)
			schema := g.schema()
			planned.mustExec(schema...)
			plain.mustExec(schema...)
			plain.naive = true
			failed := 0
			for range 60 {
				sql := g.change()
				want, wantErr := plain.exec(sql)
				got, err := planned.exec(sql)
				if (err != nil) != (wantErr != nil) {
					t.Fatalf("%s\nplanned: %v\nplain: %v", sql, err, wantErr)
				}
				if err != nil {
					t.Logf("%s: %v", sql, err)
					failed++
					continue
				}
				if got.Affected != want.Affected || got.Info != want.Info {
					t.Fatalf("%s\nplanned: %d rows, %s\nplain: %d rows, %s", sql, got.Affected, got.Info, want.Affected, want.Info)
				}
				for _, table := range []string{"p", "q", "r"} {
					if a, b := planned.rowsOf(t, table), plain.rowsOf(t, table); a != b {
						t.Fatalf("%s\n%s, planned:\n%splain:\n%s", sql, table, a, b)
					}
				}
			}
			if failed > 6 {
				t.Errorf("%d statements failed", failed)
			}
		})
	}
}

func (d *testDB) rowsOf(t *testing.T, table string) string {
	_, rows, err := d.query("select * from " + table + " order by id")
	if err != nil {
		t.Fatal(err)
	}
	return showRows(rows)
}

// change makes a data change whose outcome does not depend on the order in which rows are found.
func (g *generator) change() string {
	name := g.pick("p", "q", "r")
	g.scopes, g.changed = []string{name}, name
	defer func() { g.changed = "" }()
	where := ""
	if g.chance(0.9) {
		where = " where " + g.condition(2)
		if g.chance(0.4) {
			where += " and " + g.condition(1)
		}
	}
	limit := ""
	if g.chance(0.3) {
		limit = fmt.Sprintf(" order by %s%s, id limit %d", g.pick("a", "b", "s"), g.pick("", " desc"), 1+g.rng.Intn(9))
	}
	more := strings.Repeat(", 1", len(g.keyColumn(name))/4)
	switch g.rng.Intn(8) {
	case 0:
		return fmt.Sprintf("update %s set %s%s%s", name, g.assignment(name), where, limit)
	case 1:
		return fmt.Sprintf("update %s set %s where id = %d and %s", name, g.assignment(name), 1+g.rng.Intn(50), g.condition(0))
	case 2:
		return fmt.Sprintf("update %s set a = (select %s(i.b) from %s i where i.b %s %s.b)%s%s", name, g.pick("max", "count"), g.unchanged(), g.pick("=", "<"), name, where, limit)
	case 3:
		if g.chance(0.5) {
			where = fmt.Sprintf(" where id in (%d, %d)", 1+g.rng.Intn(50), 1+g.rng.Intn(50))
		}
		return fmt.Sprintf("delete from %s%s order by a, id limit 4", name, where)
	case 4:
		return g.joinedChange()
	case 5:
		return fmt.Sprintf("insert into %s (id, a, b%s) values (%d, (select max(i.a) from %s i), %d%s), (%d, default, 2%s)", name, g.keyColumn(name),
			1+g.rng.Intn(60), g.unchanged(), g.rng.Intn(6), more, 70+g.rng.Intn(200), more) + g.onDuplicate(name)
	}
	from := g.pick("p", "q", "r")
	g.scopes = []string{from}
	insert := g.pick("insert into", "replace into")
	sql := fmt.Sprintf("%s %s (id, a, b, s%s) select id + %d, a, b, s%s from %s where %s", insert, name, g.keyColumn(name), g.rng.Intn(30),
		more, from, g.condition(1))
	if insert == "replace into" {
		return sql
	}
	return sql + g.onDuplicate(name)
}

// unchanged picks a table that a subquery may read: none that the statement changes (1093).
func (g *generator) unchanged() string {
	var list []string
	for _, t := range []string{"p", "q", "r"} {
		if !strings.Contains(g.changed, t) {
			list = append(list, t)
		}
	}
	return g.pick(list...)
}

// keyColumn is the rest of q's key.
func (g *generator) keyColumn(table string) string {
	if table == "q" {
		return ", a1"
	}
	return ""
}

func (g *generator) onDuplicate(table string) string {
	return fmt.Sprintf(" on duplicate key update b = values(b) + 1, s = %s, a = %s.b", g.text(), table)
}

func (g *generator) assignment(table string) string {
	return g.pick(
		"a = a + 1", "b = b + 1, a = "+table+".id", "s = "+g.text(), "d = "+g.date()+", n = n + 0.25", "a = default", "s = concat(s, 'x')",
		"n = b / 3", "a = "+g.pick("1", "2.6", "'3'", "null"), "b = length(concat(coalesce(s, 'none'), id))",
	)
}

// joinedChange changes rows of two tables, each by constants and its own columns.
func (g *generator) joinedChange() string {
	x, y := g.pick("p", "q", "r"), g.pick("p", "q", "r")
	g.scopes, g.changed = []string{"x", "y"}, x+y
	from := fmt.Sprintf("%s x %s %s y on x.%s = y.%s", x, g.pick("join", "left join"), y, g.pick("id", "a", "b"), g.pick("id", "a", "b"))
	where := " where " + g.condition(1) + " and " + g.condition(0)
	if x == y || g.chance(0.5) { // twice the same row under two names: the last change would win
		return fmt.Sprintf("update %s set x.a = x.b + 1, x.s = %s%s", from, g.text(), where)
	}
	if g.chance(0.3) {
		return "delete " + g.pick("x", "x, y") + " from " + from + where + " and x.id < 10"
	}
	return fmt.Sprintf("update %s set x.a = x.b + 1, y.s = %s, x.d = %s%s", from, g.text(), g.date(), where)
}
