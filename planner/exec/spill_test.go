package exec_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"slices"
	"sort"
	"strings"
	"testing"

	"cloudsql/planner/exec"
	"cloudsql/planner/exec/window"
	"cloudsql/planner/spill"
	"cloudsql/storage/collation"
	"cloudsql/storage/expr"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// memSpace is temporary files in memory that fail when told to, and that are counted.
type memSpace struct {
	spill.Space
	open  int   // files
	most  int64 // bytes that were there at a time
	calls int   // of files, opening included
	fail  int   // the number of the call that fails and all after it; 0: none
}

var errDisk = errors.New("the disk is gone")

func newMemSpace(limit int64) *memSpace {
	s := &memSpace{}
	s.Limit = limit
	s.Open = func() (spill.TempFile, error) {
		if err := s.call(); err != nil {
			return nil, err
		}
		s.open++
		return &memFile{space: s}, nil
	}
	return s
}

func (s *memSpace) call() error {
	s.calls++
	if s.fail > 0 && s.calls >= s.fail {
		return errDisk
	}
	return nil
}

type memFile struct {
	space  *memSpace
	data   []byte
	closed bool
}

func (f *memFile) Write(b []byte) (int, error) {
	if err := f.space.call(); err != nil {
		return 0, err
	}
	f.data = append(f.data, b...)
	f.space.most = max(f.space.most, f.space.Used())
	return len(b), nil
}

func (f *memFile) ReadAt(b []byte, at int64) (int, error) {
	if err := f.space.call(); err != nil {
		return 0, err
	}
	if n := copy(b, f.data[at:]); n < len(b) {
		return n, io.EOF
	}
	return len(b), nil
}

func (f *memFile) Close() error {
	if f.closed {
		return errors.New("closed twice")
	}
	f.closed = true
	f.space.open--
	return nil
}

// spillCase is an operator that spills, over an input that is larger than its memory.
type spillCase struct {
	name      string
	kind      memory.Kind
	limit     int // bytes; 0: 96 KiB
	unordered bool
	open      func(run *exec.Run) exec.Operator
}

// wideRows makes rows of a number below keys, a text, the row's number and, now and then, a long text; NULLs among them.
func wideRows(rng *rand.Rand, n, keys int) [][]types.Value {
	rows := make([][]types.Value, n)
	for i := range rows {
		a, s := types.Int(int64(rng.Intn(keys))), types.Str(fmt.Sprintf("text %d", rng.Intn(keys)))
		if rng.Intn(20) == 0 {
			a = types.Null
		}
		if rng.Intn(20) == 0 {
			s = types.Null
		}
		long := types.Str(strings.Repeat("x", rng.Intn(30)))
		if rng.Intn(200) == 0 {
			long = types.Str(strings.Repeat("\xff", 600)) // functions make such strings
		}
		rows[i] = []types.Value{a, s, types.Int(int64(i)), long}
	}
	return rows
}

func sortCases() []spillCase {
	rows := wideRows(rand.New(rand.NewSource(1)), 2000, 500)
	sum, err := expr.New("+", intCol(0), intCol(2))
	if err != nil {
		panic(err)
	}
	half, err := expr.New("*", sum, &expr.Column{Index: 0, Typ: types.TypeDouble})
	if err != nil {
		panic(err)
	}
	var list []spillCase
	for name, keys := range map[string][]expr.SortKey{
		"sort/encoded": {{Expr: strCol(1), Desc: true}, {Expr: intCol(0)}}, "sort/encoded expression": {{Expr: sum}},
		"sort/plain": {{Expr: &expr.Column{Index: 0, Typ: types.TypeDouble}}}, "sort/expression": {{Expr: half, Desc: true}},
	} {
		list = append(list,
			spillCase{name: name, kind: memory.Sort, open: func(run *exec.Run) exec.Operator { return newSort(run, spill.NewRows(rows, 4), spill.NewOrder(keys)) }},
			spillCase{name: "top, " + name, kind: memory.Sort, open: func(run *exec.Run) exec.Operator {
				return exec.NewTopN(run, spill.NewRows(rows, 4), spill.NewOrder(keys), 40, 1500)
			}})
	}
	return list
}

