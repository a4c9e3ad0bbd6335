package model

import "fmt"

// action names a step.
type action struct {
	what    string
	t, s, i int8 // the transaction, the shard, the copy; -1: none
}

func (a action) String() string {
	out := a.what
	if a.t >= 0 {
		out += fmt.Sprintf(" T%d", a.t+1)
	}
	if a.s >= 0 {
		out += fmt.Sprintf(" in shard %c", 'A'+a.s)
	}
	if a.i >= 0 {
		out += fmt.Sprintf(" (copy %d)", a.i+1)
	}
	return out
}

// Steps that are known by name elsewhere.
const (
	stepLock         = "lock"
	stepAsk          = "prepare is asked for:"
	stepPropose      = "propose"
	stepProposeAgain = "propose again"
	stepApply        = "apply proposal:"
	stepMark         = "apply abort mark:"
	stepCommit       = "apply resolve to commit:"
	stepAbort        = "apply resolve to abort:"
	stepForget       = "forget decision"
	stepAge          = "outcome has aged:"
	stepFailOver     = "failover"
	stepHandOver     = "hand-over"
	stepClose        = "close timestamps"
	stepInquire      = "outcome is asked for:"
	stepRead         = "reader reads"
	stepDecide       = "commit is decided:"
	stepDecideAbort  = "abort is decided:"
	stepTellCommit   = "client is told of the commit:"
	stepCrash        = "gateway crashes:"
	stepTellAbort    = "client is told of an abort:"
	stepTellUnknown  = "client is told that nobody knows:"
)

// stepper collects the steps from one state.
type stepper struct {
	c    *Config
	from *state
	n    state // the successor in the making
	emit func(action, *state)
}

// try runs fn on a copy of the state; it emits the copy where fn says that the step is possible.
func (x *stepper) try(what string, t, s, i int, fn func(n *state) bool) {
	x.n = *x.from
	if fn(&x.n) {
		if !x.c.Exact {
			x.n.canonical()
		}
		x.emit(action{what, int8(t), int8(s), int8(i)}, &x.n)
	}
}

// Next lists what may happen in s.
func (c *Config) Next(s *state, emit func(action, *state)) {
	x := stepper{c: c, from: s, emit: emit}
	for t := range c.Txns {
		x.gateway(t)
		for sh := range c.Shards {
			if c.in(t, sh) {
				x.leg(t, sh)
			}
		}
	}
	for sh := range c.Shards {
		x.shard(sh)
	}
	x.read()
}

// gateway steps: the transaction's coordinator, and whoever decides in its place.
func (x *stepper) gateway(t int) {
	c := x.c
	x.try(stepTellCommit, t, -1, -1, func(n *state) bool { return c.tellCommit(n, t) })
	x.try(stepTellAbort, t, -1, -1, func(n *state) bool { return c.tellAbort(n, t) })
	x.try(stepTellUnknown, t, -1, -1, func(n *state) bool { return c.tellUnknown(n, t) })
	x.try(stepCrash, t, -1, -1, func(n *state) bool {
		ok := n.txns[t].phase == committing && c.Crashes>>t&1 == 1
		n.txns[t].phase = crashed
		return ok
	})
	if c.single(t) {
		return
	}
	x.try(stepDecide, t, -1, -1, func(n *state) bool {
		at, ok := c.allPrepared(n, t)
		if !ok || n.txns[t].commitAt != 0 {
			return false
		}
		n.txns[t].commitAt = at
		return true
	})
	x.try(stepDecideAbort, t, -1, -1, func(n *state) bool {
		x := &n.txns[t]
		ok := c.judgesAbort(n, t) && x.abort == 0
		x.abort = 1
		return ok
	})
}

