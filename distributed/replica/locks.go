package replica

import (
	"bytes"
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"
	"github.com/tidwall/btree"

	"cloudsql/storage/fragment"
	"cloudsql/storage/mutant"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// tabletWide is the index id under which a write registers that cannot name all the rows it may change.
const tabletWide schema.IndexID = 0

// lockTable holds the row locks of one tenure and, in the same entries, which writes are in flight on which keys.
//
// One mutex guards everything: a request is a few tree steps, and the wait-for graph is consistent under it.
type lockTable struct {
	clock Clock
	stats *Stats

	// inflightCount mirrors len(inflight): a snapshot read that finds zero needs no mutex.
	inflightCount atomic.Int64
	// preparedCount is how many of them are prepared.
	preparedCount atomic.Int64
	// seen is the newest timestamp that is known to have been handed out: what is launched later gets a higher one.
	seen atomic.Uint64
	// waiters counts the requests in queues.
	waiters atomic.Int64
	// interactiveLocks counts the holds of interactive transactions.
	interactiveLocks atomic.Int64

	mu       sync.Mutex
	tree     *btree.BTreeG[*lockEntry]
	probe    lockEntry    // scratch for look-ups
	free     []*lockEntry // entries to use again
	inflight []*lockOwner // owners whose write has been or is about to be given a timestamp
	visit    uint64       // number of the present search for deadlocks
	waiting  waitList     // all queued requests, for those who look for deadlocks beyond this table
	lastSeq  uint64       // of the requests that had to wait

	ranges      map[rangeSpace]*rangeSet // where somebody has locked ranges, or waits to
	entryRanges map[schema.TabletID]int  // how many of them are in secondary indexes
	rowsHeld    map[schema.TabletID]int  // keys that interactive transactions hold

	closed error         // the tenure has ended: what every request gets
	gone   chan struct{} // closed with it
}

// lockEntry is one key that somebody holds or waits for.
type lockEntry struct {
	tablet schema.TabletID
	index  schema.IndexID
	key    []byte
	holds  []lockHold
	queue  []*lockWaiter // first come first served, upgrades at the front
	behind []*lockWaiter // requests of ranges that last found this key in their way
}

type lockHold struct {
	owner  *lockOwner
	mode   LockMode
	absent bool // shared, and only to keep the key from being inserted
}

// lockOwner is who locks: an interactive transaction or one autocommit write.
type lockOwner struct {
	id          fragment.TxnID
	interactive bool

	// ts is the commit timestamp once it has been fetched; 0 before.
	ts    atomic.Uint64
	floor mvcc.Timestamp // ts will be above it; set when the write is launched
	// session is the client's connection, for views of locks.
	session atomic.Uint64

	// Guarded by lockTable.mu.
	held     []*lockEntry
	heldBuf  [2]*lockEntry
	ranges   []*rangeLock
	waiting  *lockWaiter
	inflight int // 1 + position in lockTable.inflight; 0: not in flight
	prepared bool
	landed   chan struct{}
	failed   error // why its present and later requests fail
	visit    uint64
}

// lockWaiter is a queued request.
type lockWaiter struct {
	table   *lockTable
	owner   *lockOwner
	entry   *lockEntry
	span    *rangeLock // what it is about, if it is not a key; entry is the range's own then
	mode    LockMode
	absent  bool
	upgrade bool
	polite  bool   // its owner held nothing when it came: it may wait for everyone without being in anyone's way
	seq     uint64 // in the order in which requests came
	granted bool
	done    chan error // capacity 1
	queued  queuedWait
}

// lockPolicy says what to do when a lock is not free.
type lockPolicy struct {
	noWait, skip bool
	absent       bool // the key has no row: it is only to be kept from being inserted
	wait         time.Duration
}

const (
	maxFreeEntries = 1024
	// maxHeld bounds the locks of one transaction in one shard (1206); a lock takes some 150 bytes.
	maxHeld = 1 << 20
)

func newLockTable(clock Clock, stats *Stats) *lockTable {
	return &lockTable{
		clock: clock, stats: stats, gone: make(chan struct{}),
		tree: btree.NewBTreeGOptions(lessEntry, btree.Options{NoLocks: true}),
	}
}

func lessEntry(a, b *lockEntry) bool {
	if a.tablet != b.tablet {
		return a.tablet < b.tablet
	}
	if a.index != b.index {
		return a.index < b.index
	}
	return bytes.Compare(a.key, b.key) < 0
}

// compatible tells whether two owners may hold a key at once. Autocommit writes may: the log orders them.
func compatible(a, b LockMode) bool { return a == b && a != LockExclusive }

// acquire locks one key for o. waited: it was not free at once. skip: it is not free, and the policy is to leave it out.
// fresh: o did not hold it (as strongly) before.
func (t *lockTable) acquire(ctx context.Context, o *lockOwner, tablet schema.TabletID, index schema.IndexID, key []byte,
	mode LockMode, p lockPolicy) (fresh, waited, skip bool, err error) {
	t.mu.Lock()
	w, fresh, err := t.request(o, tablet, index, key, mode, &p)
	t.mu.Unlock()
	if err == errSkipLocked {
		return false, false, true, nil
	}
	if w == nil || err != nil {
		return fresh, false, false, err
	}
	return true, true, false, t.await(ctx, w, p.wait)
}

// acquireAuto locks the keys of an autocommit write, one after the other, and registers the write as in flight in the
// moment in which it has them all. On an error it holds nothing. errInDoubt: they may not be all that it touches.
func (t *lockTable) acquireAuto(ctx context.Context, o *lockOwner, keys []lockedKey, wait time.Duration) error {
	p := lockPolicy{wait: wait}
	t.mu.Lock()
	for i := range keys {
		k := &keys[i]
		w, _, err := t.request(o, k.tablet, k.index, k.key, LockAuto, &p)
		if err == nil && w != nil {
			t.mu.Unlock()
			err = t.await(ctx, w, wait)
			t.mu.Lock()
		}
		if err != nil {
			t.releaseLocked(o)
			t.mu.Unlock()
			return err
		}
	}
	err := t.closed
	if err == nil && len(t.entryRanges) > 0 && t.inDoubt(keys) {
		err = errInDoubt
		t.releaseLocked(o)
	}
	if err == nil {
		t.launchLocked(o)
	}
	t.mu.Unlock()
	return err
}

// inDoubt tells whether there are ranges of secondary indexes in the tablets of keys.
func (t *lockTable) inDoubt(keys []lockedKey) bool {
	for i := range keys {
		if t.entryRanges[keys[i].tablet] > 0 {
			return true
		}
	}
	return false
}

// lockedKey names what an autocommit write claims.
type lockedKey struct {
	tablet schema.TabletID
	index  schema.IndexID
	key    []byte
}

// launch marks o's write as in flight: from here on it may get a timestamp, and snapshot reads of its keys wait for it.
func (t *lockTable) launch(o *lockOwner) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed != nil {
		return t.closed
	}
	if o.failed != nil {
		return o.failed
	}
	t.launchLocked(o)
	return nil
}

