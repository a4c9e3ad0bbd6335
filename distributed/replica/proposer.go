package replica

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"cloudsql/distributed/leaseholder"
	"cloudsql/distributed/lock"
	"cloudsql/storage/fragment"
	"cloudsql/storage/metric"
	"cloudsql/storage/mutant"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/shard"
	"cloudsql/storage/spawn"
)

const (
	dropBackoff = 20 * time.Millisecond // before proposing again what raft dropped
	// unknownAfter is how many sweeps (about a second each) a client waits for a proposal that raft cannot commit.
	unknownAfter = 30
)

// proposer turns waiting writes into batch entries. Only one round runs at a time, so that entries are proposed in the
// order of their timestamps; a round is run by the writer that finds the proposer idle (no hand-off at low load), or by
// the proposer's own goroutine when entries before it are still on their way (full batches at high load).
type proposer struct {
	r    *writes
	kick chan struct{}

	mu      sync.Mutex
	queue   []*write
	flying  map[uint64]*flight
	busy    bool     // a round is running
	taken   []*write // by that round, until they fly
	backoff bool     // raft dropped something: wait before the next round
	sweep   uint32
	nextID  uint64
	closed  error
}

// flight is a batch entry on its way through the log.
type flight struct {
	id     uint64
	writes []*write
	ts     mvcc.Timestamp
	idle   bool          // no client waits for it
	since  time.Duration // when it was proposed, on the replica's clock
}

// isIdle tells whether no client waits for w: it cleans up after a commit over several shards.
func (w *write) isIdle() bool {
	return w.kind == shard.ProposalResolve || w.kind == shard.ProposalForget
}

func allIdle(ws []*write) bool {
	return !slices.ContainsFunc(ws, func(w *write) bool { return !w.isIdle() })
}

func newProposer(r *writes, firstID uint64) *proposer {
	return &proposer{r: r, kick: make(chan struct{}, 1), flying: make(map[uint64]*flight), nextID: firstID}
}

// submit hands over a write that is registered as in flight. w.done tells its end.
func (p *proposer) submit(w *write) {
	p.mu.Lock()
	if p.closed != nil {
		err := p.closed
		p.mu.Unlock()
		p.finish([]*write{w}, err)
		return
	}
	w.sweep = p.sweep
	p.queue = append(p.queue, w)
	if !p.startRound() {
		p.wakeLocked() // the pause after a drop may have nobody left who ends it: a tenure's end empties the queue
		p.mu.Unlock()
		return
	}
	batch := p.take()
	p.mu.Unlock()
	p.tryRound(batch)
	p.endRound()
}

// tryRound is round. What panics fails its batch alone: nothing that comes later waits for it, whoever's goroutine it is.
func (p *proposer) tryRound(batch []*write) {
	if err := spawn.Do("a proposer", func() error { p.round(batch); return nil }); err != nil {
		p.giveUp()
	}
}

// giveUp ends what a round did not bring on its way. Writes that were proposed before, and may be in the log, stay
// registered as in flight for as long as the tenure lasts: only their clients are told.
func (p *proposer) giveUp() {
	p.mu.Lock()
	batch := p.taken // none: they are flying, and the log or raft will tell
	p.taken = nil
	var fresh []*write
	for _, w := range batch {
		if w.tries > 1 {
			p.r.landed(w)
		}
		if w.tries <= 1 {
			fresh = append(fresh, w)
		} else if !w.detached && !w.ended {
			w.detached, w.err = true, leaseholder.ErrUnknown
			w.done <- struct{}{}
		}
	}
	p.mu.Unlock()
	p.finish(fresh, leaseholder.ErrUnknown)
}

// startRound begins the next round if one can run now. Called with mu held.
func (p *proposer) startRound() bool {
	if p.busy || p.backoff || p.full() {
		return false
	}
	p.busy = true
	return true
}

