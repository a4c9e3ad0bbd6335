package shard

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/limits"
	"cloudsql/storage/types"
)

// lengths is LENGTH(s) n times, which looks at n times s.
func lengths(t *testing.T, s *expr.Column, n int) expr.Expr {
	t.Helper()
	list := make([]expr.Expr, n)
	for i := range list {
		e, err := expr.New("length", s)
		if err != nil {
			t.Fatal(err)
		}
		list[i] = e
	}
	e, err := expr.New("greatest", list...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestStepsOfAProposal: what the fragments of a proposal look at is counted together, whatever they are; one that is too costly
// fails on every replica alike, its neighbours do not, and entries of format 1 are not counted.
func TestStepsOfAProposal(t *testing.T) {
	table := tableOf(t, `CREATE TABLE t (id BIGINT PRIMARY KEY, n BIGINT, s LONGTEXT)`, 1)
	s := openShard(t, openEngine(t, vfs.NewMem()))
	l := newLog(t, s)
	entries := []Entry{l.entry(l.encodeTablet(testTablet, table))}
	add := func(ws ...*fragment.Write) {
		entries = append(entries, l.entry(l.encodeBatch(l.proposal(updateK(1, 7)), l.proposal(ws...), l.proposal(updateK(1, 8)))))
	}
	const size = 1 << 20
	column := &expr.Column{Index: 2, Typ: table.Columns[2].Type}
	costly := func(kind fragment.Kind, steps int) *fragment.Write {
		e := lengths(t, column, steps/size)
		switch w := updateK(1, 9); kind {
		case fragment.Update:
			w.Set[0].Expr = e
			return w
		case fragment.Delete:
			w.Kind, w.Set, w.Where = kind, nil, e
			return w
		}
		w := insertRow(1, 1, "x")
		w.Kind, w.Set = fragment.InsertOrUpdate, []fragment.Assignment{{Column: 2, Expr: e}}
		return w
	}
	add(insertRow(1, 1, strings.Repeat("x", size)))
	add(costly(fragment.Update, limits.EvalSteps/4))
	for _, kind := range []fragment.Kind{fragment.Update, fragment.InsertOrUpdate, fragment.Delete} {
		add(costly(kind, limits.EvalSteps+size))
	}
	var many []*fragment.Write
	for range 5 {
		many = append(many, costly(fragment.Update, limits.EvalSteps/4))
	}
	add(many...)
	results, err := s.Apply(entries)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []Status{Committed, Committed, Failed, Failed, Failed, Failed} {
		got := results[i+1].Results
		if got[1].Status != want || i > 0 && (got[0].Status != Committed || got[2].Status != Committed) {
			t.Errorf("entry %d: %+v", i, got)
		}
		if want == Failed {
			if e := got[1].Writes[len(got[1].Writes)-1].Err; e == nil || e.Code != 3170 {
				t.Errorf("entry %d: %v", i, e)
			}
		}
	}
	twins(t, rand.New(rand.NewPCG(1, 1)), entries)

	row := make([]types.Value, 3)
	row[2] = types.Str(strings.Repeat("x", size))
	if n := expr.Cost(lengths(t, column, 10), row); n < 10*size || n > 11*size {
		t.Errorf("it costs %d", n)
	}
	like, err := expr.New("regexp_replace", column, expr.NewStr("x"), expr.NewStr("y"))
	if err != nil {
		t.Fatal(err)
	}
	if n := expr.Cost(like, row); n < size+1<<16 {
		t.Errorf("a regular expression costs %d", n)
	}
}