func (t *lockTable) launchLocked(o *lockOwner) {
	t.inflight = append(t.inflight, o)
	o.inflight, o.floor = len(t.inflight), mvcc.Timestamp(t.seen.Load())
	t.inflightCount.Add(1)
}

// release frees all of the owners' locks and wakes those who waited for their writes. A large owner's go in portions,
// so that others are not held up.
func (t *lockTable) release(owners ...*lockOwner) {
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

func (t *lockTable) releaseLocked(o *lockOwner) {
	t.landLocked(o)
	t.dropLast(o, len(o.held))
	if len(o.ranges) > 0 {
		t.dropRanges(o)
	}
}

// dropLast frees the n locks that o got last.
func (t *lockTable) dropLast(o *lockOwner, n int) {
	rest := len(o.held) - n
	for _, e := range o.held[rest:] {
		t.dropHold(e, o)
	}
	clear(o.held[rest:])
	o.held = o.held[:rest]
}

// dropNewest frees the lock that o got last.
func (t *lockTable) dropNewest(o *lockOwner) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(o.held) > 0 {
		t.dropLast(o, 1)
	}
}

// landLocked ends o's write in flight.
func (t *lockTable) landLocked(o *lockOwner) {
	if o.inflight == 0 {
		return
	}
	last := len(t.inflight) - 1
	moved := t.inflight[last]
	t.inflight[o.inflight-1], moved.inflight = moved, o.inflight
	t.inflight[last] = nil
	t.inflight = t.inflight[:last]
	o.inflight = 0
	t.inflightCount.Add(-1)
	if o.prepared {
		o.prepared = false
		t.preparedCount.Add(-1)
	}
	if o.landed != nil {
		close(o.landed)
		o.landed = nil
	}
}

func (t *lockTable) dropHold(e *lockEntry, o *lockOwner) {
	i := e.find(o)
	if i < 0 {
		return
	}
	last := len(e.holds) - 1
	e.holds[i] = e.holds[last]
	e.holds[last] = lockHold{}
	e.holds = e.holds[:last]
	if o.interactive {
		t.noteInteractive(e, -1)
	}
	t.promote(e)
}

