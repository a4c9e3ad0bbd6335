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
	// Open reads the partners of the rows that were added since the last Open; ahead of their turn, as far as processors are idle.
	Open(ctx context.Context, run *Run, ahead bool) (Operator, error)
	// Match appends the key of a row that was read.
	Match(run *Run, right []types.Value, dst []byte) ([]byte, error)
}

// IndexJoin reads the right side by an index, for a group of left rows at a time. It keeps the order of the left side. While a group is
// joined, the partners of the next one are read, once groups have their full size: a LIMIT has ended the others.
type IndexJoin struct {
	joiner
	left   Operator
	lookup Lookup
	batch  types.Batch
	input  int // rows of batch that were taken
	ended  bool
	size   int
	key    []byte

	now     *lookupGroup
	next    *lookupGroup // after now; its reads are open
	nextErr error        // of gathering it
	spare   *lookupGroup
	at      int
	inner   int32 // the row of now.right to go on with; -1: none
	matched bool
}

// lookupGroup is left rows and their partners.
type lookupGroup struct {
	pending [][]types.Value // left rows
	store   *spill.RowStore // where they are
	keys    []int32         // for each of them its key's number, -1 for none
	byKey   map[string]int32
	found   chains   // by key number: its rows of right
	reads   Operator // of the partners; nil: there are none, or they are in right
	right   *spill.RowBuffer
	hold    memory.Hold // of keys and found
}

// NewIndexJoin joins left with what lookup finds.
func NewIndexJoin(run *Run, left Operator, lookup Lookup, spec JoinSpec) *IndexJoin {
	x := &IndexJoin{joiner: newJoiner(run, spec), left: left, lookup: lookup, size: spill.FirstBatch}
	x.now, x.spare = x.newGroup(), x.newGroup()
	return x
}

func (x *IndexJoin) newGroup() *lookupGroup {
	room := x.run.Room()
	return &lookupGroup{byKey: map[string]int32{}, store: spill.NewRowStore(room, memory.Join), right: spill.NewRowBuffer(room, memory.Join),
		hold: room.Memory.Hold(memory.Join)}
}

// Next gives joined rows.
func (x *IndexJoin) Next(ctx context.Context, b *types.Batch) (bool, error) {
	b.Reset(x.width())
	for {
		if x.at >= len(x.now.pending) {
			if b.Len() > 0 {
				return true, nil
			}
			if x.ended && x.next == nil {
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
	for x.at < len(x.now.pending) {
		row := x.now.pending[x.at]
		for x.inner >= 0 {
			right, err := x.now.right.At(int(x.inner))
			if err != nil {
				return err
			}
			matched, done, err := x.candidate(b, row, right)
			if err != nil {
				return err
			}
			x.inner = x.now.found.next[x.inner]
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
	if g := x.now; at < len(g.pending) && g.keys[at] >= 0 {
		x.inner = g.found.first(g.keys[at])
	}
}

// fetch takes the next group of left rows and reads their partners.
func (x *IndexJoin) fetch(ctx context.Context) error {
	x.now.clear()
	x.at = 0
	if x.nextErr != nil {
		return x.nextErr
	}
	if x.next != nil {
		x.now, x.next, x.spare = x.next, nil, x.now
	} else if err := x.begin(ctx, x.now, false); err != nil {
		return err
	}
	if err := x.partners(ctx, x.now); err != nil {
		return err
	}
	if x.looksAhead() {
		x.next = x.spare
		x.nextErr = x.begin(ctx, x.next, true)
	}
	x.turn(0)
	return nil
}

// looksAhead tells whether a further group may be begun: not in a transaction, whose reads may lock rows.
func (x *IndexJoin) looksAhead() bool {
	return x.run.RT.Txn == nil && x.run.RT.Processors != nil && x.size >= spill.MaxBatch && !x.ended && !x.run.RT.Memory.Tight(aheadBytes)
}

// begin gathers a group and opens the reads of its partners.
func (x *IndexJoin) begin(ctx context.Context, g *lookupGroup, ahead bool) error {
	if err := x.gather(ctx, g); err != nil || len(g.byKey) == 0 {
		return err
	}
	var err error
	g.reads, err = x.lookup.Open(ctx, x.run, ahead)
	return err
}

// partners reads the rows of the right side for a group.
func (x *IndexJoin) partners(ctx context.Context, g *lookupGroup) error {
	if g.reads == nil {
		return nil
	}
	if err := spill.Each(ctx, g.reads, x.partner); err != nil {
		return err
	}
	g.reads.Close()
	g.reads = nil
	return g.right.Finish()
}

// partner keeps a row of the right side for those of the group that have its key.
func (x *IndexJoin) partner(row []types.Value) (err error) {
	if x.key, err = x.lookup.Match(x.run, row, x.key[:0]); err != nil {
		return err
	}
	g := x.now
	k, ok := g.byKey[string(x.key)]
	if !ok {
		return nil
	}
	if err := g.hold.Grow(spill.WordBytes); err != nil {
		return err
	}
	g.found.add(k)
	return g.right.Add(row)
}

// gather fills a group, which is empty, with the next rows of the left side.
func (x *IndexJoin) gather(ctx context.Context, g *lookupGroup) error {
	for len(g.pending) < x.size {
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
		if len(g.pending) > 0 && g.store.Hold.Crowded(spill.RowBytes(next)) {
			return nil
		}
		row, err := g.store.Keep(next)
		if err != nil {
			return err
		}
		x.input++
		if err := x.enter(g, row); err != nil {
			return err
		}
	}
	x.size = min(x.size*4, spill.MaxBatch)
	return nil
}

func (x *IndexJoin) enter(g *lookupGroup, row []types.Value) error {
	key, ok, err := x.lookup.Key(x.run, row, x.key[:0])
	x.key = key
	if err != nil {
		return err
	}
	k := int32(-1)
	if ok {
		if k, ok = g.byKey[string(key)]; !ok {
			if err := g.hold.Grow(len(key) + spill.HashEntryBytes); err != nil {
				return err
			}
			k = g.found.begin()
			g.byKey[string(key)] = k
			x.lookup.Add()
		}
	}
	g.pending = append(g.pending, row)
	g.keys = append(g.keys, k)
	return nil
}

// clear empties a group.
func (g *lookupGroup) clear() {
	if g.reads != nil {
		g.reads.Close()
		g.reads = nil
	}
	g.store.Reuse()
	g.right.Reuse()
	g.hold.Close()
	g.pending, g.keys = g.pending[:0], g.keys[:0]
	g.found.reset()
	clear(g.byKey)
}

// Close releases the rows and the left side.
func (x *IndexJoin) Close() {
	x.left.Close()
	for _, g := range []*lookupGroup{x.now, x.next, x.spare} {
		if g != nil {
			g.clear()
		}
	}
}
