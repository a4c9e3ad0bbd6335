package shard

import (
	"encoding/binary"
	"errors"
	"fmt"

	"cloudsql/storage/fragment"
	"cloudsql/storage/mutant"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/spawn"
	"cloudsql/storage/wire"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2"
)

// applier is the part of a shard that belongs to whoever calls Apply: the state as of the last entry it has executed,
// which readers see when the batch is committed.
type applier struct{ applying }

// applying is an applier's lower half: what a batch does to the engine, and what it leaves behind (hashes, outcomes, records).
type applying struct {
	s        *Shard
	state    state
	tablets  tabletSet
	outcomes outcomes
	prepared preparedTxns
	system   systemChanges
	marks    map[uint64]uint64 // checksums of entries that are not to be executed, by index; see marked.go

	tracked int                        // tablets whose changes are noted
	notes   map[schema.TabletID][]byte // of the entry that is being applied
	cut     bool                       // what follows is applied when this is in the engine

	batch         *pebble.Batch
	overlay       overlay
	recent        recentRows
	rows, entries based // the engine as before this Apply, each in the order in which its keys mostly come
	digest        *xxhash.Digest
	hashes        []indexHash
	touched       map[schema.TabletID]*tablet // whose counters have changed
	altered       []schema.TabletID           // that have come or gone, or have another descriptor
	garbage       []garbageKey
	writer        *writer
	last          lastWrite      // of the batch that is being applied
	format        Format         // likewise
	shown         mvcc.Timestamp // what it must be above: readers of the newest state have seen all up to there

	// Of the proposal that is being executed; see failure.go.
	inEngine bool // the engine is at work: a panic is its own
	settling bool // it has succeeded, and is being taken in
}

// Apply executes entries in order; see API.
func (s *Shard) Apply(entries []Entry) ([]Result, error) {
	s.applyMu.Lock() // against RecoverSnapshot; callers are one at a time anyway
	defer s.applyMu.Unlock()
	if s.failed != nil {
		return nil, s.failed
	}
	results, err := s.apply.recovered(entries)
	if err != nil {
		s.failed = s.apply.failedAt(entries, err)
		return nil, s.failed
	}
	return results, nil
}

// recovered is run, with a panic as an error.
func (a *applier) recovered(entries []Entry) (results []Result, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = spawn.Recovered("applying the log", v)
		}
	}()
	return a.run(entries)
}

// failedAt says at which of the entries run has ended.
func (a *applier) failedAt(entries []Entry, err error) error {
	at := &EntryError{Shard: a.s.id, Index: a.state.applied, Err: err}
	for i := range entries {
		if entries[i].Index == at.Index {
			at.Checksum = Checksum(entries[i].Cmd)
		}
	}
	return at
}

func (a *applier) run(entries []Entry) (results []Result, err error) {
	a.batch = a.s.engine.NewBatch()
	defer func() {
		err = errors.Join(err, a.finish())
	}()
	results = make([]Result, len(entries))
	for i := range entries {
		if entries[i].Index <= a.state.applied {
			return nil, fmt.Errorf("entry %d comes after entry %d", entries[i].Index, a.state.applied)
		}
		if err := a.entry(&entries[i], &results[i]); err != nil {
			return nil, err
		}
		if a.cut {
			if err := errors.Join(a.commit(), a.finish()); err != nil {
				return nil, err
			}
			a.batch = a.s.engine.NewBatch()
		}
	}
	return results, a.commit()
}

