package lock

import (
	"bytes"
	"slices"
	"sort"

	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
)

// Range is a lock on what an index has from start up to end: on the rows that a scan has met there, and on the gaps
// between them and around them, so that no phantom appears.
//
//	start                                      end
//	  ├──── gap ────●──── gap ────●──── gap ────┤
//	             rowStart       rowEnd             the first and the last row that the scan has met
//
// Gaps do not exclude each other, as in InnoDB: they only keep writes out. Rows do: two ranges of which one is exclusive
// are in each other's way where they have rows in common. While the scan is under way it may meet a row anywhere, so that
// two scans of the same range don't end in a deadlock over its rows.
type Range struct {
	entry      entry  // of its own, outside the tree: its index and start; in its queue is the request, if it waits
	end        []byte // nil: no end
	owner      *Owner
	mode       Mode // Shared or Exclusive
	noRows     bool
	rowStart   []byte
	rowEnd     []byte    // exclusive; nil: no end
	wait       *waiter   // nil: granted
	behind     []*waiter // requests of ranges that last found this in their way
	bulk       bool      // it stands for locks on keys: see escalate.go
	absorbed   int       // how many
	reach      []byte    // the largest end of this range and those before it in its set
	reachesEnd bool      // reach is beyond every key
}

// space is what ranges are locked of.
type space struct {
	tablet schema.TabletID
	index  schema.IndexID
}

// rangeSet is the ranges of an index in the order of their starts, granted and waited for. Since reach is known of each,
// those that cover a key are found from the last that begins before it, going back until none reaches it.
type rangeSet struct{ list []*Range }

// after is the position of the first range that begins behind key (orAt: or at it).
func (s *rangeSet) after(key []byte, orAt bool) int {
	return sort.Search(len(s.list), func(i int) bool {
		c := bytes.Compare(s.list[i].entry.key, key)
		return c > 0 || orAt && c == 0
	})
}

// covering calls fn with the ranges that key is in, until it returns true.
func (s *rangeSet) covering(key []byte, fn func(g *Range) bool) bool {
	return s.back(s.after(key, false)-1, key, fn)
}

// overlapping calls fn with the ranges that have something in common with that from start to end.
func (s *rangeSet) overlapping(start, end []byte, fn func(g *Range) bool) bool {
	last := len(s.list)
	if end != nil {
		last = s.after(end, true)
	}
	return s.back(last-1, start, fn)
}

// back goes back from position i over the ranges that end behind key.
func (s *rangeSet) back(i int, key []byte, fn func(g *Range) bool) bool {
	for ; i >= 0 && i < len(s.list); i-- {
		g := s.list[i]
		if !g.reachesEnd && bytes.Compare(g.reach, key) <= 0 {
			return false
		}
		if isBefore(key, g.end) && fn(g) {
			return true
		}
	}
	return false
}

// isBefore tells whether key is below an exclusive end; nil is the end of everything.
func isBefore(key, end []byte) bool { return end == nil || bytes.Compare(key, end) < 0 }

func (s *rangeSet) insert(g *Range) {
	i := s.after(g.entry.key, false)
	s.list = slices.Insert(s.list, i, g)
	s.measure(i, true)
}

func (s *rangeSet) remove(g *Range) {
	for i := s.after(g.entry.key, true); i < len(s.list); i++ {
		if s.list[i] == g {
			s.list = slices.Delete(s.list, i, i+1)
			s.measure(i, false)
			return
		}
	}
}

// measure computes reach from position i on, as far as it changes; always: i itself is new.
func (s *rangeSet) measure(i int, always bool) {
	for ; i < len(s.list); i++ {
		g := s.list[i]
		reach, endless := g.end, g.end == nil
		if i > 0 {
			if p := s.list[i-1]; p.reachesEnd || !endless && bytes.Compare(p.reach, reach) > 0 {
				reach, endless = p.reach, p.reachesEnd
			}
		}
		if !always && endless == g.reachesEnd && bytes.Equal(reach, g.reach) {
			return
		}
		g.reach, g.reachesEnd, always = reach, endless, false
	}
}

// has tells whether the range's scan has met a row at key, or may yet.
func (g *Range) has(key []byte) bool {
	return !g.noRows && bytes.Compare(key, g.rowStart) >= 0 && isBefore(key, g.rowEnd)
}

func (g *Range) space() space { return space{g.entry.tablet, g.entry.index} }

// keepsOut tells whether g is in the way of a lock of mode on a key in it.
func (g *Range) keepsOut(key []byte, mode Mode) bool {
	if g.bulk {
		return !compatible(g.mode, mode)
	}
	return mode != Shared || g.mode == Exclusive && g.has(key)
}

// excludes tells whether a range from start to end whose rows are not known can't be beside g.
func (g *Range) excludes(start, end []byte, mode Mode) bool {
	return (mode == Exclusive || g.mode == Exclusive) && !g.noRows && isBefore(start, g.rowEnd) && isBefore(g.rowStart, end)
}

