package exec

import (
	"context"

	"cloudsql/storage/types"
)

// LateError gives Err where Probe gives a row, and otherwise what Rest gives.
type LateError struct {
	Err   error
	Probe Operator
	Rest  func() (Operator, error)
	op    Operator // Rest's
}

func (l *LateError) Next(ctx context.Context, b *types.Batch) (bool, error) {
	if l.op == nil {
		some, err := l.Probe.Next(ctx, b)
		if some {
			err = l.Err
		}
		if err == nil {
			l.op, err = l.Rest()
		}
		if err != nil {
			return false, err
		}
	}
	return l.op.Next(ctx, b)
}

func (l *LateError) Close() {
	l.Probe.Close()
	if l.op != nil {
		l.op.Close()
	}
}
