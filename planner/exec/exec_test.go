package exec_test

import (
	"context"
	"fmt"
	"math/rand"
	"sort"
	"strings"
	"testing"

	"cloudsql/planner/exec"
	"cloudsql/planner/exec/window"
	"cloudsql/planner/spill"
	"cloudsql/storage/collation"
	"cloudsql/storage/expr"
	"cloudsql/storage/memory"
	"cloudsql/storage/types"
)

func testRun(limit int) *exec.Run {
	env := &expr.Env{Mode: *types.DefaultMode()}
	account := new(memory.Account)
	account.Open(nil, memory.Statement, "test", int64(limit))
	r, err := exec.NewRun(context.Background(), &exec.Runtime{Env: env, Room: spill.Room{Memory: account}}, 0, 0, false)
	if err != nil {
		panic(err)
	}
	return r
}

// someRows makes rows of a small integer, a string and their number; NULLs among them.
func someRows(rng *rand.Rand, n int) [][]types.Value {
	rows := make([][]types.Value, n)
	for i := range rows {
		a, s := types.Int(int64(rng.Intn(6))), types.Str(fmt.Sprintf("s%d", rng.Intn(5)))
		if rng.Intn(8) == 0 {
			a = types.Null
		}
		if rng.Intn(8) == 0 {
			s = types.Null
		}
		rows[i] = []types.Value{a, s, types.Int(int64(i))}
	}
	return rows
}

func newSort(run *exec.Run, in exec.Operator, order *spill.Order) exec.Operator {
	return spill.NewSort(run.Room(), run.Env, in, order)
}

func intCol(i int) *expr.Column { return &expr.Column{Index: i, Typ: types.TypeInt} }
func strCol(i int) *expr.Column { return &expr.Column{Index: i, Typ: types.TypeString} }

func text(row []types.Value) string {
	parts := make([]string, len(row))
	for i, v := range row {
		if parts[i] = "NULL"; !v.IsNull() {
			parts[i] = v.Text()
		}
	}
	return strings.Join(parts, " ")
}

// drain gives an operator's rows as text, in order, and closes it.
func drain(t *testing.T, op exec.Operator) []string {
	t.Helper()
	defer op.Close()
	var out []string
	var b types.Batch
	for {
		ok, err := op.Next(context.Background(), &b)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return out
		}
		if b.Len() == 0 {
			t.Fatal("a batch without rows")
		}
		for i := range b.Len() {
			out = append(out, text(b.Row(i)))
		}
	}
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s:\n%s\nwant:\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestJoinsAgree: all kinds of joins give the same by hashing as by comparing every pair, with and without a condition
// beside the key.
func TestJoinsAgree(t *testing.T) {
	rng := rand.New(rand.NewSource(2))
	for round := range 30 {
		left, right := someRows(rng, rng.Intn(60)), someRows(rng, rng.Intn(60))
		eq, err := expr.New("=", intCol(0), intCol(3))
		if err != nil {
			t.Fatal(err)
		}
		more, err := expr.New("<", intCol(2), intCol(5))
		if err != nil {
			t.Fatal(err)
		}
		for kind := exec.Inner; kind <= exec.Anti; kind++ {
			for _, conds := range [][]expr.Expr{nil, {more}} {
				run := testRun(0)
				spec := exec.JoinSpec{Kind: kind, Conds: conds, LeftWidth: 3, RightWidth: 3}
				hash := exec.NewHashJoin(run, spill.NewRows(left, 3), spill.NewRows(right, 3),
					[]exec.KeyPart{{Expr: intCol(0)}}, []exec.KeyPart{{Expr: intCol(0)}}, spec)
				spec.Conds = append([]expr.Expr{eq}, conds...)
				loop := exec.NewNestedLoop(run, spill.NewRows(left, 3), spill.NewRows(right, 3), spec)
				same(t, fmt.Sprintf("round %d, %v join, %d conditions", round, kind, len(conds)), drain(t, hash), drain(t, loop))
				if run.RT.Memory.Used() != 0 {
					t.Errorf("%d bytes are still accounted for", run.RT.Memory.Used())
				}
			}
		}
	}
}

