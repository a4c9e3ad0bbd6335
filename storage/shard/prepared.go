package shard

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
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
// transaction record: the parts name each other.) A transaction in one shard that is too large for one entry goes the
// same way, alone.
//
// A large part comes in pieces: Stage for all but the last, which comes with Prepare. Each is checked and claims its keys
// when it comes; Resolve(ts) is proposed once for each. So no entry takes long to apply.
//
// While a part is prepared, the keys that it will change are claimed: no other proposal can touch them, and so resolving
// cannot fail. No commit timestamp is at or below the closed one: the shard's closed timestamp and watermark stay below
// the least prepared timestamp.

// preparedTxns are the parts of this shard that are prepared or decided.
type preparedTxns struct {
	txns   map[fragment.TxnID]*preparedTxn
	claim  map[string]*claim // by engine key without timestamp, which is a part of a piece's keyList; nothing in a claim is changed
	waits  int               // parts that are not decided
	lowest mvcc.Timestamp    // of their timestamps, valid if it is known
	known  bool

	resolving *preparedTxn     // whose effects, checked when they were prepared, are being executed; nil: none
	self      fragment.TxnID   // whose piece is being checked
	pieced    bool             // that piece is not the whole
	moved     []move           // that it makes
	blocker   fragment.TxnID   // whose claim was met last
	fresh     []*piece         // came with the present Apply
	news      []fragment.TxnID // prepared by the present Apply
}

// claim is who holds a key: one transaction that changes it, or some that looked at it, in the order of their ids.
type claim struct {
	txns   []fragment.TxnID
	shared bool
}

// preparedTxn is one transaction's part.
type preparedTxn struct {
	id           fragment.TxnID
	staging      bool           // Prepare has not come yet
	ts           mvcc.Timestamp // prepared at: the least commit timestamp; while staging, of the newest piece
	commitTS     mvcc.Timestamp // 0: not decided
	first        mvcc.Timestamp // Prepare's Proposal.First
	participants []schema.ShardID
	ranges       []Range  // nil once decided
	pieces       []*piece // the last one came with Prepare; nil once decided
	resolved     uint32   // of the pieces
	// moved are the unique entries that pass from row to row between pieces. They are written once, by who gets them.
	moved map[string]struct{}
}

// piece is a run of a part's effects. Keys are the engine's, without timestamp. What is resolved keeps nothing.
type piece struct {
	effects []byte  // encoded; nil: in the piece's record
	changes keyList // what resolving will write
	looked  keyList // rows that must stay as they are until then
	moved   []move
}

// wellFormed tells whether a piece's keys are full ones.
func (c *piece) wellFormed() bool {
	short := func(key []byte) bool { return len(key) < keys.PrefixLen }
	for _, list := range [...]keyList{c.changes, c.looked} {
		for key := range list.all() {
			if len(key) < keys.PrefixLen {
				return false
			}
		}
	}
	return !slices.ContainsFunc(c.moved, func(m move) bool { return short(m.entry) || short(m.from) })
}

// move is a unique key that a row of the piece takes over from one that the transaction changes elsewhere.
type move struct{ entry, from []byte }

// Part is a transaction's part in a shard as others see it.
type Part struct {
	Txn          fragment.TxnID
	Participants []schema.ShardID
	TS           mvcc.Timestamp // the least commit timestamp
	First        mvcc.Timestamp // of the proposal that prepared it
	CommitTS     mvcc.Timestamp // 0: not decided
	Staging      bool           // not prepared yet
	Pieces       int            // that are not resolved
	Claims       []PartClaim    // of those pieces
	Ranges       []Range
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
			if x.waits() {
				p.lowest = min(p.lowest, x.ts)
			}
		}
	}
	return p.lowest - 1
}

// waits tells whether versions of x, below any timestamp but its own, are still to come.
func (x *preparedTxn) waits() bool { return !x.staging && len(x.pieces) > 0 }

// inRecord tells whether the i-th piece has a record of its own: it came by Stage.
func (x *preparedTxn) inRecord(i int) bool { return x.staging || i < len(x.pieces)-1 }

