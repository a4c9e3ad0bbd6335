package exec

import (
	"context"

	"cloudsql/planner/spill"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/memory"
	"cloudsql/storage/types"
)

// HashJoin builds a table of the right side and probes it with the left, whose order it keeps. The left side may be opened only then, so
// that what reads it can leave out rows without a partner (JoinSpec.Probe). Where the right side finds no room
// in memory, both sides are divided into partitions by their keys, in temporary files, and each partition is a join of its own.
// Where a partition can't be divided any further, since its rows are of one key, the table has a piece of the right side at a time,
// and the left side is read again for each.
type HashJoin struct {
	joiner
	left, right         Operator // of the present task
	leftKeys, rightKeys []KeyPart
	table               *hashTable
	batch               types.Batch
	at                  int // row of batch to go on with
	chain               int32
	matched             bool
	key                 []byte

	rightBatch types.Batch
	rightAt    int  // row of rightBatch to go on with
	keyed      bool // rows of both sides come from files and have their keys behind them
	tasks      spill.Tasks
	out        Operator // puts the output of all tasks in order; nil: it comes as it is

	piece bool     // the table has a part of the right side; what follows is still to be read
	hits  []uint64 // bits of the left rows that had a partner in an earlier piece; nil: there was none
	row0  int      // number of the left batch's first row
	hold  memory.Hold
}

// NewHashJoin joins left and right on equal keys.
func NewHashJoin(run *Run, left, right Operator, leftKeys, rightKeys []KeyPart, spec JoinSpec) *HashJoin {
	return &HashJoin{joiner: newJoiner(run, spec), left: left, right: right, leftKeys: leftKeys, rightKeys: rightKeys, chain: -1,
		hold: run.RT.Memory.Hold(memory.Join)}
}

// build reads the right side, or the next piece of it. It tells whether that fits into memory; if not, tasks are there for all rows
// of both sides.
func (h *HashJoin) build(ctx context.Context) (fits bool, err error) {
	h.table = newHashTable(h.run)
	h.piece = false
	for {
		row, ok, err := h.nextRight(ctx)
		if err != nil {
			return false, err
		}
		if !ok {
			return true, nil
		}
		if (h.Kind == Semi || h.Kind == Anti) && len(h.Conds) == 0 && h.table.first(h.key) >= 0 {
			continue // one partner is as good as many
		}
		if len(h.table.rows.next) > 0 && h.table.crowded(h.key, row) {
			h.rightAt-- // it comes again
			if h.tasks.Divisible() {
				return false, h.divide(ctx)
			}
			h.piece = true
			return true, h.watch()
		}
		if err := h.table.add(h.key, row); err != nil {
			return false, err
		}
	}
}

// openLeft opens the left side, if that was left until now.
func (h *HashJoin) openLeft() (err error) {
	if open := h.Probe; open != nil {
		h.Probe = nil
		h.left, err = open(h.keySet)
	}
	return err
}

// keySet makes a set of the values of a key, which is a column of the right side.
func (h *HashJoin) keySet(i int, most float64) (*expr.KeySet, error) {
	if h.table == nil || h.piece || float64(len(h.table.keys)) > most {
		return nil, nil
	}
	part := &h.rightKeys[i]
	set := expr.NewKeySet(len(h.table.keys), part.Collation)
	if set == nil || h.hold.Crowded(set.Bytes()) {
		return nil, nil
	}
	if err := h.hold.Grow(set.Bytes()); err != nil {
		return nil, err
	}
	for _, c := range h.table.rows.ends {
		v, err := part.Expr.Eval(h.run.Env, h.table.store.Rows[c.first])
		if err != nil {
			return nil, err
		}
		set.Add(v)
	}
	return set, nil
}

// nextRight gives the next row of the right side that has a key, which it puts into h.key. Behind the last one it closes that side.
func (h *HashJoin) nextRight(ctx context.Context) (row []types.Value, ok bool, err error) {
	for {
		for h.rightAt < h.rightBatch.Len() {
			h.rightAt++
			if row, ok, err = h.rightKey(h.rightBatch.Row(h.rightAt - 1)); ok || err != nil {
				return row, ok, err
			}
		}
		if ok, err = h.right.Next(ctx, &h.rightBatch); err != nil {
			return nil, false, err
		}
		if !ok {
			h.closeRight()
			return nil, false, nil
		}
		h.rightAt = 0
	}
}

