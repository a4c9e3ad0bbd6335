package shard

import (
	"encoding/binary"
	"errors"
	"time"

	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/wire"

	"github.com/cockroachdb/pebble/v2"
)

// A transaction's outcome is remembered for at least this long on the log's own clock (the largest commit timestamp),
// or for that many transactions, whichever ends first. Gateways must stop repeating a request well before (see package
// txn, doubtFor): what has been forgotten would be executed again.
const (
	outcomeAge   = time.Minute
	outcomeCount = 512 << 10
)

// A proposal may be so late that its transaction's outcome is forgotten. So when outcomes are, apply refuses from then
// on what was stamped before (state.forgotten); who still waits for such a proposal has it stamped again. The closed
// timestamp does not do: a prepared transaction holds it back.

// generations say which outcomes are remembered: two runs of log entries, the young one in the making and the old one
// before it. When the young one is full it becomes the old one and the old one is forgotten as a whole, in memory and
// in the engine. The turn happens between log entries and depends on the log alone.
type generations struct {
	young uint64         // first log index of the young generation
	old   uint64         // first log index of the old one
	since mvcc.Timestamp // first commit timestamp of the young one; 0: none yet
	count uint64         // outcomes in the young one
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
func (a *applier) turnGenerations(index uint64, b *Batch) {
	g := &a.state.outcomes
	age := time.Duration(a.state.maxTS>>mvcc.LogicalBits-g.since>>mvcc.LogicalBits) * time.Millisecond
	if g.count < outcomeCount && (g.since == 0 || age < outcomeAge) {
		return
	}
	s := a.s
	if g.old < g.young {
		a.deleteRange(outcomeKey(s.id, g.old), outcomeKey(s.id, g.young))
		a.state.forgotten = max(a.state.forgotten, a.state.maxTS, b.before())
	}
	g.old, g.young, g.since, g.count = g.young, index, 0, 0
	a.outcomes.old, a.outcomes.young = a.outcomes.young, a.outcomes.old
	clear(a.outcomes.young)
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
func (a *applier) remember(index uint64, p *Proposal, r *ProposalResult) {
	if !r.Status.final() || p.Txn == (fragment.TxnID{}) {
		return
	}
	a.outcomes.young[p.Txn] = index
	a.outcomes.pending[index] = appendOutcome(a.outcomes.pending[index], r)
	g := &a.state.outcomes
	g.count++
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
func (a *applier) repeated(txn fragment.TxnID, index uint64) (ProposalResult, error) {
	record, ok := a.outcomes.pending[index]
	if !ok {
		var err error
		if record, err = a.s.get(outcomeKey(a.s.id, index)); err != nil {
			return ProposalResult{}, err
		}
	}
	for d := wire.NewReader(record); len(d.Rest()) > 0; {
		r := readOutcome(d)
		if d.Err() != nil {
			return ProposalResult{}, d.Err()
		}
		if r.Txn == txn {
			r.Recorded, r.Status = r.Status, Duplicate
			return r, nil
		}
	}
	return ProposalResult{}, ErrCorrupt
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
