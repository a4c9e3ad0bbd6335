package shard

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/wire"

	"github.com/cockroachdb/pebble/v2"
)

// A transaction over several shards has a part in each. A part goes through these steps, all of them in the log:
//
//	            Prepare                     Resolve(ts)                 Forget
//	unknown ──────────────→ prepared ──────────────────────→ decided ────────────→ unknown, outcome Committed
//	   │  └─ Conflict → outcome   └──── Resolve(0) ────────→ unknown, outcome Aborted
//	   └──── Abort ────────→ unknown, outcome Aborted (the abort mark)
//
// The transaction is committed when all of its parts are prepared, at the largest of their timestamps. Nothing else
// decides: whoever wants to know asks the parts, and leaves an abort mark where one is not prepared. A decided part is
// remembered until all parts are: one that is not could be asking. (Parallel commit, as in CockroachDB, but without a
// transaction record: the parts name each other.)
//
// While a part is prepared, the keys that it will change are claimed: no other proposal can touch them, and so resolving
// cannot fail. No commit timestamp is at or below the closed one: the shard's closed timestamp and watermark stay below
// the least prepared timestamp.

// preparedTxns are the parts of this shard that are prepared or decided.
type preparedTxns struct {
	txns   map[fragment.TxnID]*preparedTxn
	claim  map[string]claim // by engine key without timestamp
	waits  int              // parts that are not decided
	lowest mvcc.Timestamp   // of their timestamps, valid if it is known
	known  bool

	resolving bool           // effects are being executed that were checked when they were prepared
	blocker   fragment.TxnID // whose claim was met last
}

// claim is who holds a key: one transaction that changes it, or some that looked at it, in the order of their ids.
type claim struct {
	txns   []fragment.TxnID
	shared bool
}

// preparedTxn is one transaction's part.
type preparedTxn struct {
	id           fragment.TxnID
	ts           mvcc.Timestamp // prepared at: the least commit timestamp
	commitTS     mvcc.Timestamp // 0: not decided
	participants []schema.ShardID
	// Nil once decided. Keys are the engine's, without timestamp.
	effects []byte   // encoded
	changes [][]byte // what resolving will write
	looked  [][]byte // rows that must stay as they are until then
}

// Part is a transaction's part in a shard as others see it.
type Part struct {
	Txn          fragment.TxnID
	Participants []schema.ShardID
	TS           mvcc.Timestamp // the least commit timestamp
	CommitTS     mvcc.Timestamp // 0: not decided
	// Of a part that is not decided: the keys it claims.
	Claims []PartClaim
}

// PartClaim is a key that a prepared part holds.
type PartClaim struct {
	Tablet schema.TabletID
	LockKey
	Shared bool // the row was only looked at
}

// floor is the timestamp that closed timestamps and watermarks may reach.
func (p *preparedTxns) floor() mvcc.Timestamp {
	if p.waits == 0 {
		return mvcc.MaxTimestamp
	}
	if !p.known {
		p.lowest, p.known = mvcc.MaxTimestamp, true
		for _, x := range p.txns {
			if x.commitTS == 0 {
				p.lowest = min(p.lowest, x.ts)
			}
		}
	}
	return p.lowest - 1
}

// claims tells whether a key belongs to a prepared transaction, for somebody who would change it or, if look is set,
// wants to be sure that nobody does.
func (p *preparedTxns) claims(key []byte, look bool) bool {
	if len(p.claim) == 0 || p.resolving {
		return false
	}
	c, ok := p.claim[string(key)]
	if !ok || look && c.shared {
		return false
	}
	p.blocker = c.txns[0]
	return true
}

func (p *preparedTxns) add(x *preparedTxn) {
	p.txns[x.id] = x
	if x.commitTS != 0 {
		return
	}
	p.waits++
	if p.known {
		p.lowest = min(p.lowest, x.ts)
	}
	for _, key := range x.changes {
		p.claim[string(key)] = claim{txns: []fragment.TxnID{x.id}}
	}
	for _, key := range x.looked {
		txns := p.claim[string(key)].txns
		at, _ := slices.BinarySearchFunc(txns, x.id, compareTxns)
		p.claim[string(key)] = claim{txns: slices.Insert(txns, at, x.id), shared: true}
	}
}