// full tells whether what waits, if anything does, must let entries that are on their way land first: the pipeline is
// full, or fewer wait than are on their way. An entry costs each replica an fsync and several messages however much is in
// it; so many clients who wait for one round fill half of the next ones, and one alone waits for nobody. Those that only
// clean up are in nobody's way, but for their like. Called with mu held.
func (p *proposer) full() bool {
	if len(p.queue) == 0 {
		return true
	}
	flying, writes := 0, 0
	for _, f := range p.flying {
		if !f.idle {
			flying++
			writes += len(f.writes)
		}
	}
	if flying >= p.r.cfg.Pipeline || len(p.queue) < writes {
		return true
	}
	return len(p.flying) >= p.r.cfg.Pipeline && allIdle(p.queue)
}

func (p *proposer) endRound() {
	p.mu.Lock()
	p.busy = false
	p.wakeLocked()
	p.mu.Unlock()
}

// wakeLocked makes the loop run if it has something to do. Called with mu held.
func (p *proposer) wakeLocked() {
	if len(p.queue) == 0 || p.busy || !p.backoff && p.full() {
		return
	}
	select {
	case p.kick <- struct{}{}:
	default:
	}
}

// take cuts the next entry's writes from the queue. Called with mu held.
func (p *proposer) take() []*write {
	n, bytes := 0, 0
	rows := 0
	for n < len(p.queue) && n < p.r.cfg.MaxEntryProposals {
		bytes += len(p.queue[n].prop)
		rows += p.queue[n].load.Rows
		if n > 0 && (bytes > p.r.cfg.MaxEntryBytes || rows > p.r.cfg.MaxEntryRows) {
			break
		}
		n++
	}
	batch := make([]*write, n)
	copy(batch, p.queue)
	rest := copy(p.queue, p.queue[n:])
	clear(p.queue[rest:])
	p.queue, p.taken = p.queue[:rest], batch
	return batch
}

// loop runs the rounds that no writer runs.
func (p *proposer) loop() {
	for {
		select {
		case <-p.kick:
		case <-p.r.ctx.Done():
			return
		}
		p.mu.Lock()
		if p.backoff {
			p.mu.Unlock()
			if !p.pause(dropBackoff) {
				return
			}
			p.mu.Lock()
			p.backoff = false
		}
		for p.startRound() {
			batch := p.take()
			p.mu.Unlock()
			p.tryRound(batch)
			p.mu.Lock()
			p.busy = false
		}
		p.wakeLocked()
		p.mu.Unlock()
	}
}

func (p *proposer) pause(d time.Duration) bool {
	timer := p.r.clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C():
		return true
	case <-p.r.ctx.Done():
		return false
	}
}

// round gives a batch its timestamp and proposes it. One is enough for all: they take effect together, in their order, so
// that no snapshot lies between them.
func (p *proposer) round(batch []*write) {
	batch = p.current(batch)
	if len(batch) == 0 {
		return
	}
	ts, err := p.r.cfg.Timestamps.Next(p.r.ctx, 1)
	if err != nil {
		p.r.log.Warn("no timestamps", "err", err)
		p.requeue(batch)
		return
	}
	p.r.stats.Timestamps.Add(1)
	mutant.Pause()
	b := shard.Batch{
		Format: shard.FormatOf(p.r.cfg.Version.Active()), Proposer: p.r.cfg.Node, Epoch: batch[0].tenure.epoch,
	}
	encoded := make([]shard.Stamped, len(batch))
	size := 64
	for i, w := range batch {
		// The first try keeps its place: it may be in the log although it was presumed lost. A transaction that is
		// being resolved has its timestamp.
		w.locker().TS.CompareAndSwap(0, uint64(ts))
		w.tries++
		encoded[i].Proposal = w.prop
		size += len(w.prop) + shard.StampBytes
	}
	batch[0].tenure.locks.Flights.Saw(ts)
	f := &flight{writes: batch, ts: ts, idle: allIdle(batch), since: p.r.clock.Now()}
	p.mu.Lock()
	for _, w := range batch {
		if w.first != 0 { // whoever sent it knows that all can read it
			b.Format = max(b.Format, shard.FormatLengths)
		}
	}
	for i, w := range batch {
		if w.alone && b.Format != shard.FormatPlain { // still, with ts drawn: what is done about it from now on has a higher one
			w.first = ts
		}
		encoded[i].First = w.first
	}
	p.nextID++
	f.id, b.ID, b.Closed = p.nextID, p.nextID, p.closedBelow(ts)
	p.mu.Unlock()
	cmd := shard.EncodeStamped(make([]byte, 0, size), &b, encoded, ts)

	p.mu.Lock()
	p.flying[f.id] = f // from here on its writes may end, and be used again
	p.taken = nil
	p.mu.Unlock()
	p.count(len(batch), len(cmd))
	drop := func(err error) { p.dropped(f.id, err) }
	if err := p.r.group.Propose(p.r.ctx, cmd, drop); err != nil {
		drop(err)
	}
}

