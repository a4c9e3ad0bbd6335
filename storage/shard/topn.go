package shard

import (
	"container/heap"
	"slices"

	"cloudsql/storage/expr"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// topN keeps the first rows of an order. Rows that the order does not tell apart stay as they were met.
type topN struct {
	order []expr.SortKey
	limit int
	rows  []topRow // a heap with the last of the kept rows on top, once there are limit of them
	keys  []types.Value
	seq   int
	hold  memory.Hold
}

type topRow struct {
	keys, out []types.Value
	seq       int
}

func newTopN(order []expr.SortKey, limit int, account *memory.Account) *topN {
	return &topN{order: order, limit: limit, hold: account.Hold(memory.Sort)}
}

// topRowBytes is what a kept row takes besides its values.
const topRowBytes = 64

func valuesBytes(lists ...[]types.Value) int {
	n := 0
	for _, vals := range lists {
		n += len(vals) * valueBytes
		for i := range vals {
			n += len(vals[i].Raw())
		}
	}
	return n
}

// add takes an output row in if it is among the first; it copies what it keeps.
func (t *topN) add(env *expr.Env, out []types.Value) error {
	t.keys = t.keys[:0]
	for i := range t.order {
		v, err := t.order[i].Expr.Eval(env, out)
		if err != nil {
			return mysqlerr.From(err)
		}
		t.keys = append(t.keys, v)
	}
	t.seq++
	if len(t.rows) < t.limit {
		if err := t.hold.Grow(valuesBytes(t.keys, out) + topRowBytes); err != nil {
			return err
		}
		t.rows = append(t.rows, topRow{keys: cloneValues(nil, t.keys), out: cloneValues(nil, out), seq: t.seq})
		if len(t.rows) == t.limit {
			heap.Init(t)
		}
		return nil
	}
	last := &t.rows[0]
	if t.compare(t.keys, last.keys) >= 0 {
		return nil // rows met earlier come first
	}
	if err := t.hold.Grow(valuesBytes(t.keys, out) - valuesBytes(last.keys, last.out)); err != nil {
		return err
	}
	last.keys, last.out, last.seq = cloneValues(last.keys[:0], t.keys), cloneValues(last.out[:0], out), t.seq
	heap.Fix(t, 0)
	return nil
}

func cloneValues(dst, values []types.Value) []types.Value {
	for i := range values {
		dst = append(dst, values[i].Clone())
	}
	return dst
}

func (t *topN) compare(a, b []types.Value) int {
	for i := range t.order {
		c := types.CompareSame(a[i], b[i], t.order[i].Expr.Type().Collation)
		if t.order[i].Desc {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

func (t *topN) compareRows(a, b *topRow) int {
	if c := t.compare(a.keys, b.keys); c != 0 {
		return c
	}
	return a.seq - b.seq
}

// flush delivers the kept rows in order.
func (t *topN) flush(deliver func(out []types.Value) error) error {
	slices.SortFunc(t.rows, func(a, b topRow) int { return t.compareRows(&a, &b) })
	for i := range t.rows {
		if err := deliver(t.rows[i].out); err != nil {
			return err
		}
	}
	return nil
}

// Len and its kin make the rows a heap; Push and Pop are not used.
func (t *topN) Len() int           { return len(t.rows) }
func (t *topN) Less(i, j int) bool { return t.compareRows(&t.rows[i], &t.rows[j]) > 0 }
func (t *topN) Swap(i, j int)      { t.rows[i], t.rows[j] = t.rows[j], t.rows[i] }

// Push is part of heap.Interface.
func (t *topN) Push(any) {}

// Pop is part of heap.Interface.
func (t *topN) Pop() any { return nil }
