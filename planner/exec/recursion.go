package exec

import (
	"context"

	"cloudsql/storage/memory"
	"cloudsql/storage/types"
)

// Recursion collects the rows of a recursive common table expression, round by round: all of them one after the other in one
// buffer, of which those of the round before are a part.
type Recursion struct {
	run      *Run
	rows     *RowBuffer
	distinct bool
	colls    []types.Collation
	from     int // first row of the round before
	to       int // first row of the present round

	seen map[string]struct{} // keys of rows, with distinct; nil where they find no room: then rows are compared with all of rows
	hold memory.Hold
	key  []byte
}

// NewRecursion begins without rows. With distinct each row is taken once.
func NewRecursion(run *Run, distinct bool, colls []types.Collation) *Recursion {
	return &Recursion{run: run, rows: NewRowBuffer(run, memory.Rows), distinct: distinct, colls: colls,
		seen: map[string]struct{}{}, hold: run.RT.Memory.Hold(memory.Distinct)}
}

// Working reads the rows of the round before.
func (r *Recursion) Working() Operator { return r.rows.Range(r.from, r.to) }

// EndRound makes the rows that were taken since the last one those of the round before, and tells whether there are any.
func (r *Recursion) EndRound() (bool, error) {
	r.from, r.to = r.to, r.rows.Len()
	return r.from < r.to, r.rows.Finish()
}

// Take adds the rows of op to the present round, and closes it.
func (r *Recursion) Take(ctx context.Context, op Operator) error {
	defer op.Close()
	if r.distinct && r.seen == nil {
		return r.takeOther(ctx, op)
	}
	var b types.Batch
	for {
		ok, err := op.Next(ctx, &b)
		if err != nil || !ok {
			return err
		}
		for i, n := 0, b.Len(); i < n; i++ {
			fresh := true
			if r.distinct {
				if fresh, err = r.first(b.Row(i)); err != nil {
					return err
				}
				if r.seen == nil {
					return r.takeOther(ctx, rest(&b, i, op))
				}
			}
			if fresh {
				if err := r.rows.Add(b.Row(i)); err != nil {
					return err
				}
			}
		}
	}
}

// first tells whether a row was not there before. Where its key finds no room seen is given up.
func (r *Recursion) first(row []types.Value) (bool, error) {
	r.key = hashRow(r.key[:0], row, r.colls)
	if _, ok := r.seen[string(r.key)]; ok {
		return false, nil
	}
	size := len(r.key) + hashEntryBytes
	if r.hold.Crowded(size) {
		r.seen = nil
		r.hold.Close()
		return false, nil
	}
	r.seen[string(r.key)] = struct{}{}
	return true, r.hold.Grow(size)
}

// rest gives the rows of a batch from one on, and then those of op.
func rest(b *types.Batch, at int, op Operator) Operator {
	return stream(func(ctx context.Context, out *types.Batch) (bool, error) {
		if at >= b.Len() {
			return op.Next(ctx, out)
		}
		out.Reset(b.Width)
		for ; at < b.Len(); at++ {
			out.Append(b.Row(at))
		}
		return true, nil
	})
}

// takeOther adds the rows of op that are not among all rows so far.
func (r *Recursion) takeOther(ctx context.Context, op Operator) error {
	if err := r.rows.Finish(); err != nil {
		return err
	}
	other := NewSetOp(r.run, stream(op.Next), r.rows.Range(0, r.rows.Len()), true, false, r.colls)
	return r.rows.Fill(ctx, other)
}

// Len is the number of rows so far.
func (r *Recursion) Len() uint64 { return uint64(r.rows.Len()) }

// Rows reads the rows from one number up to another, as far as there are any; closing that closes the Recursion.
func (r *Recursion) Rows(from, to uint64) Operator {
	n := r.Len()
	to = min(to, n)
	return NewOwned(r.rows.Range(int(min(from, to)), int(to)), r.Close) //nolint:gosec // within the buffer
}

// Close releases the rows.
func (r *Recursion) Close() {
	r.rows.Close()
	r.hold.Close()
}

// owned closes something with an Operator.
type owned struct {
	Operator
	close func()
}

// Close closes both.
func (o *owned) Close() {
	o.Operator.Close()
	o.close()
}

// NewOwned is op that closes something else as well.
func NewOwned(op Operator, end func()) Operator { return &owned{op, end} }
