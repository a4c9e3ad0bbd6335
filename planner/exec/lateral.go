package exec

import (
	"context"

	"cloudsql/planner/spill"
	"cloudsql/storage/types"
)

// LateralParam is a column of a left row that the right side reads as a parameter.
type LateralParam struct{ Slot, Column int }

// Lateral joins each left row with the rows that the right side, opened anew, gives for it.
type Lateral struct {
	joiner
	left    Operator
	open    func(ctx context.Context) (Operator, error)
	params  []LateralParam
	batch   types.Batch
	at      int
	right   Operator // of the row at hand; nil: not opened
	inner   types.Batch
	next    int // of inner
	matched bool
}

// NewLateral joins left with what open gives.
func NewLateral(run *Run, left Operator, open func(ctx context.Context) (Operator, error), params []LateralParam, spec JoinSpec) *Lateral {
	return &Lateral{joiner: newJoiner(run, spec), left: left, open: open, params: params}
}

// Next gives joined rows.
func (l *Lateral) Next(ctx context.Context, b *types.Batch) (bool, error) {
	b.Reset(l.width())
	for {
		if l.at >= l.batch.Len() {
			if b.Len() > 0 {
				return true, nil
			}
			ok, err := l.left.Next(ctx, &l.batch)
			if err != nil || !ok {
				return false, err
			}
			l.at = 0
			continue
		}
		full, err := l.step(ctx, b)
		if err != nil || full {
			return full, err
		}
		if err := spill.Canceled(ctx); err != nil {
			return false, err
		}
	}
}

// step joins the row at hand with a batch of the right side's rows, and goes on to the next row behind the last of them. It
// tells when the output is full.
func (l *Lateral) step(ctx context.Context, b *types.Batch) (bool, error) {
	row := l.batch.Row(l.at)
	for _, p := range l.params { // whoever else set them in between ran to its end
		l.run.SetParam(p.Slot, row[p.Column])
	}
	if l.right == nil {
		var err error
		if l.right, err = l.open(ctx); err != nil {
			return false, err
		}
		l.inner.Reset(1)
		l.next, l.matched = 0, false
	}
	for n := l.inner.Len(); l.next < n; {
		matched, _, err := l.candidate(b, row, l.inner.Row(l.next))
		if err != nil {
			return false, err
		}
		l.next++
		l.matched = l.matched || matched
		if b.Len() >= spill.MaxBatch {
			return true, nil
		}
	}
	ok, err := l.right.Next(ctx, &l.inner)
	l.next = 0
	if ok || err != nil {
		return false, err
	}
	l.right.Close()
	l.right = nil
	if !l.matched {
		l.unmatched(b, row)
	}
	l.at++
	return b.Len() >= spill.MaxBatch, nil
}

// Close closes both sides.
func (l *Lateral) Close() {
	l.left.Close()
	if l.right != nil {
		l.right.Close()
	}
}
