package replica

import (
	"context"
	"encoding/binary"
	"slices"
	"time"

	"cloudsql/distributed/leaseholder"
	"cloudsql/distributed/lock"
	"cloudsql/storage/fragment"
	"cloudsql/storage/shard"
	"cloudsql/storage/wire"
)

// A planned transfer passes open transactions along:
//
//	source:  freeze ─→ running operations end, waiting ones are sent away ─→ ship ─→ transfer entry (nonce) ─→ tenure ends
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

// shippedTxn is a transaction that has come with a transfer.
type shippedTxn struct {
	id      fragment.TxnID
	session uint64
	seq     uint64
	ws      *shard.Workspace // nil: none
	held    lock.Held
}

// shipment is what a transfer brings, at its target until the log gives it the lease.
type shipment struct {
	nonce uint64
	from  uint64 // the epoch that it was made under; this replica may not have applied its beginning yet
	epoch uint64 // the one that the entry has begun, or our taking after it; 0: it has not come
	txns  []*shippedTxn
}

// frozen holds still transactions while they are passed along.
type frozen struct {
	r    *core
	t    *tenure
	txns []*txn // whose turn is held
	wake chan struct{}
}

// freeze stops the operations of t's transactions: it waits for those that run, and sends those that wait for locks away.
// Those that don't come to an end in time are left out.
func (r *transfers) freeze(ctx context.Context, t *tenure) *frozen {
	f := &frozen{r: &r.core, t: t, wake: make(chan struct{})}
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
		f.t.locks.SendAway(&x.owner, &leaseholder.NotLeaseholder{Shard: f.r.shard, Epoch: f.t.epoch})
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
	n := 64 * x.owner.Keys()
	if x.ws != nil {
		n += 2 * x.ws.Bytes()
	}
	return n
}

func (t *tenure) appendTxn(dst []byte, x *txn) []byte {
	dst = append(dst, x.id[:]...)
	dst = binary.AppendUvarint(dst, x.owner.Session.Load())
	dst = binary.AppendUvarint(dst, x.seq)
	dst = wire.AppendBool(dst, x.ws != nil)
	if x.ws != nil {
		dst = x.ws.Append(dst)
	}
	return t.locks.AppendHeld(dst, &x.owner)
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
	x.held = lock.ReadHeld(d)
	return x
}

// TakeOver keeps the transactions that are about to come to this node with the lease, encoded by the present leaseholder.
func (r *transfers) TakeOver(msg *wire.Reader) error {
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
func (r *transfers) expectShipment(res *shard.Result) {
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
func (r *transfers) unpack(t *tenure) {
	s := r.shipped
	r.shipped = nil
	if s == nil || s.epoch == 0 || t.epoch != s.epoch {
		return
	}
	for _, q := range s.txns {
		x := r.newTxn(q.id)
		x.ws, x.seq = q.ws, q.seq
		x.owner.Session.Store(q.session)
		t.locks.Restore(&x.owner, &q.held)
		t.txns[q.id] = x
	}
	r.stats.PassedTxns.Add(uint64(len(s.txns)))
	r.log.Info("transactions came along with the lease", "transactions", len(s.txns))
}

// unship drops a transaction that was rolled back before its tenure began here.
func (r *transfers) unship(id fragment.TxnID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.shipped != nil {
		r.shipped.txns = slices.DeleteFunc(r.shipped.txns, func(x *shippedTxn) bool { return x.id == id })
	}
}
