package lock

import (
	"time"

	"cloudsql/distributed"
)

// The wait-for graph is not kept: it is read from the queues when a request has to wait. Every new edge begins or ends
// at the owner of that request (it waits for others; an upgrade also makes those behind it wait for it), so a search
// from there finds every new cycle.

// breakDeadlocks refuses waiters until no cycle goes through w. The error is w's own, if it is a victim itself.
func (w *waiter) breakDeadlocks() error {
	t := w.table
	for w.owner.waiting == w {
		t.visit++
		var path []*Owner
		if !w.owner.reaches(w.owner, t.visit, &path) {
			return nil
		}
		t.cfg.Stats.Deadlocks.Add(1)
		victim := w.owner
		for _, o := range path {
			if o.weight() < victim.weight() {
				victim = o
			}
		}
		t.cfg.tell(path, victim)
		err := ErrDeadlock()
		if victim.Interactive {
			victim.failed = err // until it is rolled back: nothing else it asks for makes sense
		}
		if victim == w.owner {
			w.withdraw()
			return err
		}
		victim.waiting.refuse(err)
	}
	return nil
}

// reaches searches from o along "waits for" to target and leaves the owners on the way in path.
func (o *Owner) reaches(target *Owner, visit uint64, path *[]*Owner) bool {
	w := o.waiting
	if w == nil {
		return false
	}
	o.visit = visit
	*path = append(*path, o)
	found := w.blockers(func(b *Owner) bool {
		if b == target {
			return true
		}
		return b.visit != visit && b.reaches(target, visit, path)
	})
	if !found {
		*path = (*path)[:len(*path)-1]
	}
	return found
}

// blockers calls fn with each owner that w waits for, until fn returns true: holders of a mode that conflicts, everyone
// ahead in the queue, which is first come first served, and the owners of ranges or, if w waits for a range, of keys.
func (w *waiter) blockers(fn func(*Owner) bool) bool {
	for i := range w.entry.holds {
		if h := &w.entry.holds[i]; h.owner != w.owner && !compatible(h.mode, w.mode) && fn(h.owner) {
			return true
		}
	}
	for _, x := range w.entry.queue {
		if x == w {
			break
		}
		if x.owner != w.owner && fn(x.owner) {
			return true
		}
	}
	onRange := func(g *Range) bool { return fn(g.owner) }
	if w.span != nil {
		return w.obstacles(func(_ *entry, o *Owner) bool { return fn(o) }, onRange)
	}
	return w.table.ranges.keepersOut(w.owner, w.entry, w.mode, w.polite, w.seq, onRange)
}

// tell passes on a cycle within the table that is about to be broken: path is its members, each waiting for the next.
func (c *Config) tell(path []*Owner, victim *Owner) {
	if c.OnDeadlock == nil {
		return
	}
	d := &distributed.Deadlock{At: time.Now()}
	for i, o := range path {
		if o == victim {
			d.Victim = i
		}
		m := distributed.DeadlockMember{Txn: o.ID, Session: o.Session.Load(), Waits: o.waiting.describe()}
		before := path[(i+len(path)-1)%len(path)].waiting
		m.Holds, _ = before.describeWay(o)
		d.Members = append(d.Members, m)
	}
	c.OnDeadlock(d)
}
