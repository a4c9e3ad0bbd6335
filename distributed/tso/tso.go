package tso

import (
	"context"
	"errors"

	"cloudsql/storage/mvcc"
)

// Source hands out timestamps: n consecutive ones, all above every one handed out anywhere before the call.
type Source interface {
	Next(ctx context.Context, n int) (first mvcc.Timestamp, err error)
}

// ErrNotOwner: this node does not (any longer) hold the system shard's lease. Nothing was handed out.
var ErrNotOwner = errors.New("tso: this node does not own the timestamps")

// MaxRequest is how many timestamps one request may ask for.
const MaxRequest = 1 << 16
