package replica

import (
	"context"
	"encoding/binary"
	"slices"
	"time"

	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/wire"
)

// A planned hand-over passes open transactions along:
//
//	source:  freeze ─→ running operations end, waiting ones are sent away ─→ ship ─→ hand-over entry (nonce) ─→ tenure ends
//	target:                                          keeps what came under the nonce ─→ the entry gives it the lease
//	                                                 ─→ takes the next epoch ─→ installs it, and serves
//
// What was shipped belongs to one entry of the log, by its nonce: it is installed only where that very entry has given
// the lease, and nobody wrote since, because the target's own taking follows it. The source does nothing for its
// transactions between freeze and the entry. If the entry does not come, the source has to renew its lease before it goes
// on; then the entry can come no more (shard.Lease.Serial). Whatever fails otherwise, the transactions are lost, as with
// any change of the lease: error 1213. Prepared transactions need no shipping: they are in the log.

const (
	// shipMax bounds what is passed along: larger transactions get some time to end (drainMax), and are lost.
	shipMax = 48 << 20
	// freezeMax bounds the wait for a running operation: a scan, or a commit on its way.
	freezeMax = 2 * time.Second
)

// shippedTxn is a transaction that has come with a hand-over.
type shippedTxn struct {
	id      fragment.TxnID
	session uint64
	seq     uint64
	ws      *shard.Workspace // nil: none
	locks   []shippedLock
	ranges  []shippedRange
}

type shippedLock struct {
	tablet schema.TabletID
	index  schema.IndexID
	key    []byte
	mode   LockMode
	absent bool
}

type shippedRange struct {
	tablet     schema.TabletID
	index      schema.IndexID
	start, end []byte
	mode       LockMode
	noRows     bool
	rowStart   []byte
	rowEnd     []byte
}

// shipment is what a hand-over brings, at its target until the log gives it the lease.
type shipment struct {
	nonce uint64
	from  uint64 // the epoch that it was made under; this replica may not have applied its beginning yet
	epoch uint64 // the one that the entry has begun, or our taking after it; 0: it has not come
	txns  []*shippedTxn
}

// frozen holds still transactions while they are passed along.
type frozen struct {
	r    *Replica
	t    *tenure
	txns []*txn // whose turn is held
	wake chan struct{}
}

// freeze stops the operations of t's transactions: it waits for those that run, and sends those that wait for locks away.
// Those that don't come to an end in time are left out.
func (r *Replica) freeze(ctx context.Context, t *tenure) *frozen {
	f := &frozen{r: r, t: t, wake: make(chan struct{})}
	t.mu.Lock()
	t.frozen = f.wake
	open := make([]*txn, 0, len(t.txns))
	for _, x := range t.txns { // those whose commit has begun, too: its outcome must be known, or the next holder denies it
		open = append(open, x)
	}
	t.mu.Unlock()
	limit := r.clock.NewTimer(freezeMax)
	defer limit.Stop()
	late := false
	for _, x := range open {
		if got := f.still(ctx, x, limit.C(), &late); got {
			f.txns = append(f.txns, x)
		}
	}
	return f
}

// still gets x's turn. late: there is no more time to wait.
func (f *frozen) still(ctx context.Context, x *txn, limit <-chan time.Time, late *bool) bool {
	const poll = 2 * time.Millisecond
	for {
		select {
		case x.turn <- struct{}{}:
			f.t.mu.Lock()
			over := x.ended || x.decided != nil
			f.t.mu.Unlock()
			if over {
				x.leave()
			}
			return !over
		default:
		}
		if *late || f.isDecided(x) {
			return false
		}
		f.t.locks.sendAway(&x.owner, &NotLeaseholder{Shard: f.r.shard, Epoch: f.t.epoch})
		timer := f.r.clock.NewTimer(poll)
		select {
		case <-timer.C():
		case <-limit:
			*late = true
		case <-ctx.Done():
			*late = true
		case <-f.t.lost:
			*late = true
		}
		timer.Stop()
	}
}