// claims tells whether a key belongs to another prepared transaction, for somebody who would change it or, if look is
// set, wants to be sure that nobody does.
func (p *preparedTxns) claims(key []byte, look bool) bool {
	if len(p.claim) == 0 || p.resolving != nil {
		return false
	}
	c, ok := p.claim[string(key)]
	if !ok || look && c.shared || len(c.txns) == 1 && c.txns[0] == p.self {
		return false
	}
	p.blocker = c.txns[0]
	return true
}

// hold claims the keys of a piece. A secondary entry that is not unique belongs to its row.
func (a *applier) hold(x *preparedTxn, c *piece) {
	p := &a.prepared
	alone := []fragment.TxnID{x.id}
	changed, looked := &claim{txns: alone}, &claim{txns: alone, shared: true}
	for key := range c.changes.all() {
		if a.identifies(key) {
			p.claim[key] = changed
		}
	}
	for key := range c.looked.all() {
		other := p.claim[key]
		if other == nil {
			p.claim[key] = looked
		} else if at, found := slices.BinarySearchFunc(other.txns, x.id, compareTxns); !found {
			p.claim[key] = &claim{txns: slices.Insert(slices.Clone(other.txns), at, x.id), shared: true}
		}
	}
}

// identifies tells whether a key is a row's or a unique entry's.
func (a *applying) identifies(key string) bool {
	id := indexOf(key)
	if id == schema.PrimaryIndex {
		return true
	}
	t, ok := a.tablets.Get(tabletOfKey(key))
	if !ok {
		return false
	}
	ix := t.current.table.IndexByID(id)
	return ix == nil || ix.Unique
}

