package lock

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"cloudsql/storage/fragment"
)

// Lock escalation: from some number of locks on, those that a transaction has on keys of an index give way to one on a
// whole stretch of it, its bulk range, if nobody else has anything there that would have to wait for it:
//
//	keys of the transaction      ●  ●●  ● ●●●  ●  ●          one lock each
//	bulk range               ├──────────────────────────┤    the index, if it is free
//	                             ├─────────────────┤         otherwise what lies between the first and the last
//
// It locks more than was asked for, and so costs concurrency, never correctness. Nobody waits for it but whoever would be refused
// with 1206 otherwise: then it waits like any request.
//
// A bulk range is as strong as the locks that it stands for: what others may have beside it is what they may have on a key that is
// held in its mode, everywhere in it. Where all of them are Auto (entries of an index that is not unique, which their rows' locks
// protect), other writers' entries and bulk ranges go on, and only ranges of scans are kept out.

// Bounds of locks.
const (
	// maxHeld bounds the locks of one transaction in one shard that could not be escalated (1206); a lock takes some 150 bytes.
	maxHeld = 1 << 20
	// escalateFrom is from how many locks on keys escalation is tried: at that number and at each doubling of what is left.
	escalateFrom = 1 << 16
	// fewShare: locks of an index that are fewer than this part of escalateFrom stay.
	fewShare = 64
)

// crowd is what an owner has locked of an index.
type crowd struct {
	space
	keys        int
	mode        Mode
	first, last []byte
}

func (t *Table) escalateFrom() int { return cmp.Or(t.cfg.EscalateFrom, escalateFrom) }
func (t *Table) maxHeld() int      { return cmp.Or(t.cfg.MaxHeld, maxHeld) }

// isCrowded tells that o has so many locks on keys that escalation is due. For o's own goroutine.
func (t *Table) isCrowded(o *Owner) bool {
	return o.Interactive && len(o.held) >= max(t.escalateFrom(), o.escalateAt)
}

// covers tells that o's bulk ranges make a lock of mode on k unnecessary. For o's own goroutine, without the mutex: nobody else
// changes what o holds while it asks.
func (o *Owner) covers(k *Key, mode Mode) bool {
	if len(o.bulk) == 0 {
		return false
	}
	g := o.bulk[space{k.Tablet, k.Index}]
	return g != nil && (g.mode == Exclusive || g.mode == held(mode)) && bytes.Compare(g.entry.key, k.Bytes) <= 0 && isBefore(k.Bytes, g.end)
}

// escalate lets bulk ranges stand for as many of o's locks as possible. It waits only if there is no room for another lock.
func (t *Table) escalate(ctx context.Context, o *Owner, p *Policy) error {
	t.mu.Lock()
	crowds := t.crowds(o)
	t.mu.Unlock()
	for i := range crowds {
		c := &crowds[i]
		g := t.tryBulk(o, c)
		if g == nil && len(o.held) >= t.maxHeld() && !p.NoWait && !p.Skip {
			var err error
			if g, err = t.awaitBulk(ctx, o, c, p); err != nil {
				return err
			}
		}
		if g != nil {
			t.absorb(o, g)
		}
	}
	o.escalateAt = min(2*len(o.held), t.maxHeld())
	if len(o.held) >= t.maxHeld() {
		return errTableFull()
	}
	return nil
}

// crowds finds the indexes in which o holds many keys. t.mu is held.
func (t *Table) crowds(o *Owner) (list []crowd) {
	at := make(map[space]int)
	for _, e := range o.held {
		s := space{e.tablet, e.index}
		i, ok := at[s]
		if !ok {
			i = len(list)
			at[s], list = i, append(list, crowd{space: s, first: e.key, last: e.key})
		}
		list[i].add(e, e.holds[e.find(o)].mode)
	}
	few := t.escalateFrom() / fewShare
	list = slices.DeleteFunc(list, func(c crowd) bool { return c.keys < few })
	for i := range list {
		c := &list[i]
		c.first, c.last = bytes.Clone(c.first), bytes.Clone(c.last)
		if g := o.bulk[c.space]; g != nil {
			c.mode = both(c.mode, g.mode)
		}
	}
	slices.SortFunc(list, func(a, b crowd) int { return cmp.Or(cmp.Compare(a.tablet, b.tablet), cmp.Compare(a.index, b.index)) })
	return list
}

