package exec

import (
	"context"

	"cloudsql/planner/spill"
	"cloudsql/storage/memory"
	"cloudsql/storage/types"
)

// Lookup is how an IndexJoin finds the right side's rows of a batch of left rows.
type Lookup interface {
	// Key appends to dst the key under which a left row's partners will be known (see Match). ok is false when it can have none.
	Key(run *Run, left []types.Value, dst []byte) (key []byte, ok bool, err error)
	// Add asks for the partners of the row that Key was given last. Rows of the same key are asked for once.
	Add()
	// Open reads the partners of the rows that were added since the last Open.
	Open(ctx context.Context, run *Run) (Operator, error)
	// Match appends the key of a row that was read.
	Match(run *Run, right []types.Value, dst []byte) ([]byte, error)
}

// IndexJoin reads the right side by an index, for a batch of left rows at a time. It keeps the order of the left side.
type IndexJoin struct {
	joiner
	left    Operator
	lookup  Lookup
	batch   types.Batch
	size    int
	pending [][]types.Value // left rows of the group
	groups  *spill.RowStore
	keys    []int32 // for each pending row its key's number, -1 for none
	byKey   map[string]int32
	found   chains // by key number: its rows of right
	right   *spill.RowBuffer
	hold    memory.Hold // of keys and found
	at      int
	inner   int32 // the row of right to go on with; -1: none
	matched bool
	input   int // rows of batch that were taken
	ended   bool
	key     []byte
}

// NewIndexJoin joins left with what lookup finds.
func NewIndexJoin(run *Run, left Operator, lookup Lookup, spec JoinSpec) *IndexJoin {
	return &IndexJoin{joiner: newJoiner(run, spec), left: left, lookup: lookup, size: spill.FirstBatch, byKey: map[string]int32{},
		groups: spill.NewRowStore(run.Room(), memory.Join), right: spill.NewRowBuffer(run.Room(), memory.Join), hold: run.RT.Memory.Hold(memory.Join)}
}

// Next gives joined rows.
func (x *IndexJoin) Next(ctx context.Context, b *types.Batch) (bool, error) {
	b.Reset(x.width())
	for {
		if x.at >= len(x.pending) {
			if b.Len() > 0 {
				return true, nil
			}
			if x.ended {
				return false, nil
			}
			if err := x.fetch(ctx); err != nil {
				return false, err
			}
			continue
		}
		if err := x.emit(b); err != nil {
			return false, err
		}
		if b.Len() >= spill.MaxBatch {
			return true, nil
		}
	}
}

// emit joins pending rows until the output is full.
func (x *IndexJoin) emit(b *types.Batch) error {
	for x.at < len(x.pending) {
		row := x.pending[x.at]
		for x.inner >= 0 {
			right, err := x.right.At(int(x.inner))
			if err != nil {
				return err
			}
			matched, done, err := x.candidate(b, row, right)
			if err != nil {
				return err
			}
			x.inner = x.found.next[x.inner]
			x.matched = x.matched || matched
			if done {
				break
			}
			if b.Len() >= spill.MaxBatch {
				return nil
			}
		}
		if !x.matched {
			x.unmatched(b, row)
		}
		x.turn(x.at + 1)
	}
	return nil
}

// turn goes to a pending row.
func (x *IndexJoin) turn(at int) {
	x.at, x.inner, x.matched = at, -1, false
	if at < len(x.pending) && x.keys[at] >= 0 {
		x.inner = x.found.first(x.keys[at])
	}
}

// fetch takes the next group of left rows and reads their partners.
func (x *IndexJoin) fetch(ctx context.Context) error {
	if err := x.gather(ctx); err != nil {
		return err
	}
	x.right.Close()
	if err := x.partners(ctx); err != nil {
		return err
	}
	x.turn(0)
	return nil
}

// partners reads the rows of the right side for the group.
func (x *IndexJoin) partners(ctx context.Context) error {
	if len(x.byKey) == 0 {
		return nil
	}
	op, err := x.lookup.Open(ctx, x.run)
	if err != nil {
		return err
	}
	defer op.Close()
	if err := spill.Each(ctx, op, x.partner); err != nil {
		return err
	}
	return x.right.Finish()
}

// partner keeps a row of the right side for those of the group that have its key.
func (x *IndexJoin) partner(row []types.Value) (err error) {
	if x.key, err = x.lookup.Match(x.run, row, x.key[:0]); err != nil {
		return err
	}
	k, ok := x.byKey[string(x.key)]
	if !ok {
		return nil
	}
	if err := x.hold.Grow(spill.WordBytes); err != nil {
		return err
	}
	x.found.add(k)
	return x.right.Add(row)
}

// gather fills pending with the next rows of the left side.
func (x *IndexJoin) gather(ctx context.Context) error {
	x.groups.Reset()
	x.hold.Close()
	x.pending, x.keys = x.pending[:0], x.keys[:0]
	x.found.reset()
	clear(x.byKey)
	for len(x.pending) < x.size {
		if x.input >= x.batch.Len() {
			ok, err := x.left.Next(ctx, &x.batch)
			if err != nil {
				return err
			}
			if !ok {
				x.ended = true
				break
			}
			x.input = 0
		}
		next := x.batch.Row(x.input)
		if len(x.pending) > 0 && x.groups.Hold.Crowded(spill.RowBytes(next)) {
			return nil
		}
		row, err := x.groups.Keep(next)
		if err != nil {
			return err
		}
		x.input++
		if err := x.enter(row); err != nil {
			return err
		}
	}
	x.size = min(x.size*4, spill.MaxBatch)
	return nil
}

func (x *IndexJoin) enter(row []types.Value) error {
	key, ok, err := x.lookup.Key(x.run, row, x.key[:0])
	x.key = key
	if err != nil {
		return err
	}
	k := int32(-1)
	if ok {
		if k, ok = x.byKey[string(key)]; !ok {
			if err := x.hold.Grow(len(key) + spill.HashEntryBytes); err != nil {
				return err
			}
			k = x.found.begin()
			x.byKey[string(key)] = k
			x.lookup.Add()
		}
	}
	x.pending = append(x.pending, row)
	x.keys = append(x.keys, k)
	return nil
}

// Close releases the rows and the left side.
func (x *IndexJoin) Close() {
	x.left.Close()
	x.groups.Reset()
	x.right.Close()
	x.hold.Close()
}
