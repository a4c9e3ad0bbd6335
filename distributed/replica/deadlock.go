package replica

// The wait-for graph is not kept: it is read from the queues when a request has to wait. Every new edge begins or ends
// at the owner of that request (it waits for others; an upgrade also makes those behind it wait for it), so a search
// from there finds every new cycle.

// breakDeadlocks refuses waiters until no cycle goes through w. The error is w's own, if it is a victim itself.
func (t *lockTable) breakDeadlocks(w *lockWaiter) error {
	for w.owner.waiting == w {
		t.visit++
		var path []*lockOwner
		if !t.reaches(w.owner, w.owner, &path) {
			return nil
		}
		t.stats.Deadlocks.Add(1)
		victim := w.owner
		for _, o := range path {
			if o.weight() < victim.weight() {
				victim = o
			}
		}
		t.waiting.tell(path, victim)
		err := errDeadlock()
		if victim.interactive {
			victim.failed = err // until it is rolled back: nothing else it asks for makes sense
		}
		if victim == w.owner {
			t.withdraw(w)
			return err
		}
		t.refuse(victim.waiting, err)
	}
	return nil
}

// reaches searches from o along "waits for" to target and leaves the owners on the way in path.
func (t *lockTable) reaches(o, target *lockOwner, path *[]*lockOwner) bool {
	w := o.waiting
	if w == nil {
		return false
	}
	o.visit = t.visit
	*path = append(*path, o)
	found := w.blockers(func(b *lockOwner) bool {
		if b == target {
			return true
		}
		return b.visit != t.visit && t.reaches(b, target, path)
	})
	if !found {
		*path = (*path)[:len(*path)-1]
	}
	return found
}

// blockers calls fn with each owner that w waits for, until fn returns true: holders of a mode that conflicts, everyone
// ahead in the queue, which is first come first served, and the owners of ranges or, if w waits for a range, of keys.
func (w *lockWaiter) blockers(fn func(*lockOwner) bool) bool {
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
	if w.span != nil {
		return w.table.rangeBlockers(w, fn)
	}
	return w.table.keepersOut(w.owner, w.entry, w.mode, w.polite, w.seq, func(g *rangeLock) bool { return fn(g.owner) })
}

// weight is what is lost when o is the victim of a deadlock.
func (o *lockOwner) weight() int { return len(o.held) + len(o.ranges) }