// leg steps: a transaction's part in a shard.
func (x *stepper) leg(t, s int) {
	c := x.c
	x.try(stepLock, t, s, -1, func(n *state) bool { return c.lock(n, t, s) })
	x.try(stepAsk, t, s, -1, func(n *state) bool { return c.ask(n, t, s) })
	x.try(stepPropose, t, s, -1, func(n *state) bool { return c.propose(n, t, s) })
	x.try(stepProposeAgain, t, s, -1, func(n *state) bool { return c.proposeAgain(n, t, s) })
	for i := range maxCopies {
		x.try(stepApply, t, s, i, func(n *state) bool { return c.applyCopy(n, t, s, i) })
	}
	x.try(stepInquire, t, s, -1, func(n *state) bool { return c.inquire(n, t, s) })
	x.try(stepMark, t, s, -1, func(n *state) bool { return c.applyMark(n, t, s) })
	x.try("roll back", t, s, -1, func(n *state) bool { return c.rollBack(n, t, s) })
	if !c.single(t) {
		x.try(stepCommit, t, s, -1, func(n *state) bool { return c.resolveCommit(n, t, s) })
		x.try(stepAbort, t, s, -1, func(n *state) bool { return c.resolveAbort(n, t, s) })
		x.try(stepForget, t, s, -1, func(n *state) bool { return c.forget(n, t, s) })
	}
	x.try(stepAge, t, s, -1, func(n *state) bool { return c.age(n, t, s) })
}

// shard steps: failover, hand-over, the closed timestamp.
func (x *stepper) shard(s int) {
	c := x.c
	x.try(stepFailOver, -1, s, -1, func(n *state) bool { return c.failOver(n, s) })
	x.try(stepHandOver, -1, s, -1, func(n *state) bool { return c.handOver(n, s) })
	x.try(stepClose, -1, s, -1, func(n *state) bool { return c.closeTimestamps(n, s) })
}

// lock locks the row for an interactive transaction, shard by shard; with the last one COMMIT begins.
func (c *Config) lock(n *state, t, s int) bool {
	x, h := &n.txns[t], &n.shards[s]
	l := &h.legs[t]
	if x.phase != running || l.joined == 1 || c.Txns[t].Kind != Interactive {
		return false
	}
	for before := range s {
		if c.in(t, before) && n.shards[before].legs[t].joined == 0 {
			return false // only the order of locks matters to the model, not which
		}
	}
	if h.lock != 0 {
		return false
	}
	for i := range h.legs {
		if h.legs[i].mem == legFlying && c.Txns[i].Kind == Auto {
			return false // what is in flight holds the row in auto mode
		}
	}
	h.lock, l.joined, l.mem, l.saw = uint8(t+1), 1, legOpen, h.newest().at
	if c.Txns[t].Locks>>(s+1) == 0 {
		x.phase, x.first = committing, c.known(n)
	}
	return true
}

// ask is the gateway's request to prepare (or to commit, in one shard), also repeated, arriving at the leaseholder.
func (c *Config) ask(n *state, t, s int) bool {
	x, h := &n.txns[t], &n.shards[s]
	l := &h.legs[t]
	alone := uint8(1) // an open leg was never proposed
	if c.Txns[t].Kind != Interactive {
		alone = 1 - l.joined
		if x.phase == running {
			x.phase, x.first = committing, c.known(n)
		}
	}
	if x.phase != committing || l.mem == legFlying || l.prepared != 0 || l.outcome != unknown || l.saidForgotten == 1 {
		return false // there is an answer, or will be: see inquire
	}
	switch {
	case c.Txns[t].Kind == Auto && (h.lock != 0 || c.intentOfOther(n, t, s) && !c.has(BugNoLocksAgain)):
		return false // waits for the lock
	case c.Txns[t].Kind != Interactive:
		l.joined = 1
	case l.mem == legGone: // its locks are lost: leave an abort mark
		ok := l.mark == 0
		l.mark, l.markFirst = 1, x.first
		return ok
	}
	l.mem, l.ts, l.floor, l.first, l.alone = legFlying, 0, h.seen, x.first, alone
	return true
}

// known is what a gateway knows to have been handed out; 0: it does not say, and it does not matter where nothing is
// forgotten.
func (c *Config) known(n *state) stamp {
	if c.Ages > 0 {
		n.now = max(n.now, 1)
		return n.now
	}
	return 0
}

// propose fetches a timestamp for what is in flight, and proposes it.
func (c *Config) propose(n *state, t, s int) bool {
	h := &n.shards[s]
	l := &h.legs[t]
	if l.mem != legFlying || l.newestCopy() >= 0 {
		return false
	}
	if c.intentOfOther(n, t, s) && !c.has(BugIgnoreIntents|BugNoLocksAgain) {
		return false // it was, or would be, refused for an intent: wait until that is gone
	}
	if c.has(BugRegisterLate) && l.ts == 0 {
		n.now++
		l.ts = n.now // readers see the registration when there is a copy
		return true
	}
	return c.stamp(n, t, s)
}

