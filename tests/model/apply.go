package model

// What applying a log entry does, as storage/shard does it.

// verdict is what a shard says to a prepare, or to a commit in one shard, when it comes up in its log.
type verdict uint8

const (
	saysStaleEpoch     verdict = iota + 1 // another tenure's
	saysDuplicate                         // it is known how the transaction stands here
	saysStaleTimestamp                    // stamp it again
	saysClaimed                           // another transaction is prepared on the row: come again when that has ended
	saysConflict                          // the row is not as the transaction saw it: aborted
	saysDone                              // prepared; in one shard: committed
	saysForgotten                         // it may be a repetition of what has ended
)

// verdict depends on what the log did alone. The order of the questions is storage/shard's.
func (c *Config) verdict(n *state, t, s int, p proposal) verdict {
	h := &n.shards[s]
	l := &h.legs[t]
	switch {
	case p.epoch != h.epoch && !c.has(BugNoEpochCheck):
		return saysStaleEpoch
	case l.prepared != 0, l.outcome == committed, l.outcome == aborted && !c.has(BugNoMarkCheck):
		return saysDuplicate
	case p.first != 0 && p.first <= h.horizon && !c.has(BugNoHorizon):
		return saysForgotten
	case p.ts <= h.closed, p.ts <= h.shown:
		return saysStaleTimestamp
	case c.intentOfOther(n, t, s) && !c.has(BugIgnoreIntents):
		return saysClaimed
	case p.ts <= h.newest().at:
		return saysStaleTimestamp
	case c.Txns[t].Kind == Interactive && l.saw != h.newest().at && !c.has(BugNoVersionCheck):
		return saysConflict
	}
	return saysDone
}

// applyCopy applies a prepare, or a commit in one shard.
func (c *Config) applyCopy(n *state, t, s, i int) bool {
	h := &n.shards[s]
	l := &h.legs[t]
	p := l.copies[i]
	if p.epoch == 0 {
		return false
	}
	newest := l.newestCopy() == i
	l.copies[i] = proposal{}
	mine := l.mem == legFlying
	switch c.verdict(n, t, s, p) {
	case saysDuplicate:
		if l.prepared != 0 && c.has(BugTakesOverStamp) {
			l.prepared = p.ts
		}
		if mine {
			h.land(t)
		}
	case saysStaleTimestamp:
		if mine && newest {
			l.ts, l.copies = 0, [maxCopies]proposal{} // earlier copies are refused as well
		}
	case saysForgotten:
		switch {
		case !mine || !newest: // nobody waits for it
		case l.alone == 1: // it is no repetition: stamped again
			l.ts, l.copies = 0, [maxCopies]proposal{}
		default:
			l.saidForgotten = 1
			h.land(t)
		}
	case saysClaimed:
		if l.newestCopy() < 0 {
			l.ts = 0
		}
	case saysConflict:
		l.outcome = aborted
		h.land(t)
	case saysDone:
		c.accept(n, t, s, p.ts)
	}
	return true
}

// accept prepares a transaction, or commits it in its one shard.
func (c *Config) accept(n *state, t, s int, at stamp) {
	h := &n.shards[s]
	l := &h.legs[t]
	if c.Txns[t].Kind != Interactive {
		l.saw = h.newest().at
	}
	if c.single(t) {
		c.commit(n, t, s, at)
		h.land(t)
		return
	}
	l.prepared, n.txns[t].wasPrepared = at, 1
	l.mem, l.ts, l.floor, l.first, l.alone = legGone, 0, 0, 0, 0 // the lock stays
	if !c.writes(t, s) && c.has(BugChecksFree) {
		h.unlock(t)
	}
}

// commit makes the transaction's version, and records the outcome.
func (c *Config) commit(n *state, t, s int, at stamp) {
	h := &n.shards[s]
	l := &h.legs[t]
	switch {
	case h.newest().at != l.saw:
		n.broken = ruleOverwritten
	case at <= h.newest().at:
		n.broken = ruleOrder
	case at <= h.closed:
		n.broken = ruleClosed
	case n.txns[t].committedIn>>s&1 == 1:
		n.broken = ruleTwice
	}
	if c.writes(t, s) && int(h.count) < len(h.rows) {
		h.rows[h.count] = version{at, uint8(t + 1)}
		h.count++
	}
	l.outcome, l.at, l.saw = committed, at, 0
	h.shown = max(h.shown, at)
	n.txns[t].committedIn |= 1 << s
}

// markVerdict is what a shard says to an abort mark.
func (c *Config) markVerdict(n *state, t, s int) verdict {
	h := &n.shards[s]
	l := &h.legs[t]
	switch {
	case l.outcome != unknown || l.prepared != 0:
		return saysDuplicate
	case l.markFirst != 0 && l.markFirst <= h.horizon && !c.has(BugNoHorizon):
		return saysForgotten
	}
	return saysDone
}

// applyMark applies an abort mark.
func (c *Config) applyMark(n *state, t, s int) bool {
	h := &n.shards[s]
	l := &h.legs[t]
	if l.mark == 0 {
		return false
	}
	answer := c.markVerdict(n, t, s)
	l.mark, l.markFirst = 0, 0
	switch answer {
	case saysDuplicate:
		return true
	case saysForgotten:
		if l.mem != legFlying { // otherwise who asks waits for how that ends
			l.saidForgotten = 1
		}
		return true
	}
	l.outcome = aborted
	if l.mem != legGone && !c.has(BugMarkKeepsLeg) {
		h.land(t)
	}
	return true
}

func (c *Config) resolveCommit(n *state, t, s int) bool {
	x, h := &n.txns[t], &n.shards[s]
	l := &h.legs[t]
	if l.prepared == 0 || x.commitAt == 0 {
		return false
	}
	at := x.commitAt
	if c.has(BugOwnStamp) {
		at = l.prepared
	}
	c.commit(n, t, s, at)
	l.prepared, l.kept = 0, 1
	x.resolved |= 1 << s
	h.unlock(t)
	return true
}

func (c *Config) resolveAbort(n *state, t, s int) bool {
	x, h := &n.txns[t], &n.shards[s]
	l := &h.legs[t]
	if l.prepared == 0 || x.abort == 0 {
		return false
	}
	l.prepared, l.outcome, l.saw = 0, aborted, 0
	x.droppedIn |= 1 << s
	x.resolved |= 1 << s
	h.unlock(t)
	return true
}

// forget turns the record of a decision, which all participants have carried out, into one that ages.
func (c *Config) forget(n *state, t, s int) bool {
	l := &n.shards[s].legs[t]
	if l.kept == 0 || n.txns[t].resolved != c.Txns[t].Locks && !c.has(BugForgetEarly) {
		return false
	}
	l.kept = 0
	return true
}

// age forgets how a transaction ended, whoever may still ask for it.
func (c *Config) age(n *state, t, s int) bool {
	h := &n.shards[s]
	l := &h.legs[t]
	if n.left.ages == 0 || l.outcome == unknown || l.kept == 1 {
		return false
	}
	n.left.ages--
	l.outcome, l.at = unknown, 0
	h.horizon, h.shown = n.now, n.now // outcomes age because others commit
	return true
}