// TestSortsAgree: a heap, a sort in memory and a sort on disk give the same first rows; equal keys keep their order.
func TestSortsAgree(t *testing.T) {
	rng := rand.New(rand.NewSource(3))
	sum, err := expr.New("+", intCol(0), intCol(2))
	if err != nil {
		t.Fatal(err)
	}
	for _, keys := range [][]expr.SortKey{
		{{Expr: strCol(1)}}, {{Expr: strCol(1), Desc: true}, {Expr: intCol(0)}}, {{Expr: intCol(0), Desc: true}},
		{{Expr: sum, Desc: true}}, {{Expr: &expr.Column{Index: 0, Typ: types.TypeDouble}}, {Expr: strCol(1), Desc: true}},
	} {
		rows := someRows(rng, 700)
		want := drain(t, newSort(testRun(0), spill.NewRows(rows, 3), spill.NewOrder(keys)))
		naive := append([][]types.Value(nil), rows...)
		o := spill.NewOrder(keys)
		sort.SliceStable(naive, func(i, j int) bool {
			a, _ := o.Eval(testRun(0).Env, naive[i], nil)
			b, _ := o.Eval(testRun(0).Env, naive[j], nil)
			return o.Compare(a, b) < 0
		})
		var plain []string
		for _, r := range naive {
			plain = append(plain, text(r))
		}
		same(t, "in memory", want, plain)
		run := testRun(20 << 10)
		same(t, "on disk", drain(t, newSort(run, spill.NewRows(rows, 3), spill.NewOrder(keys))), want)
		if run.RT.Memory.Used() != 0 {
			t.Errorf("%d bytes are still accounted for", run.RT.Memory.Used())
		}
		same(t, "top", drain(t, exec.NewTopN(testRun(0), spill.NewRows(rows, 3), spill.NewOrder(keys), 5, 20)), want[5:25])
		same(t, "limit", drain(t, spill.NewLimit(newSort(testRun(0), spill.NewRows(rows, 3), spill.NewOrder(keys)), 690, 50)), want[690:])
	}
}

// TestSetOperations compares INTERSECT and EXCEPT with counting.
func TestSetOperations(t *testing.T) {
	rng := rand.New(rand.NewSource(4))
	colls := []collation.ID{collation.Binary, collation.Default}
	cut := func(rows [][]types.Value) [][]types.Value {
		out := make([][]types.Value, len(rows))
		for i, r := range rows {
			out[i] = r[:2]
		}
		return out
	}
	for range 20 {
		left, right := cut(someRows(rng, 50)), cut(someRows(rng, 20))
		for _, except := range []bool{false, true} {
			for _, all := range []bool{false, true} {
				counts := map[string]int{}
				for _, r := range right {
					counts[text(r)]++
				}
				var want []string
				given := map[string]bool{}
				for _, r := range left {
					k := text(r)
					n := counts[k]
					if all && n > 0 {
						counts[k]--
					}
					if (n > 0) == except || !all && given[k] {
						continue
					}
					given[k] = true
					want = append(want, k)
				}
				run := testRun(0)
				op := exec.NewSetOp(run, spill.NewRows(left, 2), spill.NewRows(right, 2), except, all, colls)
				same(t, fmt.Sprintf("except %v, all %v", except, all), drain(t, op), want)
			}
		}
	}
}