// entry executes one log entry. Entries without a command (the raft library's own) only move the applied index.
func (a *applier) entry(e *Entry, r *Result) error {
	a.state.applied = e.Index
	if len(e.Cmd) == 0 {
		a.hashes = append(a.hashes, indexHash{e.Index, a.state.hash})
		return nil
	}
	if a.marked(e) {
		a.leaveOut(e, r)
		return nil
	}
	if mutant.Poison(e.Cmd) {
		return errors.New("a mutant cannot apply it")
	}
	var kind CommandKind
	var cmd any
	err := protected(func() (err error) {
		kind, cmd, err = decodeCommand(e.Cmd)
		return err
	})
	if errors.Is(err, wire.ErrUnknown) {
		return err
	}
	a.beginHash(e.Index, kind)
	r.Kind = kind
	if b, ok := cmd.(*Batch); ok {
		r.Batch = b.ID
	}
	if err != nil { // a command that does nothing
		r.Err, cmd, err = err, nil, nil
	}
	switch c := cmd.(type) {
	case *Batch:
		r.Results, err = a.proposals(e.Index, c)
	case *LeaseCommand:
		r.Batch = c.Nonce
		r.OK = a.lease(c)
	case *TabletCommand:
		r.OK, r.Err = a.tablet(c)
	case *WatermarkCommand:
		a.watermark(c)
		r.OK = true
	case *SystemCommand:
		r.Batch = c.ID
		r.OK, r.Err = a.systemCommand(e.Index, c)
	case *MoveCommand:
		r.Batch = c.ID
		r.Err = a.moveStep(e.Index, c)
		r.OK = r.Err == nil
	}
	r.Lease = a.state.lease
	a.endHash(e.Index)
	return err
}

// proposals executes a batch.
func (a *applier) proposals(index uint64, b *Batch) ([]ProposalResult, error) {
	results := make([]ProposalResult, len(b.Proposals))
	if b.Epoch != a.state.lease.Epoch && !mutant.SkipEpoch {
		for i := range results {
			results[i] = ProposalResult{Txn: b.Proposals[i].Txn, Status: StaleEpoch}
		}
		return results, nil
	}
	a.turnGenerations(index, b)
	a.last, a.format, a.shown = lastWrite{}, b.Format, 0
	if b.Format != FormatPlain {
		a.shown = a.state.maxTS
	}
	mark := a.overlay.mark()
	for i := range b.Proposals {
		p := &b.Proposals[i]
		r, err := a.step(p)
		if err != nil {
			return nil, fmt.Errorf("transaction %x: %w", p.Txn, err)
		}
		results[i] = r
		if r.Status == Committed {
			a.state.maxTS = max(a.state.maxTS, r.TS)
		}
		if p.Kind != ProposalResolve || r.Status != Conflict && r.Status != Failed {
			a.remember(index, p, &r)
		}
	}
	if err := a.write(mark); err != nil {
		return nil, err
	}
	if record, ok := a.outcomes.pending[index]; ok {
		a.set(outcomeKey(a.s.id, index), record)
	}
	a.state.closed = max(a.state.closed, min(b.Closed, a.prepared.floor()))
	return results, nil
}

// proposal executes one step of a transaction: all of it or nothing.
func (a *applier) proposal(p *Proposal) (r ProposalResult, err error) {
	if p.damage != nil {
		return r, p.damage
	}
	//exhaustive:enforce
	switch p.Kind {
	case ProposalResolve:
		if err := p.decode(&a.last); err != nil {
			return r, err
		}
		return a.resolve(p)
	case ProposalForget:
		if err := p.decode(&a.last); err != nil {
			return r, err
		}
		a.settling = true
		a.forget(p.Forget)
		return ProposalResult{Txn: p.Txn, Status: Committed}, nil
	case ProposalCommit, ProposalPrepare, ProposalAbort, ProposalStage:
	default:
		return r, fmt.Errorf("proposal of kind %d, which this program version does not know", p.Kind)
	}
	var staged *preparedTxn
	if p.Txn != (fragment.TxnID{}) {
		if x, ok := a.prepared.txns[p.Txn]; ok && !x.staging {
			return x.repeated(), nil
		} else if ok {
			staged = x
		}
		if index, ok := a.outcomes.index(p.Txn); ok {
			return a.repeated(p.Txn, index)
		}
	}
	r = ProposalResult{Txn: p.Txn, TS: p.TS}
	if staged == nil && p.First != 0 && p.First <= a.state.forgotten && !mutant.SkipForgotten {
		r.Status = Forgotten
		return r, nil
	}
	if p.Kind == ProposalAbort {
		a.settling = true
		if staged != nil {
			a.unstage(staged)
		}
		a.hashTxn(p.Kind, p.Txn, 0)
		r.Status = Aborted
		return r, nil
	}
	if p.TS <= max(a.state.closed, a.state.watermark, a.state.forgotten, a.shown) && !mutant.SkipClosed || p.TS == mvcc.MaxTimestamp {
		r.Status = StaleTimestamp
		return r, nil
	}
	if writes, ok := a.s.checked.take(p); ok {
		p.Writes, p.body = writes, nil
	} else if err := p.decode(&a.last); err != nil {
		return r, err
	}
	if p.Kind == ProposalPrepare || p.Kind == ProposalStage {
		return a.stage(p, staged)
	}
	mark, err := a.attempt(p, &r)
	if err != nil {
		return r, err
	}
	if r.Status != Committed {
		a.overlay.rollback(mark)
		return r, nil
	}
	a.settling = true
	a.commitCounters(a.writer.deltas)
	return r, nil
}

