package lock

import (
	"bytes"
	"context"
	"slices"

	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// AcquireRange locks what an index has from start (nil: its beginning) up to end (nil: its end) for o, as soon as nobody
// else has changed or locked anything in it that is in the way. The result is nil if o has locked it before.
func (t *Table) AcquireRange(ctx context.Context, o *Owner, tablet schema.TabletID, index schema.IndexID, span fragment.Span,
	mode Mode, p Policy) (*Range, error) {
	t.mu.Lock()
	g, err := t.requestRange(o, space{tablet, index}, span, mode, &p)
	var w *waiter
	if g != nil {
		w = g.wait
	}
	t.mu.Unlock()
	if err != nil || g == nil {
		return nil, err
	}
	if w != nil {
		if err := w.await(ctx, p.Wait); err != nil {
			return nil, err
		}
	}
	if index == schema.PrimaryIndex {
		return g, nil
	}
	if err := t.Flights.awaitAutocommit(ctx, tablet, p.Wait); err != nil {
		return nil, err // the range stays with the owner, as a lock does that was granted too late
	}
	return g, nil
}

func (t *Table) requestRange(o *Owner, at space, span fragment.Span, mode Mode, p *Policy) (*Range, error) {
	switch {
	case t.closed != nil:
		return nil, t.closed
	case o.failed != nil:
		return nil, o.failed
	case t.ranges.covers(o, at, span, mode):
		return nil, nil
	case len(o.held)+len(o.ranges) >= t.cfg.maxHeld():
		return nil, errTableFull()
	}
	g := newRange(o, at, span, mode)
	if err := t.ask(g, p); err != nil {
		return nil, err
	}
	return g, nil
}

// newRange is a range that is about to be asked for: it may have rows anywhere.
func newRange(o *Owner, at space, span fragment.Span, mode Mode) *Range {
	g := &Range{owner: o, mode: mode, end: bytes.Clone(span.End)}
	g.entry.tablet, g.entry.index, g.entry.key = at.tablet, at.index, append([]byte{}, span.Start...)
	g.rowStart, g.rowEnd = g.entry.key, g.end
	return g
}

// ask grants a range at once, or queues the request for it (g.wait).
func (t *Table) ask(g *Range, p *Policy) error {
	w := &waiter{
		table: t, owner: g.owner, entry: &g.entry, span: g, mode: g.mode, polite: g.owner.isBare(), seq: t.nextSeq(), done: make(chan error, 1),
	}
	inWay, behind := w.obstacle()
	if !inWay {
		t.ranges.add(g)
		t.granted(g)
		return nil
	}
	if err := p.refuse(t.cfg.Stats); err != nil {
		return err
	}
	g.wait = w
	*behind = append(*behind, w)
	t.ranges.add(g)
	return w.enqueue()
}

// addGranted gives its owner a range that begins at start.
func (t *Table) addGranted(g *Range, start Key) {
	g.entry.tablet, g.entry.index, g.entry.key = start.Tablet, start.Index, start.Bytes
	t.ranges.add(g)
	t.granted(g)
}

// granted notes that a range is its owner's.
func (t *Table) granted(g *Range) {
	o := g.owner
	o.ranges = append(o.ranges, g)
	t.interactive.Add(1)
	if !g.bulk {
		return
	}
	t.rowsHeld.note(g.entry.tablet, 1)
	if o.bulk == nil {
		o.bulk = make(map[space]*Range)
	}
	o.bulk[g.space()] = g
}

// Ranges are the ranges that o has locked, among them keys that have no row.
func (t *Table) Ranges(o *Owner) (ranges []shard.Range) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, g := range o.ranges {
		if g.wait == nil && g.mode != Auto { // entries of rows that are claimed
			ranges = append(ranges, shard.Range{Tablet: g.entry.tablet, Index: g.entry.index, Start: g.entry.key, End: g.end})
		}
	}
	for _, e := range o.held {
		if i := e.find(o); i >= 0 && e.holds[i].absent {
			ranges = append(ranges, shard.Range{Tablet: e.tablet, Index: e.index, Start: bytes.Clone(e.key), End: justBehind(e.key)})
		}
	}
	return ranges
}

