package shard

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"cloudsql/storage/limits"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/wire"
)

// A tablet moves to another shard by being copied under a new id (docs/decisions/0044-moving-tablets.md). This is what the two shards'
// logs have of it:
//
//	source   serving ─Track→ tracked ─Freeze→ frozen ─Leave→ left ─TabletCommand→ dropped     Track: tracked again; Untrack: serving
//	target   Receive→ incoming ─Ingest …─Open→ opened ─Settle→ serving                        Receive: incoming again
//
// Each step names an attempt. One that is lower than what the tablet has seen does nothing, and one that is repeated does what it did.

// MoveOp is a step.
type MoveOp uint8

// The steps. Numbers are part of the log format.
const (
	MoveTrack   MoveOp = 1 // what is written from now on is noted; what was frozen serves again
	MoveUntrack MoveOp = 2 // it is not moved after all
	MoveFreeze  MoveOp = 3 // nothing is written any more
	MoveLeave   MoveOp = 4 // it is elsewhere
	MoveReceive MoveOp = 5 // a tablet that nobody sees
	MoveIngest  MoveOp = 6 // versions for it
	MoveOpen    MoveOp = 7 // it serves
	MoveSettle  MoveOp = 8 // and is like any other
	// MoveCount is no step, but what else a leaseholder tells of a tablet: AUTO_INCREMENT values up to AutoInc were given, and those who hold the
	// lease later begin behind them.
	MoveCount MoveOp = 9
)

// MoveCommand is a step of a tablet's way to another shard.
type MoveCommand struct {
	ID      uint64
	Op      MoveOp
	Epoch   uint64 // of the lease: the proposer is the holder
	Tablet  schema.TabletID
	Attempt uint64

	Table *schema.Table                     // Receive
	Since map[schema.IndexID]mvcc.Timestamp // Receive: of the tablet that it is a copy of

	Versions []byte // Ingest, Open: as AppendVersion makes them

	// Open: the counters, the newest timestamp of what came, and from where on it is complete. Freeze: Newest is a timestamp that was drawn before, with
	// nobody in the tablet any more. It shows states up to there: whoever has begun to read goes on.
	Rows           int64
	AutoInc        uint64 // Count, too
	Newest, Begins mvcc.Timestamp
}

// received is what Receive carries, as JSON like other descriptors.
type received struct {
	Table *schema.Table                     `json:"table"`
	Since map[schema.IndexID]mvcc.Timestamp `json:"since,omitempty"`
}

// EncodeMove appends a step as a log entry.
func EncodeMove(dst []byte, c *MoveCommand) ([]byte, error) {
	dst = append(dst, commandVersion, byte(CommandMove), byte(c.Op))
	for _, n := range [...]uint64{c.ID, c.Epoch, uint64(c.Tablet), c.Attempt} {
		dst = binary.AppendUvarint(dst, n)
	}
	//exhaustive:enforce
	switch c.Op {
	case MoveReceive:
		text, err := json.Marshal(received{c.Table, c.Since})
		if err != nil {
			return nil, err
		}
		dst = wire.AppendBytes(dst, text)
	case MoveIngest:
		dst = wire.AppendBytes(dst, c.Versions)
	case MoveOpen:
		dst = binary.AppendVarint(dst, c.Rows)
		for _, n := range [...]uint64{c.AutoInc, uint64(c.Newest), uint64(c.Begins)} {
			dst = binary.AppendUvarint(dst, n)
		}
		if len(c.Versions) > 0 {
			dst = wire.AppendBytes(dst, c.Versions)
		}
	case MoveFreeze:
		if c.Newest != 0 {
			dst = binary.AppendUvarint(dst, uint64(c.Newest))
		}
	case MoveCount:
		dst = binary.AppendUvarint(dst, c.AutoInc)
	case MoveTrack, MoveUntrack, MoveLeave, MoveSettle:
	}
	return dst, nil
}