// closedBelow is the newest timestamp at or below which nothing will commit any more: entries on their way have higher
// ones, and so has everything that gets its timestamp later. Called with mu held.
func (p *proposer) closedBelow(ts mvcc.Timestamp) mvcc.Timestamp {
	for _, f := range p.flying {
		ts = min(ts, f.ts)
	}
	return ts - 1
}

// current leaves out the writes whose tenure is over.
func (p *proposer) current(batch []*write) []*write {
	t := p.r.tenure.Load()
	isLost := func(w *write) bool { return w.tenure != t }
	if !slices.ContainsFunc(batch, isLost) {
		return batch
	}
	var keep, lost []*write
	for _, w := range batch {
		if isLost(w) {
			lost = append(lost, w)
		} else {
			keep = append(keep, w)
		}
	}
	p.mu.Lock()
	p.taken = keep
	p.mu.Unlock()
	p.finishApart(lost, p.r.notHere(0, 0))
	return keep
}

func (p *proposer) count(proposals, bytes int) {
	s := &p.r.stats
	s.Entries.Add(1)
	s.Proposals.Add(uint64(proposals))
	s.EntryBytes.Add(uint64(bytes))
	metric.Raise(&s.MaxBatch, uint64(proposals))
}

// requeue puts writes back to be proposed again, before those that came later, after a pause.
func (p *proposer) requeue(ws []*write) {
	if len(ws) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.backoff, p.taken = true, nil
	p.requeueLocked(ws)
}

func (p *proposer) requeueLocked(ws []*write) {
	p.queue = append(append(make([]*write, 0, len(ws)+len(p.queue)), ws...), p.queue...)
	p.wakeLocked()
}

// dropped takes in that a batch is presumed lost. Its writes are proposed again: a shard that applied them after all
// answers with the recorded outcome.
func (p *proposer) dropped(id uint64, err error) {
	p.mu.Lock()
	f := p.flying[id]
	if f == nil {
		p.mu.Unlock()
		return
	}
	delete(p.flying, id)
	for _, w := range f.writes {
		w.doubt()
	}
	closed := p.closed
	if closed == nil {
		p.backoff = true
		p.requeueLocked(f.writes)
	}
	p.mu.Unlock()
	if closed != nil {
		p.finish(f.writes, closed)
		return
	}
	p.r.stats.Reproposals.Add(uint64(len(f.writes)))
	p.r.log.Debug("batch dropped", "batch", id, "writes", len(f.writes), "err", err)
}

