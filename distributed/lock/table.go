package lock

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidwall/btree"

	"cloudsql/distributed"
	"cloudsql/distributed/clock"
	"cloudsql/storage/mutant"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// Config is what a table belongs to.
type Config struct {
	Shard schema.ShardID
	Clock clock.Clock
	Stats *Stats
	// LastID numbers the requests that wait, in all tables that somebody may confuse. nil: they are not numbered.
	LastID *atomic.Uint64
	// EscalateFrom is from how many locks on keys of a transaction escalation is tried, MaxHeld how many it may have beside what was
	// escalated; 0: the defaults of escalate.go.
	EscalateFrom, MaxHeld int
	// OnWait is told when a request begins to wait; nil: nobody is.
	OnWait func()
	// OnDeadlock is told of each deadlock that was broken in this table, under its mutex: be quick. nil: nobody is.
	OnDeadlock func(*distributed.Deadlock)
}

// Table holds the row locks of one tenure and, in the same entries, which writes are in flight on which keys.
//
// One mutex guards everything: a request is a few tree steps, and the wait-for graph is consistent under it.
type Table struct {
	cfg Config

	// Flights are the writes in flight, Doors the tablets that are about to be frozen.
	Flights Flights
	Doors   Doors
	// waiters counts the requests in queues.
	waiters atomic.Int64
	// interactive counts the holds of interactive transactions.
	interactive atomic.Int64

	mu sync.Mutex
	entries
	visit   uint64   // number of the present search for deadlocks
	waiting waitList // all queued requests, for those who look for deadlocks beyond this table
	lastSeq uint64   // of the requests that had to wait

	ranges   rangeSets
	rowsHeld tabletCounts // keys and bulk ranges that interactive transactions hold

	closed error         // the tenure has ended: what every request gets
	gone   chan struct{} // closed with it
}

// New makes an empty table.
func New(cfg Config) *Table {
	t := &Table{
		cfg: cfg, gone: make(chan struct{}),
		entries: entries{tree: btree.NewBTreeGOptions(lessPlace, btree.Options{NoLocks: true})},
	}
	t.Flights.t = t
	return t
}

// Acquire locks one key for o. waited: it was not free at once. skip: it is not free, and the policy is to leave it out.
// fresh: o did not hold it (as strongly) before.
func (t *Table) Acquire(ctx context.Context, o *Owner, k Key, mode Mode, p Policy) (fresh, waited, skip bool, err error) {
	if o.covers(&k, mode) {
		return false, false, false, nil
	}
	if o.isCrowded(&t.cfg) {
		if err := t.escalate(ctx, o, &p); err != nil {
			return false, false, false, err
		}
		if o.covers(&k, mode) {
			return true, false, false, nil
		}
	}
	t.mu.Lock()
	w, fresh, err := t.request(o, &k, mode, &p)
	t.mu.Unlock()
	if err == errSkipLocked {
		return false, false, true, nil
	}
	if w == nil || err != nil {
		return fresh, false, false, err
	}
	return true, true, false, w.await(ctx, p.Wait)
}

// AcquireAuto locks the keys of an autocommit write, one after the other, and registers the write as in flight in the
// moment in which it has them all. On an error it holds nothing. ErrInDoubt: they may not be all that it touches.
func (t *Table) AcquireAuto(ctx context.Context, o *Owner, keys []Key, wait time.Duration) error {
	p := Policy{Wait: wait}
	t.mu.Lock()
	for i := range keys {
		w, _, err := t.request(o, &keys[i], Auto, &p)
		if err == nil && w != nil {
			t.mu.Unlock()
			err = w.await(ctx, wait)
			t.mu.Lock()
		}
		if err != nil {
			t.releaseLocked(o)
			t.mu.Unlock()
			return err
		}
	}
	err := t.closed
	if err == nil && t.ranges.inDoubt(keys) {
		err = ErrInDoubt
		t.releaseLocked(o)
	}
	if err == nil {
		t.Flights.launch(o)
	}
	t.mu.Unlock()
	return err
}

// Release frees all of the owners' locks and wakes those who waited for their writes. A large owner's go in portions,
// so that others are not held up.
func (t *Table) Release(owners ...*Owner) {
	const portion = 512
	t.mu.Lock()
	for _, o := range owners {
		for len(o.held) > portion {
			t.dropLast(o, portion)
			t.mu.Unlock()
			t.mu.Lock()
		}
		t.releaseLocked(o)
	}
	t.mu.Unlock()
}

func (t *Table) releaseLocked(o *Owner) {
	t.Flights.land(o)
	t.dropLast(o, len(o.held))
	if len(o.ranges) > 0 {
		t.dropRanges(o)
	}
}

// dropLast frees the n locks that o got last.
func (t *Table) dropLast(o *Owner, n int) {
	rest := len(o.held) - n
	for _, e := range o.held[rest:] {
		t.dropHold(e, o)
	}
	clear(o.held[rest:])
	o.held = o.held[:rest]
}

// DropNewest frees the lock that o got last.
func (t *Table) DropNewest(o *Owner) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(o.held) > 0 {
		t.dropLast(o, 1)
	}
}

func (t *Table) dropHold(e *entry, o *Owner) {
	i := e.find(o)
	if i < 0 {
		return
	}
	last := len(e.holds) - 1
	e.holds[i] = e.holds[last]
	e.holds[last] = hold{}
	e.holds = e.holds[:last]
	if o.Interactive {
		t.noteInteractive(e, -1)
	}
	t.promote(e)
}

// noteInteractive counts a key that an interactive transaction locks or lets go.
func (t *Table) noteInteractive(e *entry, n int) {
	t.interactive.Add(int64(n))
	t.rowsHeld.note(e.tablet, n)
}