func readMove(d *wire.Reader) *MoveCommand {
	c := &MoveCommand{Op: MoveOp(d.Byte())}
	c.ID, c.Epoch, c.Tablet, c.Attempt = d.Uvarint(), d.Uvarint(), schema.TabletID(d.Uvarint()), d.Uvarint()
	switch c.Op {
	case MoveReceive:
		var r received
		if text := d.Bytes(); d.Err() == nil {
			if err := json.Unmarshal(text, &r); err != nil {
				d.Fail(fmt.Errorf("shard: a tablet's descriptor: %w", err))
			}
		}
		if c.Table, c.Since = r.Table, r.Since; c.Table == nil {
			d.Fail(wire.ErrCorrupt)
		}
	case MoveIngest:
		c.Versions = d.Bytes()
	case MoveOpen:
		c.Rows, c.AutoInc = d.Varint(), d.Uvarint()
		c.Newest, c.Begins = mvcc.Timestamp(d.Uvarint()), mvcc.Timestamp(d.Uvarint())
		if len(d.Rest()) > 0 {
			c.Versions = d.Bytes()
		}
	case MoveFreeze:
		if len(d.Rest()) > 0 {
			c.Newest = mvcc.Timestamp(d.Uvarint())
		}
	case MoveCount:
		c.AutoInc = d.Uvarint()
	case MoveTrack, MoveUntrack, MoveLeave, MoveSettle:
	default:
		d.Fail(fmt.Errorf("shard: a step of kind %d of a tablet's move is %w", c.Op, wire.ErrUnknown))
	}
	return c
}

// Version is a version of a key of a tablet. The key begins with the index.
type Version struct {
	Key   []byte
	TS    mvcc.Timestamp
	Value []byte // with its flag
}

// AppendVersion appends v for MoveCommand.Versions.
func AppendVersion(dst []byte, v Version) []byte {
	dst = wire.AppendBytes(dst, v.Key)
	dst = binary.AppendUvarint(dst, uint64(v.TS))
	return wire.AppendBytes(dst, v.Value)
}

// readVersions gives fn the versions one by one.
func readVersions(encoded []byte, fn func(v Version)) error {
	for d := wire.NewReader(encoded); len(d.Rest()) > 0; {
		v := Version{Key: d.Bytes(), TS: mvcc.Timestamp(d.Uvarint()), Value: d.Bytes()}
		if d.Err() != nil {
			return d.Err()
		}
		if len(v.Key) < indexLen || v.TS == 0 || v.TS >= mvcc.MaxTimestamp {
			return wire.ErrCorrupt
		}
		if _, err := mvcc.ParseVersion(v.TS, v.Value); err != nil {
			return err
		}
		fn(v)
	}
	return nil
}

// indexLen is the length of the index in front of a key.
const indexLen = 2

// phase is where a tablet is on its way.
type phase string

const (
	tracked  phase = "tracked"
	frozen   phase = "frozen"
	left     phase = "left"
	incoming phase = "incoming"
	opened   phase = "opened"
)

// moving is the part of a tablet's record that a move has made.
type moving struct {
	Phase   phase          `json:"phase"`
	Attempt uint64         `json:"attempt"`
	Since   uint64         `json:"since,omitempty"`  // log index: what later entries write is noted
	Frozen  mvcc.Timestamp `json:"frozen,omitempty"` // it shows states up to this one
	Opened  mvcc.Timestamp `json:"opened,omitempty"` // with versions that came with the step: the step's Newest, which tells it from others
}

// Errors of the steps of a move, and of requests that meet one.
var (
	// ErrFrozen: the tablet is about to be elsewhere, or will go on here: wait.
	ErrFrozen = errors.New("shard: the tablet is frozen")
	// ErrMoveEpoch: the proposer did not hold the lease any more.
	ErrMoveEpoch = errors.New("shard: the lease has moved")
	// ErrMoveBusy: something prepared is in the tablet.
	ErrMoveBusy = errors.New("shard: a prepared transaction is in the tablet")
	// ErrMoveRefused: a later attempt has begun, or the tablet is not where the step begins.
	ErrMoveRefused = errors.New("shard: the tablet is not where this step of its move begins")
)

// takesWrites tells whether proposals may change the tablet.
func (t *tablet) takesWrites() bool {
	return t.move == nil || t.move.Phase == tracked || t.move.Phase == opened
}

