package replica

import (
	"sync/atomic"
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/deadlock"
	"cloudsql/storage/fragment"
)

// queuedWait is what a queued request is to those who look for deadlocks beyond its table. Guarded by lockTable.mu.
type queuedWait struct {
	id         uint64        // of the request; unique in this process
	since      time.Duration // on the replica's clock
	prev, next *lockWaiter
}

// waitList is the queued requests of a table in the order in which they came. Guarded by lockTable.mu, but for rep.
type waitList struct {
	first, last *lockWaiter
	lastID      *atomic.Uint64 // of all tables of the replica; nil: requests are not numbered
	rep         *Replica       // whom to tell; nil: nobody
}

// observe makes a new table's waits known to the replica's node.
func (l *waitList) observe(r *Replica) { l.rep, l.lastID = r, &r.waitID }

func (l *waitList) add(t *lockTable, w *lockWaiter) {
	w.queued = queuedWait{since: t.clock.Now(), prev: l.last}
	if l.lastID != nil {
		w.queued.id = l.lastID.Add(1)
	}
	if l.last == nil {
		l.first = w
	} else {
		l.last.queued.next = w
	}
	l.last = w
}

func (l *waitList) remove(w *lockWaiter) {
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

// announce tells the node that a request is about to wait.
func (l *waitList) announce() {
	if l.rep != nil && l.rep.cfg.OnWait != nil {
		l.rep.cfg.OnWait()
	}
}

// each calls fn for the requests, oldest first, until it returns false.
func (l *waitList) each(fn func(w *lockWaiter) bool) {
	for w := l.first; w != nil && fn(w); w = w.queued.next {
	}
}

// find gives the request with an id, if its owner still waits with it.
func (l *waitList) find(id uint64) (found *lockWaiter) {
	l.each(func(w *lockWaiter) bool {
		if w.queued.id == id {
			found = w
		}
		return found == nil
	})
	return found
}

// HasWaits tells whether a request waits here that has waited for at least minAge.
func (r *Replica) HasWaits(minAge time.Duration) bool {
	t := r.tenure.Load()
	if t == nil || t.locks.waiters.Load() == 0 {
		return false
	}
	l := t.locks
	l.mu.Lock()
	defer l.mu.Unlock()
	first := l.waiting.first
	return first != nil && r.clock.Now()-first.queued.since >= minAge
}

// AppendWaits appends the requests that have waited for at least minAge to dst, up to limit in all.
func (r *Replica) AppendWaits(dst []deadlock.Wait, minAge time.Duration, limit int) []deadlock.Wait {
	t := r.tenure.Load()
	if t == nil || t.locks.waiters.Load() == 0 {
		return dst
	}
	l := t.locks
	l.mu.Lock()
	defer l.mu.Unlock()
	now := r.clock.Now()
	l.waiting.each(func(w *lockWaiter) bool {
		age := now - w.queued.since
		if age < minAge || len(dst) >= limit {
			return false
		}
		dst = append(dst, deadlock.Wait{
			Ref:    deadlock.Ref{Kind: deadlock.RowLock, Place: uint64(r.shard), ID: w.queued.id},
			Waiter: deadlock.Owner{ID: w.owner.id, Held: w.owner.weight()}, For: l.waitsFor(w), Age: age,
		})
		return true
	})
	return dst
}

// waitsFor lists whom w waits for: who holds what it wants, and the request just ahead of it, for that one waits for
// the rest of the queue.
func (t *lockTable) waitsFor(w *lockWaiter) (list []deadlock.Owner) {
	add := func(o *lockOwner) { list = append(list, deadlock.Owner{ID: o.id, Held: o.weight()}) }
	var ahead *lockOwner
	w.blockers(func(o *lockOwner) bool {
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
func inQueueAhead(o *lockOwner, w *lockWaiter) bool {
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
func (r *Replica) ConfirmWait(id uint64, blocker fragment.TxnID) (waits, way distributed.LockInfo, ok bool) {
	t := r.tenure.Load()
	if t == nil {
		return waits, way, false
	}
	l := t.locks
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.waiting.find(id)
	if w == nil {
		return waits, way, false
	}
	w.blockers(func(o *lockOwner) bool {
		if ok = o.id == blocker; ok {
			waits = r.describeWait(w)
			way, _ = r.describeWay(l, w, o)
		}
		return ok
	})
	return waits, way, ok
}

// RefuseWait ends a request that still waits with 1213, as the victim of a deadlock; false: it does not wait any more.
func (r *Replica) RefuseWait(id uint64) bool {
	t := r.tenure.Load()
	if t == nil {
		return false
	}
	l := t.locks
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.waiting.find(id)
	if w == nil {
		return false
	}
	r.stats.Deadlocks.Add(1)
	err := errDeadlock()
	if w.owner.interactive {
		w.owner.failed = err
	}
	l.refuse(w, err)
	return true
}

// tell passes on a circle within the table that is about to be broken: path is its members, each waiting for the next.
func (l *waitList) tell(path []*lockOwner, victim *lockOwner) {
	r := l.rep
	if r == nil || r.cfg.OnDeadlock == nil {
		return
	}
	d := &distributed.Deadlock{At: time.Now()}
	for i, o := range path {
		if o == victim {
			d.Victim = i
		}
		m := distributed.DeadlockMember{
			Txn: o.id, Session: o.session.Load(), Waits: r.describeWait(o.waiting),
		}
		before := path[(i+len(path)-1)%len(path)].waiting
		m.Holds, _ = r.describeWay(before.table, before, o)
		d.Members = append(d.Members, m)
	}
	r.cfg.OnDeadlock(d)
}