// settle takes back what a part claims.
func (p *preparedTxns) settle(x *preparedTxn) {
	p.waits--
	p.known = p.known && x.ts != p.lowest
	for _, key := range x.changes {
		delete(p.claim, string(key))
	}
	for _, key := range x.looked {
		c := p.claim[string(key)]
		if at, found := slices.BinarySearchFunc(c.txns, x.id, compareTxns); found {
			c.txns = slices.Delete(c.txns, at, at+1)
		}
		if p.claim[string(key)] = c; len(c.txns) == 0 {
			delete(p.claim, string(key))
		}
	}
	x.effects, x.changes, x.looked = nil, nil, nil
}

func compareTxns(a, b fragment.TxnID) int { return bytes.Compare(a[:], b[:]) }

// repeated answers a proposal of a transaction that is prepared or decided here.
func (x *preparedTxn) repeated() ProposalResult {
	r := ProposalResult{Txn: x.id, Status: Duplicate, Recorded: Prepared, TS: x.ts}
	if x.commitTS != 0 {
		r.Recorded, r.TS = Committed, x.commitTS
	}
	return r
}

// prepare turns the changes of an executed proposal, which are the overlay's from mark on, into a prepared part.
func (a *applier) prepare(p *Proposal, mark int) {
	x := &preparedTxn{id: p.Txn, ts: p.TS, participants: append([]schema.ShardID(nil), p.Participants...)}
	x.effects = binary.AppendUvarint(nil, uint64(len(p.Effects)))
	for i := range p.Effects {
		e := &p.Effects[i]
		x.effects = fragment.AppendEffect(x.effects, e)
		if e.Op == fragment.EffectCheck {
			x.looked = append(x.looked, a.s.appendKey(nil, e.Tablet, schema.PrimaryIndex, e.Key))
		}
	}
	changes := a.overlay.changes[mark:]
	for i := range changes {
		x.changes = append(x.changes, append([]byte(nil), changes[i].key...))
	}
	a.overlay.rollback(mark)
	a.prepared.add(x)
	record := x.append(nil)
	a.set(preparedKey(a.s.id, x.id), record)
	a.hashTxn(p.Kind, x.id, x.ts)
	_, _ = a.digest.Write(record)
}

// resolve ends a prepared part: its effects become versions, or vanish. Repetitions, and orders about transactions that
// are unknown here, change nothing.
func (a *applier) resolve(p *Proposal) (r ProposalResult, err error) {
	x, ok := a.prepared.txns[p.Txn]
	if !ok || x.commitTS != 0 {
		r = ProposalResult{Txn: p.Txn, Status: Duplicate, Recorded: Aborted}
		if ok {
			r = x.repeated()
		} else if index, ok := a.outcomes.index(p.Txn); ok {
			return a.repeated(p.Txn, index)
		}
		return r, nil
	}
	a.hashTxn(p.Kind, p.Txn, p.CommitTS)
	if p.CommitTS == 0 {
		a.prepared.settle(x)
		delete(a.prepared.txns, x.id)
		a.deleteKey(preparedKey(a.s.id, x.id))
		return ProposalResult{Txn: p.Txn, Status: Aborted, TS: x.ts}, nil
	}
	if p.CommitTS < x.ts {
		return r, fmt.Errorf("a commit at %d of what was prepared at %d", p.CommitTS, x.ts)
	}
	effects, err := x.decodeEffects()
	if err != nil {
		return r, err
	}
	mark := a.overlay.mark()
	a.writer.begin(a, p.CommitTS)
	a.prepared.resolving = true
	status, err := a.effects(p.CommitTS, effects)
	a.prepared.resolving = false
	if err == nil && status != Committed {
		err = fmt.Errorf("%w: a prepared transaction ends with status %d", ErrCorrupt, status)
	}
	if err != nil {
		return r, err
	}
	a.commitCounters(a.writer.deltas)
	if err := a.write(mark); err != nil {
		return r, err
	}
	a.prepared.settle(x)
	x.commitTS = p.CommitTS
	a.set(preparedKey(a.s.id, x.id), x.append(nil))
	return ProposalResult{Txn: p.Txn, Status: Committed, TS: x.commitTS}, nil
}

// forget drops decided parts.
func (a *applier) forget(txns []fragment.TxnID) {
	for _, id := range txns {
		if x, ok := a.prepared.txns[id]; ok && x.commitTS != 0 {
			delete(a.prepared.txns, id)
			a.deleteKey(preparedKey(a.s.id, id))
			a.hashTxn(ProposalForget, id, 0)
		}
	}
}