// shows tells whether a read at a timestamp, or of the newest state (0), may be served.
func (t *tablet) shows(at mvcc.Timestamp) error {
	if at != 0 && at < t.begins {
		return ErrTooOld
	}
	switch {
	case t.takesWrites() || t.move.Phase != incoming && at != 0 && at <= t.move.Frozen:
		return nil
	case t.move.Phase == frozen:
		return ErrFrozen
	}
	return ErrNoTablet
}

// serving is a tablet that may be written to.
func (s *published) serving(id schema.TabletID) (*tablet, error) {
	t, ok := s.tablets.Load().Get(id)
	switch {
	case !ok:
		return nil, ErrNoTablet
	case t.takesWrites():
		return t, nil
	case t.move.Phase == frozen:
		return nil, ErrFrozen
	}
	return nil, ErrNoTablet
}

// Frozen tells whether a tablet is frozen; see API.
func (s *published) Frozen(id schema.TabletID) bool {
	_, err := s.serving(id)
	return errors.Is(err, ErrFrozen)
}

// moveStep executes a step.
func (a *applier) moveStep(index uint64, c *MoveCommand) error {
	a.hashNumbers(uint64(c.Op), uint64(c.Tablet), c.Attempt)
	if c.Epoch != a.state.lease.Epoch {
		return ErrMoveEpoch
	}
	t, _ := a.tablets.Get(c.Tablet)
	if c.Op == MoveCount {
		return a.countGiven(t, c.AutoInc)
	}
	a.cut = true
	var m moving
	if t != nil && t.move != nil {
		if m = *t.move; c.Attempt < m.Attempt {
			return ErrMoveRefused
		}
	}
	m.Attempt = c.Attempt
	if c.Op == MoveReceive {
		return a.receive(t, m, c)
	}
	if t == nil {
		return ErrMoveRefused
	}
	switch {
	case c.Op == MoveTrack && m.Phase == "":
		m.Phase, m.Since = tracked, index
	case c.Op == MoveTrack && (m.Phase == tracked || m.Phase == frozen):
		m.Phase, m.Frozen = tracked, 0
	case c.Op == MoveUntrack && (m.Phase == "" || m.Phase == tracked || m.Phase == frozen):
		a.deleteRange(notesRange(a.s.id, t.id))
		return a.setMove(t, nil)
	case c.Op == MoveFreeze && m.Phase == tracked:
		if a.prepared.isIn(t.id) {
			return ErrMoveBusy
		}
		if c.Newest > a.state.maxTS {
			a.state.maxTS = c.Newest
			a.hashNumbers(uint64(c.Newest))
		}
		m.Phase, m.Frozen = frozen, a.state.maxTS
	case c.Op == MoveLeave && m.Phase == frozen:
		m.Phase = left
	case c.Op == MoveIngest && m.Phase == incoming:
		return a.ingest(t, c.Versions)
	case c.Op == MoveOpen && m.Phase == incoming:
		return a.openTablet(t, m, c)
	case c.Op == MoveSettle && (m.Phase == opened || m.Phase == ""):
		return a.setMove(t, nil)
	case c.Op == MoveFreeze && m.Phase == frozen, c.Op == MoveLeave && m.Phase == left:
	case c.Op == MoveOpen && m.Phase == opened && (len(c.Versions) == 0 || m.Opened == c.Newest):
	default:
		return ErrMoveRefused
	}
	return a.setMove(t, &m)
}

// countGiven raises a tablet's AUTO_INCREMENT counter.
func (a *applying) countGiven(t *tablet, value uint64) error {
	if t == nil {
		return ErrMoveRefused
	}
	a.hashNumbers(value)
	if c := t.counters; value > c.autoInc.Load() {
		c.autoInc.Store(value)
		a.touched[t.id] = t
	}
	return nil
}

// setMove changes where a tablet is on its way.
func (a *applying) setMove(t *tablet, m *moving) error {
	n := *t
	n.move = m
	return a.putTablet(&n)
}

// putTablet takes in a tablet that has changed, with its record.
func (a *applying) putTablet(t *tablet) error {
	record, err := t.record()
	if err != nil {
		return err
	}
	a.take(t)
	a.set(tabletMetaKey(a.s.id, metaTable, t.id), record)
	return nil
}