// joinCases are all kinds of joins, over keys of few and of many rows, and over one key that most rows have.
func joinCases() []spillCase {
	rng := rand.New(rand.NewSource(3))
	left, right := wideRows(rng, 500, 200), wideRows(rng, 900, 200)
	skewed := append(wideRows(rng, 250, 1), wideRows(rng, 50, 500)...)
	short := skewed[:20]
	less, err := expr.New("<", intCol(2), intCol(6))
	if err != nil {
		panic(err)
	}
	eq, err := expr.New("=", intCol(2), intCol(6))
	if err != nil {
		panic(err)
	}
	var list []spillCase
	add := func(name string, l, r [][]types.Value, spec exec.JoinSpec, keys []exec.KeyPart) {
		spec.LeftWidth, spec.RightWidth = 4, 4
		list = append(list, spillCase{name: fmt.Sprintf("%v join/%s", spec.Kind, name), kind: memory.Join, unordered: spec.Unordered,
			open: func(run *exec.Run) exec.Operator {
				return exec.NewHashJoin(run, spill.NewRows(l, 4), spill.NewRows(r, 4), keys, keys, spec)
			}})
	}
	number, text := []exec.KeyPart{{Expr: intCol(0)}}, []exec.KeyPart{{Expr: strCol(1), NullSafe: true, Collation: collation.Default}}
	for kind := exec.Inner; kind <= exec.Anti; kind++ {
		add("number", left, right, exec.JoinSpec{Kind: kind, Conds: []expr.Expr{less}}, number)
		add("text", left, right, exec.JoinSpec{Kind: kind, Unordered: true, Conds: []expr.Expr{less}}, text)
		add("skewed", skewed, skewed, exec.JoinSpec{Kind: kind, Conds: []expr.Expr{eq}}, number)
		add("skewed, unordered", skewed, skewed, exec.JoinSpec{Kind: kind, Conds: []expr.Expr{eq}, Unordered: true}, number)
		add("skewed, without conditions", short, skewed, exec.JoinSpec{Kind: kind}, []exec.KeyPart{{Expr: intCol(0)}, {Expr: intCol(2)}})
		spec := exec.JoinSpec{Kind: kind, Conds: []expr.Expr{eq}, LeftWidth: 4, RightWidth: 4}
		list = append(list, spillCase{name: fmt.Sprintf("%v loop", kind), kind: memory.Join, open: func(run *exec.Run) exec.Operator {
			return exec.NewNestedLoop(run, spill.NewRows(left[:20], 4), spill.NewRows(right, 4), spec)
		}})
	}
	return list
}

// groupCases are groupings whose states grow and such whose do not, with ROLLUP and over expressions.
func groupCases() []spillCase {
	rows := wideRows(rand.New(rand.NewSource(4)), 2000, 600)
	agg := func(name string, distinct bool, args ...expr.Expr) *expr.Agg {
		a, err := expr.NewAgg(name, distinct, args)
		if err != nil {
			panic(err)
		}
		return a
	}
	concat := agg("group_concat", true, strCol(1), intCol(2))
	concat.OrderBy = []expr.SortKey{{Expr: intCol(2), Desc: true}}
	number := func(op string, e expr.Expr, n int64) expr.Expr {
		x, err := expr.New(op, e, &expr.Const{Val: types.Int(n), Typ: types.TypeInt})
		if err != nil {
			panic(err)
		}
		return x
	}
	call := func(name string, e expr.Expr) expr.Expr {
		x, err := expr.New(name, e)
		if err != nil {
			panic(err)
		}
		return x
	}
	third, digest := number("div", intCol(2), 3), call("unhex", call("md5", strCol(1)))
	plain := []*expr.Agg{agg("count", false), agg("sum", false, intCol(2)), agg("min", false, strCol(1)), agg("var_pop", false, intCol(2)),
		agg("any_value", false, intCol(2))}
	growing := append([]*expr.Agg{concat, agg("count", true, strCol(1)), agg("json_arrayagg", false, intCol(2)), agg("sum", true, intCol(2)),
		agg("group_concat", false, intCol(2)), agg("json_objectagg", false, intCol(2), strCol(1)), agg("bit_xor", false, digest)}, plain...)
	distinct := append([]*expr.Agg{agg("count", true, strCol(1), intCol(2)), agg("avg", true, intCol(2)), agg("count", true, strCol(1)),
		agg("var_samp", true, third)}, plain...)
	same, mostly := number("%", intCol(2), 1), number("div", intCol(2), 1700) // 300 rows at the end are of another group
	columns, exprs := []expr.Expr{intCol(0), strCol(1)}, []expr.Expr{third, intCol(0)}
	var list []spillCase
	for name, spec := range map[string]exec.AggSpec{
		"columns": {GroupBy: columns, Aggs: plain}, "expressions": {GroupBy: exprs, Aggs: plain}, "columns, growing": {GroupBy: columns, Aggs: growing},
		"expressions, growing": {GroupBy: exprs, Aggs: growing}, "rollup": {GroupBy: columns, Aggs: plain, Rollup: true},
		"rollup, expressions": {GroupBy: exprs, Aggs: plain, Rollup: true},
		"few groups, growing": {GroupBy: []expr.Expr{intCol(0)}, Aggs: growing},
		"one group, distinct": {Aggs: distinct}, "one group of one value, distinct": {GroupBy: []expr.Expr{same}, Aggs: distinct},
		"one large group, distinct": {GroupBy: []expr.Expr{mostly}, Aggs: distinct},
	} {
		list = append(list, spillCase{name: "group/" + name, kind: memory.Group, limit: 192 << 10, open: func(run *exec.Run) exec.Operator {
			return exec.NewHashAgg(run, spill.NewRows(rows, 4), spec)
		}})
	}
	return list
}