func (c *crowd) add(e *entry, mode Mode) {
	if c.keys++; c.keys == 1 {
		c.mode = mode
	}
	c.mode = both(c.mode, mode)
	if bytes.Compare(e.key, c.first) < 0 {
		c.first = e.key
	}
	if bytes.Compare(e.key, c.last) > 0 {
		c.last = e.key
	}
}

// both is the mode that is as strong as two.
func both(a, b Mode) Mode {
	if a == b {
		return a
	}
	return Exclusive
}

// stretch is from the first to the last of the keys, and what o's bulk range had before.
func (c *crowd) stretch(before *Range) fragment.Span {
	s := fragment.Span{Start: c.first, End: justBehind(c.last)}
	if before == nil {
		return s
	}
	if bytes.Compare(before.entry.key, s.Start) < 0 {
		s.Start = before.entry.key
	}
	if !isBefore(s.End, before.end) {
		return s
	}
	s.End = before.end
	return s
}

func newBulk(o *Owner, c *crowd, span fragment.Span) *Range {
	g := newRange(o, c.space, span, c.mode)
	g.bulk = true
	return g
}

// tryBulk locks the crowd's index or, if others have something in it, the stretch that o's keys are in; nil: neither is free.
func (t *Table) tryBulk(o *Owner, c *crowd) *Range {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, span := range [...]fragment.Span{{}, c.stretch(o.bulk[c.space])} {
		if g := newBulk(o, c, span); t.ask(g, &Policy{NoWait: true}) == nil {
			return g
		}
	}
	return nil
}

// awaitBulk waits for the crowd's index.
func (t *Table) awaitBulk(ctx context.Context, o *Owner, c *crowd, p *Policy) (*Range, error) {
	t.mu.Lock()
	g, err := newBulk(o, c, fragment.Span{}), cmp.Or(t.closed, o.failed)
	if err == nil {
		err = t.ask(g, p)
	}
	w := g.wait
	t.mu.Unlock()
	if err != nil || w == nil {
		return g, err
	}
	return g, w.await(ctx, p.Wait)
}

// absorb frees the locks that g stands for from now on: those on keys, in portions, so that others are not held up, and the bulk
// range before it.
func (t *Table) absorb(o *Owner, g *Range) {
	const portion = 512
	t.mu.Lock()
	defer t.mu.Unlock()
	keep, inside := o.held[:0], make([]*entry, 0, len(o.held))
	for _, e := range o.held {
		if e.tablet == g.entry.tablet && e.index == g.entry.index && bytes.Compare(g.entry.key, e.key) <= 0 && isBefore(e.key, g.end) {
			inside = append(inside, e)
		} else {
			keep = append(keep, e)
		}
	}
	clear(o.held[len(keep):])
	o.held, g.absorbed = keep, len(inside)
	o.escalations++
	o.ranges = slices.DeleteFunc(o.ranges, func(x *Range) bool {
		if x == g || !x.bulk || x.space() != g.space() {
			return false
		}
		g.absorbed += x.absorbed
		t.interactive.Add(-1)
		t.noteRows(x.entry.tablet, -1)
		t.dropRange(x)
		return true
	})
	t.cfg.Stats.Escalations.Add(1)
	for i, e := range inside {
		if i > 0 && i%portion == 0 {
			t.mu.Unlock()
			t.mu.Lock()
		}
		t.dropHold(e, o)
	}
}
