package spill

import (
	"context"

	"cloudsql/storage/types"
)

// Batch sizes in rows: the first batches are small, so that a reader of a few rows pays for a few.
const (
	FirstBatch = 32
	MaxBatch   = 1024
)

// ZeroWidth is the width that batches of rows without columns pretend to have, so that they can be counted.
const ZeroWidth = 1

// MaxBatchBytes ends a batch of computed values: large ones come a few at a time.
const MaxBatchBytes = 1 << 20

// Operator is a pull-based stream of row batches.
type Operator interface {
	// Next fills b (reset first) and tells whether it has rows; false ends the stream. Rows are valid until the next call.
	Next(ctx context.Context, b *types.Batch) (bool, error)
	Close()
}

// Canceled gives the error of a statement whose context has ended.
func Canceled(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	default:
		return nil
	}
}

// Each calls fn with the rows of op; each is valid during its call only.
func Each(ctx context.Context, op Operator, fn func(row []types.Value) error) error {
	var b types.Batch
	for {
		ok, err := op.Next(ctx, &b)
		if err != nil || !ok {
			return err
		}
		for i, n := 0, b.Len(); i < n; i++ {
			if err := fn(b.Row(i)); err != nil {
				return err
			}
		}
	}
}

// Limit skips offset rows and passes count.
type Limit struct {
	in            Operator
	offset, count uint64
	batch         types.Batch
}

// NewLimit limits in.
func NewLimit(in Operator, offset, count uint64) *Limit {
	return &Limit{in: in, offset: offset, count: count}
}

// Next passes on what is within the limit, and reads no further than that.
func (l *Limit) Next(ctx context.Context, b *types.Batch) (bool, error) {
	for l.count > 0 {
		ok, err := l.in.Next(ctx, &l.batch)
		if err != nil || !ok {
			return false, err
		}
		n := uint64(l.batch.Len())
		skip := min(n, l.offset)
		l.offset -= skip
		take := min(n-skip, l.count)
		if take == 0 {
			continue
		}
		l.count -= take
		b.Reset(l.batch.Width)
		w := uint64(l.batch.Width)
		b.Vals = append(b.Vals, l.batch.Vals[skip*w:(skip+take)*w]...)
		return true, nil
	}
	return false, nil
}

// Close closes the input.
func (l *Limit) Close() { l.in.Close() }

// Rows gives rows that are there already.
type Rows struct {
	emit  emitter
	width int
}

// NewRows gives rows, all of the same width; without columns each counts as one NULL.
func NewRows(rows [][]types.Value, width int) *Rows {
	return &Rows{emit: emitter{rows: rows}, width: max(width, ZeroWidth)}
}

// Next gives the next rows.
func (r *Rows) Next(_ context.Context, b *types.Batch) (bool, error) {
	return r.emit.next(b, r.width), nil
}

// Close does nothing.
func (r *Rows) Close() {}

// emitter hands out stored rows in batches.
type emitter struct {
	rows [][]types.Value
	at   int
	size int
}

func (e *emitter) next(b *types.Batch, width int) bool {
	if e.at >= len(e.rows) {
		return false
	}
	if e.size == 0 {
		e.size = FirstBatch
	}
	b.Reset(width)
	for n := 0; n < e.size && e.at < len(e.rows); n++ {
		b.Vals = append(b.Vals, e.rows[e.at]...)
		e.at++
	}
	e.size = min(e.size*4, MaxBatch)
	return true
}
