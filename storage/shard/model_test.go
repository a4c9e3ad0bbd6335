package shard

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// model is what the table of testTable should hold: the simplest thing that can.
type model map[int64]modelRow

type modelRow struct {
	k    int64
	name string
}

func (m model) owner(name string) (int64, bool) {
	for id, r := range m {
		if strings.EqualFold(r.name, name) {
			return id, true
		}
	}
	return 0, false
}

// rows lists the model's rows in an index's order, as showPage prints them.
func (m model) rows(index schema.IndexID, keep func(int64, modelRow) bool) []string {
	ids := slices.Collect(maps.Keys(m))
	slices.SortFunc(ids, func(a, b int64) int {
		switch index {
		case 2:
			return strings.Compare(strings.ToLower(m[a].name), strings.ToLower(m[b].name))
		case 3:
			if d := m[a].k - m[b].k; d != 0 {
				return int(d)
			}
		}
		return int(a - b)
	})
	out := []string{}
	for _, id := range ids {
		if keep == nil || keep(id, m[id]) {
			out = append(out, fmt.Sprintf("%d %d %s", id, m[id].k, m[id].name))
		}
	}
	return out
}

// change is one random statement, done to the model; the fragment does the same to the shard.
func (m model) change(rng *rand.Rand) (w *fragment.Write, fails bool) {
	id, k, name := int64(rng.IntN(60)), int64(rng.IntN(12)), fmt.Sprint("Name", rng.IntN(50))
	w = insertRow(id, k, name)
	row := modelRow{k, name}
	_, taken := m[id]
	owner, owned := m.owner(name)
	switch rng.IntN(6) {
	case 0: // INSERT
		if taken || owned {
			return w, true
		}
		m[id] = row
	case 1: // REPLACE
		w.Kind = fragment.Replace
		if owned {
			delete(m, owner)
		}
		m[id] = row
	case 2: // INSERT … ON DUPLICATE KEY UPDATE k = VALUES(k)
		w.Kind = fragment.InsertOrUpdate
		w.Set = []fragment.Assignment{{Column: 2, Expr: &expr.Column{Index: 4, Typ: types.TypeInt}}}
		switch {
		case taken:
			m[id] = modelRow{k, m[id].name}
		case owned:
			m[owner] = modelRow{k, m[owner].name}
		default:
			m[id] = row
		}
	case 3: // UPDATE … SET k, name WHERE id
		w = updateK(id, k)
		w.Set = append(w.Set, fragment.Assignment{Column: 3, Expr: expr.NewStr(name)})
		if taken && owned && owner != id {
			return w, true
		}
		if taken {
			m[id] = row
		}
	case 4: // UPDATE … SET id = id + 7
		w = updateK(id, k)
		w.Set = append(w.Set, fragment.Assignment{Column: 1, Expr: expr.NewInt(id + 7)})
		if _, there := m[id+7]; taken && there {
			return w, true
		}
		if taken {
			m[id+7] = modelRow{k, m[id].name}
			delete(m, id)
		}
	default:
		w = &fragment.Write{Kind: fragment.Delete, Tablet: testTablet, SchemaVersion: 1, Keys: [][]byte{intKey(id), intKey(id + 1)}}
		delete(m, id)
		delete(m, id+1)
	}
	return w, false
}

// TestModel runs random statements and transactions against the model, and reads the result in every way: each index,
// both directions, filtered, limited, in pages of any size, in a transaction, and at timestamps of the past.
func TestModel(t *testing.T) {
	for seed := range rounds(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 7))
			e, s, l := openTable(t)
			m := model{}
			history := map[mvcc.Timestamp]model{}
			for step := range 120 {
				if rng.IntN(3) == 0 {
					m = checkTransaction(t, rng, l, m)
				} else {
					next := maps.Clone(m)
					w, fails := next.change(rng)
					checkStatement(t, l, w, fails)
					if !fails {
						m = next
					}
				}
				history[l.ts] = maps.Clone(m)
				checkReads(t, rng, s, m, ReadOptions{})
				if step%20 == 19 {
					s = reopenAndCollect(t, rng, l, e.DB().Flush, history)
					for at, past := range history {
						checkReads(t, rng, s, past, ReadOptions{At: at})
					}
				}
			}
		})
	}
}

func checkStatement(t *testing.T, l *testLog, w *fragment.Write, fails bool) {
	t.Helper()
	r := l.write(w)
	if fails && (r.Status != Failed || r.Writes[0].Err.Code != 1062) || !fails && r.Status != Committed {
		t.Fatalf("kind %d: %+v, should fail: %v", w.Kind, r, fails)
	}
}

