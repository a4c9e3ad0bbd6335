package shard

import (
	"encoding/binary"
	"errors"
	"time"

	"cloudsql/storage/fragment"
	"cloudsql/storage/mutant"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/wire"

	"github.com/cockroachdb/pebble/v2"
)

// Whoever does not know how a proposal ended repeats it under the same transaction id, and is told the first outcome.
// What a shard remembers of outcomes is bounded, so it forgets, and must not take for new what it has forgotten:
//
//	proposed first            executed, at S > First                  forgotten: state.forgotten ≥ S
//	─────┬───────────────────────────┬────────────────────────────────────────────┬─────────→ log
//	   First                         └ outcome remembered                         └ repeated: First ≤ forgotten
//
// Each proposal carries a timestamp that was known before its transaction could be executed anywhere (Proposal.First), and
// so is not above that of any execution. Where it is at or below state.forgotten, the largest timestamp of an outcome that
// was ever forgotten, the proposal may be a repetition of one that has ended: nothing is done (Forgotten). What is newer
// than that can't be among the forgotten. Neither says anything about time, so no clock, timeout or number of transactions
// makes a shard do the same thing twice; they only decide how long it knows the answer.
//
// In batches without First, from before there was one, what was stamped up to state.forgotten is refused, and that is raised
// to all that the log has come to: who still waits for such a proposal has it stamped again.

// A transaction's outcome is remembered for at least this long, or for that many transactions or bytes of records,
// whichever ends first. Time is the log's own: it goes with the timestamps of batches, a step of outcomeStep at most for
// each, so that a clock that jumps makes nothing forgotten.
const (
	outcomeAge   = time.Minute
	outcomeStep  = time.Second
	outcomeCount = 512 << 10
	outcomeBytes = 128 << 20
)

// generations say which outcomes are remembered: two runs of log entries, the young one in the making and the old one
// before it. When the young one is full it becomes the old one and the old one is forgotten as a whole, in memory and
// in the engine. The turn happens between log entries and depends on the log alone.
type generations struct {
	young uint64         // first log index of the young generation
	old   uint64         // first log index of the old one
	since mvcc.Timestamp // first commit timestamp of the young one; 0: none yet
	count uint64         // outcomes in the young one

	// The rest is told by logs with First: 0 before the first such batch, the tops MaxTimestamp where they are not known.
	last     mvcc.Timestamp // the newest batch's timestamp
	age      uint64         // of the young one in milliseconds of the log's time
	bytes    uint64         // of the young one's records
	youngTop mvcc.Timestamp // largest timestamp of a proposal whose outcome is in the young one
	oldTop   mvcc.Timestamp // the same of the old one
}

// withoutTops are generations of which it is not known what is in them.
func withoutTops() generations {
	return generations{youngTop: mvcc.MaxTimestamp, oldTop: mvcc.MaxTimestamp}
}

// outcomes finds the log entry in which a transaction ended.
type outcomes struct {
	young, old map[fragment.TxnID]uint64
	// pending are the encoded outcomes of entries of the Apply in progress, which the engine does not have yet.
	pending map[uint64][]byte
}

func newOutcomes() outcomes {
	return outcomes{
		young:   map[fragment.TxnID]uint64{},
		old:     map[fragment.TxnID]uint64{},
		pending: map[uint64][]byte{},
	}
}

func (o *outcomes) index(txn fragment.TxnID) (uint64, bool) {
	if i, ok := o.young[txn]; ok {
		return i, true
	}
	i, ok := o.old[txn]
	return i, ok
}

// final tells whether a status ends its transaction; the others ask for another try under the same id.
func (s Status) final() bool {
	return s == Committed || s == Failed || s == Conflict || s == Aborted
}

// turnGenerations begins a new generation at log index, which brings b, if the young one is full.
func (a *applying) turnGenerations(index uint64, b *Batch) {
	g := &a.state.outcomes
	first := b.hasFirst()
	if !g.isFull(b, first, a.state.maxTS) {
		return
	}
	s := a.s
	if g.old < g.young {
		a.deleteRange(outcomeKey(s.id, g.old), outcomeKey(s.id, g.young))
		if g.oldTop != mvcc.MaxTimestamp {
			a.state.forgotten = max(a.state.forgotten, g.oldTop)
		}
		if g.oldTop == mvcc.MaxTimestamp || !first {
			a.state.forgotten = max(a.state.forgotten, a.state.maxTS, b.before())
		}
	}
	turned := withoutTops()
	turned.old, turned.young, turned.last, turned.oldTop = g.young, index, g.last, g.youngTop
	if g.last != 0 {
		turned.youngTop = 0
	}
	*g = turned
	a.outcomes.old, a.outcomes.young = a.outcomes.young, a.outcomes.old
	clear(a.outcomes.young)
}

