package planner

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/version"
)

// ruled is a table with rules of all kinds; its name and its tablets come with the test.
const ruled = `create table %s (
	id int primary key, a int, b int, s varchar(20), t timestamp null on update current_timestamp,
	v int as (a + coalesce(b, 0)), st varchar(60) as (concat_ws('-', upper(s), v)) stored, u bigint as (id * 1000 + v) unique,
	y int as (year(t)) stored,
	key (v), key kst (st, a), key ks ((lower(s)), (a %% 3)), key (y),
	check (a < 60), check (b is null or b > -5), constraint %s_both check (v < 90 or s = 'y'))`

// expressions are what the generated columns must be.
var expressions = map[string]string{
	"v": "a + coalesce(b, 0)", "st": "concat_ws('-', upper(s), a + coalesce(b, 0))", "u": "id * 1000 + a + coalesce(b, 0)", "y": "year(t)",
}

// TestRulesHold: whatever statements of all kinds do, each generated column is what its expression gives, each index has the rows that
// the table has, and no row is one that a check is against.
func TestRulesHold(t *testing.T) {
	for seed := range int64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			d := newTestDB(t)
			d.change(func(tx *catalog.Tx) { tx.PutClusterVersion(catalog.ClusterVersion{Active: version.V2}) })
			d.mustExec(fmt.Sprintf(ruled, "p", "p"), fmt.Sprintf(ruled, "q", "q"))
			g := &ruleChanges{rng: rand.New(rand.NewSource(seed))}
			refused := map[uint16]int{}
			for range 150 {
				sql := g.statement()
				if _, err := d.exec(sql); err != nil {
					code := mysqlerr.Code(err)
					if code != mysqlerr.CheckViolated && code != mysqlerr.DupEntry {
						t.Fatalf("%s: %v", sql, err)
					}
					refused[code]++
				}
				for _, table := range []string{"p", "q"} {
					rulesHold(t, d, table, sql)
				}
			}
			if refused[mysqlerr.CheckViolated] == 0 || len(d.rowsOf(t, "p")) == 0 {
				t.Errorf("too little happened: %v, rows %q", refused, d.rowsOf(t, "p"))
			}
		})
	}
}

func rulesHold(t *testing.T, d *testDB, table, after string) {
	t.Helper()
	var wrong []string
	for c, e := range expressions {
		wrong = append(wrong, fmt.Sprintf("not (%s <=> %s)", c, e))
	}
	wrong = append(wrong, "a >= 60", "b <= -5", "v >= 90 and s <> 'y'")
	_, rows, err := d.query("select * from " + table + " ignore index (v, kst, ks, u, y) where " + strings.Join(wrong, " or "))
	if err != nil || len(rows) > 0 {
		t.Fatalf("after %s: %v\n%s", after, err, showRows(rows))
	}
	for index, columns := range map[string]string{"v": "v, id", "kst": "st, a, id", "ks": "lower(s), a % 3, id", "u": "u, id", "y": "y, id"} {
		read := func(hint string) string {
			_, rows, err := d.query(fmt.Sprintf("select %s from %s %s index (%s) order by %s", columns, table, hint, index, columns))
			if err != nil {
				t.Fatal(err)
			}
			return showRows(rows)
		}
		if a, b := read("force"), read("ignore"); a != b {
			t.Fatalf("after %s: by the index %s:\n%swithout it:\n%s", after, index, a, b)
		}
	}
}

type ruleChanges struct{ rng *rand.Rand }

func (g *ruleChanges) n(max int) int { return g.rng.Intn(max) }

func (g *ruleChanges) pick(options ...string) string { return options[g.n(len(options))] }

func (g *ruleChanges) value(column string) string {
	if column == "s" {
		return g.pick("'y'", "'Straße'", "null", "default", "concat('k', "+fmt.Sprint(g.n(5))+")")
	}
	if column == "b" && g.n(4) == 0 {
		return "null"
	}
	return fmt.Sprint(g.n(75) - 6)
}

func (g *ruleChanges) where() string {
	return g.pick(fmt.Sprintf("id = %d", g.n(40)), fmt.Sprintf("id in (%d, %d)", g.n(40), g.n(40)), fmt.Sprintf("v > %d", g.n(90)), fmt.Sprintf("lower(s) = 'k%d'", g.n(5)), "a % 3 = 1",
		fmt.Sprintf("id = %d and a > %d", g.n(40), g.n(50)))
}

func (g *ruleChanges) set(table string) string {
	return g.pick("a = a + 1", "b = a - 3", "s = "+g.value("s"), "a = "+g.value("a")+", b = "+g.value("b"), "t = '2020-02-02 00:00:00'", "v = default, a = b",
		"a = (select max(i.b) from "+map[string]string{"p": "q", "q": "p"}[table]+" i)", "b = floor(rand() * 9)", "id = id + 40", "s = default, u = default")
}

func (g *ruleChanges) statement() string {
	table, ignore := g.pick("p", "q"), g.pick("", "", "ignore ")
	row := func() string {
		return fmt.Sprintf("(%d, %s, %s, %s)", g.n(40), g.value("a"), g.value("b"), g.value("s"))
	}
	switch g.n(9) {
	case 0, 1:
		return fmt.Sprintf("insert %sinto %s (id, a, b, s) values %s, %s", ignore, table, row(), row())
	case 2:
		return fmt.Sprintf("insert %sinto %s (id, a, b, s) values %s on duplicate key update %s", ignore, table, row(),
			g.pick("a = values(a)", "b = b + 1, s = values(s)", "a = a + floor(rand() * 3)", "b = values(id) + a"))
	case 3:
		return fmt.Sprintf("replace into %s (id, a, b, s) values %s", table, row())
	case 4:
		return fmt.Sprintf("%s into %s (id, a, b, s) select id + 1, a, b, s from %s where %s", g.pick("insert "+ignore, "replace"), table, g.pick("p", "q"), g.where())
	case 5:
		return fmt.Sprintf("delete from %s where %s limit 2", table, g.where())
	case 6:
		return fmt.Sprintf("update %sp x join q y on x.id = y.id set x.a = y.b, y.s = 'k1'", ignore)
	}
	if ignore != "" { // what IGNORE does to NULLs and duplicates is not this test's
		return fmt.Sprintf("update ignore %s set %s where %s", table, g.pick("a = a + 9", "b = b - 1", "s = 'z'"), fmt.Sprintf("id = %d", g.n(40)))
	}
	return fmt.Sprintf("update %s set %s where %s", table, g.set(table), g.where())
}
