package termorder

import (
	"math/rand/v2"
	"slices"
	"testing"

	"cloudsql/planner/access"
	"cloudsql/planner/algebra"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// rankTerms are terms over a table of two numbers, a text and a date: those that are quiet in the order of their ranks, and others.
func rankTerms(t *testing.T) (tb *algebra.Table, quietly, noisy []expr.Expr) {
	t.Helper()
	desc := &schema.Table{ID: 1, Name: "t", Tablets: []schema.Tablet{{ID: 1, Shard: 2}}}
	var cols []expr.Expr
	for i, typ := range []types.Type{types.TypeInt, types.TypeInt, types.TypeString, types.TypeDate} {
		name := string(rune('a' + i))
		desc.Columns = append(desc.Columns, schema.Column{ID: schema.ColumnID(i + 1), Name: name, Type: typ})
		cols = append(cols, &expr.Column{Index: i, Typ: typ, Name: name})
	}
	desc.Indexes = []schema.Index{{ID: schema.PrimaryIndex, Name: "PRIMARY", Unique: true, Columns: []schema.IndexColumn{{Column: 0}}}}
	tb = &algebra.Table{DB: "d", Alias: "t", Table: access.Table{Desc: desc, Rows: 1000}}
	num := func(n int64) expr.Expr { return &expr.Const{Val: types.Int(n), Typ: types.TypeInt} }
	str := func(s string) expr.Expr { return &expr.Const{Val: types.Str(s), Typ: types.TypeString} }
	call := func(name string, args ...expr.Expr) expr.Expr {
		e, err := expr.New(name, args...)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	quietly = []expr.Expr{
		call("=", cols[0], num(1)),
		call("<", cols[3], str("1994-01-01")),
		call("<", cols[0], cols[1]),
		call("<", cols[1], num(7)), // stay as they are written
		call("<>", cols[1], num(8)),
		call("in", cols[2], str("MAIL"), str("SHIP"), str("AIR")),
		call("like", cols[2], str("%a%b%")),
	}
	noisy = []expr.Expr{
		call("=", cols[2], num(1)),                     // text that is no number warns
		call("<", call("+", cols[0], cols[1]), num(9)), // 1690
		cols[2], // as a condition
		call("=", cols[3], cols[2]),
		call("in", cols[2], num(1), str("x")),
		call("or", call("=", cols[0], num(3)), call("=", cols[2], num(3))),
	}
	return tb, quietly, noisy
}

// What refuses most rows for least work comes first, however it was written.
func TestRanked(t *testing.T) {
	tb, want, _ := rankTerms(t)
	r := rand.New(rand.NewPCG(1, 1))
	for range 50 {
		list := slices.Clone(want)
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		inOrder(list, want[3], want[4]) // terms of one column stay as they are written
		inOrder(list, want[5], want[6])
		if got := ranked(tb, list); !slices.Equal(got, want) {
			t.Fatalf("%s\nbecame %s\nwant   %s", scalar.Texts(list), scalar.Texts(got), scalar.Texts(want))
		}
	}
}

// inOrder makes a come before b.
func inOrder(list []expr.Expr, a, b expr.Expr) {
	if i, j := slices.Index(list, a), slices.Index(list, b); i > j {
		list[i], list[j] = list[j], list[i]
	}
}

// A term that may warn or fail stays behind exactly those that were written before it.
func TestRankedAroundNoise(t *testing.T) {
	tb, quietly, noisy := rankTerms(t)
	for _, e := range noisy {
		if quiet(e) {
			t.Errorf("%s is taken for quiet", e)
		}
	}
	r := rand.New(rand.NewPCG(2, 2))
	for range 300 {
		list := append(slices.Clone(quietly), noisy...)
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		list = list[:r.IntN(len(list)+1)]
		got := ranked(tb, list)
		if len(got) != len(list) {
			t.Fatalf("%s\nbecame %s", scalar.Texts(list), scalar.Texts(got))
		}
		for i, e := range list {
			if slices.Contains(noisy, e) && got[i] != e {
				t.Fatalf("%s\nbecame %s", scalar.Texts(list), scalar.Texts(got))
			}
			if before := slices.Contains(noisy, e); before && !sameTerms(list[:i], got[:i]) {
				t.Fatalf("%s\nbecame %s", scalar.Texts(list), scalar.Texts(got))
			}
		}
	}
}

func sameTerms(a, b []expr.Expr) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(e expr.Expr) bool { return !slices.Contains(b, e) })
}