// setCases are DISTINCT and set operations, with many keys on one side, the other or both.
func setCases() []spillCase {
	rng := rand.New(rand.NewSource(5))
	cut := func(rows [][]types.Value) [][]types.Value {
		out := make([][]types.Value, len(rows))
		for i, r := range rows {
			out[i] = r[:2]
		}
		return out
	}
	many, few := cut(wideRows(rng, 2000, 40)), cut(wideRows(rng, 100, 4))
	colls := []collation.ID{collation.Binary, collation.Default}
	list := []spillCase{{name: "distinct", kind: memory.Distinct, open: func(run *exec.Run) exec.Operator {
		return exec.NewDistinct(run, spill.NewRows(many, 2), colls)
	}}}
	for _, except := range []bool{false, true} {
		for _, all := range []bool{false, true} {
			for name, sides := range map[string][2][][]types.Value{"both": {many, many[500:]}, "right": {few, many}, "left": {many, few}} {
				if name == "left" && (all || !except) {
					continue // only EXCEPT remembers what it has passed
				}
				list = append(list, spillCase{name: fmt.Sprintf("set/except %v, all %v, %s", except, all, name), kind: memory.Distinct,
					open: func(run *exec.Run) exec.Operator {
						return exec.NewSetOp(run, spill.NewRows(sides[0], 2), spill.NewRows(sides[1], 2), except, all, colls)
					}})
			}
		}
	}
	return list
}

// windowCases are windows of large partitions.
func windowCases() []spillCase {
	rows := wideRows(rand.New(rand.NewSource(6)), 900, 300)
	sum, err := expr.New("+", intCol(0), intCol(2))
	if err != nil {
		panic(err)
	}
	count, err := expr.NewAgg("sum", false, []expr.Expr{intCol(2)})
	if err != nil {
		panic(err)
	}
	two := &expr.Const{Val: types.Int(2), Typ: types.TypeInt}
	peers := window.Frame{End: window.Bound{Kind: window.CurrentRow}}
	all := window.Frame{Rows: true, End: window.Bound{Kind: window.UnboundedFollowing}}
	near := window.Frame{Rows: true, Start: window.Bound{Kind: window.Preceding, N: two}, End: window.Bound{Kind: window.Following, N: two}}
	funcs := []window.Func{
		{Name: "row_number"}, {Name: "rank"}, {Name: "dense_rank"}, {Name: "percent_rank"}, {Name: "cume_dist"},
		{Name: "ntile", Args: []expr.Expr{&expr.Const{Val: types.Int(7), Typ: types.TypeInt}}},
		{Name: "lag", Args: []expr.Expr{strCol(3), &expr.Const{Val: types.Int(300), Typ: types.TypeInt}, strCol(1)}}, {Name: "lead", Args: []expr.Expr{intCol(2)}},
		{Name: "first_value", Args: []expr.Expr{strCol(3)}, Frame: near}, {Name: "last_value", Args: []expr.Expr{intCol(2)}, Frame: all},
		{Name: "nth_value", Args: []expr.Expr{intCol(2), two}, Frame: peers}, {Agg: count, Frame: peers}, {Agg: count, Frame: near}, {Agg: count, Frame: all},
	}
	var list []spillCase
	for name, order := range map[string][]expr.SortKey{"columns": {{Expr: intCol(0)}}, "expressions": {{Expr: sum}}, "no order": nil} {
		list = append(list, spillCase{name: "window/" + name, kind: memory.Window, limit: 128 << 10, open: func(run *exec.Run) exec.Operator {
			var in exec.Operator = spill.NewRows(rows, 4)
			if order != nil {
				in = newSort(run, in, spill.NewOrder(order))
			}
			return window.New(run, in, nil, spill.NewOrder(order), funcs)
		}})
	}
	return list
}

func spillCases() []spillCase {
	return slices.Concat(sortCases(), joinCases(), groupCases(), setCases(), windowCases())
}

// spillRun is a statement with little memory and temporary files in memory.
func spillRun(c *spillCase, spaceLimit int64) (*exec.Run, *memSpace) {
	limit := c.limit
	if limit == 0 {
		limit = 96 << 10
	}
	run, space := testRun(limit), newMemSpace(spaceLimit)
	run.RT.Space = &space.Space
	return run, space
}