// applied takes in a batch's results, from the apply goroutine.
func (p *proposer) applied(res *shard.Result) {
	p.mu.Lock()
	f := p.flying[res.Batch]
	if f == nil || res.Err == nil && len(f.writes) != len(res.Results) {
		p.mu.Unlock()
		return // another node's, or presumed lost and proposed again
	}
	delete(p.flying, res.Batch)
	p.wakeLocked()
	p.mu.Unlock()
	p.r.stats.Applied.Observe(p.r.clock.Now() - f.since)
	if res.Err != nil { // nothing of the entry was executed
		p.finish(f.writes, mysqlerr.NotSupported(fmt.Sprintf("a log entry that can't be read: %v", res.Err)))
		return
	}

	done, again := f.writes[:0:len(f.writes)], []*write(nil)
	for i, w := range f.writes {
		pr := &res.Results[i]
		if p.r.tenure.Load() == w.tenure && (pr.Status == shard.StaleTimestamp || pr.Status == shard.Forgotten && p.isAlone(w)) {
			w.locker().TS.Store(0) // earlier tries have lower timestamps: they fail, too
			again = append(again, w)
			continue
		}
		if pr.Status == shard.Claimed {
			blocker := pr.Blocker
			spawn.Go("a write that was claimed", func() { p.retryAfter(w, blocker) })
			continue
		}
		w.outcome = *pr
		done = append(done, w)
	}
	if again != nil {
		p.r.stats.Reproposals.Add(uint64(len(again)))
		p.mu.Lock()
		p.requeueLocked(again)
		p.mu.Unlock()
	}
	p.finish(done, nil)
}

// claimPoll bounds how long a claimed write waits without looking again.
const claimPoll = 100 * time.Millisecond

// retryAfter proposes w again when a prepared transaction that holds one of its keys has ended.
func (p *proposer) retryAfter(w *write, blocker fragment.TxnID) {
	p.r.stats.ClaimWaits.Add(1)
	p.r.landed(w) // whoever ends what w waits for may be waiting for room
	t := w.tenure
	t.mu.Lock()
	var ended <-chan struct{}
	if x := t.txns[blocker]; x != nil {
		ended = t.locks.Flights.Landing(&x.owner)
	}
	t.mu.Unlock()
	timer := p.r.clock.NewTimer(claimPoll)
	defer timer.Stop()
	select {
	case <-ended:
	case <-t.lost:
	case <-timer.C():
	case <-p.r.ctx.Done():
	}
	p.mu.Lock()
	closed := p.closed
	if closed == nil && p.r.tenure.Load() == t {
		p.requeueLocked([]*write{w})
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	if closed == nil {
		closed = p.r.notHere(0, 0)
	}
	p.finishApart([]*write{w}, closed)
}

// isAlone tells whether w is still known not to be a repetition.
func (p *proposer) isAlone(w *write) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return w.alone
}

// abandon ends the writes of a tenure that is over: the shard has applied a later epoch, so what it has not applied of
// them it will refuse. (Where a snapshot hid their results, a retry under the same id finds the recorded outcome.)
func (p *proposer) abandon(t *tenure, err error) {
	var ws []*write
	p.mu.Lock()
	for id, f := range p.flying {
		if len(f.writes) > 0 && f.writes[0].tenure == t {
			delete(p.flying, id)
			ws = append(ws, f.writes...)
		}
	}
	for _, w := range ws {
		w.doubt()
	}
	keep := p.queue[:0]
	for _, w := range p.queue {
		if w.tenure == t {
			ws = append(ws, w)
		} else {
			keep = append(keep, w)
		}
	}
	clear(p.queue[len(keep):])
	p.queue = keep
	p.wakeLocked()
	p.mu.Unlock()
	p.finishApart(ws, err)
}

// finishApart is finish for writes that the end of a tenure has met, some of which may have been executed.
func (p *proposer) finishApart(ws []*write, err error) {
	var undone, doubtful []*write
	for _, w := range ws {
		if w.lost {
			doubtful = append(doubtful, w)
		} else {
			undone = append(undone, w)
		}
	}
	p.finish(undone, err)
	p.finish(doubtful, inDoubt(err))
}