// attempt executes p into the overlay, from mark on, and notes in r how that ended.
func (a *applier) attempt(p *Proposal, r *ProposalResult) (mark int, err error) {
	mark = a.overlay.mark()
	a.writer.begin(a, p.TS)
	if r.Status, err = a.execute(p, r); r.Status == Claimed {
		r.Blocker = a.prepared.blocker
	}
	return mark, err
}

func (a *applier) execute(p *Proposal, r *ProposalResult) (Status, error) {
	if len(p.Writes) > 0 {
		r.Writes = make([]fragment.WriteResult, 0, len(p.Writes))
	}
	for _, w := range p.Writes {
		var res fragment.WriteResult
		status, err := a.executeWrite(w, &res)
		if err != nil {
			return 0, err
		}
		r.Writes = append(r.Writes, res)
		if status != Committed {
			return status, nil
		}
	}
	if len(p.Effects) > 0 {
		return a.effects(p.TS, p.Effects)
	}
	return Committed, nil
}

func (a *applier) executeWrite(w *fragment.Write, res *fragment.WriteResult) (Status, error) {
	t, ok := a.tablets.Get(w.Tablet)
	if !ok || !t.takesWrites() {
		return NoTablet, nil
	}
	if err := a.writer.run(t, w, res); err != nil {
		var status statusError
		if errors.As(err, &status) {
			return Status(status), nil
		}
		return 0, err
	}
	if res.Err != nil {
		return Failed, nil
	}
	return Committed, nil
}

// write puts the versions of an entry, which are the overlay's changes from mark on, into the engine's batch and the
// hash. Each version is written once, however often the entry's transactions wrote the key: collection relies on it, and
// a row that many of them changed costs one version.
func (a *applier) write(mark int) error {
	changes, copied := a.overlay.changes[mark:], a.s.copied.Load()
	for i := range changes {
		c := &changes[i]
		if before := int(c.before) - mark; before >= 0 && changes[before].ts == c.ts {
			c.replace(&changes[before])
		}
	}
	for i := range changes {
		c := &changes[i]
		if c.dead {
			continue
		}
		a.noteGarbage(c)
		if copied {
			a.noteColumns(c)
		}
		if a.tracked > 0 {
			a.note(c)
		}
		op := a.batch.SetDeferred(len(c.key)+mvcc.SuffixLen, len(c.value))
		copy(op.Key, c.key)
		binary.BigEndian.PutUint64(op.Key[len(c.key):], ^uint64(c.ts))
		copy(op.Value, c.value)
		_, _ = a.digest.Write(op.Key) // hashes never fail
		_, _ = a.digest.Write(op.Value)
		if err := op.Finish(); err != nil {
			return err
		}
	}
	a.putNotes()
	return nil
}

// read finds a key's newest version: in the overlay, or in the engine as it was before this Apply. It is valid until
// the next read.
func (a *applying) read(key []byte) (mvcc.Version, error) {
	if v, ok, err := a.overlay.get(key); ok || err != nil {
		return v, err
	}
	if v, ok, err := a.recent.get(key); ok || err != nil {
		return v, err
	}
	a.inEngine = true
	v, err := a.readBase(key)
	a.inEngine = false
	return v, err
}

