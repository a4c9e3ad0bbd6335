package replica

import (
	"context"
	"errors"
	"time"

	"cloudsql/distributed/closedts"
	"cloudsql/distributed/leaseholder"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// ClosedUpTo makes a promise about the shard, at want if no write holds it back. want must have been handed out.
// Errors: *NotLeaseholder.
func (r *reads) ClosedUpTo(ctx context.Context, _ schema.ShardID, want mvcc.Timestamp) (leaseholder.Promise, error) {
	r.stats.ClosedAsked.Add(1)
	for {
		t, err := r.serving(ctx)
		if err != nil {
			return leaseholder.Promise{}, err
		}
		if r.cfg.UntrustedClock {
			return r.closeInLog(ctx, t, want)
		}
		p := r.promise(t, want)
		if r.still(t) {
			return p, nil
		}
	}
}

// promise looks at what could yet commit, in this order: see Promise. The caller checks afterwards that t still holds.
func (r *reads) promise(t *tenure, want mvcc.Timestamp) leaseholder.Promise {
	ts := t.locks.Flights.Closable(want)
	ts = min(ts, r.state.PreparedFloor())
	return leaseholder.Promise{TS: ts, Index: r.state.AppliedIndex()}
}

// closeInLog makes a promise that holds whatever the clocks do: an entry that closes the timestamp. Writes in flight
// that it overtakes are given new timestamps.
func (r *reads) closeInLog(ctx context.Context, t *tenure, want mvcc.Timestamp) (leaseholder.Promise, error) {
	t.locks.Flights.Saw(want)
	if r.state.Closed() < want {
		cmd := shard.EncodeWatermark(nil, &shard.WatermarkCommand{Closed: want})
		if err := r.group.Propose(ctx, cmd, func(error) {}); err != nil {
			return leaseholder.Promise{}, r.notHere(0, t.epoch)
		}
		err := r.AwaitClosed(ctx, want, closeInLogWait)
		if err != nil && !errors.Is(err, closedts.ErrNotClosed) {
			return leaseholder.Promise{}, err
		}
	}
	closed := r.state.Closed() // before the index
	return leaseholder.Promise{TS: min(want, closed), Index: r.state.AppliedIndex()}, nil
}

// closeInLogWait bounds the wait for an entry that closes a timestamp; a prepared transaction may hold it back.
const closeInLogWait = 200 * time.Millisecond
