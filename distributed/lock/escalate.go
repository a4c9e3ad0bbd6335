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

func (c *Config) escalateFrom() int { return cmp.Or(c.EscalateFrom, escalateFrom) }
func (c *Config) maxHeld() int      { return cmp.Or(c.MaxHeld, maxHeld) }

// isCrowded tells that o has so many locks on keys that escalation is due. For o's own goroutine.
func (o *Owner) isCrowded(c *Config) bool {
	return o.Interactive && len(o.held) >= max(c.escalateFrom(), o.escalateAt)
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

// escalation is one attempt to let bulk ranges stand for as many of an owner's locks as possible.
type escalation struct {
	t *Table
	o *Owner
}

// escalate waits only if there is no room for another lock.
func (t *Table) escalate(ctx context.Context, o *Owner, p *Policy) error {
	x := escalation{t, o}
	crowds := x.crowds()
	for i := range crowds {
		c := &crowds[i]
		g := x.try(c)
		if g == nil && x.full() && !p.NoWait && !p.Skip {
			var err error
			if g, err = x.await(ctx, c, p); err != nil {
				return err
			}
		}
		if g != nil {
			x.absorb(g)
		}
	}
	o.escalateAt = min(2*len(o.held), t.cfg.maxHeld())
	if x.full() {
		return errTableFull()
	}
	return nil
}

func (x escalation) full() bool { return len(x.o.held) >= x.t.cfg.maxHeld() }

// crowds finds the indexes in which the owner holds many keys.
func (x escalation) crowds() (list []crowd) {
	t, o := x.t, x.o
	t.mu.Lock()
	defer t.mu.Unlock()
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
	few := t.cfg.escalateFrom() / fewShare
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

// try locks the crowd's index or, if others have something in it, the stretch that its keys are in; nil: neither is free.
func (x escalation) try(c *crowd) *Range {
	t, o := x.t, x.o
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, span := range [...]fragment.Span{{}, c.stretch(o.bulk[c.space])} {
		if g := newBulk(o, c, span); t.ask(g, &Policy{NoWait: true}) == nil {
			return g
		}
	}
	return nil
}

// await waits for the crowd's index.
func (x escalation) await(ctx context.Context, c *crowd, p *Policy) (*Range, error) {
	t, o := x.t, x.o
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
func (x escalation) absorb(g *Range) {
	const portion = 512
	t, o := x.t, x.o
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
	o.ranges = slices.DeleteFunc(o.ranges, func(old *Range) bool {
		if old == g || !old.bulk || old.space() != g.space() {
			return false
		}
		g.absorbed += old.absorbed
		t.interactive.Add(-1)
		t.rowsHeld.note(old.entry.tablet, -1)
		t.dropRange(old)
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

// grant gives the owner a key that nobody else can have: of what a former tenure has left.
func (x escalation) grant(k *Key, mode Mode) {
	t, o := x.t, x.o
	if o.isCrowded(&t.cfg) {
		_ = t.escalate(context.Background(), o, &Policy{NoWait: true}) // as far as what others have been given allows
	}
	if o.covers(k, mode) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.grant(t.entry(k.Tablet, k.Index, k.Bytes), o, mode)
}
