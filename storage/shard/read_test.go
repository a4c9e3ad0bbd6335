package shard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// locks is a Locker that runs a test's own code in place of waiting.
type locks struct {
	taken []string
	on    func(index schema.IndexID, key []byte) (waited, skip bool, err error)
}

func (l *locks) Lock(_ context.Context, _ schema.TabletID, index schema.IndexID, key []byte) (waited, skip bool, err error) {
	l.taken = append(l.taken, fmt.Sprintf("%d:%x", index, key))
	if l.on == nil {
		return false, false, nil
	}
	return l.on(index, key)
}

func (l *locks) Unlock() {}

func (l *locks) LockAbsent(_ context.Context, _ schema.TabletID, index schema.IndexID, key []byte) (waited bool, err error) {
	l.taken = append(l.taken, fmt.Sprintf("%d:%x absent", index, key))
	return false, nil
}

func (l *locks) LockEntry(_ context.Context, _ schema.TabletID, index schema.IndexID, key []byte) error {
	l.taken = append(l.taken, fmt.Sprintf("%d:%x entry", index, key))
	return nil
}

func (l *locks) LockRange(_ context.Context, _ schema.TabletID, index schema.IndexID, span fragment.Span) error {
	l.taken = append(l.taken, fmt.Sprintf("%d:%x-%x", index, span.Start, span.End))
	return nil
}

func (l *locks) NarrowRange(first, last []byte) {
	l.taken = append(l.taken, fmt.Sprintf("met %x-%x", first, last))
}

func tenRows(t testing.TB) (*Shard, *testLog) {
	_, s, l := openTable(t)
	for i := int64(1); i <= 10; i++ {
		l.write(insertRow(i, i*10, fmt.Sprint("n", i)))
	}
	return s, l
}

func atLeast(k int64) expr.Expr {
	e, err := expr.New(">=", &expr.Column{Index: 1, Typ: types.TypeInt}, expr.NewInt(k))
	if err != nil {
		panic(err)
	}
	return e
}

// TestLockingRead: while the read waits for its first lock, others change, move, delete and add rows; it must see them
// as they are then.
func TestLockingRead(t *testing.T) {
	for _, tc := range []struct {
		name  string
		index schema.IndexID
		want  string
	}{
		{"by primary key", 1, "7 71 n7\n9 90 n9\n10 100 n10\n12 75 new\n"},
		{"by secondary index", 3, "7 71 n7\n12 75 new\n9 90 n9\n10 100 n10\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, l := tenRows(t)
			ws := NewWorkspace(0)
			first := true
			lk := &locks{on: func(schema.IndexID, []byte) (bool, bool, error) {
				if !first {
					return false, false, nil
				}
				first = false
				l.write(updateK(7, 71))           // the very row that is waited for
				l.write(updateK(8, 1))            // does not pass any more
				l.write(insertRow(12, 75, "new")) // new, further on
				l.write(&fragment.Write{Kind: fragment.Delete, Tablet: testTablet, SchemaVersion: 1, Keys: [][]byte{intKey(11)}})
				return true, false, nil
			}}
			r := readAll(tc.index)
			r.Filter = atLeast(70)
			page := mustRead(t, s, r, ReadOptions{Locker: lk, Workspace: ws})
			if got := showPage(page); got != tc.want {
				t.Errorf("read %q, want %q", got, tc.want)
			}
			// What was seen is checked at commit: unchanged now, changed after another write.
			p := l.proposal()
			p.Effects = ws.Effects()
			if r := l.propose(p)[0]; r.Status != Committed {
				t.Errorf("checks: %+v", r)
			}
			l.write(updateK(9, 91))
			p = l.proposal()
			p.Effects = ws.Effects()
			if r := l.propose(p)[0]; r.Status != Conflict {
				t.Errorf("checks after a change: %+v", r)
			}
		})
	}
}

