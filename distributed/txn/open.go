package txn

import (
	"context"
	"sync"

	"cloudsql/distributed"
)

// OpenTxns knows which catalog versions open transactions may be using: those that were current when they began. The
// list is in order of beginning, so its head is the oldest.
type OpenTxns struct {
	mu         sync.Mutex
	head, tail *trackedTxn
	count      int
}

// trackedTxn is a transaction that leaves the list when it ends.
type trackedTxn struct {
	distributed.Txn
	list       *OpenTxns
	version    uint64
	prev, next *trackedTxn
	ended      bool
}

// Track counts t, which began at a version of the catalog, until it ends.
func (o *OpenTxns) Track(version uint64, t Begun) distributed.Txn {
	x := &trackedTxn{Txn: t, list: o, version: version}
	t.OnEnd(x.end) // also where an error aborts it, which nobody has to roll back
	o.mu.Lock()
	defer o.mu.Unlock()
	o.count++
	if x.prev = o.tail; x.prev == nil {
		o.head = x
	} else {
		x.prev.next = x
	}
	o.tail = x
	return x
}

// Oldest is the oldest version in use, current if there is none.
func (o *OpenTxns) Oldest(current uint64) uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.head == nil {
		return current
	}
	return min(o.head.version, current)
}

func (x *trackedTxn) end() {
	o := x.list
	o.mu.Lock()
	defer o.mu.Unlock()
	if x.ended {
		return
	}
	x.ended = true
	o.count--
	if x.prev == nil {
		o.head = x.next
	} else {
		x.prev.next = x.next
	}
	if x.next == nil {
		o.tail = x.prev
	} else {
		x.next.prev = x.prev
	}
}

func (x *trackedTxn) Commit(ctx context.Context) error {
	defer x.end()
	return x.Txn.Commit(ctx)
}

func (x *trackedTxn) Rollback(ctx context.Context) error {
	defer x.end()
	return x.Txn.Rollback(ctx)
}

// Count is how many are open.
func (o *OpenTxns) Count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.count
}