// clashes tells whether g, which is asked for, can't be beside x, with which it has keys in common.
func (g *Range) clashes(x *Range) bool {
	if g.bulk || x.bulk {
		return !compatible(g.mode, x.mode)
	}
	return x.excludes(g.entry.key, g.end, g.mode)
}

// clashesWith tells whether g, which is asked for, can't be beside what another has on a key in it.
func (g *Range) clashesWith(h *hold) bool {
	if g.bulk {
		return !compatible(g.mode, h.mode)
	}
	return h.isKeptOut(g.mode)
}

// isKeptOut tells whether what another owner holds on a key in it keeps a range of mode out. What is locked only against
// being inserted has no row.
func (h *hold) isKeptOut(mode Mode) bool {
	return mode == Exclusive && !h.absent || h.mode != Shared
}

// rangeSets are the ranges of a table, by index.
type rangeSets struct {
	sets    map[space]*rangeSet
	entries map[schema.TabletID]int // how many of them are in secondary indexes
}

func (r *rangeSets) each(fn func(g *Range)) {
	for _, s := range r.sets {
		for _, g := range s.list {
			fn(g)
		}
	}
}

// of gives the ranges of e's index, nil if there are none.
func (r *rangeSets) of(e *entry) *rangeSet {
	if len(r.sets) == 0 {
		return nil
	}
	return r.sets[space{e.tablet, e.index}]
}

// admit tells whether no range keeps o from locking e. A request queues behind ranges that were asked for before it
// if it is polite: its owner held nothing when it came, so that nobody could be waiting for it.
func (r *rangeSets) admit(o *Owner, e *entry, mode Mode, polite bool, seq uint64) bool {
	return len(r.sets) == 0 || !r.keepersOut(o, e, mode, polite, seq, func(*Range) bool { return true })
}

// keepersOut calls fn with the ranges that keep o from locking e, until it returns true.
func (r *rangeSets) keepersOut(o *Owner, e *entry, mode Mode, polite bool, seq uint64, fn func(g *Range) bool) bool {
	s := r.of(e)
	if s == nil {
		return false
	}
	return s.covering(e.key, func(g *Range) bool {
		if g.owner == o || g.wait != nil && (!polite || g.wait.seq > seq) {
			return false
		}
		return g.keepsOut(e.key, mode) && fn(g)
	})
}

// holds tells whether e is in a range that o has locked.
func (r *rangeSets) holds(o *Owner, e *entry) bool {
	if len(o.ranges) == 0 {
		return false
	}
	s := r.of(e)
	return s != nil && s.covering(e.key, func(g *Range) bool { return g.owner == o && g.wait == nil })
}

// covers tells whether o has locked a range as strongly before.
func (r *rangeSets) covers(o *Owner, at space, span fragment.Span, mode Mode) bool {
	if len(o.ranges) == 0 {
		return false
	}
	s := r.sets[at]
	return s != nil && s.covering(span.Start, func(g *Range) bool {
		if g.bulk && at.index != schema.PrimaryIndex {
			return false // autocommit writes have not been told of it
		}
		return g.owner == o && g.wait == nil && g.mode >= mode && (g.end == nil || span.End != nil && bytes.Compare(span.End, g.end) <= 0)
	})
}

// inDoubt tells whether ranges guard entries in the tablets of keys.
func (r *rangeSets) inDoubt(keys []Key) bool {
	if len(r.entries) == 0 {
		return false
	}
	return slices.ContainsFunc(keys, func(k Key) bool { return r.entries[k.Tablet] > 0 })
}

// guardsEntries tells whether g keeps entries of a secondary index from coming and going: who writes has to find out which ones that
// does. A bulk range stands for keys, of which a write knows whether it asks for them (see Table.HoldsRows).
func (g *Range) guardsEntries() bool { return g.entry.index != schema.PrimaryIndex && !g.bulk }

func (r *rangeSets) add(g *Range) {
	k := g.space()
	s := r.sets[k]
	if s == nil {
		if r.sets == nil {
			r.sets = make(map[space]*rangeSet)
		}
		s = &rangeSet{}
		r.sets[k] = s
	}
	s.insert(g)
	if g.guardsEntries() {
		if r.entries == nil {
			r.entries = make(map[schema.TabletID]int)
		}
		r.entries[k.tablet]++
	}
}

func (r *rangeSets) remove(g *Range) {
	k := g.space()
	s := r.sets[k]
	s.remove(g)
	if len(s.list) == 0 {
		delete(r.sets, k)
	}
	if g.guardsEntries() {
		if r.entries[k.tablet]--; r.entries[k.tablet] == 0 {
			delete(r.entries, k.tablet)
		}
	}
}
