package planner

import (
	"fmt"
	"strings"
	"testing"

	"cloudsql/storage/version"
)

// A hash join tells the scans on its left which keys its right side has: rows without a partner stay where they are, and the statement's
// rows are the same.
func TestKeysReachScans(t *testing.T) {
	d := newTestDB(t)
	d.pageMax = 1 << 16
	d.mustExec("create table f (id int not null, a int not null, s varchar(20), n decimal(8,2), d date, primary key (id)) comment 'split 800 1600'",
		"create table g (a int not null, b int not null, d date, primary key (a))", "create table h (s varchar(20) not null, b int not null, primary key (b))")
	var f, g, h []string
	for i := range 2400 {
		f = append(f, fmt.Sprintf("(%d, %d, 'Text%d', %d.%d0, '2024-01-01' + interval %d day)", i, i%400, i%300, i%200, i%2, i%365))
	}
	for i := range 400 {
		g = append(g, fmt.Sprintf("(%d, %d, '2024-01-01' + interval %d day)", i, i*7%400, i%365))
		h = append(h, fmt.Sprintf("('tEXT%d', %d)", i%300, i))
	}
	d.mustExec("insert into f values "+strings.Join(f, ", "), "insert into g values "+strings.Join(g, ", "), "insert into h values "+strings.Join(h, ", "))
	if got := d.analyze([]string{"f", "g", "h"}); got != "ok\n" {
		t.Fatal(got)
	}
	for _, q := range []struct {
		sql  string
		told int // scans
	}{
		{"select f.id, g.b from f join g on f.a = g.a where g.b < 40", 1},
		{"select f.id from f where f.a in (select a from g where b < 40)", 1},
		{"select f.id, h.b from f join h on f.s = h.s where h.b < 20", 1},
		{"select f.id, g.b, h.b from f join g on f.a = g.a join h on f.s = h.s where g.b < 40 and h.b < 30", 2},
		{"select f.id, g.b from f join g on f.n = g.a where g.b < 40", 1},
		{"select f.id, g.b from f join g on f.d = g.d where g.b < 40", 1},
		{"select x.a, x.c, g.b from (select a, count(*) c, sum(n) from f group by a) x join g on x.a = g.a where g.b < 40", 1},
		{"select x.a, g.b from (select distinct a from f) x join g on x.a = g.a where g.b < 40", 1},
		{"select f.id, g.b, h.b from f left join h on f.id = h.b join g on f.a = g.a where g.b < 40", 1},
		{"select f.id, g.b from f left join g on f.a = g.a and g.b < 40", 0},
		{"select f.id from f where f.a not in (select a from g where b < 40)", 0},
		{"select f.id, g.b from f join g on f.a = g.a", 0},
		{"select x.id, g.b from (select id, a from f order by id limit 100) x join g on x.a = g.a where g.b < 40", 0},
		{"select f.id, g.b from f join g on f.a + 1 = g.a where g.b < 40", 0},
		{"select f.id, g.b from f join g on f.a <=> g.a where g.b < 40", 0},
		{"select f.id, g.b from f join g on f.a = g.a where g.b < 0", 1},
	} {
		run := func(what string) (text string, given int64) {
			before := d.given.Load()
			_, rows, err := d.query(q.sql)
			if err != nil {
				t.Fatalf("%s: %s: %v", q.sql, what, err)
			}
			sortRows(rows)
			return showRows(rows), d.given.Load() - before
		}
		d.raise(version.V1)
		want, all := run("at V1")
		d.raise(version.V2)
		got, given := run("at V2")
		if got != want {
			t.Errorf("%s\nat V1:\n%sat V2:\n%s", q.sql, want, got)
		}
		if n := strings.Count(d.showPlan(q.sql), "keys to"); n != q.told {
			t.Errorf("%s: %d scans are told keys, not %d:\n%s", q.sql, n, q.told, d.showPlan(q.sql))
		}
		if fewer := given < all; fewer != (q.told > 0 && all > 0) {
			t.Errorf("%s: %d rows came from the shards, %d at V1", q.sql, given, all)
		}
		d.processors = new(testProcessors)
		if got, _ := run("in sections"); got != want {
			t.Errorf("%s\nin sections:\n%snot\n%s", q.sql, got, want)
		}
		d.processors, d.lock = nil, true
		if got, _ := run("in a transaction"); got != want {
			t.Errorf("%s\nin a transaction:\n%snot\n%s", q.sql, got, want)
		}
		d.lock = false
	}
}

// Rows that a statement locks are those that it looks at, whatever it joins them with.
func TestLockedScansAreNotTold(t *testing.T) {
	d := newTestDB(t)
	d.raise(version.V2)
	d.mustExec("create table f (id int primary key, a int)", "create table g (a int primary key, b int)")
	var f []string
	for i := range 300 {
		f = append(f, fmt.Sprintf("(%d, %d)", i, i%100))
	}
	d.mustExec("insert into f values "+strings.Join(f, ", "), "insert into g values (1, 1), (2, 2), (3, 3)")
	d.analyze([]string{"f", "g"})
	join := "select f.id from f straight_join g on f.a = g.a where g.b < 3"
	if plan := d.showPlan(join); !strings.Contains(plan, "keys to f.a") {
		t.Errorf("not told:\n%s", plan)
	}
	if plan := d.showPlan(join + " for update"); strings.Contains(plan, "keys to") {
		t.Errorf("told:\n%s", plan)
	}
}
