package planner

import (
	"strings"
	"testing"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/expr"
	"cloudsql/storage/version"
)

// newFunction is one that nodes at V1 don't know.
const newFunction = "format_bytes"

// TestNewFunctionsStayAtTheGateway: while the cluster is at V1, no fragment has a newer function in it (encoding it would
// fail here, and stop an older replica), and the statements mean the same.
func TestNewFunctionsStayAtTheGateway(t *testing.T) {
	if e, err := expr.New(newFunction, expr.NewInt(1)); err != nil || expr.Since(e) != version.V2 {
		t.Fatalf("%s: %v", newFunction, err)
	}
	run := func(v version.Version) string {
		d := newTestDB(t)
		d.change(func(tx *catalog.Tx) { tx.PutClusterVersion(catalog.ClusterVersion{Active: v}) })
		d.mustExec(
			"create table t (id int primary key, n int, s varchar(30), key (n), key (s))",
			"create table u (id int primary key, s varchar(30), key (s))",
			"insert into t values (1, 10, 'a'), (2, 2048, 'b'), (3, 4096, 'c'), (4, null, 'd')",
			"insert into u values (1, format_bytes(2048)), (2, format_bytes(5))",
			"update t set s = format_bytes(n) where id = 1",
			"update t set s = format_bytes(n) where n > 2000 and format_bytes(n) <> '4.00 KiB'",
			"update t set n = n + 1 where id = 3 and format_bytes(n) = '4.00 KiB'",
			"delete from t where id = 4 and format_bytes(n) is null",
			"replace into u select id + 10, format_bytes(n) from t",
		)
		var out strings.Builder
		for _, q := range []string{
			"select * from t order by id",
			"select * from u order by id",
			"select id, format_bytes(n) from t where id = 2",
			"select id from t where format_bytes(n) like '%KiB' order by id",
			"select id from t where n between 5 and 3000 and length(format_bytes(n)) > 3 order by id limit 1",
			"select format_bytes(n), count(*) from t group by format_bytes(n) order by 1",
			"select max(format_bytes(n)), min(n) from t",
			"select distinct format_bytes(n) from t order by 1",
			"select id from t order by format_bytes(n) desc limit 2",
			"select t.id, u.id from t join u on u.s = format_bytes(t.n) order by 1, 2",
			"select t.id, u.id from t left join u on u.id = t.id and format_bytes(u.id) = t.s order by 1",
			"select id from t where exists (select 1 from u where u.s = format_bytes(t.n)) order by id",
			"select id from t where s = format_bytes(2048)",
			"with c as (select format_bytes(n) f from t) select f from c order by f",
		} {
			_, rows, err := d.query(q)
			if err != nil {
				t.Errorf("at %d: %s: %v", v, q, err)
			}
			out.WriteString(q + "\n" + showRows(rows))
		}
		pushed := strings.Contains(d.showPlan("select id from t where format_bytes(n) = 'x'"), "Filter")
		if pushed != (v < version.V2) {
			t.Errorf("at %d: %s", v, d.showPlan("select id from t where format_bytes(n) = 'x'"))
		}
		// Where apply can't compute it, the gateway finds the row first.
		d.mustExec("insert into t values (1, 1, ''), (9, 1, 'new') on duplicate key update s = format_bytes(t.n + 1024)")
		_, rows, err := d.query("select id, s from t order by id")
		if err != nil || !strings.Contains(showRows(rows), "1.01 KiB") {
			t.Errorf("at %d: %v, %s", v, err, showRows(rows))
		}
		return out.String() + showRows(rows)
	}
	old := run(version.V1)
	if now := run(version.V2); now != old {
		t.Errorf("at V1:\n%s\nat V2:\n%s", old, now)
	}
	if !strings.Contains(old, "2.00 KiB") {
		t.Error(old)
	}
}