// TestLockingReadWithoutWaiting: the row changes between the read and a lock that is free, and the Locker knows that
// something has changed.
func TestLockingReadWithoutWaiting(t *testing.T) {
	s, l := tenRows(t)
	lk := &locks{on: func(_ schema.IndexID, key []byte) (bool, bool, error) {
		if slices.Equal(key, intKey(3)) {
			l.write(updateK(3, 999))
			return true, false, nil
		}
		return false, slices.Equal(key, intKey(4)), nil // the fourth is skipped
	}}
	r := readAll(1)
	r.Keys = [][]byte{intKey(3), intKey(4), intKey(5), intKey(99)}
	got := showPage(mustRead(t, s, r, ReadOptions{Locker: lk}))
	if want := "3 999 n3\n5 50 n5\n"; got != want {
		t.Errorf("read %q, want %q", got, want)
	}
	lk.on = func(schema.IndexID, []byte) (bool, bool, error) { return false, false, mysqlerr.New(1205) }
	if err := s.Read(context.Background(), r, ReadOptions{Locker: lk}, &fragment.Page{}); mysqlerr.Code(err) != 1205 {
		t.Errorf("lock wait timeout: %v", err)
	}
}

// TestEvaluateLocks: what is claimed, in order, and that a refused lock is an error and no statement's failure.
func TestEvaluateLocks(t *testing.T) {
	s, _ := tenRows(t)
	lk := &locks{}
	ws := NewWorkspace(0)
	w := insertRow(20, 1, "n3") // n3 is row 3's
	w.Kind = fragment.InsertOrUpdate
	w.Set = []fragment.Assignment{{Column: 3, Expr: expr.NewStr("n33")}}
	if r, err := s.Evaluate(context.Background(), w, ws, lk); err != nil || r.Err != nil {
		t.Fatal(r, err)
	}
	if len(lk.taken) != 4 { // row 20, name n3, row 3, name n33
		t.Errorf("locks: %q", lk.taken)
	}
	lk.on = func(schema.IndexID, []byte) (bool, bool, error) { return false, false, mysqlerr.New(1213) }
	before := len(ws.Effects())
	if _, err := s.Evaluate(context.Background(), updateK(5, 1), ws, lk); mysqlerr.Code(err) != 1213 {
		t.Errorf("deadlock: %v", err)
	}
	if len(ws.Effects()) != before {
		t.Error("a refused lock left effects")
	}
}

// TestPagesStayValid: a page's values are its own.
func TestPagesStayValid(t *testing.T) {
	s, _ := tenRows(t)
	r := readAll(1)
	r.WithKeys = true
	page := mustRead(t, s, r, ReadOptions{})
	want := showPage(page)
	var other fragment.Page
	for range 50 {
		if err := s.Read(context.Background(), readAll(2), ReadOptions{}, &other); err != nil {
			t.Fatal(err)
		}
	}
	if got := showPage(page); got != want {
		t.Errorf("the page became %q, was %q", got, want)
	}
}