// noteInteractive counts a key that an interactive transaction locks or lets go.
func (t *lockTable) noteInteractive(e *lockEntry, n int) {
	t.interactiveLocks.Add(int64(n))
	if t.rowsHeld == nil {
		t.rowsHeld = make(map[schema.TabletID]int)
	}
	if t.rowsHeld[e.tablet] += n; t.rowsHeld[e.tablet] == 0 {
		delete(t.rowsHeld, e.tablet)
	}
}

// request grants the key at once, or queues a waiter and returns it.
func (t *lockTable) request(o *lockOwner, tablet schema.TabletID, index schema.IndexID, key []byte, mode LockMode,
	p *lockPolicy) (w *lockWaiter, fresh bool, err error) {
	if t.closed != nil {
		return nil, false, t.closed
	}
	if o.failed != nil {
		return nil, false, o.failed
	}
	e := t.entry(tablet, index, key)
	own := e.find(o)
	if own >= 0 && e.holds[own].mode >= mode && (!e.holds[own].absent || p.absent) {
		return nil, false, nil
	}
	if len(o.held) >= maxHeld && own < 0 {
		t.forget(e)
		return nil, false, mysqlerr.New(mysql.ErrLockTableFull)
	}
	within := own >= 0 || t.ownsRangeAt(o, e) // those in the queue wait for o
	if (within || len(e.queue) == 0) && e.admits(o, mode) &&
		(len(t.ranges) == 0 || t.rangesAdmit(o, e, mode, o.isBare(), math.MaxUint64)) ||
		mutant.LoseLock() && mode == LockExclusive && len(e.holds) > 0 && e.holds[0].mode == LockExclusive {
		t.grant(e, o, mode)
		if p.absent && own < 0 {
			e.holds[len(e.holds)-1].absent = true
		}
		return nil, true, nil
	}
	if err := t.refuseToWait(p); err != nil {
		t.forget(e)
		return nil, false, err
	}
	w = &lockWaiter{
		table: t, owner: o, entry: e, mode: mode, absent: p.absent && own < 0, upgrade: within, polite: o.isBare(), seq: t.nextSeq(),
		done: make(chan error, 1),
	}
	t.enqueue(w)
	t.stats.LockWaits.Add(1)
	if err := t.breakDeadlocks(w); err != nil {
		return nil, false, err
	}
	return w, true, nil
}

// refuseToWait is the answer to a request that can't be granted at once and is not to wait; nil: it waits.
func (t *lockTable) refuseToWait(p *lockPolicy) error {
	switch {
	case p.skip:
		return errSkipLocked
	case p.noWait:
		return errNoWait()
	case p.wait <= 0:
		t.stats.LockTimeouts.Add(1)
		return errLockTimeout()
	}
	return nil
}

func (t *lockTable) nextSeq() uint64 {
	t.lastSeq++
	return t.lastSeq
}

// await waits until w is granted or refused.
func (t *lockTable) await(ctx context.Context, w *lockWaiter, wait time.Duration) error {
	select {
	case err := <-w.done: // often granted while a deadlock was broken
		return err
	default:
	}
	t.waiting.announce()
	defer func() { t.stats.waited(t.clock.Now() - w.queued.since) }()
	timer := t.clock.NewTimer(wait)
	defer timer.Stop()
	var cause error
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		cause = ctx.Err()
	case <-timer.C():
		cause = errLockTimeout()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case err := <-w.done: // decided in the meantime
		if err == nil && ctx.Err() != nil {
			return ctx.Err() // the lock stays with the owner
		}
		return err
	default:
	}
	t.withdraw(w)
	if ctx.Err() == nil {
		t.stats.LockTimeouts.Add(1)
	}
	return cause
}

// entry finds a key's entry or makes one. A fresh entry has neither holder nor waiter: the caller adds one.
func (t *lockTable) entry(tablet schema.TabletID, index schema.IndexID, key []byte) *lockEntry {
	t.probe.tablet, t.probe.index, t.probe.key = tablet, index, key
	e, ok := t.tree.Get(&t.probe)
	t.probe.key = nil
	if ok {
		return e
	}
	if n := len(t.free); n > 0 {
		e, t.free = t.free[n-1], t.free[:n-1]
	} else {
		e = &lockEntry{}
	}
	e.tablet, e.index, e.key = tablet, index, append(e.key[:0], key...)
	t.tree.Set(e)
	return e
}

// forget drops an entry that nobody needs any more.
func (t *lockTable) forget(e *lockEntry) {
	if len(e.holds) > 0 || len(e.queue) > 0 || len(e.behind) > 0 {
		return
	}
	t.tree.Delete(e)
	if len(t.free) < maxFreeEntries && cap(e.key) <= 256 && cap(e.holds) <= 64 {
		t.free = append(t.free, e)
	}
}

