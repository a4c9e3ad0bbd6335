package replica

import (
	"sync"
	"sync/atomic"
	"time"

	"cloudsql/distributed/leaseholder"
	"cloudsql/distributed/lock"
	"cloudsql/storage/fragment"
	"cloudsql/storage/memory"
)

// tenure is what a leaseholder keeps in memory under one epoch: until when it may serve, the locks, the writes in flight
// and the open transactions. A new epoch starts with an empty one.
type tenure struct {
	epoch uint64
	until atomic.Int64 // serve before this time of the replica's clock (nanoseconds)
	locks *lock.Table
	lost  chan struct{} // closed when the epoch is over

	workspaces *memory.Account // see Config

	mu         sync.Mutex
	txns       map[fragment.TxnID]*txn
	finished   leaseholder.Finished
	parts      map[fragment.TxnID]*resolvedPart // of transactions over several shards, until all are
	orphans    []fragment.TxnID                 // left in pieces by an earlier tenure: to be aborted
	recovering int                              // transactions that are being recovered
	ended      error                            // why it is over
	draining   chan struct{}                    // not nil: no new transactions until it is closed (planned transfer)
	frozen     chan struct{}                    // not nil: nothing about those there are either
}

func newTenure(epoch uint64, locks *lock.Table) *tenure {
	return &tenure{
		epoch: epoch, locks: locks, lost: make(chan struct{}),
		txns: make(map[fragment.TxnID]*txn), parts: make(map[fragment.TxnID]*resolvedPart),
	}
}

// valid tells whether reads may be served at now.
func (t *tenure) valid(now time.Duration) bool { return int64(now) < t.until.Load() }

// close ends the tenure: whoever waits in it gets err.
func (t *tenure) close(err error) {
	t.mu.Lock()
	if t.ended != nil {
		t.mu.Unlock()
		return
	}
	t.ended = err
	for _, x := range t.txns {
		t.uncharge(x)
	}
	t.txns = nil
	t.mu.Unlock()
	t.locks.Close(err)
	close(t.lost)
}

// open is the number of transactions.
func (t *tenure) open() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.txns)
}