func (a *applying) readBase(key []byte) (mvcc.Version, error) {
	b := &a.rows
	if indexOf(key) != schema.PrimaryIndex {
		b = &a.entries
	}
	v, err := b.get(a.s, key)
	if err != nil {
		return v, &engineError{err}
	}
	return v, nil
}

// based reads the newest versions of a shard's keys, all as the engine was at the first; a zero one is ready for use.
type based struct {
	it   mvcc.Iterator
	open bool
}

func (b *based) get(s *Shard, key []byte) (mvcc.Version, error) {
	if !b.open {
		start, end := dataRange(s.id)
		if err := b.it.Open(s.engine.DB(), start, end, 0); err != nil {
			return mvcc.Version{}, err
		}
		b.open = true
	}
	return b.it.Get(key)
}

func (b *based) close() error {
	if !b.open {
		return nil
	}
	b.open = false
	return b.it.Close()
}

// record reads one of the shard's own records.
func (a *applying) record(key []byte) ([]byte, error) {
	a.inEngine = true
	value, err := a.s.get(key)
	a.inEngine = false
	if err != nil {
		return nil, &engineError{err}
	}
	return value, nil
}

// lease executes a compare-and-set of the lease: take it, renew it, or give it up.
func (a *applier) lease(c *LeaseCommand) bool {
	cur := &a.state.lease
	if c.Prev != cur.Epoch || c.Serial != cur.Serial+1 {
		return false
	}
	take := c.Epoch == c.Prev+1
	renew := c.Epoch == c.Prev && (c.Holder == cur.Holder || c.Holder == 0)
	if !take && !renew {
		return false
	}
	*cur = c.Lease
	a.hashNumbers(c.Epoch, uint64(c.Holder), uint64(c.Duration), c.Serial)
	return true
}

func (a *applier) watermark(c *WatermarkCommand) {
	floor := a.prepared.floor()
	a.state.watermark = max(a.state.watermark, min(c.Watermark, floor))
	a.state.closed = max(a.state.closed, min(max(c.Closed, c.Watermark), floor))
	a.hashNumbers(uint64(a.state.watermark), uint64(a.state.closed))
}

// tablet installs, changes or drops a tablet. refused says why it did not.
func (a *applier) tablet(c *TabletCommand) (ok bool, refused error) {
	old, exists := a.tablets.Get(c.Tablet)
	a.hashNumbers(uint64(c.Tablet))
	if c.Table == nil {
		if exists {
			a.dropTablet(c.Tablet)
		}
		return true, nil
	}
	a.hashNumbers(c.Table.Version)
	if exists {
		switch current := old.current.table; {
		case c.Table.ID != current.ID:
			return false, fmt.Errorf("shard: tablet %d belongs to another table", c.Tablet)
		case c.Table.Version == current.Version:
			return true, nil // a retry
		case c.Table.Version < current.Version:
			return false, ErrSchemaChanged
		}
	}
	n, record, err := a.newTablet(c, old)
	if err != nil {
		return false, err
	}
	if exists {
		a.dropIndexes(old, n)
	}
	a.take(n)
	a.set(tabletMetaKey(a.s.id, metaTable, c.Tablet), record)
	return true, nil
}

// newTablet makes a tablet of its descriptor, with its record; old is what it was, nil if it is new.
func (a *applier) newTablet(c *TabletCommand, old *tablet) (n *tablet, record []byte, err error) {
	err = protected(func() (err error) {
		if old == nil {
			n = &tablet{id: c.Tablet, counters: &counters{}}
			n.current, err = newLayout(c.Table)
		} else {
			n, err = old.alter(c.Table, a.state.maxTS)
		}
		if err == nil {
			record, err = n.record()
		}
		return err
	})
	return n, record, err
}

