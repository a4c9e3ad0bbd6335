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
		for {
			ok, err := l.Probe.Next(ctx, b)
			if err != nil {
				return false, err
			}
			if !ok {
				break
			}
			if b.Len() > 0 {
				return false, l.Err
			}
		}
		var err error
		if l.op, err = l.Rest(); err != nil {
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