// isFull tells whether the young generation is, before b. Batches without First are judged by as all versions do.
func (g *generations) isFull(b *Batch, first bool, newest mvcc.Timestamp) bool {
	if !first {
		age := time.Duration(newest>>mvcc.LogicalBits-g.since>>mvcc.LogicalBits) * time.Millisecond
		return g.count >= outcomeCount || g.since != 0 && age >= outcomeAge
	}
	g.pass(b.Proposals[0].TS)
	return g.count > 0 && (g.age >= uint64(outcomeAge/time.Millisecond) || g.count >= mutant.OutcomeCount(outcomeCount) ||
		g.bytes >= outcomeBytes)
}

// pass lets the log's time go on to the timestamp of a batch with First.
func (g *generations) pass(ts mvcc.Timestamp) {
	switch {
	case g.last == 0: // the first one: what is empty, is known to be
		if g.count == 0 {
			g.youngTop = 0
		}
		if g.old == g.young {
			g.oldTop = 0
		}
	case ts > g.last:
		g.age += min(uint64(ts>>mvcc.LogicalBits-g.last>>mvcc.LogicalBits), uint64(outcomeStep/time.Millisecond))
	}
	g.last = max(g.last, ts)
}

// hasFirst tells whether b is of those whose proposals say when they were made first.
func (b *Batch) hasFirst() bool {
	for i := range b.Proposals {
		if b.Proposals[i].First != 0 {
			return true
		}
	}
	return false
}

// before is what was handed out before b was stamped; 0: unknown. It goes on where nothing commits, unlike maxTS.
func (b *Batch) before() mvcc.Timestamp {
	if len(b.Proposals) == 0 {
		return 0
	}
	first := b.Proposals[0].TS
	if first == 0 || first == mvcc.MaxTimestamp {
		return 0
	}
	return first - 1
}

// remember notes how a transaction ended, if it has and has a name. It does so at once: the same transaction may come
// again in this very batch.
func (a *applying) remember(index uint64, p *Proposal, r *ProposalResult) {
	if !r.Status.final() || p.Txn == (fragment.TxnID{}) {
		return
	}
	a.outcomes.young[p.Txn] = index
	before := len(a.outcomes.pending[index])
	a.outcomes.pending[index] = appendOutcome(a.outcomes.pending[index], r)
	g := &a.state.outcomes
	g.count++
	if g.last != 0 {
		g.bytes += uint64(len(a.outcomes.pending[index]) - before)
		g.youngTop = max(g.youngTop, p.TS)
	}
	if g.since == 0 {
		g.since = p.TS
	}
}

func appendOutcome(dst []byte, r *ProposalResult) []byte {
	dst = append(dst, r.Txn[:]...)
	dst = append(dst, byte(r.Status))
	dst = binary.AppendUvarint(dst, uint64(r.TS))
	dst = binary.AppendUvarint(dst, uint64(len(r.Writes)))
	for i := range r.Writes {
		dst = fragment.AppendWriteResult(dst, &r.Writes[i])
	}
	return dst
}

func readOutcome(d *wire.Reader) (r ProposalResult) {
	r.Txn = readTxnID(d)
	r.Status = Status(d.Byte())
	r.TS = mvcc.Timestamp(d.Uvarint())
	for n := d.Count(); n > 0 && d.Err() == nil; n-- {
		r.Writes = append(r.Writes, fragment.ReadWriteResult(d))
	}
	return r
}

// repeated gives the result of a transaction that has ended before.
func (a *applying) repeated(txn fragment.TxnID, index uint64) (ProposalResult, error) {
	record, ok := a.outcomes.pending[index]
	if !ok {
		var err error
		if record, err = a.record(outcomeKey(a.s.id, index)); err != nil {
			return ProposalResult{}, err
		}
	}
	for d := wire.NewReader(record); len(d.Rest()) > 0; {
		r := readOutcome(d)
		if d.Err() != nil {
			return ProposalResult{}, &engineError{d.Err()}
		}
		if r.Txn == txn {
			r.Recorded, r.Status = r.Status, Duplicate
			return r, nil
		}
	}
	return ProposalResult{}, &engineError{ErrCorrupt}
}

// get reads a record of the shard itself; nil if there is none.
func (s *Shard) get(key []byte) ([]byte, error) {
	value, closer, err := s.engine.DB().Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	value = append([]byte{}, value...)
	return value, closer.Close()
}

// loadOutcomes fills the maps from the engine.
func (s *Shard) loadOutcomes(g *generations) (o outcomes, err error) {
	o = newOutcomes()
	prefix := metaPrefix(s.id, metaOutcome)
	it, err := s.engine.DB().NewIter(&pebble.IterOptions{LowerBound: outcomeKey(s.id, g.old), UpperBound: spanEnd(prefix)})
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for it.First(); it.Valid(); it.Next() {
		if len(it.Key()) != len(prefix)+8 {
			return o, ErrCorrupt
		}
		index := binary.BigEndian.Uint64(it.Key()[len(prefix):])
		into := o.old
		if index >= g.young {
			into = o.young
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return o, err
		}
		for d := wire.NewReader(value); len(d.Rest()) > 0; {
			r := readOutcome(d)
			if d.Err() != nil {
				return o, d.Err()
			}
			into[r.Txn] = index
		}
	}
	return o, it.Error()
}