// free takes back what a piece claims.
func (p *preparedTxns) free(x *preparedTxn, c *piece) {
	for key := range c.changes.all() {
		delete(p.claim, key)
	}
	for key := range c.looked.all() {
		c := p.claim[key]
		if c == nil {
			continue
		}
		at, found := slices.BinarySearchFunc(c.txns, x.id, compareTxns)
		switch {
		case found && len(c.txns) == 1:
			delete(p.claim, key)
		case found:
			p.claim[key] = &claim{txns: slices.Delete(slices.Clone(c.txns), at, at+1), shared: true}
		}
	}
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

// stage executes Stage, and Prepare of what was staged before (x; nil: nothing).
func (a *applier) stage(p *Proposal, x *preparedTxn) (r ProposalResult, _ error) {
	r = ProposalResult{Txn: p.Txn, TS: p.TS}
	switch staged := x.pieceCount(); {
	case p.Piece < staged:
		r.Status = Staged // a repetition
		return r, nil
	case p.Piece > staged:
		r.Status = Conflict // pieces before it are gone
		return r, nil
	case x != nil && p.TS <= x.ts:
		r.Status = StaleTimestamp
		return r, nil
	}
	a.prepared.self, a.prepared.pieced, a.prepared.moved = p.Txn, p.Piece > 0 || p.Kind == ProposalStage, nil
	defer a.prepared.endCheck()
	mark, err := a.attempt(p, &r)
	if err != nil {
		return r, err
	}
	var c *piece
	if r.Status == Committed {
		c = a.newPiece(p, mark)
		for i := range a.writer.deltas {
			a.writer.deltas[i].t.counters.claim(a.writer.deltas[i].autoInc)
		}
	}
	a.overlay.rollback(mark)
	if r.Status == Committed && p.Kind == ProposalPrepare && !a.movesHold(x, c) {
		r.Status = Conflict
	}
	a.settling = true
	if r.Status != Committed {
		if x != nil && r.Status.final() {
			a.unstage(x)
		}
		return r, nil
	}
	if x == nil {
		x = &preparedTxn{id: p.Txn, staging: true}
		a.prepared.txns[x.id] = x
	}
	x.ts = p.TS
	x.add(c)
	a.hold(x, c)
	a.hashTxn(p.Kind, x.id, x.ts)
	_, _ = a.digest.Write(c.effects)
	if r.Status = Staged; p.Kind == ProposalStage {
		a.set(pieceKey(a.s.id, x.id, p.Piece), c.append(make([]byte, 0, c.size())))
		a.prepared.fresh = append(a.prepared.fresh, c) // its effects need not stay in memory
	} else {
		x.staging, x.participants, x.ranges, x.first = false, slices.Clone(p.Participants), p.Ranges, p.First
		a.prepared.added(x)
		r.Status = Prepared
	}
	a.set(preparedKey(a.s.id, x.id), x.append(nil))
	return r, nil
}

// endCheck ends the checking of a piece.
func (p *preparedTxns) endCheck() { p.self, p.pieced, p.moved = fragment.TxnID{}, false, nil }

func (x *preparedTxn) pieceCount() uint32 {
	if x == nil {
		return 0
	}
	return uint32(len(x.pieces))
}

func (x *preparedTxn) add(c *piece) {
	x.pieces = append(x.pieces, c)
	for i := range c.moved {
		if x.moved == nil {
			x.moved = map[string]struct{}{}
		}
		x.moved[string(c.moved[i].entry)] = struct{}{}
	}
}

// added takes note of a part that is now prepared.
func (p *preparedTxns) added(x *preparedTxn) {
	p.waits++
	p.news = append(p.news, x.id)
	if p.known {
		p.lowest = min(p.lowest, x.ts)
	}
}

// newPiece is what p has changed, which is the overlay's from mark on.
func (a *applier) newPiece(p *Proposal, mark int) *piece {
	c := &piece{moved: a.prepared.moved}
	const perEffect = 32
	size := perEffect
	for i := range p.Effects {
		size += perEffect + len(p.Effects[i].Key) + len(p.Effects[i].Row)
	}
	var changed, looked keyListBuilder
	var key []byte
	c.effects = binary.AppendUvarint(make([]byte, 0, size), uint64(len(p.Effects)))
	for i := range p.Effects {
		e := &p.Effects[i]
		c.effects = fragment.AppendEffect(c.effects, e)
		if e.Op == fragment.EffectCheck {
			key = a.s.appendKey(key[:0], e.Tablet, schema.PrimaryIndex, e.Key)
			looked.add(key)
		}
	}
	changes := a.overlay.changes[mark:]
	for i := range changes {
		if int(changes[i].before) < mark { // each key once
			changed.add(changes[i].key)
		}
	}
	c.changes, c.looked = changed.list(), looked.list()
	return c
}

// takesOver decides about an added unique entry that another row has: in a part that comes in pieces, that row may be
// changed by another piece. Prepare looks whether it is.
func (a *applier) takesOver(e *entry, v *mvcc.Version) (bool, error) {
	if !a.prepared.pieced {
		return false, nil
	}
	t, _ := a.tablets.Get(tabletOfKey(e.key))
	primary, err := keys.PrimaryOfEntry(t.current.table, e.index, bare(e.key), v.Value)
	if err != nil {
		return false, err
	}
	from := a.s.appendKey(nil, t.id, schema.PrimaryIndex, primary)
	a.prepared.moved = append(a.prepared.moved, move{entry: append([]byte(nil), e.key...), from: from})
	return true, nil
}

// movesHold tells whether the rows that lose unique keys to others are all changed by x, last being its last piece.
func (a *applier) movesHold(x *preparedTxn, last *piece) bool {
	if x == nil {
		return true
	}
	if len(x.moved)+len(last.moved) == 0 {
		return true
	}
	changed := make(map[string]struct{}, last.changes.n)
	for key := range last.changes.all() {
		changed[key] = struct{}{}
	}
	for _, c := range append(slices.Clip(x.pieces), last) {
		for i := range c.moved {
			from := string(c.moved[i].from)
			if _, ok := changed[from]; ok {
				continue
			}
			if owner, ok := a.prepared.claim[from]; !ok || owner.shared || owner.txns[0] != x.id {
				return false
			}
		}
	}
	return true
}

// unstage drops a part that was never prepared, or is aborted.
func (a *applier) unstage(x *preparedTxn) {
	if x.waits() {
		a.prepared.ended(x)
	}
	for _, c := range x.pieces {
		a.prepared.free(x, c)
	}
	a.dropRecords(x)
	delete(a.prepared.txns, x.id)
	a.deleteKey(preparedKey(a.s.id, x.id))
}

// dropRecords deletes the records of x's pieces.
func (a *applying) dropRecords(x *preparedTxn) {
	for i := range x.pieces {
		if x.inRecord(i) {
			a.deleteKey(pieceKey(a.s.id, x.id, uint32(i)))
		}
	}
	x.pieces, x.moved, x.ranges = nil, nil, nil
}

// ended takes note of a part of which no version will come any more.
func (p *preparedTxns) ended(x *preparedTxn) {
	p.waits--
	p.known = p.known && x.ts != p.lowest
}

// resolve ends a prepared part: the effects of its next piece become versions, or all vanish. Repetitions, and orders
// about transactions that are unknown here, change nothing.
func (a *applier) resolve(p *Proposal) (r ProposalResult, err error) {
	x, ok := a.prepared.txns[p.Txn]
	if !ok || !x.waits() {
		r = ProposalResult{Txn: p.Txn, Status: Duplicate, Recorded: Aborted}
		if ok && !x.staging {
			r = x.repeated()
		} else if index, ok := a.outcomes.index(p.Txn); ok {
			return a.repeated(p.Txn, index)
		}
		return r, nil
	}
	if p.CommitTS == 0 && x.commitTS == 0 {
		a.settling = true
		a.hashTxn(p.Kind, p.Txn, p.CommitTS)
		a.unstage(x)
		return ProposalResult{Txn: p.Txn, Status: Aborted, TS: x.ts}, nil
	}
	if p.CommitTS < x.ts || x.commitTS != 0 && p.CommitTS != x.commitTS {
		a.hashTxn(p.Kind, p.Txn, p.CommitTS)
		return ProposalResult{Txn: p.Txn, Status: Conflict}, nil // nobody who knows the rules asks for that
	}
	c := x.pieces[x.resolved]
	if err := a.resolvePiece(x, c, p.CommitTS); err != nil {
		return r, err
	}
	a.settling = true
	a.hashTxn(p.Kind, p.Txn, p.CommitTS)
	a.commitCounters(a.writer.deltas)
	a.prepared.free(x, c)
	*c = piece{}
	x.commitTS = p.CommitTS
	if x.resolved++; int(x.resolved) < len(x.pieces) {
		a.set(preparedKey(a.s.id, x.id), x.append(nil))
		return ProposalResult{Txn: p.Txn, Status: Prepared, TS: x.ts}, nil
	}
	a.prepared.ended(x)
	a.dropRecords(x)
	if len(x.participants) > 1 {
		a.set(preparedKey(a.s.id, x.id), x.append(nil))
	} else { // nobody else could ask
		delete(a.prepared.txns, x.id)
		a.deleteKey(preparedKey(a.s.id, x.id))
	}
	return ProposalResult{Txn: p.Txn, Status: Committed, TS: x.commitTS}, nil
}

func (a *applier) resolvePiece(x *preparedTxn, c *piece, ts mvcc.Timestamp) error {
	effects, err := a.effectsOf(x, c)
	if err != nil {
		return err
	}
	a.writer.begin(a, ts)
	a.prepared.resolving = x
	status, err := a.effects(ts, effects)
	a.prepared.resolving = nil
	if err == nil && status != Committed {
		err = fmt.Errorf("%w: a prepared transaction ends with status %d", ErrCorrupt, status)
	}
	return err
}

// effectsOf decodes a piece's effects.
func (a *applying) effectsOf(x *preparedTxn, c *piece) ([]fragment.Effect, error) {
	encoded := c.effects
	if encoded == nil {
		record, err := a.record(pieceKey(a.s.id, x.id, x.resolved))
		if err != nil {
			return nil, err
		}
		stored, err := decodePiece(record)
		if err != nil {
			return nil, err
		}
		encoded = stored.effects
	}
	d := wire.NewReader(encoded)
	n := d.Count()
	effects := make([]fragment.Effect, 0, min(n, 4096))
	for ; n > 0 && d.Err() == nil; n-- {
		effects = append(effects, fragment.ReadEffect(d))
	}
	return effects, d.End()
}

// gives tells, while a part is being resolved, whether a unique entry that a row loses is another row's by then.
func (p *preparedTxns) gives(key []byte) bool {
	if p.resolving == nil {
		return false
	}
	_, ok := p.resolving.moved[string(key)]
	return ok
}

// forget drops decided parts.
func (a *applier) forget(txns []fragment.TxnID) {
	for _, id := range txns {
		if x, ok := a.prepared.txns[id]; ok && !x.staging && !x.waits() {
			delete(a.prepared.txns, id)
			a.deleteKey(preparedKey(a.s.id, id))
			a.hashTxn(ProposalForget, id, 0)
		}
	}
}

func (a *applying) hashTxn(kind ProposalKind, id fragment.TxnID, ts mvcc.Timestamp) {
	a.hashNumbers(uint64(kind), uint64(ts))
	_, _ = a.digest.Write(id[:])
}

// forgetEffects drops from memory what the engine has by now.
func (p *preparedTxns) forgetEffects() {
	for _, c := range p.fresh {
		c.effects = nil
	}
	p.fresh, p.news = nil, p.news[:0]
}

// Flags of a part's record. Bits are part of the storage format.
const (
	partStaging = 1 << iota
	partFirst
)

// append encodes a part as the engine keeps it, with the piece that came with Prepare.
func (x *preparedTxn) append(dst []byte) []byte {
	var flags byte
	if x.staging {
		flags |= partStaging
	}
	if x.first != 0 {
		flags |= partFirst
	}
	dst = append(dst, flags)
	if x.first != 0 {
		dst = binary.AppendUvarint(dst, uint64(x.first))
	}
	for _, n := range [...]uint64{uint64(x.ts), uint64(x.commitTS), uint64(len(x.pieces)), uint64(x.resolved), uint64(len(x.participants))} {
		dst = binary.AppendUvarint(dst, n)
	}
	for _, s := range x.participants {
		dst = binary.AppendUvarint(dst, uint64(s))
	}
	dst = appendRanges(dst, x.ranges)
	if x.staging || len(x.pieces) == 0 {
		return dst
	}
	return x.pieces[len(x.pieces)-1].append(dst)
}

// size is about what append appends.
func (c *piece) size() int {
	return len(c.effects) + len(c.changes.packed) + len(c.looked.packed) + 3*binary.MaxVarintLen64
}

func (c *piece) append(dst []byte) []byte {
	dst = c.looked.append(c.changes.append(dst))
	dst = binary.AppendUvarint(dst, uint64(len(c.moved)))
	for i := range c.moved {
		dst = wire.AppendBytes(wire.AppendBytes(dst, c.moved[i].entry), c.moved[i].from)
	}
	return append(dst, c.effects...)
}

func decodePiece(b []byte) (*piece, error) {
	d := wire.NewReader(b)
	c := &piece{changes: readKeyList(d), looked: readKeyList(d)}
	for n := d.Count(); n > 0 && d.Err() == nil; n-- {
		c.moved = append(c.moved, move{entry: bytes.Clone(d.Bytes()), from: bytes.Clone(d.Bytes())})
	}
	c.effects = bytes.Clone(d.Rest())
	return c, d.Err()
}

// decodePrepared reads a part; the pieces that have records of their own are nil.
func decodePrepared(id fragment.TxnID, record []byte) (*preparedTxn, error) {
	d := wire.NewReader(record)
	x := &preparedTxn{id: id}
	flags := d.Byte()
	if x.staging = flags&partStaging != 0; flags&partFirst != 0 {
		x.first = mvcc.Timestamp(d.Uvarint())
	}
	x.ts, x.commitTS = mvcc.Timestamp(d.Uvarint()), mvcc.Timestamp(d.Uvarint())
	pieces := d.Uvarint()
	if flags > partStaging|partFirst || flags&partFirst != 0 && x.first == 0 {
		return nil, ErrCorrupt
	}
	x.resolved = uint32(d.Uvarint())
	for n := d.Count(); n > 0 && d.Err() == nil; n-- {
		x.participants = append(x.participants, schema.ShardID(d.Uvarint()))
	}
	if x.ranges = readRanges(d); d.Err() != nil || pieces > maxPieces {
		return nil, ErrCorrupt
	}
	x.pieces = make([]*piece, pieces)
	if x.staging || pieces == 0 {
		return x, d.End()
	}
	var err error
	x.pieces[pieces-1], err = decodePiece(d.Rest())
	return x, err
}

// maxPieces bounds the pieces of a part.
const maxPieces = 1 << 20

// loadPrepared fills memory from the engine. The tablets are there already.
func (s *Shard) loadPrepared(a *applier) (err error) {
	a.prepared = preparedTxns{txns: map[fragment.TxnID]*preparedTxn{}, claim: map[string]*claim{}}
	prefix := metaPrefix(s.id, metaPrepared)
	it, err := s.engine.DB().NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: spanEnd(prefix)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for it.First(); it.Valid(); it.Next() {
		value, err := it.ValueAndErr()
		if err == nil {
			err = a.loadPart(it.Key()[len(prefix):], value)
		}
		if err != nil {
			return fmt.Errorf("record of a prepared transaction: %w", err)
		}
	}
	for _, x := range a.prepared.txns {
		pieces := x.pieces
		x.pieces = nil
		for _, c := range pieces {
			if c == nil || !c.wellFormed() {
				return fmt.Errorf("%w: a piece of transaction %x is missing or none", ErrCorrupt, x.id)
			}
			x.add(c)
		}
		for _, c := range x.pieces[min(int(x.resolved), len(x.pieces)):] {
			a.hold(x, c)
		}
		if x.waits() {
			a.prepared.added(x)
		}
	}
	a.prepared.news = nil
	return it.Error()
}

// loadPart takes in one record: of a part or, behind it, of one of its pieces.
func (a *applying) loadPart(key, value []byte) error {
	id := fragment.TxnID{}
	if copy(id[:], key) != len(id) {
		return ErrCorrupt
	}
	if key = key[len(id):]; len(key) == 0 {
		x, err := decodePrepared(id, value)
		if a.prepared.txns[id] = x; err == nil && len(x.pieces) > 0 && x.pieces[len(x.pieces)-1] != nil {
			a.claimStored(x.pieces[len(x.pieces)-1].effects)
		}
		return err
	}
	x := a.prepared.txns[id]
	if len(key) != 4 || x == nil || int(binary.BigEndian.Uint32(key)) >= len(x.pieces) {
		return ErrCorrupt
	}
	n := binary.BigEndian.Uint32(key)
	c, err := decodePiece(value)
	if err != nil {
		return err
	}
	a.claimStored(c.effects)
	c.effects = nil
	if n < x.resolved {
		c.changes, c.looked = keyList{}, keyList{}
	}
	x.pieces[n] = c
	return nil
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
	left := x.pieces[min(int(x.resolved), len(x.pieces)):] // a decided part has forgotten even those that were resolved
	p := Part{Txn: x.id, Participants: x.participants, TS: x.ts, CommitTS: x.commitTS, Staging: x.staging, Pieces: len(left)}
	p.Ranges, p.First = x.ranges, x.first
	for _, c := range left {
		for i, list := range [...]keyList{c.changes, c.looked} {
			for key := range list.all() {
				p.Claims = append(p.Claims, PartClaim{
					Tablet:  tabletOfKey(key),
					LockKey: LockKey{Index: indexOf(key), Key: []byte(key[keys.PrefixLen:])},
					Shared:  i == 1,
				})
			}
		}
	}
	return p
}

// OnPrepared registers who is told of what becomes prepared; see API.
func (s *Shard) OnPrepared(fn func([]fragment.TxnID)) {
	s.applyMu.Lock()
	defer s.applyMu.Unlock()
	s.onPrepared = fn
}

// Outcome tells how a transaction stands here: Prepared, Committed, Aborted, Conflict or Failed, with the timestamp; 0
// if the shard does not know it (any more), or it is not prepared yet.
func (s *Shard) Outcome(txn fragment.TxnID) (Status, mvcc.Timestamp, error) {
	s.applyMu.Lock()
	defer s.applyMu.Unlock()
	a := s.apply
	if x, ok := a.prepared.txns[txn]; ok {
		if x.staging {
			return 0, 0, nil
		}
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

// Recorded tells how a transaction has ended; see API.
func (s *Shard) Recorded(txn fragment.TxnID, first mvcc.Timestamp) (ProposalResult, error) {
	s.applyMu.Lock()
	defer s.applyMu.Unlock()
	a := s.apply
	if index, ok := a.outcomes.index(txn); ok {
		return a.repeated(txn, index)
	}
	if first != 0 && first <= a.state.forgotten {
		return ProposalResult{Txn: txn, Status: Forgotten}, nil
	}
	return ProposalResult{Txn: txn}, nil
}