func TestReadErrors(t *testing.T) {
	s, _ := tenRows(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	boom, err := expr.New("/", expr.NewInt(1), &expr.Column{Index: 0, Typ: types.TypeInt})
	if err != nil {
		t.Fatal(err)
	}
	big := readAll(1)
	for range 20 {
		big.Spans = append(big.Spans, fragment.Span{}) // the whole again and again
	}
	for _, tc := range []struct {
		name string
		ctx  context.Context
		edit func(r *fragment.Read, o *ReadOptions)
		want error
	}{
		{"unknown tablet", nil, func(r *fragment.Read, _ *ReadOptions) { r.Tablet = 99 }, ErrNoTablet},
		{"unknown version", nil, func(r *fragment.Read, _ *ReadOptions) { r.SchemaVersion = 9 }, ErrSchemaChanged},
		{"unknown index", nil, func(r *fragment.Read, _ *ReadOptions) { r.Index = 9 }, ErrSchemaChanged},
		{"cancelled", ctx, func(r *fragment.Read, _ *ReadOptions) { *r = *big }, context.Canceled},
		{"bad position", nil, func(_ *fragment.Read, o *ReadOptions) { o.From = []byte{1, 0xff} }, nil},
		{"order without limit", nil, func(r *fragment.Read, _ *ReadOptions) { r.Order = []expr.SortKey{{Expr: boom}} }, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, o := readAll(1), ReadOptions{}
			tc.edit(r, &o)
			if tc.ctx == nil {
				tc.ctx = context.Background()
			}
			err := s.Read(tc.ctx, r, o, &fragment.Page{})
			if err == nil || tc.want != nil && !errors.Is(err, tc.want) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// TestAggregationOverflow: more groups than memory allows leave in parts that add up.
func TestAggregationOverflow(t *testing.T) {
	alone(t)
	_, s, l := openTable(t)
	const rows = 100_000
	for i := int64(0); i < rows; {
		w := insertRow(i, i, "x")
		w.Rows.Vals = nil
		for range 2000 {
			w.Rows.Vals = append(w.Rows.Vals, types.Int(i), types.Int(i%(rows*9/10)), types.Str(fmt.Sprintf("name-%015d", i)))
			i++
		}
		if r := l.write(w); r.Status != Committed {
			t.Fatal(r)
		}
	}
	count, err := expr.NewAgg("count", false, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := readAll(1)
	r.Agg = &fragment.Aggregate{GroupBy: []expr.Expr{&expr.Column{Index: 1, Typ: types.TypeInt}}, Aggs: []*expr.Agg{count}}
	groups := map[int64]int64{}
	pages := 0
	for o := (ReadOptions{}); ; pages++ {
		page := mustRead(t, s, r, o)
		for i := range page.Batch.Len() {
			groups[page.Batch.Row(i)[0].Int()] += page.Batch.Row(i)[1].Int()
		}
		if o.From = page.Next; o.From == nil {
			break
		}
	}
	total := int64(0)
	for _, n := range groups {
		total += n
	}
	if pages == 0 || total != rows || len(groups) != rows*9/10 {
		t.Errorf("%d pages, %d groups of %d rows", pages+1, len(groups), total)
	}
}

// TestConcurrentUse reads, evaluates and collects while the log is applied: money moves between accounts, and every
// reader finds all of it.
func TestConcurrentUse(t *testing.T) {
	_, s, l := openTable(t)
	const accounts, each, transfers = 20, 100, 400
	for i := int64(0); i < accounts; i++ {
		l.write(insertRow(i, each, fmt.Sprint(i)))
	}
	var stop atomic.Bool
	var wg sync.WaitGroup
	for g := range 3 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for !stop.Load() {
				r := readAll([]schema.IndexID{1, 2, 3}[g])
				var o ReadOptions
				if g == 1 {
					o.At = s.Closed()
				}
				page := &fragment.Page{}
				if err := s.Read(context.Background(), r, o, page); err != nil {
					if errors.Is(err, ErrTooOld) {
						continue
					}
					t.Error(err)
					return
				}
				sum := int64(0)
				for i := range page.Batch.Len() {
					sum += page.Batch.Row(i)[1].Int()
				}
				if sum != accounts*each && (o.At == 0 || page.Batch.Len() == accounts) {
					t.Errorf("index %d at %d: %d in %d accounts", r.Index, o.At, sum, page.Batch.Len())
					return
				}
				if _, _, err := s.CollectGarbage(context.Background(), 100); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	for i := range int64(transfers) {
		from, to := i%accounts, (i*7+3)%accounts
		if from == to {
			continue
		}
		add := func(id int64, n int64) *fragment.Write {
			w := updateK(id, 0)
			w.Set[0].Expr = plus(n)
			return w
		}
		if r := l.propose(l.proposal(add(from, -1), add(to, 1)))[0]; r.Status != Committed {
			t.Errorf("transfer: %+v", r)
		}
		if i%50 == 0 {
			l.apply(EncodeWatermark(nil, &WatermarkCommand{Watermark: l.ts - mvcc.Timestamp(40), Closed: l.ts}))
		}
	}
	stop.Store(true)
	wg.Wait()
}

func plus(n int64) expr.Expr {
	e, err := expr.New("+", &expr.Column{Index: 1, Typ: types.TypeInt}, expr.NewInt(n))
	if err != nil {
		panic(err)
	}
	return e
}

// TestPagesShowOneState: what is committed between two pages of an autocommit read is not in the later ones.
func TestPagesShowOneState(t *testing.T) {
	s, l := tenRows(t)
	r := readAll(3)
	o := ReadOptions{MaxBytes: 1}
	got := ""
	for n := int64(0); ; n++ {
		page := mustRead(t, s, r, o)
		got += showPage(page)
		if o.From = page.Next; o.From == nil {
			break
		}
		l.write(updateK(1, 100+n)) // to the end of the index, where the read has not been
		l.write(insertRow(100+n, 95, fmt.Sprint("late", n)))
	}
	if want := "1 10 n1\n2 20 n2\n3 30 n3\n4 40 n4\n5 50 n5\n6 60 n6\n7 70 n7\n8 80 n8\n9 90 n9\n10 100 n10\n"; got != want {
		t.Errorf("pages %q", got)
	}
}

// TestSpans reads several ranges, in both directions and in pages.
func TestSpans(t *testing.T) {
	s, _ := tenRows(t)
	r := readAll(1)
	r.Spans = []fragment.Span{{End: intKey(2)}, {Start: intKey(4), End: intKey(6)}, {Start: intKey(9)}}
	for _, reverse := range []bool{false, true} {
		for _, bytes := range []int{0, 1, 300} {
			r.Reverse = reverse
			var got []int64
			for o := (ReadOptions{MaxBytes: bytes}); ; {
				page := mustRead(t, s, r, o)
				for i := range page.Batch.Len() {
					got = append(got, page.Batch.Row(i)[0].Int())
				}
				if o.From = page.Next; o.From == nil {
					break
				}
			}
			want := []int64{1, 4, 5, 9, 10}
			if reverse {
				slices.Reverse(want)
			}
			if !slices.Equal(got, want) {
				t.Errorf("reverse %v, pages of %d: %v", reverse, bytes, got)
			}
		}
	}
}

// TestEvaluateLooksAgain: what stood in the way may be gone once its lock is granted.
func TestEvaluateLooksAgain(t *testing.T) {
	for _, kind := range []fragment.Kind{fragment.Insert, fragment.Replace, fragment.InsertOrUpdate} {
		s, l := tenRows(t)
		deleted := false
		lk := &locks{on: func(index schema.IndexID, key []byte) (bool, bool, error) {
			if index == schema.PrimaryIndex && slices.Equal(key, intKey(3)) && !deleted {
				deleted = true
				l.write(&fragment.Write{Kind: fragment.Delete, Tablet: testTablet, SchemaVersion: 1, Keys: [][]byte{intKey(3)}})
				return true, false, nil
			}
			return false, false, nil
		}}
		w := insertRow(20, 1, "n3") // n3 is row 3's until its lock is granted
		w.Kind = kind
		ws := NewWorkspace(0)
		r, err := s.Evaluate(context.Background(), w, ws, lk)
		if err != nil || r.Err != nil || r.Affected != 1 || !deleted {
			t.Errorf("kind %d: %+v, %v", kind, r, err)
		}
		p := l.proposal()
		p.Effects = ws.Effects()
		if r := l.propose(p)[0]; r.Status != Committed {
			t.Errorf("kind %d: commit %+v", kind, r)
		}
	}
}

// TestBadFragments: what a gateway must not send is a statement's failure if it can be told, and does no harm.
func TestBadFragments(t *testing.T) {
	_, l := tenRows(t)
	wrong := insertRow(20, 1, "x")
	wrong.Rows.Vals[1] = types.Str("text for a number")
	short := insertRow(21, 1, "x")
	short.Columns = short.Columns[:2]
	put := insertRow(22, 1, "x")
	put.Kind, put.Keys = fragment.Put, [][]byte{intKey(1), intKey(2)}
	boom := updateK(1, 1)
	boom.Set[0].Expr = &expr.Column{Index: 99, Typ: types.TypeInt}
	for i, w := range []*fragment.Write{wrong, short, put, boom} {
		if r := l.write(w); r.Status != Failed {
			t.Errorf("fragment %d: %+v", i, r)
		}
	}
}
