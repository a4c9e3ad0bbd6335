package replica

import (
	"bytes"
	"context"
	"slices"
	"sort"
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/fragment"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// rangeLock is a claim on what an index has from start up to end: on the rows that a scan has met there, and on the gaps
// between them and around them, so that no phantom appears.
//
//	start                                      end
//	  ├──── gap ────●──── gap ────●──── gap ────┤
//	             rowStart       rowEnd             the first and the last row that the scan has met
//
// Gaps do not exclude each other, as in InnoDB: they only keep writes out. Rows do: two ranges of which one is exclusive
// are in each other's way where they have rows in common. While the scan is under way it may meet a row anywhere, so that
// two scans of the same range don't end in a deadlock over its rows.
type rangeLock struct {
	entry      lockEntry // of its own, outside the tree: its index and start; in its queue is the request, if it waits
	end        []byte    // nil: no end
	owner      *lockOwner
	mode       LockMode // LockShared or LockExclusive
	noRows     bool
	rowStart   []byte
	rowEnd     []byte        // exclusive; nil: no end
	wait       *lockWaiter   // nil: granted
	behind     []*lockWaiter // requests of ranges that last found this in their way
	reach      []byte        // the largest end of this range and those before it in its set
	reachesEnd bool          // reach is beyond every key
}

// rangeSpace is what ranges are claimed of.
type rangeSpace struct {
	tablet schema.TabletID
	index  schema.IndexID
}

// rangeSet is the ranges of an index in the order of their starts, granted and waited for. Since reach is known of each,
// those that cover a key are found from the last that begins before it, going back until none reaches it.
type rangeSet struct{ list []*rangeLock }

// after is the position of the first range that begins behind key (orAt: or at it).
func (s *rangeSet) after(key []byte, orAt bool) int {
	return sort.Search(len(s.list), func(i int) bool {
		c := bytes.Compare(s.list[i].entry.key, key)
		return c > 0 || orAt && c == 0
	})
}

// covering calls fn with the ranges that key is in, until it returns true.
func (s *rangeSet) covering(key []byte, fn func(g *rangeLock) bool) bool {
	return s.back(s.after(key, false)-1, key, fn)
}

// overlapping calls fn with the ranges that have something in common with that from start to end.
func (s *rangeSet) overlapping(start, end []byte, fn func(g *rangeLock) bool) bool {
	last := len(s.list)
	if end != nil {
		last = s.after(end, true)
	}
	return s.back(last-1, start, fn)
}

// back goes back from position i over the ranges that end behind key.
func (s *rangeSet) back(i int, key []byte, fn func(g *rangeLock) bool) bool {
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

func (s *rangeSet) insert(g *rangeLock) {
	i := s.after(g.entry.key, false)
	s.list = slices.Insert(s.list, i, g)
	s.measure(i, true)
}

func (s *rangeSet) remove(g *rangeLock) {
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
func (g *rangeLock) has(key []byte) bool {
	return !g.noRows && bytes.Compare(key, g.rowStart) >= 0 && isBefore(key, g.rowEnd)
}

// keepsOut tells whether g is in the way of a lock of mode on a key in it.
func (g *rangeLock) keepsOut(key []byte, mode LockMode) bool {
	return mode != LockShared || g.mode == LockExclusive && g.has(key)
}

// excludes tells whether a range from start to end whose rows are not known can't be beside g.
func (g *rangeLock) excludes(start, end []byte, mode LockMode) bool {
	return (mode == LockExclusive || g.mode == LockExclusive) && !g.noRows && isBefore(start, g.rowEnd) && isBefore(g.rowStart, end)
}

// isKeptOut tells whether what another owner holds on a key in it keeps a range of mode out. What is locked only against
// being inserted has no row.
func (h *lockHold) isKeptOut(mode LockMode) bool {
	return mode == LockExclusive && !h.absent || h.mode != LockShared
}

// space gives the ranges of an index, nil if there are none.
func (t *lockTable) space(e *lockEntry) *rangeSet {
	if len(t.ranges) == 0 {
		return nil
	}
	return t.ranges[rangeSpace{e.tablet, e.index}]
}

// rangesAdmit tells whether no range keeps o from locking e. A request queues behind ranges that were asked for before it
// if it is polite: its owner held nothing when it came, so that nobody could be waiting for it.
func (t *lockTable) rangesAdmit(o *lockOwner, e *lockEntry, mode LockMode, polite bool, seq uint64) bool {
	return !t.keepersOut(o, e, mode, polite, seq, func(*rangeLock) bool { return true })
}

// keepersOut calls fn with the ranges that keep o from locking e, until it returns true.
func (t *lockTable) keepersOut(o *lockOwner, e *lockEntry, mode LockMode, polite bool, seq uint64, fn func(g *rangeLock) bool) bool {
	s := t.space(e)
	if s == nil {
		return false
	}
	return s.covering(e.key, func(g *rangeLock) bool {
		if g.owner == o || g.wait != nil && (!polite || g.wait.seq > seq) {
			return false
		}
		return g.keepsOut(e.key, mode) && fn(g)
	})
}

// ownsRangeAt tells whether e is in a range that o has locked.
func (t *lockTable) ownsRangeAt(o *lockOwner, e *lockEntry) bool {
	if len(o.ranges) == 0 {
		return false
	}
	s := t.space(e)
	return s != nil && s.covering(e.key, func(g *rangeLock) bool { return g.owner == o && g.wait == nil })
}

// acquireRange locks what an index has from start (nil: its beginning) up to end (nil: its end) for o, as soon as nobody
// else has changed or locked anything in it that is in the way. The result is nil if o has locked it before.
func (t *lockTable) acquireRange(ctx context.Context, o *lockOwner, tablet schema.TabletID, index schema.IndexID, span fragment.Span,
	mode LockMode, p lockPolicy) (*rangeLock, error) {
	t.mu.Lock()
	g, err := t.requestRange(o, tablet, index, span, mode, &p)
	var w *lockWaiter
	if g != nil {
		w = g.wait
	}
	t.mu.Unlock()
	if err != nil || g == nil {
		return nil, err
	}
	if w != nil {
		if err := t.await(ctx, w, p.wait); err != nil {
			return nil, err
		}
	}
	if index == schema.PrimaryIndex {
		return g, nil
	}
	if err := t.awaitAutocommit(ctx, tablet, p.wait); err != nil {
		return nil, err // the range stays with the owner, as a lock does that was granted too late
	}
	return g, nil
}

// awaitAutocommit waits for the autocommit writes in flight on a tablet.
func (t *lockTable) awaitAutocommit(ctx context.Context, tablet schema.TabletID, wait time.Duration) error {
	landings := t.landingsIn(tablet)
	if len(landings) == 0 {
		return nil
	}
	limit, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	err := t.awaitLandings(limit, landings)
	if err != nil && limit.Err() != nil && ctx.Err() == nil {
		t.stats.LockTimeouts.Add(1)
		return errLockTimeout()
	}
	return err
}

// landingsIn lists the autocommit writes in flight on a tablet: they have not told which entries of secondary indexes
// they add. (What comes now that the range is locked will: see doubt.)
func (t *lockTable) landingsIn(tablet schema.TabletID) (landings []chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, o := range t.inflight {
		if o.interactive {
			continue
		}
		for _, e := range o.held {
			if e.tablet == tablet {
				landings = append(landings, t.landingLocked(o))
				break
			}
		}
	}
	return landings
}

func (t *lockTable) requestRange(o *lockOwner, tablet schema.TabletID, index schema.IndexID, span fragment.Span, mode LockMode,
	p *lockPolicy) (*rangeLock, error) {
	switch {
	case t.closed != nil:
		return nil, t.closed
	case o.failed != nil:
		return nil, o.failed
	case t.covered(o, tablet, index, span, mode):
		return nil, nil
	case len(o.held)+len(o.ranges) >= maxHeld:
		return nil, mysqlerr.New(mysql.ErrLockTableFull)
	}
	g := &rangeLock{owner: o, mode: mode, end: bytes.Clone(span.End)}
	g.entry.tablet, g.entry.index, g.entry.key = tablet, index, append([]byte{}, span.Start...)
	g.rowStart, g.rowEnd = g.entry.key, g.end
	w := &lockWaiter{
		table: t, owner: o, entry: &g.entry, span: g, mode: mode, polite: o.isBare(), seq: t.nextSeq(), done: make(chan error, 1),
	}
	on, behind := t.inTheWay(w)
	if on == nil {
		t.addRange(g)
		o.ranges = append(o.ranges, g)
		t.interactiveLocks.Add(1)
		return g, nil
	}
	if err := t.refuseToWait(p); err != nil {
		return nil, err
	}
	g.wait = w
	*behind = append(*behind, w)
	t.addRange(g)
	t.enqueue(w)
	t.stats.LockWaits.Add(1)
	if err := t.breakDeadlocks(w); err != nil {
		return nil, err
	}
	return g, nil
}

// installRange gives o a range that it had in a former tenure. Its rows are among its claims.
func (t *lockTable) installRange(o *lockOwner, r *shard.Range) {
	g := &rangeLock{owner: o, mode: LockShared, end: r.End, noRows: true}
	g.entry.tablet, g.entry.index, g.entry.key = r.Tablet, r.Index, append([]byte{}, r.Start...)
	t.addRange(g)
	o.ranges = append(o.ranges, g)
	t.interactiveLocks.Add(1)
}

// rangesOf are the ranges that o has locked, among them keys that have no row.
func (t *lockTable) rangesOf(o *lockOwner) (ranges []shard.Range) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, g := range o.ranges {
		if g.wait == nil {
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

func (t *lockTable) addRange(g *rangeLock) {
	k := rangeSpace{g.entry.tablet, g.entry.index}
	s := t.ranges[k]
	if s == nil {
		if t.ranges == nil {
			t.ranges = make(map[rangeSpace]*rangeSet)
		}
		s = &rangeSet{}
		t.ranges[k] = s
	}
	s.insert(g)
	if k.index != schema.PrimaryIndex {
		if t.entryRanges == nil {
			t.entryRanges = make(map[schema.TabletID]int)
		}
		t.entryRanges[k.tablet]++
	}
}

// covered tells whether o has locked a range as strongly before.
func (t *lockTable) covered(o *lockOwner, tablet schema.TabletID, index schema.IndexID, span fragment.Span, mode LockMode) bool {
	if len(o.ranges) == 0 {
		return false
	}
	s := t.ranges[rangeSpace{tablet, index}]
	return s != nil && s.covering(span.Start, func(g *rangeLock) bool {
		return g.owner == o && g.wait == nil && g.mode >= mode && (g.end == nil || span.End != nil && bytes.Compare(span.End, g.end) <= 0)
	})
}

// inTheWay finds something that keeps a range from being granted, and the list of those who wait for that to change.
func (t *lockTable) inTheWay(w *lockWaiter) (on any, behind *[]*lockWaiter) {
	t.obstacles(w, func(e *lockEntry, _ *lockOwner) bool {
		on, behind = e, &e.behind
		return true
	}, func(g *rangeLock) bool {
		on, behind = g, &g.behind
		return true
	})
	return on, behind
}

// obstacles calls onKey with the keys and owners, then onRange with the ranges that are in the way of a range, until one
// returns true. A polite request also lets those before it who wait for a key.
func (t *lockTable) obstacles(w *lockWaiter, onKey func(e *lockEntry, o *lockOwner) bool, onRange func(g *rangeLock) bool) bool {
	g := w.span
	found := false
	t.inside(g, func(e *lockEntry) bool {
		for i := range e.holds {
			if h := &e.holds[i]; h.owner != w.owner && h.isKeptOut(w.mode) {
				if found = onKey(e, h.owner); found {
					return false
				}
			}
		}
		for _, x := range e.queue {
			if w.polite && x.seq < w.seq && x.owner != w.owner && (x.mode != LockShared || w.mode == LockExclusive) {
				if found = onKey(e, x.owner); found {
					return false
				}
			}
		}
		return true
	})
	if found {
		return true
	}
	s := t.space(&g.entry)
	return s != nil && s.overlapping(g.entry.key, g.end, func(x *rangeLock) bool {
		if x == g || x.owner == w.owner || x.wait != nil && (!w.polite || x.wait.seq > w.seq) {
			return false
		}
		return x.excludes(g.entry.key, g.end, w.mode) && onRange(x)
	})
}

// inside calls fn with the entries of keys in a range, until it returns false.
func (t *lockTable) inside(g *rangeLock, fn func(e *lockEntry) bool) {
	t.tree.Ascend(&g.entry, func(e *lockEntry) bool {
		return e.tablet == g.entry.tablet && e.index == g.entry.index && isBefore(e.key, g.end) && fn(e)
	})
}

// rangeBlockers calls fn with each owner that w, who waits for a range, waits for, until fn returns true.
func (t *lockTable) rangeBlockers(w *lockWaiter, fn func(*lockOwner) bool) bool {
	return t.obstacles(w, func(_ *lockEntry, o *lockOwner) bool { return fn(o) },
		func(g *rangeLock) bool { return fn(g.owner) })
}

// settleRange takes in which rows a range's scan has met: from first to last (nil: none).
func (t *lockTable) settleRange(g *rangeLock, first, last []byte) {
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
func (t *lockTable) dropRange(g *rangeLock) {
	k := rangeSpace{g.entry.tablet, g.entry.index}
	s := t.ranges[k]
	s.remove(g)
	if len(s.list) == 0 {
		delete(t.ranges, k)
	}
	if k.index != schema.PrimaryIndex {
		if t.entryRanges[k.tablet]--; t.entryRanges[k.tablet] == 0 {
			delete(t.entryRanges, k.tablet)
		}
	}
	t.cede(g)
}

// cede lets those go on whom g no longer keeps out.
func (t *lockTable) cede(g *rangeLock) {
	t.retry(&g.behind)
	if t.waiters.Load() == 0 {
		return
	}
	var queued []*lockEntry
	t.inside(g, func(e *lockEntry) bool {
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
func (t *lockTable) retry(behind *[]*lockWaiter) {
	if len(*behind) == 0 {
		return
	}
	list := *behind
	*behind = nil
	slices.SortFunc(list, func(a, b *lockWaiter) int { return int(a.seq) - int(b.seq) }) //nolint:gosec // close to each other
	for _, w := range list {
		if w.granted || w.owner.waiting != w {
			continue
		}
		if on, behind := t.inTheWay(w); on != nil {
			*behind = append(*behind, w)
			continue
		}
		w.span.wait = nil
		w.owner.ranges = append(w.owner.ranges, w.span)
		t.interactiveLocks.Add(1)
		w.entry.queue = nil
		t.granted(w)
	}
}

// dropRanges gives up all of o's ranges.
func (t *lockTable) dropRanges(o *lockOwner) {
	list := o.ranges
	o.ranges = nil
	t.interactiveLocks.Add(int64(-len(list)))
	for _, g := range list {
		t.dropRange(g)
	}
}
