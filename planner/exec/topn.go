package exec

import (
	"container/heap"
	"context"
	"slices"

	"cloudsql/planner/spill"
	"cloudsql/storage/memory"
	"cloudsql/storage/types"
)

// TopN keeps the first rows of an order: ORDER BY with LIMIT.
type TopN struct {
	run           *Run
	in            Operator
	order         *spill.Order
	offset, count uint64
	emit          *spill.Rows
	width         int
	hold          memory.Hold
	rest          *spill.Limit // what goes on where the rows find no room in memory
}

// NewTopN gives count rows of in, in order, after leaving out offset rows.
func NewTopN(run *Run, in Operator, order *spill.Order, offset, count uint64) *TopN {
	return &TopN{run: run, in: in, order: order, offset: offset, count: count, hold: run.RT.Memory.Hold(memory.Sort)}
}

// topHeap has the row that comes last in order on top.
type topHeap struct {
	order *spill.Order
	items []topItem
}

type topItem struct {
	keys, row []types.Value
	seq       int // order of arrival decides between equals
}

func (h *topHeap) less(a, b *topItem) bool {
	if c := h.order.Compare(a.keys, b.keys); c != 0 {
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
	return t.emit.Next(ctx, b)
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
			if keys, err = t.order.Eval(t.run.Env, b.Row(i), keys[:0]); err != nil {
				return err
			}
			if len(h.items) == want && t.order.Compare(keys, h.items[0].keys) >= 0 {
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
	t.emit = spill.NewRows(rows, t.width)
	return nil
}

const topItemBytes = 64 // of a heap's item, besides its values

// more is what the row needs in the heap, in place of the last one when the heap is full.
func (t *TopN) more(h *topHeap, want int, keys, row []types.Value) int {
	size := spill.RowBytes(row) + spill.RowBytes(keys) + topItemBytes
	if len(h.items) == want {
		size -= h.items[0].size()
	}
	return size
}

func (i *topItem) size() int { return spill.RowBytes(i.row) + spill.RowBytes(i.keys) + topItemBytes }

// spill gives the rows of the heap, those of b from at on and the rest of the input to a Sort, which can go on on disk.
func (t *TopN) spill(ctx context.Context, h *topHeap, b *types.Batch, at int) error {
	s := spill.NewSort(t.run.Room(), t.run.Env, t.in, t.order)
	t.rest = spill.NewLimit(s, t.offset, t.count)
	s.Begin()
	slices.SortFunc(h.items, func(a, b topItem) int { return a.seq - b.seq })
	for i := range h.items {
		item := &h.items[i]
		if err := t.hold.Grow(-item.size()); err != nil {
			return err
		}
		if err := s.Take(ctx, item.row); err != nil {
			return err
		}
		item.row, item.keys = nil, nil
	}
	for ; at < b.Len(); at++ {
		if err := s.Take(ctx, b.Row(at)); err != nil {
			return err
		}
	}
	t.emit = spill.NewRows(nil, t.width)
	return s.Drain(ctx)
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