// checkTransaction runs some statements in a workspace, reading after each, and commits or not.
func checkTransaction(t *testing.T, rng *rand.Rand, l *testLog, before model) model {
	t.Helper()
	ws := NewWorkspace(0)
	m := maps.Clone(before)
	marks, saved := []uint64{0}, []model{before}
	for range 1 + rng.IntN(6) {
		next := maps.Clone(m)
		w, fails := next.change(rng)
		r, err := l.s.Evaluate(context.Background(), w, ws, nil)
		if err != nil {
			t.Fatal(err)
		}
		if (r.Err != nil) != fails {
			t.Fatalf("kind %d: %v, should fail: %v", w.Kind, r.Err, fails)
		}
		if !fails {
			m = next
		}
		if rng.IntN(4) == 0 {
			i := rng.IntN(len(marks))
			ws.Truncate(marks[i])
			m, marks, saved = maps.Clone(saved[i]), marks[:i+1], saved[:i+1]
		} else {
			marks, saved = append(marks, ws.Mark()), append(saved, maps.Clone(m))
		}
		checkReads(t, rng, l.s, m, ReadOptions{Workspace: ws})
	}
	if rng.IntN(3) == 0 {
		return before
	}
	p := l.proposal()
	p.Effects = ws.Effects()
	if r := l.propose(p)[0]; r.Status != Committed {
		t.Fatalf("commit: %+v", r)
	}
	return m
}

// reopenAndCollect raises the watermark somewhat, collects, flushes, and opens the shard again.
func reopenAndCollect(t *testing.T, rng *rand.Rand, l *testLog, flush func() error, history map[mvcc.Timestamp]model) *Shard {
	t.Helper()
	watermark := l.ts - mvcc.Timestamp(rng.IntN(30))
	l.apply(EncodeWatermark(nil, &WatermarkCommand{Watermark: watermark}))
	maps.DeleteFunc(history, func(at mvcc.Timestamp, _ model) bool { return at < watermark })
	l.collect(func() int { return 1 + rng.IntN(20) })
	if err := flush(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(l.s.engine, testShard)
	if err != nil {
		t.Fatal(err)
	}
	if rows, _ := s.TabletStats(testTablet); rows != uint64(len(history[l.ts])) {
		t.Fatalf("%d rows counted, %d there", rows, len(history[l.ts]))
	}
	l.s = s
	return s
}

func checkReads(t *testing.T, rng *rand.Rand, s *Shard, m model, o ReadOptions) {
	t.Helper()
	for index := schema.IndexID(1); index <= 3; index++ {
		r := readAll(index)
		limit := rng.IntN(2 * (len(m) + 1))
		threshold := int64(rng.IntN(12))
		var keep func(int64, modelRow) bool
		if rng.IntN(2) == 0 {
			keep = func(_ int64, r modelRow) bool { return r.k >= threshold }
			filter, err := expr.New(">=", &expr.Column{Index: 1, Typ: types.TypeInt}, expr.NewInt(threshold))
			if err != nil {
				t.Fatal(err)
			}
			r.Filter = filter
		}
		want := m.rows(index, keep)
		if r.Reverse = rng.IntN(2) == 0; r.Reverse {
			slices.Reverse(want)
		}
		if rng.IntN(2) == 0 && limit > 0 {
			r.Limit = uint64(limit)
			want = want[:min(limit, len(want))]
		}
		o.MaxBytes, o.From = rng.IntN(600), nil
		got := []string{}
		for pages := 0; ; pages++ {
			page := mustRead(t, s, r, o)
			got = append(got, strings.FieldsFunc(showPage(page), func(c rune) bool { return c == '\n' })...)
			if o.From = page.Next; o.From == nil {
				break
			}
			if pages > 1000 {
				t.Fatal("pages without end")
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("index %d, %+v:\n%q, want\n%q", index, o, got, want)
		}
	}
	checkPoints(t, rng, s, m, o)
	checkCovered(t, s, m, o)
}

func checkPoints(t *testing.T, rng *rand.Rand, s *Shard, m model, o ReadOptions) {
	t.Helper()
	r := &fragment.Read{Tablet: testTablet, SchemaVersion: 1, Index: schema.PrimaryIndex, Columns: []schema.ColumnID{1, 2, 3}}
	want := []string{}
	for range 3 {
		id := int64(rng.IntN(60))
		r.Keys = append(r.Keys, intKey(id))
		if row, ok := m[id]; ok {
			want = append(want, fmt.Sprintf("%d %d %s", id, row.k, row.name))
		}
	}
	o.MaxBytes, o.From = 0, nil
	got := strings.FieldsFunc(showPage(mustRead(t, s, r, o)), func(c rune) bool { return c == '\n' })
	if !slices.Equal(got, want) {
		t.Fatalf("points: %q, want %q", got, want)
	}
}

// checkCovered reads columns that the index itself holds.
func checkCovered(t *testing.T, s *Shard, m model, o ReadOptions) {
	t.Helper()
	r := readAll(3)
	r.Columns = []schema.ColumnID{1, 2}
	o.MaxBytes, o.From = 0, nil
	page := mustRead(t, s, r, o)
	var want strings.Builder
	for _, row := range m.rows(3, nil) {
		var id, k int64
		if _, err := fmt.Sscan(row, &id, &k); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&want, "%d %d\n", id, k)
	}
	if got := showPage(page); got != want.String() {
		t.Fatalf("covered: %q, want %q", got, want.String())
	}
}