func (a *applier) hashTxn(kind ProposalKind, id fragment.TxnID, ts mvcc.Timestamp) {
	a.hashNumbers(uint64(kind), uint64(ts))
	_, _ = a.digest.Write(id[:])
}

// append encodes a part as the engine keeps it.
func (x *preparedTxn) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(x.ts))
	dst = binary.AppendUvarint(dst, uint64(x.commitTS))
	dst = binary.AppendUvarint(dst, uint64(len(x.participants)))
	for _, s := range x.participants {
		dst = binary.AppendUvarint(dst, uint64(s))
	}
	for _, keys := range [...][][]byte{x.changes, x.looked} {
		dst = binary.AppendUvarint(dst, uint64(len(keys)))
		for _, key := range keys {
			dst = wire.AppendBytes(dst, key)
		}
	}
	return append(dst, x.effects...)
}

func decodePrepared(id fragment.TxnID, record []byte) (*preparedTxn, error) {
	d := wire.NewReader(record)
	x := &preparedTxn{id: id, ts: mvcc.Timestamp(d.Uvarint()), commitTS: mvcc.Timestamp(d.Uvarint())}
	for n := d.Count(); n > 0 && d.Err() == nil; n-- {
		x.participants = append(x.participants, schema.ShardID(d.Uvarint()))
	}
	for _, keys := range [...]*[][]byte{&x.changes, &x.looked} {
		for n := d.Count(); n > 0 && d.Err() == nil; n-- {
			*keys = append(*keys, append([]byte(nil), d.Bytes()...))
		}
	}
	if d.Err() != nil {
		return nil, d.Err()
	}
	x.effects = append([]byte(nil), d.Rest()...)
	return x, nil
}

func (x *preparedTxn) decodeEffects() ([]fragment.Effect, error) {
	d := wire.NewReader(x.effects)
	n := d.Count()
	effects := make([]fragment.Effect, 0, min(n, 4096))
	for ; n > 0 && d.Err() == nil; n-- {
		effects = append(effects, fragment.ReadEffect(d))
	}
	return effects, d.End()
}

// loadPrepared fills memory from the engine.
func (s *Shard) loadPrepared() (p preparedTxns, err error) {
	p = preparedTxns{txns: map[fragment.TxnID]*preparedTxn{}, claim: map[string]claim{}}
	prefix := metaPrefix(s.id, metaPrepared)
	it, err := s.engine.DB().NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: spanEnd(prefix)})
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for it.First(); it.Valid(); it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return p, err
		}
		id := fragment.TxnID{}
		if copy(id[:], it.Key()[len(prefix):]) != len(id) {
			return p, ErrCorrupt
		}
		x, err := decodePrepared(id, value)
		if err != nil {
			return p, fmt.Errorf("prepared transaction %x: %w", id, err)
		}
		p.add(x)
	}
	return p, it.Error()
}

// Parts are the parts of transactions over several shards that are prepared or decided here, as of what is applied.
func (s *Shard) Parts() []Part {
	s.applyMu.Lock()
	defer s.applyMu.Unlock()
	parts := make([]Part, 0, len(s.apply.prepared.txns))
	for _, x := range s.apply.prepared.txns {
		parts = append(parts, x.part())
	}
	return parts
}

func (x *preparedTxn) part() Part {
	p := Part{Txn: x.id, Participants: x.participants, TS: x.ts, CommitTS: x.commitTS}
	for i, keys := range [...][][]byte{x.changes, x.looked} {
		for _, key := range keys {
			p.Claims = append(p.Claims, PartClaim{
				Tablet:  schema.TabletID(binary.BigEndian.Uint32(key[4:tabletPrefixLen])),
				LockKey: LockKey{Index: indexOf(key), Key: bare(key)},
				Shared:  i == 1,
			})
		}
	}
	return p
}

// Outcome tells how a transaction stands here: Prepared, Committed, Aborted, Conflict or Failed, with the timestamp; 0
// if the shard does not know it (any more).
func (s *Shard) Outcome(txn fragment.TxnID) (Status, mvcc.Timestamp, error) {
	s.applyMu.Lock()
	defer s.applyMu.Unlock()
	a := s.apply
	if x, ok := a.prepared.txns[txn]; ok {
		r := x.repeated()
		return r.Recorded, r.TS, nil
	}
	index, ok := a.outcomes.index(txn)
	if !ok {
		return 0, 0, nil
	}
	r, err := a.repeated(txn, index)
	return r.Recorded, r.TS, err
}