// obstacle finds something that keeps w's range from being granted, and the list of those who wait for that to change.
func (w *waiter) obstacle() (found bool, behind *[]*waiter) {
	found = w.obstacles(func(e *entry, _ *Owner) bool {
		behind = &e.behind
		return true
	}, func(g *Range) bool {
		behind = &g.behind
		return true
	})
	return found, behind
}

// obstacles calls onKey with the keys and owners, then onRange with the ranges that are in the way of w's range, until one
// returns true. A polite request also lets those before it who wait for a key.
func (w *waiter) obstacles(onKey func(e *entry, o *Owner) bool, onRange func(g *Range) bool) bool {
	g := w.span
	found := false
	g.inside(w.table, func(e *entry) bool {
		found = w.obstaclesAt(e, onKey)
		return !found
	})
	if found {
		return true
	}
	s := w.table.ranges.of(&g.entry)
	return s != nil && s.overlapping(g.entry.key, g.end, func(x *Range) bool {
		if x == g || x.owner == w.owner || x.wait != nil && (!w.polite || x.wait.seq > w.seq) {
			return false
		}
		return g.clashes(x) && onRange(x)
	})
}

// obstaclesAt is obstacles at one key of the range.
func (w *waiter) obstaclesAt(e *entry, onKey func(e *entry, o *Owner) bool) bool {
	for i := range e.holds {
		if h := &e.holds[i]; h.owner != w.owner && w.span.clashesWith(h) && onKey(e, h.owner) {
			return true
		}
	}
	for _, x := range e.queue {
		if w.polite && x.seq < w.seq && x.owner != w.owner && (x.mode != Shared || w.mode == Exclusive) && onKey(e, x.owner) {
			return true
		}
	}
	return false
}

// inside calls fn with the entries of keys in a range, until it returns false.
func (g *Range) inside(t *Table, fn func(e *entry) bool) {
	t.tree.Ascend(g.entry.place(), func(e place) bool {
		return e.tablet == g.entry.tablet && e.index == g.entry.index && isBefore(e.key, g.end) && fn(e.entry)
	})
}

// Narrow takes in which rows a range's scan has met: from first to last (nil: none).
func (t *Table) Narrow(g *Range, first, last []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed != nil || g.owner.failed != nil {
		return
	}
	if g.noRows = first == nil; g.noRows {
		g.rowStart, g.rowEnd = nil, nil
	} else {
		g.rowStart = bytes.Clone(first)
		g.rowEnd = justBehind(last)
	}
	t.cede(g)
}

// justBehind is the least key behind another.
func justBehind(key []byte) []byte { return append(append(make([]byte, 0, len(key)+1), key...), 0) }

// dropRange gives up a range, granted or not.
func (t *Table) dropRange(g *Range) {
	t.ranges.remove(g)
	t.cede(g)
}

// dropRanges gives up all of o's ranges.
func (t *Table) dropRanges(o *Owner) {
	list := o.ranges
	o.ranges, o.bulk, o.escalateAt = nil, nil, 0
	t.interactive.Add(int64(-len(list)))
	for _, g := range list {
		if g.bulk {
			t.rowsHeld.note(g.entry.tablet, -1)
		}
		t.dropRange(g)
	}
}

// cede lets those go on whom g no longer keeps out.
func (t *Table) cede(g *Range) {
	t.retry(&g.behind)
	if t.waiters.Load() == 0 {
		return
	}
	var queued []*entry
	g.inside(t, func(e *entry) bool {
		if len(e.queue) > 0 {
			queued = append(queued, e)
		}
		return true
	})
	for _, e := range queued {
		t.promote(e)
	}
}

// retry looks again at the requests of ranges that waited for something that has changed, oldest first.
func (t *Table) retry(behind *[]*waiter) {
	if len(*behind) == 0 {
		return
	}
	list := *behind
	*behind = nil
	slices.SortFunc(list, func(a, b *waiter) int { return int(a.seq) - int(b.seq) }) // close to each other
	for _, w := range list {
		if w.granted || w.owner.waiting != w {
			continue
		}
		if inWay, behind := w.obstacle(); inWay {
			*behind = append(*behind, w)
			continue
		}
		w.span.wait = nil
		t.granted(w.span)
		w.entry.queue = nil
		w.grant()
	}
}
