package lock

import (
	"bytes"

	"cloudsql/distributed"
)

// item is a lock that somebody has on a key or a range, or a request for one.
type item struct {
	entry   *entry // of a range, its own
	owner   *Owner
	span    *Range // nil: a key
	waiting bool
}

// inWay calls fn with what w waits for, until fn returns true: blockers, told apart.
func (w *waiter) inWay(fn func(c item) bool) bool {
	for i := range w.entry.holds {
		if h := &w.entry.holds[i]; h.owner != w.owner && !compatible(h.mode, w.mode) && fn(item{w.entry, h.owner, nil, false}) {
			return true
		}
	}
	for _, x := range w.entry.queue {
		if x == w {
			break
		}
		if x.owner != w.owner && fn(item{w.entry, x.owner, x.span, true}) {
			return true
		}
	}
	onRange := func(g *Range) bool { return fn(item{&g.entry, g.owner, g, g.wait != nil}) }
	if w.span == nil {
		return w.table.ranges.keepersOut(w.owner, w.entry, w.mode, w.polite, w.seq, onRange)
	}
	return w.obstacles(func(e *entry, o *Owner) bool { return fn(item{e, o, nil, e.find(o) < 0}) }, onRange)
}

func (w *waiter) item() item { return item{w.entry, w.owner, w.span, true} }

func (w *waiter) describe() distributed.LockInfo { return w.item().describe(&w.table.cfg) }

// describeWay tells what o has in w's way.
func (w *waiter) describeWay(o *Owner) (info distributed.LockInfo, ok bool) {
	ok = w.inWay(func(c item) bool {
		if c.owner == o {
			info = c.describe(&w.table.cfg)
		}
		return c.owner == o
	})
	return info, ok
}

// describe tells of a lock or request. Called with the mutex of its table held.
func (c item) describe(cfg *Config) distributed.LockInfo {
	e, o := c.entry, c.owner
	info := distributed.LockInfo{
		Shard: cfg.Shard, Tablet: e.tablet, Index: e.index, Key: bytes.Clone(e.key), Waiting: c.waiting,
		Txn: o.ID, Session: o.Session.Load(), Interactive: o.Interactive, Held: o.weight(),
	}
	switch at := e.find(o); {
	case c.span != nil:
		info.Mode, info.Range, info.End, info.Gap = c.span.mode, true, bytes.Clone(c.span.end), c.span.noRows
	case !c.waiting && at >= 0:
		info.Mode, info.Gap = e.holds[at].mode, e.holds[at].absent
	case o.waiting != nil:
		info.Mode, info.Gap = o.waiting.shown(), o.waiting.absent
	}
	if w := o.waiting; c.waiting && w != nil {
		info.Age = cfg.Clock.Now() - w.queued.since
	}
	return info
}

// shown is the mode of a request in views. A write that waits for a gap is an insert, also where it did not say so (Auto); an insert that
// waits for a row only asks for that.
func (w *waiter) shown() Mode {
	if w.mode != Insert && w.mode != Auto {
		return w.mode
	}
	forGap := w.inWay(func(c item) bool {
		if c.span != nil {
			return !c.span.has(w.entry.key)
		}
		at := c.entry.find(c.owner)
		return !c.waiting && at >= 0 && c.entry.holds[at].absent
	})
	if forGap {
		return Insert
	}
	return held(w.mode)
}

// AppendLocks appends the locks and requests to dst for views, up to limit in all: first what somebody waits for.
func (t *Table) AppendLocks(dst []distributed.LockInfo, limit int) []distributed.LockInfo {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := &view{cfg: &t.cfg, list: dst, limit: limit, at: map[item]int{}}
	t.waiting.each(func(w *waiter) bool {
		v.add(w.item())
		w.inWay(func(c item) bool { v.add(c); return v.full() })
		return !v.full()
	})
	t.waiting.each(func(w *waiter) bool {
		if i, ok := v.at[w.item()]; ok {
			w.inWay(func(c item) bool { v.blocks(c, i); return false })
		}
		return true
	})
	t.ranges.each(func(g *Range) { v.add(item{&g.entry, g.owner, g, g.wait != nil}) })
	t.tree.Scan(func(e place) bool {
		for i := range e.holds {
			v.add(item{e.entry, e.holds[i].owner, nil, false})
		}
		return !v.full()
	})
	return v.list
}

// view is a list of locks in the making.
type view struct {
	cfg   *Config
	list  []distributed.LockInfo
	limit int
	at    map[item]int // positions in list
}

func (v *view) full() bool { return len(v.list) >= v.limit }

func (v *view) add(c item) {
	if _, ok := v.at[c]; ok || v.full() {
		return
	}
	v.at[c] = len(v.list)
	v.list = append(v.list, c.describe(v.cfg))
}

// blocks notes that c, if it is in the list, is in the way of the request at position i.
func (v *view) blocks(c item, i int) {
	if j, ok := v.at[c]; ok {
		v.list[i].BlockedBy = append(v.list[i].BlockedBy, j)
	}
}
