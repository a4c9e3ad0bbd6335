package replica

import (
	"context"
	"time"

	"cloudsql/distributed/leaseholder"
	"cloudsql/distributed/shipment"
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
// What was shipped belongs to one entry of the log (package shipment). The source does nothing for its
// transactions between freeze and the entry. If the entry does not come, the source has to renew its lease before it goes
// on; then the entry can come no more (shard.Lease.Serial). Whatever fails otherwise, the transactions are lost, as with
// any change of the lease: error 1213. Prepared transactions need no shipping: they are in the log.

const (
	// shipMax bounds what is passed along: larger transactions get some time to end (drainMax), and are lost.
	shipMax = 48 << 20
	// freezeMax bounds the wait for a running operation: a scan, or a commit on its way.
	freezeMax = 2 * time.Second
)

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
	msg = shipment.Begin(nil, f.r.shard, nonce, f.t.epoch)
	for _, x := range f.txns {
		if len(msg)+x.weight() > shipMax {
			left++
			continue
		}
		msg = shipment.Append(msg, &x.owner, f.t.locks, x.ws, x.seq)
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

// TakeOver keeps the transactions that are about to come to this node with the lease, encoded by the present leaseholder.
func (r *transfers) TakeOver(msg *wire.Reader) error {
	s, err := shipment.Read(msg, r.cfg.MaxWorkspaceBytes)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.tenure.Load(); t != nil && s.TooLate(t.epoch) || r.closed { // an earlier one ends when we have caught up
		return r.notHere(0, 0)
	}
	r.shipped = s
	return nil
}

// expectShipment looks at a lease command that has been applied: is it the one that what was shipped belongs to? Called
// with r.mu held.
func (r *transfers) expectShipment(res *shard.Result) {
	if r.shipped != nil && res.OK && !r.shipped.See(res, r.cfg.Node) {
		r.shipped = nil
	}
}

// unpack gives a new tenure what the one before has passed along. Called with r.mu held, before anybody is served.
func (r *transfers) unpack(t *tenure) {
	s := r.shipped
	r.shipped = nil
	if s == nil || !s.Came(t.epoch) {
		return
	}
	for _, q := range s.Txns {
		x := r.newTxn(q.ID)
		x.ws, x.seq = q.Workspace, q.Seq
		if x.ws != nil {
			r.state.KeepAutoInc(x.ws)
		}
		x.owner.Session.Store(q.Session)
		t.locks.Restore(&x.owner, &q.Held)
		t.txns[q.ID] = x
	}
	r.stats.PassedTxns.Add(uint64(len(s.Txns)))
	r.log.Info("transactions came along with the lease", "transactions", len(s.Txns))
}

// unship drops a transaction that was rolled back before its tenure began here.
func (r *transfers) unship(id fragment.TxnID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.shipped != nil {
		r.shipped.Drop(id)
	}
}
