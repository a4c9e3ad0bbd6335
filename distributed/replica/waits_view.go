package replica

import (
	"bytes"
	"time"

	"cloudsql/distributed"
)

// claim is a lock that somebody has on a key or a range, or a request for one.
type claim struct {
	entry   *lockEntry // of a range, its own
	owner   *lockOwner
	span    *rangeLock // nil: a key
	waiting bool
}

// claimsInWay calls fn with what w waits for, until fn returns true: blockers, told apart.
func (t *lockTable) claimsInWay(w *lockWaiter, fn func(c claim) bool) bool {
	for i := range w.entry.holds {
		if h := &w.entry.holds[i]; h.owner != w.owner && !compatible(h.mode, w.mode) && fn(claim{w.entry, h.owner, nil, false}) {
			return true
		}
	}
	for _, x := range w.entry.queue {
		if x == w {
			break
		}
		if x.owner != w.owner && fn(claim{w.entry, x.owner, x.span, true}) {
			return true
		}
	}
	onRange := func(g *rangeLock) bool { return fn(claim{&g.entry, g.owner, g, g.wait != nil}) }
	if w.span == nil {
		return t.keepersOut(w.owner, w.entry, w.mode, w.polite, w.seq, onRange)
	}
	return t.obstacles(w, func(e *lockEntry, o *lockOwner) bool { return fn(claim{e, o, nil, e.find(o) < 0}) }, onRange)
}

// describe tells of a claim.
func (r *Replica) describe(c claim) distributed.LockInfo {
	e, o := c.entry, c.owner
	info := distributed.LockInfo{
		Shard: r.shard, Tablet: e.tablet, Index: e.index, Key: bytes.Clone(e.key), Waiting: c.waiting,
		Txn: o.id, Session: o.session.Load(), Interactive: o.interactive, Held: o.weight(),
	}
	mode := LockNone
	switch at := e.find(o); {
	case c.span != nil:
		mode, info.Range, info.End, info.Gap = c.span.mode, true, bytes.Clone(c.span.end), c.span.noRows
	case !c.waiting && at >= 0:
		mode, info.Gap = e.holds[at].mode, e.holds[at].absent
	case o.waiting != nil:
		mode, info.Gap = o.waiting.mode, o.waiting.absent
	}
	info.Mode = distributed.LockStrength(mode)
	if w := o.waiting; c.waiting && w != nil {
		info.Age = r.clock.Now() - w.queued.since
	}
	return info
}

func (r *Replica) describeWait(w *lockWaiter) distributed.LockInfo {
	return r.describe(claim{w.entry, w.owner, w.span, true})
}

// describeWay tells what o has in w's way.
func (r *Replica) describeWay(t *lockTable, w *lockWaiter, o *lockOwner) (info distributed.LockInfo, ok bool) {
	ok = t.claimsInWay(w, func(c claim) bool {
		if c.owner == o {
			info = r.describe(c)
		}
		return c.owner == o
	})
	return info, ok
}

// AppendLocks appends the locks and requests of the present tenure to dst for views, up to limit in all: first what
// somebody waits for.
func (r *Replica) AppendLocks(dst []distributed.LockInfo, limit int) []distributed.LockInfo {
	t := r.tenure.Load()
	if t == nil {
		return dst
	}
	l := t.locks
	l.mu.Lock()
	defer l.mu.Unlock()
	v := &lockView{r: r, list: dst, limit: limit, at: map[claim]int{}}
	l.waiting.each(func(w *lockWaiter) bool {
		v.add(claim{w.entry, w.owner, w.span, true})
		l.claimsInWay(w, func(c claim) bool { v.add(c); return v.full() })
		return !v.full()
	})
	l.waiting.each(func(w *lockWaiter) bool {
		if i, ok := v.at[claim{w.entry, w.owner, w.span, true}]; ok {
			l.claimsInWay(w, func(c claim) bool { v.blocks(c, i); return false })
		}
		return true
	})
	for _, s := range l.ranges {
		for _, g := range s.list {
			v.add(claim{&g.entry, g.owner, g, g.wait != nil})
		}
	}
	l.tree.Scan(func(e *lockEntry) bool {
		for i := range e.holds {
			v.add(claim{e, e.holds[i].owner, nil, false})
		}
		return !v.full()
	})
	return v.list
}

// lockView is a list of locks in the making.
type lockView struct {
	r     *Replica
	list  []distributed.LockInfo
	limit int
	at    map[claim]int // positions in list
}

func (v *lockView) full() bool { return len(v.list) >= v.limit }

func (v *lockView) add(c claim) {
	if _, ok := v.at[c]; ok || v.full() {
		return
	}
	v.at[c] = len(v.list)
	v.list = append(v.list, v.r.describe(c))
}

// blocks notes that c, if it is in the list, is in the way of the request at position i.
func (v *lockView) blocks(c claim, i int) {
	if j, ok := v.at[c]; ok {
		v.list[i].BlockedBy = append(v.list[i].BlockedBy, j)
	}
}

// LockStats sums up the waits of this replica.
func (r *Replica) LockStats() (s distributed.LockStats) {
	s.Waits, s.Timeouts, s.Deadlocks = r.stats.LockWaits.Load(), r.stats.LockTimeouts.Load(), r.stats.Deadlocks.Load()
	s.Time = time.Duration(r.stats.LockWaitNanos.Load())  //nolint:gosec // below 292 years
	s.MaxTime = time.Duration(r.stats.LockWaitMax.Load()) //nolint:gosec // as above
	if t := r.tenure.Load(); t != nil {
		s.Waiting = int(t.locks.waiters.Load())
	}
	return s
}

// waited counts the time that a request has waited.
func (s *Stats) waited(d time.Duration) {
	s.LockWaitNanos.Add(uint64(max(d, 0)))
	raise(&s.LockWaitMax, uint64(max(d, 0)))
}