// tabletCounts counts something of tablets; those that have none are not in it.
type tabletCounts map[schema.TabletID]int

func (c *tabletCounts) note(tablet schema.TabletID, n int) {
	if *c == nil {
		*c = make(tabletCounts)
	}
	if (*c)[tablet] += n; (*c)[tablet] == 0 {
		delete(*c, tablet)
	}
}

// HoldsAny tells whether interactive transactions hold anything; it needs no mutex.
func (t *Table) HoldsAny() bool { return t.interactive.Load() > 0 }

// HoldsRows tells whether an interactive transaction holds keys of a tablet.
func (t *Table) HoldsRows(tablet schema.TabletID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rowsHeld[tablet] > 0
}

// request grants the key at once, or queues a waiter and returns it.
func (t *Table) request(o *Owner, k *Key, mode Mode, p *Policy) (w *waiter, fresh bool, err error) {
	if t.closed != nil {
		return nil, false, t.closed
	}
	if o.failed != nil {
		return nil, false, o.failed
	}
	e := t.entry(k.Tablet, k.Index, k.Bytes)
	own := e.find(o)
	if own >= 0 && e.holds[own].mode >= held(mode) && (!e.holds[own].absent || p.Absent) {
		return nil, false, nil
	}
	if len(o.held) >= t.cfg.maxHeld() && own < 0 {
		t.forget(e)
		return nil, false, errTableFull()
	}
	within := own >= 0 || t.ranges.holds(o, e) // those in the queue wait for o
	if (within || len(e.queue) == 0) && e.admits(o, mode) && t.ranges.admit(o, e, mode, o.isBare(), math.MaxUint64) ||
		mutant.LoseLock() && held(mode) == Exclusive && len(e.holds) > 0 && e.holds[0].mode == Exclusive {
		t.grant(e, o, mode)
		if p.Absent && own < 0 {
			e.holds[len(e.holds)-1].absent = true
		}
		return nil, true, nil
	}
	if err := p.refuse(t.cfg.Stats); err != nil {
		t.forget(e)
		return nil, false, err
	}
	w = &waiter{
		table: t, owner: o, entry: e, mode: mode, absent: p.Absent && own < 0, upgrade: within, polite: o.isBare(), seq: t.nextSeq(),
		done: make(chan error, 1),
	}
	if err := w.enqueue(); err != nil {
		return nil, false, err
	}
	return w, true, nil
}

func (t *Table) nextSeq() uint64 {
	t.lastSeq++
	return t.lastSeq
}

func (t *Table) grant(e *entry, o *Owner, asked Mode) {
	mode := held(asked)
	if i := e.find(o); i >= 0 {
		e.holds[i].mode, e.holds[i].absent = mode, false
		return
	}
	e.holds = append(e.holds, hold{owner: o, mode: mode})
	if o.held == nil {
		o.held = o.heldBuf[:0]
	}
	o.held = append(o.held, e)
	if o.Interactive {
		t.noteInteractive(e, 1)
	}
}

// promote grants from the front of the queue as far as possible, and lets ranges that waited for e look again.
func (t *Table) promote(e *entry) {
	n := 0
	for _, w := range e.queue {
		if !e.admits(w.owner, w.mode) || !t.ranges.admit(w.owner, e, w.mode, w.polite, w.seq) {
			break
		}
		t.grant(e, w.owner, w.mode)
		if w.absent {
			e.holds[len(e.holds)-1].absent = true
		}
		w.grant()
		n++
	}
	if n > 0 {
		e.queue = append(e.queue[:0], e.queue[n:]...)
	}
	t.retry(&e.behind)
	t.forget(e)
}

// Fail makes o's present and later requests end with err; its locks stay until it is released.
func (t *Table) Fail(o *Owner, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if o.failed == nil {
		o.failed = err
	}
	if w := o.waiting; w != nil {
		w.refuse(o.failed)
	}
}

// SendAway ends the waiting of an interactive transaction with err; unlike Fail, it may come again.
func (t *Table) SendAway(o *Owner, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if w := o.waiting; w != nil {
		w.refuse(err)
	}
}

// Close ends the table with its tenure: every waiter and every later request gets err.
func (t *Table) Close(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed != nil {
		return
	}
	t.closed = err
	close(t.gone)
	var waiters []*waiter
	t.waiting.each(func(w *waiter) bool {
		waiters = append(waiters, w)
		return true
	})
	for _, w := range waiters {
		if !w.granted {
			w.refuse(err)
		}
	}
}

// Install gives o, a prepared transaction that a former tenure has left, what it claims.
func (t *Table) Install(o *Owner, claims []shard.PartClaim, ranges []shard.Range) {
	x := escalation{t, o}
	for i := range claims {
		c, mode := &claims[i], Exclusive
		if c.Shared {
			mode = Shared
		}
		x.grant(&Key{c.Tablet, c.Index, c.Key}, mode)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range ranges { // their rows are among the claims
		r := &ranges[i]
		g := &Range{owner: o, mode: Shared, end: r.End, noRows: true}
		t.addGranted(g, Key{r.Tablet, r.Index, append([]byte{}, r.Start...)})
	}
	t.Flights.launch(o)
	o.floor, o.prepared = 0, true
	t.Flights.prepared.Add(1)
}

// errSkipLocked is internal: the policy was to leave a locked key out.
var errSkipLocked = errors.New("lock: key is locked")

// ErrInDoubt: the write may touch entries that it has not locked, in ranges that somebody has locked.
var ErrInDoubt = errors.New("lock: not all of a write's keys are known")
