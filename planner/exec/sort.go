package exec

import (
	"bytes"
	"container/heap"
	"context"
	"slices"

	"cloudsql/storage/keys"
	"cloudsql/storage/memory"
	"cloudsql/storage/types"
)

// Sort gives its input's rows in order. Rows with equal keys keep the order of the input.
type Sort struct {
	run   *Run
	in    Operator
	order *Order
	width int
	store *rowStore
	keys  *rowStore // values of the sort keys where they are not plain columns
	key   []byte    // of the present row
	blob  []byte    // encoded sort keys, one behind the other, where the order can be encoded
	ends  []int     // of each row's key in blob
	emit  *emitter
	spill *spill
}

// NewSort sorts in.
func NewSort(run *Run, in Operator, order *Order) *Sort { return &Sort{run: run, in: in, order: order} }

// Next reads the whole input at first.
func (s *Sort) Next(ctx context.Context, b *types.Batch) (bool, error) {
	if s.emit == nil {
		if err := s.load(ctx); err != nil {
			return false, err
		}
	}
	if s.spill != nil {
		return s.spill.next(b)
	}
	return s.emit.next(b, s.width), nil
}

func (s *Sort) load(ctx context.Context) error {
	s.store, s.keys = newRowStore(s.run, memory.Sort), newRowStore(s.run, memory.Sort)
	var b types.Batch
	var vals []types.Value
	for {
		ok, err := s.in.Next(ctx, &b)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		s.width = b.Width
		for i, n := 0, b.Len(); i < n; i++ {
			if vals, err = s.take(b.Row(i), vals); err != nil {
				return err
			}
		}
	}
	if s.spill != nil {
		if err := s.flush(); err != nil {
			return err
		}
		s.emit = &emitter{}
		return s.spill.merge()
	}
	s.emit = &emitter{rows: s.sorted()}
	return nil
}

// take stores a row and its sort keys; rows that leave no room for it go to disk first.
func (s *Sort) take(row, vals []types.Value) ([]types.Value, error) {
	vals = vals[:0]
	if !s.order.plain || s.order.encodable {
		var err error
		if vals, err = s.order.eval(s.run.Env, row, vals); err != nil {
			return vals, err
		}
	}
	s.key = s.key[:0]
	if s.order.encodable {
		s.key = s.order.encode(s.key, vals)
	}
	if s.store.hold.Tight(rowBytes(row) + rowBytes(vals) + len(s.key) + sortedRowBytes) {
		if err := s.flush(); err != nil {
			return vals, err
		}
	}
	if err := s.store.hold.Grow(len(s.key) + sortedRowBytes); err != nil {
		return vals, err
	}
	if s.order.encodable {
		s.blob = append(s.blob, s.key...)
		s.ends = append(s.ends, len(s.blob))
	} else if !s.order.plain {
		if err := s.keys.add(vals); err != nil {
			return vals, err
		}
	}
	return vals, s.store.add(row)
}

// sortedRowBytes is what sorting needs of a row besides the row and its keys: its place in the order, twice.
const sortedRowBytes = 2*24 + 2*wordBytes

// encodable tells whether values of a type order as their key encoding does.
func encodable(t *types.Type) bool {
	switch t.Class() {
	case types.ClassInt, types.ClassString, types.ClassDate, types.ClassDatetime, types.ClassTime:
		return true
	}
	return false
}

// encode appends the keys in a form that compares as bytes: one pass over strings instead of one for each comparison.
func (o *Order) encode(dst []byte, vals []types.Value) []byte {
	for i, v := range vals {
		if i == len(vals)-1 && v.Kind() == types.KindString && !o.keys[i].Desc {
			// Nothing follows it, so the sort key needs no terminator and no escapes; 1 is behind NULL.
			return o.colls[i].SortKey(append(dst, 1), v.Raw())
		}
		dst = keys.AppendValue(dst, v, o.keys[i].Expr.Type(), 0, o.keys[i].Desc)
	}
	return dst
}

// sortEncoded orders the stored rows by their encoded keys.
func (s *Sort) sortEncoded() [][]types.Value {
	perm := make([]int, len(s.store.rows))
	for i := range perm {
		perm[i] = i
	}
	key := func(i int) []byte {
		if i == 0 {
			return s.blob[:s.ends[0]]
		}
		return s.blob[s.ends[i-1]:s.ends[i]]
	}
	slices.SortFunc(perm, func(i, j int) int {
		if c := bytes.Compare(key(i), key(j)); c != 0 {
			return c
		}
		return i - j
	})
	out := make([][]types.Value, len(perm))
	for i, p := range perm {
		out[i] = s.store.rows[p]
	}
	return out
}