func (a *applier) dropTablet(id schema.TabletID) {
	t, _ := a.tablets.Get(id)
	if t.move != nil {
		a.deleteRange(notesRange(a.s.id, id))
	}
	a.drop(t)
	delete(a.touched, id)
	a.deleteRange(tabletRange(a.s.id, id))
	a.deleteKey(tabletMetaKey(a.s.id, metaTable, id))
	a.deleteKey(tabletMetaKey(a.s.id, metaCounters, id))
}

// dropIndexes removes the entries of indexes that a new descriptor does not have any more.
func (a *applier) dropIndexes(old, n *tablet) {
	for i := range old.current.table.Indexes {
		if ix := &old.current.table.Indexes[i]; n.current.table.IndexByID(ix.ID) == nil {
			a.deleteRange(indexRange(a.s.id, n.id, ix.ID))
		}
	}
}

// commit makes everything visible at once.
func (a *applier) commit() error {
	s := a.s
	for id, t := range a.touched {
		record := binary.AppendVarint(nil, t.counters.rows.Load())
		record = binary.AppendUvarint(record, t.counters.autoInc.Load())
		a.set(tabletMetaKey(s.id, metaCounters, id), record)
	}
	a.set(s.stateKey, a.state.append(nil))
	if len(a.altered) > 0 {
		s.publishDropped(a)
	}
	if len(a.prepared.news) > 0 && s.onPrepared != nil {
		s.onPrepared(a.prepared.news)
	}
	if err := s.engine.Commit(a.batch); err != nil {
		return err
	}
	a.recent.take(a.overlay.changes, len(a.altered) > 0)
	s.publish(a)
	return nil
}

// finish readies the applier for the next call.
func (a *applier) finish() error {
	err := errors.Join(a.batch.Close(), a.rows.close(), a.entries.close())
	a.overlay.reset()
	a.hashes, a.garbage, a.altered, a.cut = a.hashes[:0], a.garbage[:0], a.altered[:0], false
	clear(a.touched)
	clear(a.outcomes.pending)
	a.prepared.forgetEffects()
	a.system.reset()
	return err
}

// The batch's own errors (it is closed, or beyond 4 GB) are bugs and not conditions; Commit reports them again.

func (a *applying) set(key, value []byte)         { _ = a.batch.Set(key, value, nil) }
func (a *applying) deleteKey(key []byte)          { _ = a.batch.Delete(key, nil) }
func (a *applying) deleteRange(start, end []byte) { _ = a.batch.DeleteRange(start, end, nil) }

// publish shows readers what was committed.
func (s *Shard) publish(a *applier) {
	if len(a.altered) > 0 {
		s.tablets.Store(a.tablets.clone())
	}
	s.newest.Store(uint64(a.state.maxTS))
	s.watermark.Store(uint64(a.state.watermark))
	s.closed.Store(uint64(a.state.closed))
	s.publishSystem(a)
	s.noteAllGarbage(a.garbage)
	s.mu.Lock()
	s.lease = a.state.lease
	for _, h := range a.hashes {
		s.hashes[h.index%hashHistory] = h
	}
	s.hashed = indexHash{index: a.state.applied, hash: a.state.hash}
	s.mu.Unlock()
	s.applied.Store(a.state.applied)
	s.prepared.Store(uint64(a.prepared.floor())) // after the index: see PreparedFloor
}

// publishDropped hides tablets before their rows vanish: a reader that still sees a tablet after it has opened the
// engine's state has all of its rows.
func (s *Shard) publishDropped(a *applier) {
	left := s.tablets.Load().clone()
	for _, id := range a.altered {
		was, ok := left.Get(id)
		if !ok {
			continue
		}
		if n, ok := a.tablets.Get(id); !ok {
			left.drop(was)
		} else if removesIndex(was, n) {
			left.put(n)
		}
	}
	s.tablets.Store(left)
}

func removesIndex(old, n *tablet) bool {
	for i := range old.current.table.Indexes {
		if n.current.table.IndexByID(old.current.table.Indexes[i].ID) == nil {
			return true
		}
	}
	return false
}
