package planner

import (
	"flag"
	"strconv"
	"testing"

	"cloudsql/storage/expr"
	"cloudsql/storage/limits"
	"cloudsql/storage/mysqlerr"
)

// TestKeyedChangesOfLongText: what a shard evaluates over a LONGTEXT has a result type that its decoder takes.
func TestKeyedChangesOfLongText(t *testing.T) {
	d := newTestDB(t)
	d.mustExec("create table t (id int primary key, s longtext, b longblob)", "insert into t values (1, 'ab', 'c')")
	for _, e := range []string{
		"concat(s, s)", "hex(s)", "to_base64(s)", "quote(s)", "insert(s, 1, 1, s)", "make_set(3, s, s)", "export_set(1, s, s)",
		"export_set(1, s, s, s, 2)", "hex(concat(b, b))", "concat_ws(s, s, s)", "elt(1, concat(s, s), s)",
	} {
		d.mustExec(
			"update t set s = "+e+" where id = 1",
			"insert into t values (1, '', '') on duplicate key update s = left("+e+", 2)",
			"update t set s = 'ab' where id = 1 and length("+e+") >= 0",
			"delete from t where id = 1 and "+e+" is null",
		)
	}
	if _, rows, err := d.query("select s from t"); err != nil || showRows(rows) != "ab\n" {
		t.Errorf("%q %v", showRows(rows), err)
	}
}

// TestLargeConditionsStayAtTheGateway: conditions go to shards as long as there is room for all of them.
func TestLargeConditionsStayAtTheGateway(t *testing.T) {
	ctx := newTestDB(t).context(&expr.Env{})
	list := func(n int) expr.Expr {
		args := make([]expr.Expr, n)
		for i := range args {
			args[i] = expr.NewInt(1)
		}
		e, err := expr.New("concat", args...)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	half, whole, small := list(limits.ExprNodes/2), list(limits.ExprNodes), list(1)
	push, rest := shipping(ctx).Split([]expr.Expr{half, whole, half, small})
	if len(push) != 2 || push[0] != half || push[1] != small || len(rest) != 2 || rest[0] != whole || rest[1] != half {
		t.Errorf("%d conditions are pushed, %d stay", len(push), len(rest))
	}
}

var full = flag.Bool("full", false, "run what takes long, too")

// TestLargeLists: a list that no decoder takes is tested where the client is connected.
func TestLargeLists(t *testing.T) {
	if !*full {
		t.Skip("takes ten seconds; -args -full")
	}
	d := newTestDB(t)
	d.mustExec("create table t (id int primary key, n int)", "insert into t values (1, 7), (2, 8)")
	list := []byte("(7")
	for i := range limits.ExprNodes {
		list = strconv.AppendInt(append(list, ','), int64(i%1000)+1000, 10)
	}
	in := "n in " + string(append(list, ')'))
	d.mustExec("update t set n = n + 1 where id = 1 and " + in)
	if _, rows, err := d.query("select id from t where n = 8 and id in (1, 2)"); err != nil || showRows(rows) != "1\n2\n" {
		t.Errorf("%q %v", showRows(rows), err)
	}
	if _, err := d.exec("insert into t values (1, 1) on duplicate key update n = t." + in); mysqlerr.Code(err) != 1235 {
		t.Errorf("a value that only apply can compute: %v", err)
	}
}