// isBare tells that o has locked nothing, so that nobody waits for it.
func (o *lockOwner) isBare() bool { return len(o.held) == 0 && len(o.ranges) == 0 }

// isBig tells whether releasing o takes a while. For owners that acquire nothing any more.
func (o *lockOwner) isBig() bool { return len(o.held) > 4096 }

// find is the position of o's hold, or -1. The newest come last and leave first under contention, so search backwards.
func (e *lockEntry) find(o *lockOwner) int {
	for i := len(e.holds) - 1; i >= 0; i-- {
		if e.holds[i].owner == o {
			return i
		}
	}
	return -1
}

// admits tells whether o may hold e in mode beside its present holders.
func (e *lockEntry) admits(o *lockOwner, mode LockMode) bool {
	for i := range e.holds {
		if h := &e.holds[i]; h.owner != o && !compatible(h.mode, mode) {
			return false
		}
	}
	return true
}

func (t *lockTable) grant(e *lockEntry, o *lockOwner, mode LockMode) {
	if i := e.find(o); i >= 0 {
		e.holds[i].mode, e.holds[i].absent = mode, false
		return
	}
	e.holds = append(e.holds, lockHold{owner: o, mode: mode})
	if o.held == nil {
		o.held = o.heldBuf[:0]
	}
	o.held = append(o.held, e)
	if o.interactive {
		t.noteInteractive(e, 1)
	}
}

// enqueue adds w at the end; upgrades go before everything but earlier upgrades, since nobody behind can be granted
// before them anyway.
func (t *lockTable) enqueue(w *lockWaiter) {
	e := w.entry
	at := len(e.queue)
	if w.upgrade {
		for at = 0; at < len(e.queue) && e.queue[at].upgrade; at++ {
		}
	}
	e.queue = append(e.queue, nil)
	copy(e.queue[at+1:], e.queue[at:])
	e.queue[at] = w
	w.owner.waiting = w
	t.waiting.add(t, w)
	t.waiters.Add(1)
}

// withdraw takes an undecided waiter out of its queue; those behind it may be next.
func (t *lockTable) withdraw(w *lockWaiter) {
	e := w.entry
	for i, x := range e.queue {
		if x == w {
			e.queue = append(e.queue[:i], e.queue[i+1:]...)
			t.waiting.remove(w)
			t.waiters.Add(-1)
			break
		}
	}
	w.owner.waiting = nil
	if w.span != nil {
		t.dropRange(w.span)
		return
	}
	t.promote(e)
}

// refuse ends a waiter with an error.
func (t *lockTable) refuse(w *lockWaiter, err error) {
	t.withdraw(w)
	w.done <- err
}

// promote grants from the front of the queue as far as possible, and lets ranges that waited for e look again.
func (t *lockTable) promote(e *lockEntry) {
	n := 0
	for _, w := range e.queue {
		if !e.admits(w.owner, w.mode) || len(t.ranges) > 0 && !t.rangesAdmit(w.owner, e, w.mode, w.polite, w.seq) {
			break
		}
		t.grant(e, w.owner, w.mode)
		if w.absent {
			e.holds[len(e.holds)-1].absent = true
		}
		t.granted(w)
		n++
	}
	if n > 0 {
		e.queue = append(e.queue[:0], e.queue[n:]...)
	}
	t.retry(&e.behind)
	t.forget(e)
}

// granted tells a request that it has what it waited for.
func (t *lockTable) granted(w *lockWaiter) {
	w.granted = true
	w.owner.waiting = nil
	t.waiting.remove(w)
	t.waiters.Add(-1)
	w.done <- nil
}

// fail makes o's present and later requests end with err; its locks stay until it is released.
func (t *lockTable) fail(o *lockOwner, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if o.failed == nil {
		o.failed = err
	}
	if w := o.waiting; w != nil {
		t.refuse(w, o.failed)
	}
}

// close ends the table with its tenure: every waiter and every later request gets err.
func (t *lockTable) close(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed != nil {
		return
	}
	t.closed = err
	close(t.gone)
	var waiters []*lockWaiter
	t.waiting.each(func(w *lockWaiter) bool {
		waiters = append(waiters, w)
		return true
	})
	for _, w := range waiters {
		if !w.granted {
			t.refuse(w, err)
		}
	}
}

// size is the number of locked keys.
func (t *lockTable) size() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.tree.Len()
}

