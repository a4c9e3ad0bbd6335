package closedts

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"cloudsql/distributed/leaseholder"
	"cloudsql/storage/metric"
	"cloudsql/storage/mvcc"
)

// ErrNotClosed: the timestamp is not closed here (yet), so this replica cannot be read at it without the lease.
var ErrNotClosed = errors.New("closedts: the timestamp is not closed at this replica")

// Tracker keeps the promises about one replica. Its zero value is ready.
type Tracker struct {
	served  atomic.Uint64 // the newest promise that has been reached
	ahead   atomic.Int32  // how many have not
	waiters atomic.Int32

	mu       sync.Mutex
	promises []leaseholder.Promise // not reached yet, rising in both
	moved    chan struct{}         // closed when something was applied while somebody waited
}

// maxPromises bounds what a replica that has fallen behind keeps; the newest replaces the last.
const maxPromises = 16

// Learn takes in a promise of the shard's leaseholder; index is what the replica has applied.
func (f *Tracker) Learn(p leaseholder.Promise, index uint64) {
	f.mu.Lock()
	f.add(p)
	f.mu.Unlock()
	f.Advance(index)
}

// Served is the newest promise that has been reached.
func (f *Tracker) Served() mvcc.Timestamp { return mvcc.Timestamp(f.served.Load()) }

// Wait begins to wait: what Moved gives is closed from now on. done ends it.
func (f *Tracker) Wait() (done func()) {
	f.waiters.Add(1)
	return func() { f.waiters.Add(-1) }
}

// add keeps a promise if it says more than others. Called with mu held.
func (f *Tracker) add(p leaseholder.Promise) {
	says := func(q leaseholder.Promise) bool { return q.TS >= p.TS && q.Index <= p.Index }
	if slices.ContainsFunc(f.promises, says) {
		return
	}
	f.promises = slices.DeleteFunc(f.promises, func(q leaseholder.Promise) bool { return q.TS <= p.TS && q.Index >= p.Index })
	if len(f.promises) >= maxPromises {
		f.promises = f.promises[:maxPromises-1]
	}
	at, _ := slices.BinarySearchFunc(f.promises, p.Index, func(q leaseholder.Promise, i uint64) int {
		if q.Index < i {
			return -1
		}
		return 1
	})
	f.promises = slices.Insert(f.promises, at, p)
	f.ahead.Store(int32(len(f.promises))) //nolint:gosec // at most maxPromises
}

// Advance takes in that the state is at index.
func (f *Tracker) Advance(index uint64) {
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

// Moved is closed at the next Advance. For those who Wait.
func (f *Tracker) Moved() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.moved == nil {
		f.moved = make(chan struct{})
	}
	return f.moved
}