// isDecided tells whether x's commit has begun and its first outcome is known: it is over, or prepared, in the log.
func (f *frozen) isDecided(x *txn) bool {
	f.t.mu.Lock()
	defer f.t.mu.Unlock()
	select {
	case <-x.decided:
		return true
	default:
		return false
	}
}

// thaw lets the transactions go on: here, or, where the lease has moved, by sending them away.
func (f *frozen) thaw() {
	f.t.mu.Lock()
	f.t.frozen = nil
	f.t.mu.Unlock()
	close(f.wake)
	for _, x := range f.txns {
		x.leave()
	}
}

// sendAway ends the waiting of an interactive transaction with err; unlike fail, it may come again.
func (t *lockTable) sendAway(o *lockOwner, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if w := o.waiting; w != nil {
		t.refuse(w, err)
	}
}

// encode is what the frozen transactions are, up to shipMax; left is how many had no room.
func (f *frozen) encode(nonce uint64) (msg []byte, left int) {
	msg = binary.AppendUvarint(nil, uint64(f.r.shard))
	msg = binary.AppendUvarint(msg, nonce)
	msg = binary.AppendUvarint(msg, f.t.epoch)
	for _, x := range f.txns {
		if len(msg)+x.weight() > shipMax {
			left++
			continue
		}
		msg = f.t.appendTxn(msg, x)
	}
	return msg, left
}

// weight is about what x takes as a message.
func (x *txn) weight() int {
	n := 64 * len(x.owner.held)
	if x.ws != nil {
		n += 2 * x.ws.Bytes()
	}
	return n
}

func (t *tenure) appendTxn(dst []byte, x *txn) []byte {
	dst = append(dst, x.id[:]...)
	dst = binary.AppendUvarint(dst, x.owner.session.Load())
	dst = binary.AppendUvarint(dst, x.seq)
	dst = wire.AppendBool(dst, x.ws != nil)
	if x.ws != nil {
		dst = x.ws.Append(dst)
	}
	t.locks.mu.Lock()
	defer t.locks.mu.Unlock()
	o := &x.owner
	dst = binary.AppendUvarint(dst, uint64(len(o.held)))
	for _, e := range o.held {
		h := &e.holds[e.find(o)]
		dst = appendLocked(dst, e)
		dst = wire.AppendBool(append(dst, byte(h.mode)), h.absent)
	}
	granted := slices.DeleteFunc(slices.Clone(o.ranges), func(g *rangeLock) bool { return g.wait != nil })
	dst = binary.AppendUvarint(dst, uint64(len(granted)))
	for _, g := range granted {
		dst = wire.AppendOptional(appendLocked(dst, &g.entry), g.end)
		dst = wire.AppendBool(append(dst, byte(g.mode)), g.noRows)
		dst = wire.AppendOptional(wire.AppendBytes(dst, g.rowStart), g.rowEnd)
	}
	return dst
}

func appendLocked(dst []byte, e *lockEntry) []byte {
	dst = binary.AppendUvarint(dst, uint64(e.tablet))
	return wire.AppendBytes(binary.AppendUvarint(dst, uint64(e.index)), e.key)
}

// readShipment decodes what encode made, behind the shard's id.
func readShipment(d *wire.Reader, workspaceLimit int) (*shipment, error) {
	s := &shipment{nonce: d.Uvarint(), from: d.Uvarint()}
	for d.Err() == nil && len(d.Rest()) > 0 {
		s.txns = append(s.txns, readShippedTxn(d, workspaceLimit))
	}
	return s, d.End()
}

func readShippedTxn(d *wire.Reader, workspaceLimit int) *shippedTxn {
	x := &shippedTxn{}
	copy(x.id[:], d.Take(uint64(len(x.id))))
	x.session, x.seq = d.Uvarint(), d.Uvarint()
	if d.Bool() {
		x.ws = shard.ReadWorkspace(d, workspaceLimit)
	}
	for n := d.Count(); n > 0 && d.Err() == nil; n-- {
		var l shippedLock
		l.tablet, l.index, l.key = readLocked(d)
		l.mode, l.absent = readMode(d), d.Bool()
		x.locks = append(x.locks, l)
	}
	for n := d.Count(); n > 0 && d.Err() == nil; n-- {
		var g shippedRange
		g.tablet, g.index, g.start = readLocked(d)
		g.end = bytesOrNil(d.Optional())
		g.mode, g.noRows = readMode(d), d.Bool()
		g.rowStart = append([]byte{}, d.Bytes()...)
		g.rowEnd = bytesOrNil(d.Optional())
		x.ranges = append(x.ranges, g)
	}
	return x
}

