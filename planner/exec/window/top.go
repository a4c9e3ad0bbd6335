package window

import (
	"container/heap"
	"context"

	"cloudsql/planner/exec"
	"cloudsql/planner/spill"
	"cloudsql/storage/collation"
	"cloudsql/storage/expr"
	"cloudsql/storage/memory"
	"cloudsql/storage/types"
)

// MostOfTop is up to how many rows of a partition are worth looking for.
const MostOfTop = 1000

// Top passes rows, in their order, but for those that come behind enough others of their partition that have passed. It keeps
// keys, not rows, and passes what it has no memory to judge.
type Top struct {
	run       *exec.Run
	in        exec.Operator
	partition []expr.Expr
	colls     []collation.ID
	order     *spill.Order
	most      int
	firsts    map[string]*keyHeap // of each partition the first keys so far, the last of them on top

	batch  types.Batch
	key    []byte
	values []types.Value
	hold   memory.Hold
}

// NewTop passes at least the first `most` rows of each partition, and those that are equal to the last of them.
func NewTop(run *exec.Run, in exec.Operator, partition []expr.Expr, order *spill.Order, most int) *Top {
	p := &Top{run: run, in: in, partition: partition, order: order, most: most, firsts: map[string]*keyHeap{},
		hold: run.RT.Memory.Hold(memory.Window)}
	for _, e := range partition {
		p.colls = append(p.colls, e.Type().Collation)
	}
	return p
}

// Next gives the next rows that pass.
func (p *Top) Next(ctx context.Context, b *types.Batch) (bool, error) {
	return exec.Pass(ctx, p.in, &p.batch, b, p.passes)
}

func (p *Top) passes(row []types.Value) (bool, error) {
	p.key = p.key[:0]
	for i, e := range p.partition {
		v, err := e.Eval(p.run.Env, row)
		if err != nil {
			return false, err
		}
		p.key = types.HashKey(p.key, v, p.colls[i])
	}
	var err error
	if p.values, err = p.order.Eval(p.run.Env, row, p.values[:0]); err != nil {
		return false, err
	}
	h := p.firsts[string(p.key)]
	if h != nil && h.Len() == p.most {
		if c := p.order.Compare(p.values, h.keys[0]); c >= 0 {
			return c == 0, nil
		}
	}
	return true, p.note(h)
}

// note puts the present key among the first ones, if there is room in memory.
func (p *Top) note(h *keyHeap) error {
	size := spill.RowBytes(p.values) + spill.HashEntryBytes
	switch {
	case h == nil:
		size += len(p.key) + spill.HashEntryBytes
	case h.Len() == p.most:
		size -= spill.RowBytes(h.keys[0]) + spill.HashEntryBytes
	}
	if p.hold.Crowded(size) {
		return nil
	}
	if err := p.hold.Grow(size); err != nil {
		return err
	}
	if h == nil {
		h = &keyHeap{order: p.order}
		p.firsts[string(p.key)] = h
	}
	var arena types.Arena
	key := make([]types.Value, len(p.values))
	for i, v := range p.values {
		key[i] = arena.Value(v)
	}
	if h.Len() < p.most {
		heap.Push(h, key)
		return nil
	}
	h.keys[0] = key
	heap.Fix(h, 0)
	return nil
}

// keyHeap has the key that comes last in order on top.
type keyHeap struct {
	order *spill.Order
	keys  [][]types.Value
}

func (h *keyHeap) Len() int           { return len(h.keys) }
func (h *keyHeap) Less(i, j int) bool { return h.order.Compare(h.keys[i], h.keys[j]) > 0 }
func (h *keyHeap) Swap(i, j int)      { h.keys[i], h.keys[j] = h.keys[j], h.keys[i] }
func (h *keyHeap) Push(x any)         { h.keys = append(h.keys, x.([]types.Value)) }
func (h *keyHeap) Pop() any           { panic("window: a heap of first keys is never popped") }

// Close releases the keys and the input.
func (p *Top) Close() {
	p.in.Close()
	p.hold.Close()
	p.firsts = nil
}