// proposeAgain stamps and proposes once more what was presumed lost, and may be applied nevertheless.
func (c *Config) proposeAgain(n *state, t, s int) bool {
	l := &n.shards[s].legs[t]
	if l.mem != legFlying || l.newestCopy() < 0 || n.left.reproposals == 0 {
		return false
	}
	n.left.reproposals--
	l.alone = 0
	return c.stamp(n, t, s)
}

func (c *Config) stamp(n *state, t, s int) bool {
	h := &n.shards[s]
	l := &h.legs[t]
	at := l.ts
	if !c.has(BugRegisterLate) || l.newestCopy() >= 0 {
		n.now++
		at = n.now
	}
	for i := range l.copies {
		if l.copies[i].epoch != 0 {
			continue
		}
		if l.alone == 1 && c.Ages > 0 {
			l.first = at
		}
		l.copies[i] = proposal{epoch: h.epoch, ts: at, first: l.first}
		if l.ts == 0 || c.has(BugLaterStamp) {
			l.ts = at
		}
		h.seen = max(h.seen, at)
		return true
	}
	return false
}

// newestCopy is the copy that the leaseholder waits for; -1: none.
func (l *leg) newestCopy() (newest int) {
	newest = -1
	for i := range l.copies {
		if l.copies[i].epoch != 0 && (newest < 0 || l.copies[i].ts > l.copies[newest].ts) {
			newest = i
		}
	}
	return newest
}

// inquire is a request for a transaction's state, by its gateway or by one who found it prepared, and the answer.
func (c *Config) inquire(n *state, t, s int) bool {
	x, h := &n.txns[t], &n.shards[s]
	l := &h.legs[t]
	if x.phase != committing && x.wasPrepared == 0 {
		return false
	}
	switch {
	case l.prepared != 0:
		ok := l.saidPrepared != l.prepared
		l.saidPrepared = l.prepared
		return ok
	case l.outcome == committed:
		ok := l.saidCommitted != l.at
		l.saidCommitted = l.at
		return ok
	case l.outcome == aborted:
		ok := l.saidAborted == 0
		l.saidAborted = 1
		return ok
	}
	if x.wasPrepared == 0 || c.single(t) {
		return false // the gateway repeats its request instead
	}
	if c.has(BugNoMark) {
		l.saidAborted = 1
		return true
	}
	ok := l.mark == 0 && l.saidForgotten == 0
	if l.mark, l.markFirst = 1, x.first; l.mem == legOpen && !c.has(BugMarkKeepsLeg) {
		h.land(t) // never proposed, and never will be
		l.markFirst = 0
	}
	return ok
}

// allPrepared is the decision to commit, as far as answers allow it: the timestamp.
func (c *Config) allPrepared(n *state, t int) (at stamp, ok bool) {
	for s := range c.Shards {
		if !c.in(t, s) {
			continue
		}
		l := &n.shards[s].legs[t]
		if l.saidCommitted != 0 {
			return l.saidCommitted, true
		}
	}
	for s := range c.Shards {
		if !c.in(t, s) {
			continue
		}
		l := &n.shards[s].legs[t]
		if l.saidPrepared == 0 {
			return 0, false
		}
		at = max(at, l.saidPrepared)
	}
	return at, !c.single(t)
}

// judgesAbort is the decision to abort: where somebody has forgotten the transaction and nobody says that it has ended, it
// has ended everywhere, or never will commit.
func (c *Config) judgesAbort(n *state, t int) bool {
	if c.anyAborted(n, t) {
		return true
	}
	for s := range c.Shards {
		if c.in(t, s) && n.shards[s].legs[t].saidCommitted != 0 {
			return false
		}
	}
	return c.anyForgotten(n, t)
}

func (c *Config) anyForgotten(n *state, t int) bool {
	for s := range c.Shards {
		if c.in(t, s) && n.shards[s].legs[t].saidForgotten == 1 {
			return true
		}
	}
	return false
}

