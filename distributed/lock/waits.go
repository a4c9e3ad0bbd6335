package lock

import (
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/deadlock"
	"cloudsql/storage/fragment"
)

// queuedWait is what a queued request is to those who look for deadlocks beyond its table. Guarded by Table.mu.
type queuedWait struct {
	id         uint64        // of the request (Config.LastID)
	since      time.Duration // on the table's clock
	prev, next *waiter
}

// waitList is the queued requests of a table in the order in which they came. Guarded by Table.mu.
type waitList struct{ first, last *waiter }

func (l *waitList) add(w *waiter) {
	cfg := &w.table.cfg
	w.queued = queuedWait{since: cfg.Clock.Now(), prev: l.last}
	if cfg.LastID != nil {
		w.queued.id = cfg.LastID.Add(1)
	}
	if l.last == nil {
		l.first = w
	} else {
		l.last.queued.next = w
	}
	l.last = w
}

func (l *waitList) remove(w *waiter) {
	if w.queued.prev == nil && l.first != w {
		return // not in the list
	}
	if w.queued.prev == nil {
		l.first = w.queued.next
	} else {
		w.queued.prev.queued.next = w.queued.next
	}
	if w.queued.next == nil {
		l.last = w.queued.prev
	} else {
		w.queued.next.queued.prev = w.queued.prev
	}
	w.queued.prev, w.queued.next = nil, nil
}

// each calls fn for the requests, oldest first, until it returns false.
func (l *waitList) each(fn func(w *waiter) bool) {
	for w := l.first; w != nil && fn(w); w = w.queued.next {
	}
}

// find gives the request with an id, if its owner still waits with it.
func (l *waitList) find(id uint64) (found *waiter) {
	l.each(func(w *waiter) bool {
		if w.queued.id == id {
			found = w
		}
		return found == nil
	})
	return found
}

// HasWaits tells whether a request waits here that has waited for at least minAge.
func (t *Table) HasWaits(minAge time.Duration) bool {
	if t.waiters.Load() == 0 {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	first := t.waiting.first
	return first != nil && t.cfg.Clock.Now()-first.queued.since >= minAge
}

// AppendWaits appends the requests that have waited for at least minAge to dst, up to limit in all.
func (t *Table) AppendWaits(dst []deadlock.Wait, minAge time.Duration, limit int) []deadlock.Wait {
	if t.waiters.Load() == 0 {
		return dst
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.cfg.Clock.Now()
	t.waiting.each(func(w *waiter) bool {
		age := now - w.queued.since
		if age < minAge || len(dst) >= limit {
			return false
		}
		dst = append(dst, deadlock.Wait{
			Ref:    deadlock.Ref{Kind: deadlock.RowLock, Place: uint64(t.cfg.Shard), ID: w.queued.id},
			Waiter: deadlock.Owner{ID: w.owner.ID, Held: w.owner.weight()}, For: w.waitsFor(), Age: age,
		})
		return true
	})
	return dst
}

// waitsFor lists whom w waits for: who holds what it wants, and the request just ahead of it, for that one waits for
// the rest of the queue.
func (w *waiter) waitsFor() (list []deadlock.Owner) {
	add := func(o *Owner) { list = append(list, deadlock.Owner{ID: o.ID, Held: o.weight()}) }
	var ahead *Owner
	w.blockers(func(o *Owner) bool {
		if inQueueAhead(o, w) {
			ahead = o
			return false
		}
		if len(list) < deadlock.MaxFor-1 {
			add(o)
		}
		return false
	})
	if ahead != nil {
		add(ahead)
	}
	return list
}

// inQueueAhead tells whether o's request is before w in the same queue.
func inQueueAhead(o *Owner, w *waiter) bool {
	x := o.waiting
	if x == nil || x.entry != w.entry {
		return false
	}
	for _, q := range w.entry.queue {
		if q == w {
			return false
		}
		if q == x {
			return true
		}
	}
	return false
}

// ConfirmWait tells whether a request still waits for a transaction: what it waits for, and what the other has in its
// way.
func (t *Table) ConfirmWait(id uint64, blocker fragment.TxnID) (waits, way distributed.LockInfo, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := t.waiting.find(id)
	if w == nil {
		return waits, way, false
	}
	w.blockers(func(o *Owner) bool {
		if ok = o.ID == blocker; ok {
			waits = w.describe()
			way, _ = w.describeWay(o)
		}
		return ok
	})
	return waits, way, ok
}

// RefuseWait ends a request that still waits with 1213, as the victim of a deadlock; false: it does not wait any more.
func (t *Table) RefuseWait(id uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := t.waiting.find(id)
	if w == nil {
		return false
	}
	t.cfg.Stats.Deadlocks.Add(1)
	err := ErrDeadlock()
	if w.owner.Interactive {
		w.owner.failed = err
	}
	w.refuse(err)
	return true
}
