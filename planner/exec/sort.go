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
	keys  *rowStore     // values of the sort keys where they are neither encodable nor plain columns; charged to store
	vals  []types.Value // of the present row's keys
	key   []byte        // of the present row, encoded
	blob  []byte        // encoded sort keys, one behind the other, where the order can be encoded
	ends  []int         // of each row's key in blob
	emit  *emitter
	runs  *runs
}

// NewSort sorts in.
func NewSort(run *Run, in Operator, order *Order) *Sort { return &Sort{run: run, in: in, order: order} }

// NewSpool gives in's rows as they come, but not before it has read them all.
func NewSpool(ctx context.Context, rt *Runtime, in Operator) *Sort {
	return NewSort(&Run{ctx: ctx, RT: rt, Env: rt.Env}, in, NewOrder(nil))
}

// Next reads the whole input at first.
func (s *Sort) Next(ctx context.Context, b *types.Batch) (bool, error) {
	if s.emit == nil {
		if err := s.load(ctx); err != nil {
			return false, err
		}
	}
	if s.runs != nil {
		return s.runs.next(ctx, b)
	}
	return s.emit.next(b, s.width), nil
}

func (s *Sort) load(ctx context.Context) error {
	s.begin()
	return s.drain(ctx)
}

// drain takes the rest of the input.
func (s *Sort) drain(ctx context.Context) error {
	var b types.Batch
	for {
		ok, err := s.in.Next(ctx, &b)
		if err != nil {
			return err
		}
		if !ok {
			return s.finish(ctx)
		}
		for i, n := 0, b.Len(); i < n; i++ {
			if err := s.take(ctx, b.Row(i)); err != nil {
				return err
			}
		}
	}
}

// begin gets ready to take rows.
func (s *Sort) begin() {
	s.store, s.keys = newRowStore(s.run, memory.Sort), &rowStore{}
}

// finish ends the taking of rows.
func (s *Sort) finish(ctx context.Context) error {
	s.emit = &emitter{}
	if s.runs != nil {
		if err := s.flush(ctx); err != nil {
			return err
		}
		return s.runs.prepare(ctx)
	}
	s.emit.rows, _ = s.sorted()
	return nil
}

// take stores a row and its sort keys; rows that leave no room for it go to disk first.
func (s *Sort) take(ctx context.Context, row []types.Value) error {
	s.width = len(row)
	s.vals = s.vals[:0]
	if !s.order.plain || s.order.encodable {
		var err error
		if s.vals, err = s.order.eval(s.run.Env, row, s.vals); err != nil {
			return err
		}
	}
	s.key = s.key[:0]
	if s.order.encodable {
		s.key = s.order.encode(s.key, s.vals)
	}
	more := len(s.key) + sortedRowBytes
	if !s.order.plain && !s.order.encodable {
		more += rowBytes(s.vals)
	}
	if s.store.hold.Crowded(more + rowBytes(row)) {
		if err := s.flush(ctx); err != nil {
			return err
		}
	}
	if err := s.store.hold.Grow(more); err != nil {
		return err
	}
	if s.order.encodable {
		s.blob = append(s.blob, s.key...)
		s.ends = append(s.ends, len(s.blob))
	} else if !s.order.plain {
		if err := s.keys.add(s.vals); err != nil {
			return err
		}
	}
	return s.store.add(row)
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

// sortEncoded orders the stored rows by their encoded keys, from first to last.
func (s *Sort) sortEncoded() []int {
	perm := positions(len(s.store.rows))
	slices.SortFunc(perm, func(i, j int) int {
		if c := bytes.Compare(s.encodedKey(i), s.encodedKey(j)); c != 0 {
			return c
		}
		return i - j
	})
	return perm
}

func positions(n int) []int {
	perm := make([]int, n)
	for i := range perm {
		perm[i] = i
	}
	return perm
}

// sorted orders the stored rows; perm are their numbers in the store, nil where that was put in order itself.
func (s *Sort) sorted() (rows [][]types.Value, perm []int) {
	rows = s.store.rows
	switch {
	case s.order.encodable:
		perm = s.sortEncoded()
	case s.order.plain:
		slices.SortStableFunc(rows, s.comparePlain)
		return rows, nil
	default:
		perm = positions(len(rows))
		slices.SortStableFunc(perm, func(i, j int) int { return s.order.compare(s.keys.rows[i], s.keys.rows[j]) })
	}
	out := make([][]types.Value, len(perm))
	for i, p := range perm {
		out[i] = rows[p]
	}
	return out, perm
}

// encodedKey is the encoded key of the stored row i.
func (s *Sort) encodedKey(i int) []byte {
	if i == 0 {
		return s.blob[:s.ends[0]]
	}
	return s.blob[s.ends[i-1]:s.ends[i]]
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
	if s.runs != nil {
		s.runs.close()
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
	rest          *Limit // what goes on where the rows find no room in memory
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
	if t.rest != nil {
		return t.rest.Next(ctx, b)
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
			size := t.more(h, want, keys, b.Row(i))
			if t.hold.Crowded(size) {
				return t.spill(ctx, h, &b, i)
			}
			if err := t.hold.Grow(size); err != nil {
				return err
			}
			t.insert(h, want, keys, b.Row(i), seq)
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

// more is what the row needs in the heap, in place of the last one when the heap is full.
func (t *TopN) more(h *topHeap, want int, keys, row []types.Value) int {
	size := rowBytes(row) + rowBytes(keys) + topItemBytes
	if len(h.items) == want {
		size -= h.items[0].size()
	}
	return size
}

func (i *topItem) size() int { return rowBytes(i.row) + rowBytes(i.keys) + topItemBytes }

// spill gives the rows of the heap, those of b from at on and the rest of the input to a Sort, which can go on on disk.
func (t *TopN) spill(ctx context.Context, h *topHeap, b *types.Batch, at int) error {
	s := NewSort(t.run, t.in, t.order)
	t.rest = NewLimit(s, t.offset, t.count)
	s.begin()
	slices.SortFunc(h.items, func(a, b topItem) int { return a.seq - b.seq })
	for i := range h.items {
		item := &h.items[i]
		if err := t.hold.Grow(-item.size()); err != nil {
			return err
		}
		if err := s.take(ctx, item.row); err != nil {
			return err
		}
		item.row, item.keys = nil, nil
	}
	for ; at < b.Len(); at++ {
		if err := s.take(ctx, b.Row(at)); err != nil {
			return err
		}
	}
	t.emit = &emitter{}
	return s.drain(ctx)
}

// insert puts a copy of the row into the heap, in place of the last one when the heap is full.
func (t *TopN) insert(h *topHeap, want int, keys, row []types.Value, seq int) {
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
		return
	}
	h.items[0] = item
	heap.Fix(h, 0)
}

// Close releases the rows and the input.
func (t *TopN) Close() {
	if t.rest != nil {
		t.rest.Close()
	} else {
		t.in.Close()
	}
	t.hold.Close()
}