// watch begins to remember which left rows have a partner.
func (h *HashJoin) watch() error {
	if h.hits != nil || h.Kind == Inner {
		return nil
	}
	t := h.tasks.Now
	n := t.First.RowsOf(t.Part)/64 + 1
	if err := h.hold.Grow(n * spill.WordBytes); err != nil {
		return err
	}
	h.hits = make([]uint64, n)
	return nil
}

func (h *HashJoin) closeRight() {
	if h.right != nil {
		h.right.Close()
		h.right = nil
		h.rightBatch.Reset(0)
		h.rightAt = 0
	}
}

// rightKey puts the key of a row of the right side into h.key, and gives the row without it.
func (h *HashJoin) rightKey(row []types.Value) (own []types.Value, ok bool, err error) {
	if h.keyed {
		last := len(row) - 1
		h.key = append(h.key[:0], row[last].Raw()...)
		return row[:last], true, nil
	}
	h.key, ok, err = fragment.AppendKey(h.key[:0], h.run.Env, h.rightKeys, row)
	return row, ok, err
}

// leftKey puts the key of a row of the left side into h.key.
func (h *HashJoin) leftKey(row []types.Value) (ok bool, err error) {
	if h.keyed {
		v := row[len(row)-h.extra]
		h.key = append(h.key[:0], v.Raw()...)
		return !v.IsNull(), nil
	}
	h.key, ok, err = fragment.AppendKey(h.key[:0], h.run.Env, h.leftKeys, row)
	return ok, err
}

// Next gives joined rows.
func (h *HashJoin) Next(ctx context.Context, b *types.Batch) (bool, error) {
	if h.table == nil && h.tasks.Now == nil && h.out == nil && (h.left != nil || h.Probe != nil) {
		fits, err := h.build(ctx)
		if err != nil {
			return false, err
		}
		if fits && len(h.table.rows.next) == 0 && (h.Kind == Inner || h.Kind == Semi) {
			h.Probe = nil
			h.release()
			return false, nil
		}
		if err := h.openLeft(); err != nil {
			return false, err
		}
		if !fits && !h.Unordered {
			h.out = spill.NewReorder(h.run.Room(), h.next, h.width()-1)
		}
	}
	if h.out != nil {
		return h.out.Next(ctx, b)
	}
	return h.next(ctx, b)
}

// next gives rows of one task after the other.
func (h *HashJoin) next(ctx context.Context, b *types.Batch) (bool, error) {
	for {
		if h.table != nil {
			if ok, err := h.join(ctx, b); ok || err != nil {
				return ok, err
			}
		}
		h.release()
		if !h.tasks.Next() {
			return false, nil
		}
		if err := h.startTask(ctx); err != nil {
			return false, err
		}
	}
}

// join probes the table with the left side.
func (h *HashJoin) join(ctx context.Context, b *types.Batch) (bool, error) {
	for {
		b.Reset(h.width())
		if h.at >= h.batch.Len() {
			h.row0 += h.batch.Len()
			ok, err := h.left.Next(ctx, &h.batch)
			if err != nil || !ok && !h.piece {
				return false, err
			}
			h.at, h.chain = 0, -1
			if !ok {
				if err := h.nextPiece(ctx); err != nil {
					return false, err
				}
				continue
			}
		}
		if err := h.probe(b); err != nil {
			return false, err
		}
		if b.Len() > 0 {
			return true, nil
		}
		if err := spill.Canceled(ctx); err != nil {
			return false, err
		}
	}
}

// nextPiece reads more of the right side, and the left side from its beginning.
func (h *HashJoin) nextPiece(ctx context.Context) error {
	h.left.Close()
	h.left = h.tasks.Now.First.Open(h.tasks.Now.Part)
	h.batch.Reset(0)
	h.at, h.row0 = 0, 0
	h.table.store.Reset()
	_, err := h.build(ctx)
	return err
}

// hit tells whether the present left row had a partner in an earlier piece.
func (h *HashJoin) hit() bool {
	i := h.row0 + h.at
	return h.hits != nil && h.hits[i/64]>>(i%64)&1 != 0
}

// probe joins rows of the left batch until the output is full. chain is where a row's candidates go on, -1 for a row
// that is new.
func (h *HashJoin) probe(b *types.Batch) error {
	for n := h.batch.Len(); h.at < n; h.at++ {
		row := h.batch.Row(h.at)
		if h.chain < 0 {
			ok, err := h.leftKey(row)
			if err != nil {
				return err
			}
			h.matched = h.hit()
			if ok && (!h.matched || h.Kind == Left) {
				h.chain = h.table.first(h.key)
			}
		}
		for h.chain >= 0 {
			matched, done, err := h.candidate(b, row, h.table.store.Rows[h.chain])
			if err != nil {
				return err
			}
			h.matched = h.matched || matched
			h.chain = h.table.rows.next[h.chain]
			if done {
				h.chain = -1
			}
			if h.chain >= 0 && b.Len() >= spill.MaxBatch {
				return nil
			}
		}
		switch {
		case h.matched && h.hits != nil:
			i := h.row0 + h.at
			h.hits[i/64] |= 1 << (i % 64)
		case !h.matched && !h.piece:
			h.unmatched(b, row)
		}
		if b.Len() >= spill.MaxBatch {
			h.at++
			return nil
		}
	}
	return nil
}