// readLocked reads what appendLocked wrote; the key is a copy.
func readLocked(d *wire.Reader) (schema.TabletID, schema.IndexID, []byte) {
	return schema.TabletID(d.Uvarint()), schema.IndexID(d.Uvarint()), append([]byte{}, d.Bytes()...)
}

func readMode(d *wire.Reader) LockMode {
	m := LockMode(d.Byte())
	if m == LockNone || m > LockExclusive {
		d.Fail(wire.ErrCorrupt)
	}
	return m
}

// bytesOrNil copies b and keeps nil.
func bytesOrNil(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}

// TakeOver keeps the transactions that are about to be handed over to this node, encoded by the present leaseholder.
func (r *Replica) TakeOver(msg *wire.Reader) error {
	s, err := readShipment(msg, r.cfg.MaxWorkspaceBytes)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.tenure.Load(); t != nil && t.epoch >= s.from || r.closed { // an earlier one ends when we have caught up
		return r.notHere(0, 0)
	}
	r.shipped = s
	return nil
}

// expectShipment looks at a lease command that has been applied: is it the one that what was shipped belongs to? Called
// with r.mu held.
func (r *Replica) expectShipment(res *shard.Result) {
	s := r.shipped
	if s == nil || !res.OK {
		return
	}
	given := res.Batch == s.nonce && res.Lease.Holder == r.cfg.Node
	// Our own taking follows: once, or again where the first was presumed lost, and was not served.
	taken := s.epoch != 0 && res.Lease.Holder == r.cfg.Node && res.Lease.Epoch == s.epoch+1
	switch {
	case given || taken:
		s.epoch = res.Lease.Epoch
	case res.Lease.Epoch > max(s.from, s.epoch): // somebody else serves, or has
		r.shipped = nil
	}
}

// unpack gives a new tenure what the one before has passed along. Called with r.mu held, before anybody is served.
func (r *Replica) unpack(t *tenure) {
	s := r.shipped
	r.shipped = nil
	if s == nil || s.epoch == 0 || t.epoch != s.epoch {
		return
	}
	for _, q := range s.txns {
		x := &txn{id: q.id, turn: make(chan struct{}, 1), ws: q.ws, seq: q.seq}
		x.owner.id, x.owner.interactive = q.id, true
		x.owner.session.Store(q.session)
		x.seen.Store(int64(r.clock.Now()))
		t.locks.unpack(&x.owner, q)
		t.txns[q.id] = x
	}
	r.stats.PassedTxns.Add(uint64(len(s.txns)))
	r.log.Info("transactions came along with the lease", "transactions", len(s.txns))
}

// unpack gives o the locks that it had at the former leaseholder.
func (t *lockTable) unpack(o *lockOwner, q *shippedTxn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range q.locks {
		l := &q.locks[i]
		e := t.entry(l.tablet, l.index, l.key)
		t.grant(e, o, l.mode)
		e.holds[e.find(o)].absent = l.absent
	}
	for i := range q.ranges {
		s := &q.ranges[i]
		g := &rangeLock{owner: o, mode: s.mode, end: s.end, noRows: s.noRows, rowStart: s.rowStart, rowEnd: s.rowEnd}
		g.entry.tablet, g.entry.index, g.entry.key = s.tablet, s.index, s.start
		t.addRange(g)
		o.ranges = append(o.ranges, g)
		t.interactiveLocks.Add(1)
	}
}

// unship drops a transaction that was rolled back before its tenure began here.
func (r *Replica) unship(id fragment.TxnID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.shipped != nil {
		r.shipped.txns = slices.DeleteFunc(r.shipped.txns, func(x *shippedTxn) bool { return x.id == id })
	}
}