// receive makes the tablet that is to be filled, or takes back that it serves: nobody knows of it yet.
func (a *applier) receive(t *tablet, m moving, c *MoveCommand) error {
	if t != nil && m.Phase != incoming && m.Phase != opened {
		return ErrMoveRefused
	}
	m.Phase = incoming
	n, _, err := a.newTablet(&TabletCommand{Tablet: c.Tablet, Table: c.Table}, nil)
	if err != nil {
		return err
	}
	if n.since, n.move = c.Since, &m; t != nil {
		n.counters = t.counters
	}
	return a.putTablet(n)
}

// ingest puts versions in.
func (a *applier) ingest(t *tablet, encoded []byte) error {
	if len(encoded) > limits.ProposalBytes {
		return wire.ErrCorrupt
	}
	if err := readVersions(encoded, func(Version) {}); err != nil { // all of it or nothing
		return err
	}
	prefix, _ := tabletRange(a.s.id, t.id)
	var key []byte
	_, _ = a.digest.Write(encoded)
	return readVersions(encoded, func(v Version) {
		key = mvcc.AppendVersion(append(append(key[:0], prefix...), v.Key...), v.TS)
		a.set(key, v.Value)
	})
}

// openTablet lets a tablet serve that all versions have come for.
func (a *applier) openTablet(t *tablet, m moving, c *MoveCommand) error {
	if m.Opened = 0; len(c.Versions) > 0 {
		if err := a.ingest(t, c.Versions); err != nil {
			return err
		}
		m.Opened = c.Newest
	}
	n := *t
	m.Phase, n.begins = opened, c.Begins
	n.move, n.counters = &m, &counters{}
	n.counters.rows.Store(c.Rows)
	n.counters.autoInc.Store(c.AutoInc)
	if err := a.putTablet(&n); err != nil {
		return err
	}
	a.touched[n.id] = &n
	a.state.maxTS = max(a.state.maxTS, c.Newest)
	a.hashNumbers(uint64(c.Rows), c.AutoInc, uint64(c.Newest), uint64(c.Begins))
	a.s.collector.mu.Lock()
	a.s.collector.requireSweep(a.state.maxTS) // what came has versions that are superseded
	a.s.collector.mu.Unlock()
	return nil
}

// isIn tells whether something prepared, or about to be, has to do with a tablet.
func (p *preparedTxns) isIn(id schema.TabletID) bool {
	touches := func(list keyList) bool {
		for key := range list.all() {
			if tabletOfKey(key) == id {
				return true
			}
		}
		return false
	}
	for _, x := range p.txns {
		for _, c := range x.pieces {
			if touches(c.changes) || touches(c.looked) {
				return true
			}
		}
		for i := range x.ranges {
			if x.ranges[i].Tablet == id {
				return true
			}
		}
	}
	return false
}

// note notes a version that an entry writes, if its tablet is tracked.
func (a *applying) note(c *change) {
	id := tabletOfKey(c.key)
	t, _ := a.tablets.Get(id)
	if t == nil || t.move == nil || t.move.Phase != tracked {
		return
	}
	if a.notes == nil {
		a.notes = map[schema.TabletID][]byte{}
	}
	a.notes[id] = binary.AppendUvarint(wire.AppendBytes(a.notes[id], c.key[tabletPrefixLen:]), uint64(c.ts))
}

// putNotes makes records of an entry's notes.
func (a *applying) putNotes() {
	for _, id := range sortedKeys(a.notes) {
		a.set(noteKey(a.s.id, id, a.state.applied), a.notes[id])
	}
	clear(a.notes)
}

// noteKey is where the notes of an entry about a tablet are.
func noteKey(s schema.ShardID, t schema.TabletID, index uint64) []byte {
	return binary.BigEndian.AppendUint64(tabletMetaKey(s, metaNote, t), index)
}

// notesRange bounds the notes about a tablet.
func notesRange(s schema.ShardID, t schema.TabletID) (start, end []byte) {
	start = tabletMetaKey(s, metaNote, t)
	return start, spanEnd(start)
}