func (c *Config) anyAborted(n *state, t int) bool {
	for s := range c.Shards {
		if c.in(t, s) && n.shards[s].legs[t].saidAborted == 1 {
			return true
		}
	}
	return false
}

// tellCommit answers the client when the gateway knows that all participants have prepared, or of the commit.
func (c *Config) tellCommit(n *state, t int) bool {
	x := &n.txns[t]
	at, ok := c.allPrepared(n, t)
	if x.phase != committing || !ok {
		return false
	}
	x.phase, x.ackedAt = toldCommitted, at
	return true
}

// tellAbort answers the client when a participant has told the gateway that it will never prepare. The gateway may not
// have heard the others' answers.
func (c *Config) tellAbort(n *state, t int) bool {
	x := &n.txns[t]
	if x.phase != committing || !c.anyAborted(n, t) {
		return false
	}
	x.phase = toldAborted
	return true
}

// tellUnknown answers the client when a participant may have forgotten what became of the transaction.
func (c *Config) tellUnknown(n *state, t int) bool {
	x := &n.txns[t]
	if x.phase != committing || !c.anyForgotten(n, t) {
		return false
	}
	x.phase = toldUnknown
	return true
}

// rollBack drops a leg whose transaction is over and that was never proposed.
func (c *Config) rollBack(n *state, t, s int) bool {
	h := &n.shards[s]
	if p := n.txns[t].phase; p != toldAborted && p != toldUnknown && p != crashed || h.legs[t].mem != legOpen {
		return false
	}
	h.land(t)
	return true
}

// land ends a leg in the leaseholder's memory, and its lock.
func (h *shardState) land(t int) {
	l := &h.legs[t]
	l.mem, l.ts, l.floor, l.first, l.alone = legGone, 0, 0, 0, 0
	h.unlock(t)
}

func (h *shardState) unlock(t int) {
	if h.lock == uint8(t+1) {
		h.lock = 0
	}
}

// failOver is the next epoch, at a leaseholder that knows nothing but the log.
func (c *Config) failOver(n *state, s int) bool {
	if n.left.failovers == 0 {
		return false
	}
	n.left.failovers--
	h := &n.shards[s]
	h.epoch++
	h.lock, h.seen = 0, 0
	for t := range c.Txns {
		l := &h.legs[t]
		l.mem, l.ts, l.floor, l.first, l.alone = legGone, 0, 0, 0, 0
		if l.prepared != 0 && !c.has(BugNoLocksAgain) && (c.writes(t, s) || !c.has(BugChecksFree)) {
			h.lock = uint8(t + 1)
		}
	}
	c.newEpoch(n, s)
	return true
}

// handOver is the next epoch at a leaseholder that was given what the one before had in memory. It waits for what is in
// flight.
func (c *Config) handOver(n *state, s int) bool {
	h := &n.shards[s]
	if n.left.handOvers == 0 {
		return false
	}
	for t := range c.Txns {
		if h.legs[t].mem == legFlying {
			return false
		}
	}
	n.left.handOvers--
	h.epoch++
	h.seen = 0
	c.newEpoch(n, s)
	return true
}

// newEpoch sends away who reads in the shard, and drops from the log's queue what apply will refuse.
func (c *Config) newEpoch(n *state, s int) {
	if int(n.reader.place) == s {
		n.reader.phase = arriving
	}
	if c.has(BugNoEpochCheck) {
		return
	}
	for t := range c.Txns {
		l := &n.shards[s].legs[t]
		l.copies = [maxCopies]proposal{}
		if l.mem == legGone && l.prepared == 0 {
			l.saw = 0 // nobody knows it any more
		}
	}
}

// closeTimestamps closes as many as apply allows.
func (c *Config) closeTimestamps(n *state, s int) bool {
	h := &n.shards[s]
	at := c.closable(n, s)
	if n.left.closes == 0 || at <= h.closed {
		return false
	}
	n.left.closes--
	h.closed = at
	return true
}

// closable is what apply closes when it is asked to close everything.
func (c *Config) closable(n *state, s int) stamp {
	at := n.now
	for t := range c.Txns {
		if p := n.shards[s].legs[t].prepared; p != 0 && !c.has(BugClosedPasses) {
			at = min(at, p-1)
		}
	}
	return at
}
