package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"strings"
	"testing"

	"cloudsql/storage/expr"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// memSpace is temporary files in memory that fail when told to, and that are counted.
type memSpace struct {
	Space
	open  int // files
	calls int // of files, opening included
	fail  int // the number of the call that fails and all after it; 0: none
}

var errDisk = errors.New("the disk is gone")

func newMemSpace(limit int64) *memSpace {
	s := &memSpace{}
	s.limit = limit
	s.Open = func() (TempFile, error) {
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
	name  string
	kind  memory.Kind
	limit int // bytes; 0: 64 KiB
	open  func(run *Run) Operator
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
			long = types.Str(strings.Repeat("\xff", 1500)) // functions make such strings
		}
		rows[i] = []types.Value{a, s, types.Int(int64(i)), long}
	}
	return rows
}

func sortCases() []spillCase {
	rows := wideRows(rand.New(rand.NewSource(1)), 3000, 500)
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
			spillCase{name: name, kind: memory.Sort, open: func(run *Run) Operator { return NewSort(run, NewRows(rows, 4), NewOrder(keys)) }},
			spillCase{name: "top, " + name, kind: memory.Sort, open: func(run *Run) Operator {
				return NewTopN(run, NewRows(rows, 4), NewOrder(keys), 40, 2000)
			}})
	}
	return list
}

func spillCases() []spillCase { return sortCases() }

// spillRun is a statement with little memory and temporary files in memory.
func spillRun(c *spillCase, spaceLimit int64) (*Run, *memSpace) {
	limit := c.limit
	if limit == 0 {
		limit = 64 << 10
	}
	run, space := testRun(limit), newMemSpace(spaceLimit)
	run.RT.Space = &space.Space
	return run, space
}

// released checks that nothing is held any longer.
func released(t *testing.T, what string, run *Run, space *memSpace) {
	t.Helper()
	if n := run.RT.Memory.Used(); n != 0 {
		t.Errorf("%s: %d bytes of memory are still accounted for", what, n)
	}
	if n := space.Used(); n != 0 || space.open != 0 {
		t.Errorf("%s: %d bytes in %d temporary files are left", what, n, space.open)
	}
}

// read reads an operator's batches until its end, an error or some number of batches, and closes it.
func read(op Operator, batches int) (rows []string, err error) {
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
			same(t, "on disk", got, want)
			if space.Files(c.kind) == 0 {
				t.Error("it stayed in memory")
			}
			released(t, "at the end", run, space)
			calls, most := space.calls, space.Written()
			for _, batches := range []int{0, 1, 2, 5} {
				run, space := spillRun(&c, 0)
				if _, err := read(c.open(run), batches); err != nil {
					t.Error(err)
				}
				released(t, fmt.Sprintf("closed after %d batches", batches), run, space)
			}
			for _, part := range []uint64{0, 2, 10} {
				run, space := spillRun(&c, int64(most*part/20)+1)
				if _, err := read(c.open(run), 1<<30); mysqlerr.Code(err) != 1114 {
					t.Errorf("without room on disk: %v", err)
				}
				released(t, "without room on disk", run, space)
			}
			for i := 1; i <= calls; i += max(1, calls/40) {
				run, space := spillRun(&c, 0)
				space.fail = i
				_, err := read(c.open(run), 1<<30)
				if code := mysqlerr.Code(err); code != 1004 && code != 1024 && code != 1026 {
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

// TestMergePasses: many runs are merged in several passes, and never more than so many at once.
func TestMergePasses(t *testing.T) {
	rows := someRows(rand.New(rand.NewSource(2)), 6000)
	order := NewOrder([]expr.SortKey{{Expr: intCol(0)}})
	want, err := read(NewSort(testRun(0), NewRows(rows, 3), order), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	run, space := spillRun(&spillCase{limit: 24 << 10}, 0)
	s := NewSort(run, NewRows(rows, 3), order)
	var b types.Batch
	if _, err := s.Next(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	if s.runs.passes < 2 || len(s.runs.heads) > maxFanIn || space.open != 1 {
		t.Errorf("%d passes, %d runs and %d files open", s.runs.passes, len(s.runs.heads), space.open)
	}
	var got []string
	for i := range b.Len() {
		got = append(got, text(b.Row(i)))
	}
	rest, err := read(s, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "merged", append(got, rest...), want)
	released(t, "at the end", run, space)
}
