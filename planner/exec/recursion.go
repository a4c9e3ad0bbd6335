package exec

import (
	"context"

	"cloudsql/planner/spill"
	"cloudsql/storage/collation"
	"cloudsql/storage/memory"
	"cloudsql/storage/types"
)

// Recursion collects the rows of a recursive common table expression, round by round: all of them one after the other in one
// buffer, of which those of the round before are a part.
type Recursion struct {
	run      *Run
	rows     *spill.RowBuffer
	distinct bool
	colls    []collation.ID
	from     int // first row of the round before
	to       int // first row of the present round

	// With distinct: the keys of all rows while there is room. Where there is none, late has rows that may have been there before, and
	// seen their numbers in late, until they are compared with all rows at once: so a round writes no files.
	seen map[string]int
	late *spill.RowStore // nil: seen has all rows
	hold memory.Hold
	key  []byte
}

// NewRecursion begins without rows. With distinct each row is taken once.
func NewRecursion(run *Run, distinct bool, colls []collation.ID) *Recursion {
	return &Recursion{run: run, rows: spill.NewRowBuffer(run.Room(), memory.Rows), distinct: distinct, colls: colls,
		seen: map[string]int{}, hold: run.RT.Memory.Hold(memory.Distinct)}
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
	err := spill.Each(ctx, op, func(row []types.Value) error { return r.take(ctx, row) })
	if err != nil {
		return err
	}
	return r.sift(ctx)
}

// take adds a row that was not there before, or has it wait until that is known.
func (r *Recursion) take(ctx context.Context, row []types.Value) error {
	if !r.distinct {
		return r.rows.Add(row)
	}
	r.key = spill.HashRow(r.key[:0], row, r.colls)
	if _, ok := r.seen[string(r.key)]; ok {
		return nil
	}
	size := len(r.key) + spill.HashEntryBytes
	if r.hold.Crowded(size) || r.late != nil && r.late.Hold.Crowded(spill.RowBytes(row)) {
		if err := r.sift(ctx); err != nil {
			return err
		}
		if r.late == nil {
			r.late = spill.NewRowStore(r.run.Room(), memory.Distinct)
			r.forget()
		}
	}
	if err := r.hold.Grow(size); err != nil {
		return err
	}
	if r.late == nil {
		r.seen[string(r.key)] = 0
		return r.rows.Add(row)
	}
	r.seen[string(r.key)] = len(r.late.Rows)
	return r.late.Add(row)
}

func (r *Recursion) forget() {
	r.seen = map[string]int{}
	r.hold.Close()
}

// sift adds those rows of late that were not there before.
func (r *Recursion) sift(ctx context.Context) error {
	if r.late == nil || len(r.late.Rows) == 0 {
		return nil
	}
	if err := r.rows.Finish(); err != nil {
		return err
	}
	all := r.rows.Range(0, r.rows.Len())
	defer all.Close()
	err := spill.Each(ctx, all, func(row []types.Value) error {
		r.key = spill.HashRow(r.key[:0], row, r.colls)
		if i, ok := r.seen[string(r.key)]; ok {
			r.late.Rows[i] = nil
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, row := range r.late.Rows {
		if row == nil {
			continue
		}
		if err := r.rows.Add(row); err != nil {
			return err
		}
	}
	r.late.Reset()
	r.forget()
	return nil
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
	if r.late != nil {
		r.late.Reset()
	}
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
