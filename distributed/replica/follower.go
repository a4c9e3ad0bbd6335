package replica

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cloudsql/storage/fragment"
	"cloudsql/storage/metric"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/shard"
)

// ErrNotClosed: the timestamp is not closed here (yet), so this replica cannot be read at it without the lease.
var ErrNotClosed = errors.New("replica: the timestamp is not closed at this replica")

// follower is what a replica knows about reading it without the lease.
//
//	log:      batch(Closed=c1) … batch(Closed=c2)          applied up to here │
//	promises:                        (p1, index) ─ applied: serves ≤ p1       │ (p2, later index): waits
//
// A replica serves any read at or below the larger of the closed timestamp that it has applied and the promises whose
// index it has applied.
type follower struct {
	served  atomic.Uint64 // the newest promise that has been reached
	ahead   atomic.Int32  // how many have not
	waiters atomic.Int32

	mu       sync.Mutex
	promises []Promise     // not reached yet, rising in both
	moved    chan struct{} // closed when something was applied while somebody waited
}

// maxPromises bounds what a replica that has fallen behind keeps; the newest replaces the last.
const maxPromises = 16

// Learn takes in a promise of the shard's leaseholder.
func (r *Replica) Learn(p Promise) {
	f := &r.follow
	if p.TS <= r.Closed() {
		return
	}
	f.mu.Lock()
	f.add(p)
	f.mu.Unlock()
	f.advance(r.state.AppliedIndex())
}

// add keeps a promise if it says more than others. Called with mu held.
func (f *follower) add(p Promise) {
	says := func(q Promise) bool { return q.TS >= p.TS && q.Index <= p.Index }
	if slices.ContainsFunc(f.promises, says) {
		return
	}
	f.promises = slices.DeleteFunc(f.promises, func(q Promise) bool { return q.TS <= p.TS && q.Index >= p.Index })
	if len(f.promises) >= maxPromises {
		f.promises = f.promises[:maxPromises-1]
	}
	at, _ := slices.BinarySearchFunc(f.promises, p.Index, func(q Promise, i uint64) int {
		if q.Index < i {
			return -1
		}
		return 1
	})
	f.promises = slices.Insert(f.promises, at, p)
	f.ahead.Store(int32(len(f.promises))) //nolint:gosec // at most maxPromises
}

// advance takes in that the state is at index.
func (f *follower) advance(index uint64) {
	if f.ahead.Load() == 0 && f.waiters.Load() == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for n < len(f.promises) && f.promises[n].Index <= index {
		metric.Raise(&f.served, uint64(f.promises[n].TS))
		n++
	}
	f.promises = append(f.promises[:0], f.promises[n:]...)
	f.ahead.Store(int32(len(f.promises))) //nolint:gosec // at most maxPromises
	if f.moved != nil {
		close(f.moved)
		f.moved = nil
	}
}

// next is closed at the next advance. For those who are counted in waiters.
func (f *follower) next() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.moved == nil {
		f.moved = make(chan struct{})
	}
	return f.moved
}

// Closed is the newest timestamp that this replica may be read at without the lease. It never falls while the process
// runs; what was promised beside the log is forgotten by a restart.
func (r *Replica) Closed() mvcc.Timestamp {
	return max(r.state.Closed(), mvcc.Timestamp(r.follow.served.Load()))
}

// AwaitClosed waits until at is closed here, at most for d. Error: ErrNotClosed.
func (r *Replica) AwaitClosed(ctx context.Context, at mvcc.Timestamp, d time.Duration) error {
	if r.Closed() >= at {
		return nil
	}
	if d <= 0 {
		return ErrNotClosed
	}
	f := &r.follow
	f.waiters.Add(1)
	defer f.waiters.Add(-1)
	timer := r.clock.NewTimer(d)
	defer timer.Stop()
	r.stats.FollowerWaits.Add(1)
	for {
		moved := f.next()
		if r.Closed() >= at {
			return nil
		}
		select {
		case <-moved:
		case <-timer.C():
			return ErrNotClosed
		case <-ctx.Done():
			return ctx.Err()
		case <-r.ctx.Done():
			return ErrNotClosed
		}
	}
}

// ReadFollower fills one page from this replica's own state at o.At, whoever holds the lease. o has neither a Workspace
// nor a Locker. Errors: ErrNotClosed, and those of shard.API.Read.
func (r *Replica) ReadFollower(ctx context.Context, f *fragment.Read, o shard.ReadOptions, page *fragment.Page) error {
	if o.At == 0 || r.Closed() < o.At {
		return ErrNotClosed
	}
	r.stats.FollowerReads.Add(1)
	return r.readable(r.state.Read(ctx, f, o, page))
}
