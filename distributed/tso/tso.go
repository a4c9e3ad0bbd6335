package tso

import (
	"context"

	"cloudsql/storage/mvcc"
)

// Source hands out timestamps: n consecutive ones, all above every one handed out anywhere before the call.
type Source interface {
	Next(ctx context.Context, n int) (first mvcc.Timestamp, err error)
}