// divide writes what was read of the right side and all the rest of both sides into partitions.
func (h *HashJoin) divide(ctx context.Context) error {
	right, err := spill.NewRowFile(h.run.Room(), memory.Join, spill.Partitions)
	if err != nil {
		return err
	}
	if err := h.divideRight(ctx, right); err != nil {
		right.Close()
		return err
	}
	left, err := spill.NewRowFile(h.run.Room(), memory.Join, spill.Partitions)
	if err != nil {
		right.Close()
		return err
	}
	if err = h.openLeft(); err == nil {
		err = h.divideLeft(ctx, left, right)
	}
	if err != nil {
		spill.CloseFiles(left, right)
		return err
	}
	total := 0
	for i := range spill.Partitions {
		total += right.RowsOf(i)
	}
	for i := range spill.Partitions {
		if left.RowsOf(i) == 0 {
			continue
		}
		// Where all rows of the table are together they are of one key, or of few.
		whole := right.RowsOf(i) == total
		h.tasks.Push(left, right, i, whole)
	}
	spill.CloseIdle(left, right)
	return nil
}

func (h *HashJoin) divideRight(ctx context.Context, to *spill.RowFile) error {
	division := h.tasks.Division()
	for key, c := range h.table.keys {
		part := spill.PartitionOf([]byte(key), division)
		for i := h.table.rows.first(c); i >= 0; i = h.table.rows.next[i] {
			if err := to.Add(part, h.table.store.Rows[i], []types.Value{types.Str(key)}); err != nil {
				return err
			}
		}
	}
	h.table.store.Reset()
	h.table = nil
	more := make([]types.Value, 1)
	for {
		row, ok, err := h.nextRight(ctx)
		if err != nil {
			return err
		}
		if !ok {
			return to.Finish()
		}
		more[0] = types.Bytes(h.key)
		if err := to.Add(spill.PartitionOf(h.key, division), row, more); err != nil {
			return err
		}
	}
}

// divideLeft leaves out rows that cannot matter.
func (h *HashJoin) divideLeft(ctx context.Context, to, right *spill.RowFile) error {
	division := h.tasks.Division()
	alone := h.Kind == Left || h.Kind == Anti // rows without a partner matter
	var more []types.Value
	var b types.Batch
	for seq := int64(0); ; {
		ok, err := h.left.Next(ctx, &b)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		for i, n := 0, b.Len(); i < n; i++ {
			row := b.Row(i)
			ok, err := h.leftKey(row)
			if err != nil {
				return err
			}
			part, key := 0, types.Null
			if ok {
				part, key = spill.PartitionOf(h.key, division), types.Bytes(h.key)
			}
			if seq++; !alone && (!ok || right.RowsOf(part) == 0) {
				continue
			}
			if more = more[:0]; !h.keyed {
				more = append(more, key)
				if !h.Unordered {
					more = append(more, types.Int(seq))
				}
			}
			if err := to.Add(part, row, more); err != nil {
				return err
			}
		}
	}
	h.left.Close()
	h.left = nil
	if !h.keyed {
		h.keyed, h.extra = true, 1
		if !h.Unordered {
			h.tags, h.extra = 1, 2
		}
	}
	return to.Finish()
}

// startTask begins with the next partition.
func (h *HashJoin) startTask(ctx context.Context) error {
	t := h.tasks.Now
	h.left, h.right = t.First.Open(t.Part), t.Second.Open(t.Part)
	h.at, h.row0 = 0, 0
	h.batch.Reset(0)
	_, err := h.build(ctx)
	return err
}

// release gives back what the present rows take.
func (h *HashJoin) release() {
	if h.left != nil {
		h.left.Close()
		h.left = nil
	}
	h.closeRight()
	if h.table != nil {
		h.table.store.Reset()
		h.table = nil
	}
	h.hits = nil
	h.hold.Close()
}

// Close releases the table, the files and both sides.
func (h *HashJoin) Close() {
	if h.out != nil {
		h.out.Close()
	}
	h.release()
	h.tasks.Close()
}