// inDoubt is err for a request that may have been executed.
func inDoubt(err error) error {
	var moved *leaseholder.NotLeaseholder
	if !errors.As(err, &moved) {
		return err
	}
	doubtful := *moved
	doubtful.Doubtful = true
	return &doubtful
}

// finish ends writes with their outcomes, or all with err: their locks are released, and their clients told.
func (p *proposer) finish(ws []*write, err error) {
	if len(ws) == 0 {
		return
	}
	p.release(ws, err)
	for _, w := range ws {
		p.r.landed(w)
		if w.txn != nil {
			p.r.above.decide(w, err)
		}
	}
	p.mu.Lock()
	for _, w := range ws {
		if w.detached || w.ended {
			continue
		}
		w.err, w.ended = err, true
		w.done <- struct{}{}
	}
	p.mu.Unlock()
}

// release frees the locks of writes, tenure by tenure; but those of transactions that are now prepared stay.
func (p *proposer) release(ws []*write, err error) {
	owners := make([]*lock.Owner, 0, len(ws))
	for i, w := range ws {
		o := w.locker()
		switch {
		case w.kind == shard.ProposalStage: // the transaction keeps its locks to the last piece
		case err == nil && w.leavesPrepared():
			w.tenure.locks.Flights.Prepared(o)
		case o.IsBig():
			locks := w.tenure.locks
			spawn.Go("releasing locks", func() { locks.Release(o) }) // not on the apply goroutine: others wait for it
		default:
			owners = append(owners, o)
		}
		if i+1 == len(ws) || ws[i+1].tenure != w.tenure {
			w.tenure.locks.Release(owners...)
			owners = owners[:0]
		}
	}
}

// detach ends a client's waiting while the write goes on; false: it has just ended. Only a resolved write releases its
// registration, so that no snapshot read overtakes it.
func (p *proposer) detach(w *write) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.ended {
		return false
	}
	w.detached, w.alone = true, false
	return true
}

// tick tells clients that have waited too long that the outcome is unknown; all of them, if the lease has run out for
// so long (lapsed) that another node may serve by now, of which this one hears nothing.
func (p *proposer) tick(lapsed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweep++
	late := func(w *write) {
		if !w.detached && !w.ended && (lapsed || p.sweep-w.sweep > unknownAfter) {
			w.detached, w.alone, w.err = true, false, leaseholder.ErrUnknown
			p.r.stats.UnknownOutcomes.Add(1)
			w.done <- struct{}{}
		}
	}
	for _, w := range p.queue {
		late(w)
	}
	for _, w := range p.taken { // waiting for timestamps
		late(w)
	}
	for _, f := range p.flying {
		for _, w := range f.writes {
			late(w)
		}
	}
}

// close ends everything with err.
func (p *proposer) close(err error) {
	p.mu.Lock()
	p.closed = err
	var ws []*write
	for id, f := range p.flying {
		delete(p.flying, id)
		ws = append(ws, f.writes...)
	}
	ws = append(ws, p.queue...)
	p.queue = nil
	p.mu.Unlock()
	p.finish(ws, err)
}

// dropAll presumes that everything on its way is lost: raft's leader has changed, and what it had not committed may
// never be. (Raft itself would tell only after a timeout of seconds.)
func (p *proposer) dropAll() {
	p.mu.Lock()
	if p.closed != nil || len(p.flying) == 0 {
		p.mu.Unlock()
		return
	}
	flights := make([]*flight, 0, len(p.flying))
	for id, f := range p.flying {
		delete(p.flying, id)
		flights = append(flights, f)
	}
	slices.SortFunc(flights, func(a, b *flight) int { return cmp.Compare(a.ts, b.ts) })
	var ws []*write
	for _, f := range flights {
		ws = append(ws, f.writes...)
	}
	for _, w := range ws {
		w.doubt()
	}
	p.backoff = true
	p.requeueLocked(ws)
	p.mu.Unlock()
	p.r.stats.Reproposals.Add(uint64(len(ws)))
}