// released checks that nothing is held any longer.
func released(t *testing.T, what string, run *exec.Run, space *memSpace) {
	t.Helper()
	if n := run.RT.Memory.Used(); n != 0 {
		t.Errorf("%s: %d bytes of memory are still accounted for", what, n)
	}
	if n := space.Used(); n != 0 || space.open != 0 {
		t.Errorf("%s: %d bytes in %d temporary files are left", what, n, space.open)
	}
}

// read reads an operator's batches until its end, an error or some number of batches, and closes it.
func read(op exec.Operator, batches int) (rows []string, err error) {
	defer op.Close()
	var b types.Batch
	for range batches {
		ok, err := op.Next(context.Background(), &b)
		if err != nil || !ok {
			return rows, err
		}
		for i := range b.Len() {
			rows = append(rows, text(b.Row(i)))
		}
	}
	return rows, nil
}

// TestSpills: each operator gives the same on disk as in memory, in the same order, and leaves nothing: neither when it is closed
// early, nor when there is no room on disk, nor when a temporary file can't be made, written or read.
func TestSpills(t *testing.T) {
	for _, c := range spillCases() {
		t.Run(c.name, func(t *testing.T) {
			want, err := read(c.open(testRun(0)), 1<<30)
			if err != nil {
				t.Fatal(err)
			}
			run, space := spillRun(&c, 0)
			got, err := read(c.open(run), 1<<30)
			if err != nil {
				t.Fatal(err)
			}
			if c.unordered {
				sort.Strings(got)
				sort.Strings(want)
			}
			same(t, "on disk", got, want)
			if space.Files(c.kind) == 0 {
				t.Error("it stayed in memory")
			}
			released(t, "at the end", run, space)
			calls, most := space.calls, space.most
			for _, batches := range []int{0, 1, 5} {
				run, space := spillRun(&c, 0)
				if _, err := read(c.open(run), batches); err != nil {
					t.Error(err)
				}
				released(t, fmt.Sprintf("closed after %d batches", batches), run, space)
			}
			for _, part := range []int64{0, 10} {
				run, space := spillRun(&c, most*part/20+1)
				if _, err := read(c.open(run), 1<<30); mysqlerr.Code(err) != 1114 {
					t.Errorf("without room on disk: %v", err)
				}
				released(t, "without room on disk", run, space)
			}
			for i := 1; i <= calls; i += max(1, calls/6) {
				run, space := spillRun(&c, 0)
				space.fail = i
				_, err := read(c.open(run), 1<<30)
				// How many calls there are depends a little on how the keys' hashes fall.
				if code := mysqlerr.Code(err); space.calls >= i && code != 1004 && code != 1024 && code != 1026 {
					t.Errorf("call %d of %d failed: %v", i, calls, err)
				}
				released(t, fmt.Sprintf("call %d failed", i), run, space)
			}
			run, space = spillRun(&c, 0)
			ctx, cancel := context.WithCancelCause(context.Background())
			op := c.open(run)
			cancel(mysqlerr.New(1317))
			var b types.Batch
			for err = nil; err == nil; {
				var ok bool
				if ok, err = op.Next(ctx, &b); err == nil && !ok {
					break
				}
			}
			op.Close()
			if mysqlerr.Code(err) != 1317 {
				t.Errorf("when the statement was killed: %v", err)
			}
			released(t, "killed", run, space)
		})
	}
}

// TestRecursionSpills: the rows of a recursion are the same, in the same order, where it finds no room for their keys, and all of
// them are in one file however many rounds there are.
func TestRecursionSpills(t *testing.T) {
	collect := func(run *exec.Run) ([]string, int, error) {
		r := exec.NewRecursion(run, true, []collation.ID{collation.Binary, collation.Default})
		rng := rand.New(rand.NewSource(8))
		for n := 1; n < 60; n++ {
			rows := wideRows(rng, 100, 10*n)
			for i := range rows {
				rows[i] = rows[i][:2]
			}
			if err := r.Take(context.Background(), spill.NewRows(rows, 2)); err != nil {
				return nil, 0, err
			}
			if _, err := r.EndRound(); err != nil {
				return nil, 0, err
			}
		}
		n := r.Len()
		rows, err := read(r.Rows(0, n), 1<<30)
		return rows, int(n), err
	}
	want, n, err := collect(testRun(0))
	if err != nil || n < 4000 || n > 5800 {
		t.Fatal(n, err)
	}
	run, space := spillRun(&spillCase{limit: 64 << 10}, 0)
	got, _, err := collect(run)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "on disk", got, want)
	if files := space.Files(memory.Rows) + space.Files(memory.Distinct); files != 1 {
		t.Errorf("%d files", files)
	}
	released(t, "at the end", run, space)
}