// sorted orders the stored rows.
func (s *Sort) sorted() [][]types.Value {
	rows := s.store.rows
	if s.order.encodable {
		return s.sortEncoded()
	}
	if s.order.plain {
		slices.SortStableFunc(rows, s.comparePlain)
		return rows
	}
	perm := make([]int, len(rows))
	for i := range perm {
		perm[i] = i
	}
	slices.SortStableFunc(perm, func(i, j int) int { return s.order.compare(s.keys.rows[i], s.keys.rows[j]) })
	out := make([][]types.Value, len(rows))
	for i, p := range perm {
		out[i] = rows[p]
	}
	return out
}

func (s *Sort) comparePlain(a, b []types.Value) int { return s.order.compareRows(a, b) }

// compareRows orders two rows by keys that are plain columns.
func (o *Order) compareRows(a, b []types.Value) int {
	for i, pos := range o.cols {
		if c := types.CompareSame(a[pos], b[pos], o.colls[i]); c != 0 {
			if o.keys[i].Desc {
				return -c
			}
			return c
		}
	}
	return 0
}

// Close releases the rows and the input.
func (s *Sort) Close() {
	s.in.Close()
	if s.store != nil {
		s.store.reset()
		s.keys.reset()
	}
	if s.spill != nil {
		s.spill.close()
	}
}

// TopN keeps the first rows of an order: ORDER BY with LIMIT.
type TopN struct {
	run           *Run
	in            Operator
	order         *Order
	offset, count uint64
	emit          *emitter
	width         int
	hold          memory.Hold
}

// NewTopN gives count rows of in, in order, after leaving out offset rows.
func NewTopN(run *Run, in Operator, order *Order, offset, count uint64) *TopN {
	return &TopN{run: run, in: in, order: order, offset: offset, count: count, hold: run.RT.Memory.Hold(memory.Sort)}
}

// topHeap has the row that comes last in order on top.
type topHeap struct {
	order *Order
	items []topItem
}

type topItem struct {
	keys, row []types.Value
	seq       int // order of arrival decides between equals
}

func (h *topHeap) less(a, b *topItem) bool {
	if c := h.order.compare(a.keys, b.keys); c != 0 {
		return c < 0
	}
	return a.seq < b.seq
}

func (h *topHeap) Len() int           { return len(h.items) }
func (h *topHeap) Less(i, j int) bool { return h.less(&h.items[j], &h.items[i]) }
func (h *topHeap) Swap(i, j int)      { h.items[i], h.items[j] = h.items[j], h.items[i] }
func (h *topHeap) Push(x any)         { h.items = append(h.items, x.(topItem)) }
func (h *topHeap) Pop() any           { panic("exec: a top-N heap is never popped") }

// Next reads the whole input at first.
func (t *TopN) Next(ctx context.Context, b *types.Batch) (bool, error) {
	if t.emit == nil {
		if err := t.load(ctx); err != nil {
			return false, err
		}
	}
	return t.emit.next(b, t.width), nil
}

func (t *TopN) load(ctx context.Context) error {
	h := &topHeap{order: t.order}
	want := int(t.offset + t.count)
	var b types.Batch
	var keys []types.Value
	for seq := 0; want > 0; {
		ok, err := t.in.Next(ctx, &b)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		t.width = b.Width
		for i, n := 0, b.Len(); i < n; i++ {
			seq++
			if keys, err = t.order.eval(t.run.Env, b.Row(i), keys[:0]); err != nil {
				return err
			}
			if len(h.items) == want && t.order.compare(keys, h.items[0].keys) >= 0 {
				continue
			}
			if err := t.insert(h, want, keys, b.Row(i), seq); err != nil {
				return err
			}
		}
	}
	slices.SortFunc(h.items, func(a, b topItem) int {
		if h.less(&a, &b) {
			return -1
		}
		return 1
	})
	rows := make([][]types.Value, 0, len(h.items))
	for i := int(min(t.offset, uint64(len(h.items)))); i < len(h.items); i++ {
		rows = append(rows, h.items[i].row)
	}
	t.emit = &emitter{rows: rows}
	return nil
}

const topItemBytes = 64 // of a heap's item, besides its values

// insert puts a copy of the row into the heap, in place of the last one when the heap is full.
func (t *TopN) insert(h *topHeap, want int, keys, row []types.Value, seq int) error {
	size := rowBytes(row) + rowBytes(keys) + topItemBytes
	if len(h.items) == want {
		size -= rowBytes(h.items[0].row) + rowBytes(h.items[0].keys) + topItemBytes
	}
	if err := t.hold.Grow(size); err != nil {
		return err
	}
	var arena types.Arena
	item := topItem{seq: seq}
	vals := make([]types.Value, 0, len(row)+len(keys))
	for _, v := range row {
		vals = append(vals, arena.Value(v))
	}
	for _, v := range keys {
		vals = append(vals, arena.Value(v))
	}
	item.row, item.keys = vals[:len(row):len(row)], vals[len(row):]
	if len(h.items) < want {
		heap.Push(h, item)
		return nil
	}
	h.items[0] = item
	heap.Fix(h, 0)
	return nil
}

// Close releases the rows and the input.
func (t *TopN) Close() {
	t.in.Close()
	t.hold.Close()
}
