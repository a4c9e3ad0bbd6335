package model

import "math/bits"

// Bounds of every configuration. Each shard has one row, so that shards and rows are counted together.
const (
	maxShards = 3
	maxTxns   = 3
	maxCopies = 2 // of one proposal in the log at once
)

// stamp is a timestamp; 0: none. Only their order matters: canonical renumbers them from 1.
type stamp = uint8

// state is everything that the protocol's actors know and what is under way between them. It is comparable, and has no
// padding that could differ between equal states.
type state struct {
	now    stamp // the newest timestamp handed out
	broken rule  // what a step has broken
	shards [maxShards]shardState
	txns   [maxTxns]txnState
	reader readerState
	left   budget
}

// budget is what may still go wrong.
type budget struct {
	failovers, handOvers, reproposals, closes, ages uint8
}

// shardState is one shard: what its log did, and what the leaseholder of its present epoch has in memory.
type shardState struct {
	epoch   uint8
	closed  stamp // nothing commits at or below it any more
	horizon stamp // outcomes that were stamped up to here may have been forgotten
	shown   stamp // the largest that something was committed at: newest reads have seen all up to there
	count   uint8
	rows    [maxTxns]version // of the one row, in the order of commit

	// In memory.
	lock uint8 // the transaction that holds the row exclusively, + 1
	seen stamp // the newest timestamp known here (lock.Flights.Saw)
	legs [maxTxns]leg
}

// version is the row as a transaction left it.
type version struct {
	at  stamp
	txn uint8 // + 1
}

// leg is a transaction's part in one shard.
type leg struct {
	joined uint8 // the gateway has locked the row here

	// In the leaseholder's memory.
	mem   uint8 // legGone, legOpen, legFlying
	ts    stamp // while flying: the timestamp that readers may rely on; 0: none
	floor stamp // while flying: its timestamp is above this for sure
	first stamp // while flying: what its proposals carry (shard.Proposal.First)
	alone uint8 // while flying: none of its proposals can have been executed without its being known

	// Under way in the log.
	copies    [maxCopies]proposal
	mark      uint8 // an abort mark
	markFirst stamp // what it carries; 0: it is known not to come too late

	// In the shard's state.
	saw      stamp // version of the row when it was locked; travels with workspace, proposal and prepared record
	prepared stamp // the prepared record's timestamp
	outcome  uint8
	at       stamp // committed at
	kept     uint8 // the record of a decision that not all participants have carried out

	// Answers to whoever asked; they may be read at any time later.
	saidPrepared  stamp
	saidCommitted stamp
	saidAborted   uint8
	saidForgotten uint8
}

// proposal is a prepare (of one shard's transaction: a commit) in the log's queue.
type proposal struct {
	epoch     uint8 // 0: none
	ts, first stamp
}

const (
	legGone   = 0 // unknown to the leaseholder, or ended
	legOpen   = 1 // workspace and lock
	legFlying = 2 // registered as in flight, proposed or about to be
)

const (
	unknown   = 0
	committed = 1
	aborted   = 2
)

// txnState is a transaction's gateway, and what has been decided about it.
type txnState struct {
	phase       uint8
	first       stamp // known when COMMIT began
	ackedAt     stamp
	wasPrepared uint8 // somewhere: somebody may ask the participants
	commitAt    stamp // somebody decided to commit
	abort       uint8 // somebody decided to abort
	resolved    uint8 // bits of shards that have carried the decision out
	committedIn uint8 // bits of shards where it took effect
	droppedIn   uint8 // bits of shards where its prepared record was dropped
}

const (
	running       = 0
	committing    = 1
	toldCommitted = 2 // the client
	toldAborted   = 3
	crashed       = 4
	toldUnknown   = 5
)

// readerState reads the shards' rows one after the other.
type readerState struct {
	at    stamp // the snapshot; 0: newest
	begun uint8
	acked uint8 // transactions that were acknowledged before it began
	place uint8 // the shard it is at
	phase uint8
	got   [maxShards]uint8 // the transaction whose version it saw, + 1; of the shards before place
}

const (
	arriving     = 0 // nothing done in this shard
	passedFlying = 1 // no write in flight can commit at or below the snapshot
	passedRecord = 2 // no prepared transaction can either
)

// canonical renumbers the timestamps, so that states that differ in unused ones are the same.
func (s *state) canonical() {
	var used uint64
	s.stamps(func(p *stamp) { used |= 1 << *p })
	used |= 1
	s.stamps(func(p *stamp) { *p = stamp(bits.OnesCount64(used & (1<<*p - 1))) })
}

// stamps visits every timestamp.
func (s *state) stamps(fn func(*stamp)) {
	fn(&s.now)
	fn(&s.reader.at)
	for i := range s.shards {
		h := &s.shards[i]
		if h.epoch == 0 {
			continue // the configuration does without it
		}
		fn(&h.closed)
		fn(&h.horizon)
		fn(&h.shown)
		fn(&h.seen)
		for j := range h.rows {
			fn(&h.rows[j].at)
		}
		for j := range h.legs {
			h.legs[j].stamps(fn)
		}
	}
	for i := range s.txns {
		fn(&s.txns[i].first)
		fn(&s.txns[i].ackedAt)
		fn(&s.txns[i].commitAt)
	}
}

func (l *leg) stamps(fn func(*stamp)) {
	fn(&l.ts)
	fn(&l.floor)
	fn(&l.first)
	fn(&l.markFirst)
	fn(&l.saw)
	fn(&l.prepared)
	fn(&l.at)
	fn(&l.saidPrepared)
	fn(&l.saidCommitted)
	for i := range l.copies {
		fn(&l.copies[i].ts)
		fn(&l.copies[i].first)
	}
}

// newest is the shard's newest version; the zero one before the first.
func (h *shardState) newest() version {
	if h.count == 0 {
		return version{}
	}
	return h.rows[h.count-1]
}

// asOf is the newest version at or below a timestamp.
func (h *shardState) asOf(at stamp) (v version) {
	for _, x := range h.rows[:h.count] {
		if x.at <= at && x.at >= v.at {
			v = x
		}
	}
	return v
}
