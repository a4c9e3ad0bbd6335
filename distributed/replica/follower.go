package replica

import (
	"context"
	"time"

	"cloudsql/distributed/closedts"
	"cloudsql/distributed/leaseholder"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/shard"
)

// Learn takes in a promise of the shard's leaseholder.
func (r *reads) Learn(p leaseholder.Promise) {
	if p.TS > r.Closed() {
		r.follow.Learn(p, r.state.AppliedIndex())
	}
}

// Closed is the newest timestamp that this replica may be read at without the lease. It never falls while the process
// runs; what was promised beside the log is forgotten by a restart.
func (r *reads) Closed() mvcc.Timestamp {
	return max(r.state.Closed(), r.follow.Served())
}

// AwaitClosed waits until at is closed here, at most for d. Error: ErrNotClosed.
func (r *reads) AwaitClosed(ctx context.Context, at mvcc.Timestamp, d time.Duration) error {
	if r.Closed() >= at {
		return nil
	}
	if d <= 0 {
		return closedts.ErrNotClosed
	}
	f := &r.follow
	defer f.Wait()()
	timer := r.clock.NewTimer(d)
	defer timer.Stop()
	r.stats.FollowerWaits.Add(1)
	for {
		moved := f.Moved()
		if r.Closed() >= at {
			return nil
		}
		select {
		case <-moved:
		case <-timer.C():
			return closedts.ErrNotClosed
		case <-ctx.Done():
			return ctx.Err()
		case <-r.ctx.Done():
			return closedts.ErrNotClosed
		}
	}
}

// ReadFollower fills one page from this replica's own state at o.At, whoever holds the lease. o has neither a Workspace
// nor a Locker. Errors: closedts.ErrNotClosed, and those of shard.API.Read.
func (r *reads) ReadFollower(ctx context.Context, f *fragment.Read, o shard.ReadOptions, page *fragment.Page) error {
	if o.At == 0 || r.Closed() < o.At {
		return closedts.ErrNotClosed
	}
	r.stats.FollowerReads.Add(1)
	return r.readable(r.state.Read(ctx, f, o, page))
}