// waitForWrites returns when no write is in flight on what r reads that could commit at or below at. Writes that
// register later get higher timestamps: at was handed out before this call.
func (t *lockTable) waitForWrites(ctx context.Context, r *fragment.Read, at mvcc.Timestamp) error {
	raise(&t.seen, uint64(at))
	if t.inflightCount.Load() == 0 || mutant.SkipInflight {
		return nil
	}
	t.mu.Lock()
	landings := t.overlapping(r, at)
	t.mu.Unlock()
	return t.awaitLandings(ctx, landings)
}

func (t *lockTable) awaitLandings(ctx context.Context, landings []chan struct{}) error {
	if len(landings) > 0 {
		t.stats.InflightWaits.Add(1)
	}
	for _, c := range landings {
		select {
		case <-c:
		case <-t.gone:
			return t.closed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// prepared notes that o's transaction may be committed, though its effects cannot be read yet.
func (t *lockTable) prepared(o *lockOwner) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if o.inflight != 0 && !o.prepared {
		o.prepared = true
		t.preparedCount.Add(1)
	}
}

// install gives o, a prepared transaction that a former tenure has left, what it claims.
func (t *lockTable) install(o *lockOwner, claims []shard.PartClaim, ranges []shard.Range) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range claims {
		c, mode := &claims[i], LockExclusive
		if c.Shared {
			mode = LockShared
		}
		t.grant(t.entry(c.Tablet, c.Index, c.Key), o, mode)
	}
	for i := range ranges {
		t.installRange(o, &ranges[i])
	}
	t.launchLocked(o)
	o.floor, o.prepared = 0, true
	t.preparedCount.Add(1)
}

// landing is closed when o's write in flight has ended; nil if there is none.
func (t *lockTable) landing(o *lockOwner) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if o.inflight == 0 {
		c := make(chan struct{})
		close(c)
		return c
	}
	return t.landingLocked(o)
}

func (t *lockTable) landingLocked(o *lockOwner) chan struct{} {
	if o.landed == nil {
		o.landed = make(chan struct{})
	}
	return o.landed
}

// waitForPrepared returns when no transaction is prepared, and perhaps committed, that changes what r reads: the newest
// state must show what is acknowledged.
func (t *lockTable) waitForPrepared(ctx context.Context, r *fragment.Read) error {
	if t.preparedCount.Load() == 0 || mutant.SkipPrepared {
		return nil
	}
	t.mu.Lock()
	var landings []chan struct{}
	for _, o := range t.inflight {
		if o.prepared && o.touches(r) {
			landings = append(landings, t.landingLocked(o))
		}
	}
	t.mu.Unlock()
	return t.awaitLandings(ctx, landings)
}

// bigOwner is the number of locks above which a write in flight is taken to touch everything.
const bigOwner = 128

func (t *lockTable) overlapping(r *fragment.Read, at mvcc.Timestamp) (landings []chan struct{}) {
	for _, o := range t.inflight {
		if o.floor >= at || mvcc.Timestamp(o.ts.Load()) > at || !o.touches(r) {
			continue
		}
		landings = append(landings, t.landingLocked(o))
	}
	return landings
}

// touches tells whether o's write may change what r reads. A read through a secondary index may meet any row of its
// tablet, because where a row's index entries will be is only known when the write is applied.
func (o *lockOwner) touches(r *fragment.Read) bool {
	if len(o.held) > bigOwner {
		return true
	}
	for _, e := range o.held {
		if e.tablet != r.Tablet {
			continue
		}
		if r.Index != schema.PrimaryIndex || e.index == tabletWide {
			return true
		}
		if e.index == schema.PrimaryIndex && readsKey(r, e.key) {
			return true
		}
	}
	return false
}

func readsKey(r *fragment.Read, key []byte) bool {
	if r.Keys != nil {
		for _, k := range r.Keys {
			if bytes.Equal(k, key) {
				return true
			}
		}
		return false
	}
	for i := range r.Spans {
		s := &r.Spans[i]
		if bytes.Compare(key, s.Start) >= 0 && (s.End == nil || bytes.Compare(key, s.End) < 0) {
			return true
		}
	}
	return len(r.Spans) == 0
}

// errSkipLocked is internal: the policy was to leave a locked key out.
var errSkipLocked = errors.New("replica: key is locked")

func errLockTimeout() error { return mysqlerr.New(mysql.ErrLockWaitTimeout) }
func errDeadlock() error    { return mysqlerr.New(mysql.ErrLockDeadlock) }
func errNoWait() error {
	return mysqlerr.Newf(mysql.ErrLockAcquireFailAndNoWaitSet,
		"Statement aborted because lock(s) could not be acquired immediately and NOWAIT is set.")
}