// TestAggregateInParts: merging the partial results of any split gives what one pass does.
func TestAggregateInParts(t *testing.T) {
	rng := rand.New(rand.NewSource(5))
	var aggs []*expr.Agg
	for _, name := range []string{"count", "sum", "avg", "min", "max", "bit_or"} {
		a, err := expr.NewAgg(name, false, []expr.Expr{intCol(2)})
		if err != nil {
			t.Fatal(err)
		}
		aggs = append(aggs, a)
	}
	rows := someRows(rng, 300)
	group := []expr.Expr{intCol(0), strCol(1)}
	want := drain(t, exec.NewHashAgg(testRun(0), spill.NewRows(rows, 3), exec.AggSpec{GroupBy: group, Aggs: aggs}))
	var parts [][]types.Value
	for start := 0; start < len(rows); start += 70 {
		states := map[string][]expr.State{}
		keys := map[string][]types.Value{}
		var order []string
		for _, r := range rows[start:min(start+70, len(rows))] {
			k := text(r[:2])
			if states[k] == nil {
				order, keys[k] = append(order, k), r[:2]
				for _, a := range aggs {
					states[k] = append(states[k], a.NewState())
				}
			}
			for _, s := range states[k] {
				if err := s.Add(testRun(0).Env, r); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, k := range order {
			row := append([]types.Value(nil), keys[k]...)
			for _, s := range states[k] {
				row = s.AppendPartial(row)
			}
			parts = append(parts, row)
		}
	}
	spec := exec.AggSpec{GroupBy: []expr.Expr{intCol(0), strCol(1)}, Aggs: aggs, Final: true}
	same(t, "merged", drain(t, exec.NewHashAgg(testRun(0), spill.NewRows(parts, len(parts[0])), spec)), want)
}

// TestOrderedAggregate: parts that come group by group are merged as HashAgg merges them, wherever batches end.
func TestOrderedAggregate(t *testing.T) {
	rng := rand.New(rand.NewSource(6))
	sum, err := expr.NewAgg("sum", false, []expr.Expr{intCol(2)})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1, 10, 5000} {
		var parts [][]types.Value
		for i := range n {
			group := types.Int(int64(i / (1 + rng.Intn(2))))
			if i < 3 {
				group = types.Null
			}
			parts = append(parts, []types.Value{group, types.Str("s"), types.Int(1), types.DecSmall(int64(i), 0)})
		}
		sort.SliceStable(parts, func(i, j int) bool { return types.CompareSame(parts[i][0], parts[j][0], collation.Binary) < 0 })
		spec := exec.AggSpec{GroupBy: []expr.Expr{intCol(0), strCol(1)}, Aggs: []*expr.Agg{sum}, Final: true}
		want := drain(t, exec.NewHashAgg(testRun(0), spill.NewRows(parts, 4), spec))
		same(t, fmt.Sprintf("%d parts", n), drain(t, exec.NewOrderedAgg(testRun(0), spill.NewRows(parts, 4), spec)), want)
	}
}

// TestEmptyAggregate: without GROUP BY there is one row, with it none.
func TestEmptyAggregate(t *testing.T) {
	count, err := expr.NewAgg("count", false, nil)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "whole", drain(t, exec.NewHashAgg(testRun(0), spill.NewRows(nil, 3), exec.AggSpec{Aggs: []*expr.Agg{count}})), []string{"0"})
	same(t, "groups", drain(t, exec.NewHashAgg(testRun(0), spill.NewRows(nil, 3), exec.AggSpec{GroupBy: []expr.Expr{intCol(0)}, Aggs: []*expr.Agg{count}})), nil)
}

// What Top passes has the rows whose rank is wanted, ranked as they were, in their order; with little memory it passes more.
func TestTopPassesWhatIsWanted(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	for _, limit := range []int{0, 1 << 10, 1 << 20} {
		for _, most := range []int{1, 2, 7} {
			rows := someRows(rng, 300)
			run := testRun(limit)
			order := spill.NewOrder([]expr.SortKey{{Expr: strCol(1), Desc: true}})
			in := spill.NewRows(rows, 3)
			top := window.NewTop(run, in, []expr.Expr{intCol(0)}, order, most)
			var passed [][]types.Value
			var b types.Batch
			for {
				ok, err := top.Next(context.Background(), &b)
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					break
				}
				for i := range b.Len() {
					passed = append(passed, append([]types.Value(nil), b.Row(i)...))
				}
			}
			top.Close()
			if want, have := ranked(rows, most), ranked(passed, most); want != have {
				t.Errorf("first %d in %d bytes: %s instead of %s", most, limit, have, want)
			}
			if limit == 1<<20 && len(passed) > len(rows)/2+40*most {
				t.Errorf("first %d: %d of %d rows pass", most, len(passed), len(rows))
			}
		}
	}
}

// ranked lists the rows that fewer than most others with the same first column come before.
func ranked(rows [][]types.Value, most int) string {
	var out []string
	for _, r := range rows {
		before := 0
		for _, o := range rows {
			if types.CompareSame(o[0], r[0], collation.Binary) == 0 && types.CompareSame(o[1], r[1], collation.Default) > 0 {
				before++
			}
		}
		if before < most {
			out = append(out, text(r))
		}
	}
	return strings.Join(out, "; ")
}
