package planner

import (
	"fmt"
	"strings"
	"testing"
)

// A join's lookups are read in sections, by all kinds of indexes, and give the same rows in the same order.
func TestLookupsInSections(t *testing.T) {
	d := newTestDB(t)
	d.mustExec("create table l (id int not null, k int not null, primary key (id))",
		"create table r (a int not null, b int not null, s varchar(20), primary key (a, b), key sb (s, b), unique key b (b))")
	var left, right []string
	for i := range 900 {
		left = append(left, fmt.Sprintf("(%d, %d)", i, (i*7)%1500))
	}
	for i := range 6000 {
		right = append(right, fmt.Sprintf("(%d, %d, 's%d')", i/4, i, i%1500))
	}
	d.mustExec("insert into l values "+strings.Join(left, ", "), "insert into r values "+strings.Join(right, ", "))
	for _, sql := range []string{
		"select l.id, r.b from l straight_join r force index (primary) on r.a = l.k",
		"select l.id, r.a from l straight_join r force index (b) on r.b = l.k",
		"select l.id, r.a from l straight_join r force index (sb) on r.s = concat('s', l.k)",
		"select l.id, r.b from l left join r force index (primary) on r.a = l.k and r.b < 1000",
		"select l.id from l where not exists (select * from r where r.a = l.k and r.b % 3 = 0)",
		"select l.id, r.k from r as x join l on x.a = l.id join l r on r.id = x.b where x.b < 4000",
	} {
		before := d.reads
		_, want, err := d.query(sql)
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		whole := d.reads - before
		d.processors = new(testProcessors)
		before = d.reads
		_, got, err := d.query(sql)
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		if n := d.processors.lent.Load(); n != 0 {
			t.Errorf("%s: %d processors were not given back", sql, n)
		}
		d.processors = nil
		if d.reads-before <= whole {
			t.Errorf("%s: %d reads, not more than %d:\n%s", sql, d.reads-before, whole, d.showPlan(sql))
		}
		if showRows(got) != showRows(want) {
			t.Errorf("%s\nin one go:\n%sin sections:\n%s", sql, showRows(want), showRows(got))
		}
	}
}
