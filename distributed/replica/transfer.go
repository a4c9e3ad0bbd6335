package replica

import (
	"context"
	"fmt"
	"time"

	"cloudsql/distributed/leaseholder"
	"cloudsql/storage/schema"
)

// drainMax bounds how long a planned transfer waits for open transactions; those that are left get 1213.
const drainMax = 5 * time.Second

// Transfer hands the lease, and raft's leadership where this node has it, to another node (0: to whoever takes it), for
// draining and balancing. Autocommit statements never notice more than a pause of two consensus rounds. Interactive
// transactions that are open go along with their locks (shipment.go); where that cannot be, they may end first, for
// drainMax or until ctx ends. New ones wait meanwhile and begin at the next holder.
func (r *transfers) Transfer(ctx context.Context, to schema.NodeID) error {
	r.moving.Lock()
	defer r.moving.Unlock()
	t, ok := r.current()
	if !ok {
		return r.moveLeadership(to)
	}
	undrain := t.drain()
	defer undrain()
	nonce, thaw := r.passAlong(ctx, t, to)
	defer thaw()
	if err := r.transferLease(t, to, nonce); err != nil {
		return err
	}
	return r.moveLeadership(to)
}

// Abdicate ends serving for good, because this replica's state was found to be wrong, and then hands the lease, and raft's
// leadership, to another node. Reads stop before anything is proposed. Open transactions have seen what is wrong: they
// are lost (1213).
func (r *transfers) Abdicate(ctx context.Context, to schema.NodeID) error {
	r.mu.Lock()
	r.machine.Fence()
	t := r.tenure.Load()
	if t != nil {
		t.until.Store(0)
	}
	r.notify()
	r.mu.Unlock()
	for !r.moving.TryLock() { // a transfer that waits for transactions
		if err := r.sleep(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
	defer r.moving.Unlock()
	if t != nil {
		if err := r.transferLease(t, to, 0); err != nil {
			return err
		}
	}
	return r.moveLeadership(to)
}

// passAlong freezes the open transactions and ships them to the next holder. thaw ends that, however the transfer does;
// the proposal is to have the nonce.
func (r *transfers) passAlong(ctx context.Context, t *tenure, to schema.NodeID) (nonce uint64, thaw func()) {
	if r.cfg.Caller == nil || to == 0 || to == r.cfg.Node {
		r.awaitDrained(ctx, t, 0)
		return 0, func() {}
	}
	r.awaitDrained(ctx, t, shipMax)
	if t.open() == 0 {
		return 0, func() {}
	}
	f := r.freeze(ctx, t)
	nonce = randomID()
	msg, left := f.encode(nonce)
	if err := leaseholder.NewRemote(r.cfg.Caller, to, r.cfg.Version).TakeOver(ctx, msg); err != nil {
		r.log.Warn("open transactions cannot be passed along", "to", uint64(to), "err", err)
		f.thaw()
		r.awaitDrained(ctx, t, 0)
		return 0, func() {}
	}
	r.log.Info("passing transactions along", "to", uint64(to), "transactions", len(f.txns)-left, "tooLarge", left)
	return nonce, f.thaw
}

// followAfter is how long a holder that is not raft's leader keeps the lease: every proposal takes a hop more.
const followAfter = time.Second

// followLeader hands the lease to raft's leader if that is another node, and has been for a while.
func (r *transfers) followLeader(t *tenure) {
	r.mu.Lock()
	now := r.clock.Now()
	r.pollLeader(now)
	leader, since := r.machine.Leader()
	astray := leader != 0 && leader != r.cfg.Node && now-since > followAfter
	r.mu.Unlock()
	if !astray || !t.valid(now) || !r.moving.TryLock() {
		return
	}
	r.moving.Unlock()
	r.log.Info("lease follows the leader", "leader", uint64(leader))
	r.background(func() {
		if err := r.Transfer(r.ctx, leader); err != nil {
			r.log.Warn("lease stays behind the leader", "err", err)
		}
	})
}

func (r *transfers) moveLeadership(to schema.NodeID) error {
	if to == 0 || to == r.cfg.Node || !r.group.IsLeader() {
		return nil
	}
	return r.group.Transfer(to)
}

// drain stops the admission of transactions until the returned function is called.
func (t *tenure) drain() (undrain func()) {
	c := make(chan struct{})
	t.mu.Lock()
	t.draining = c
	t.mu.Unlock()
	return func() {
		t.mu.Lock()
		t.draining = nil
		t.mu.Unlock()
		close(c)
	}
}

// awaitDrained waits until the open transactions weigh no more than max bytes (0: none is open) or no more time is left.
func (r *transfers) awaitDrained(ctx context.Context, t *tenure, max int) {
	const poll = 5 * time.Millisecond
	for end := r.clock.Now() + drainMax; r.clock.Now() < end && t.weight() > max; {
		select {
		case <-t.lost:
			return
		case <-ctx.Done():
			return // hand over now, with what is open
		default:
		}
		if r.sleep(context.Background(), poll) != nil {
			return
		}
	}
	if t.weight() > max {
		r.log.Warn("transferring with transactions open that cannot go along", "transactions", t.open())
	}
}

// weight is about the bytes that the open transactions take, at least one for each.
func (t *tenure) weight() (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, x := range t.txns {
		n++
		if x.decided != nil {
			continue // on its way to its end, or in the log
		}
		select {
		case x.turn <- struct{}{}:
			n += x.weight()
			x.leave()
		default: // at work
		}
	}
	return n
}

// transferLease proposes the change of the lease and waits until it is in the log.
func (r *transfers) transferLease(t *tenure, to schema.NodeID, nonce uint64) error {
	limit, cancel := context.WithTimeout(r.ctx, r.cfg.LeaseDuration)
	defer cancel()
	r.mu.Lock()
	r.machine.Transfer(to, nonce)
	r.mu.Unlock()
	r.poke()
	defer func() {
		r.mu.Lock()
		r.machine.EndTransfer()
		r.notify()
		r.mu.Unlock()
		r.poke()
	}()
	select {
	case <-t.lost:
		return nil
	case <-limit.Done():
		return fmt.Errorf("replica: the lease of shard %d could not be handed to node %d in time", r.shard, to)
	}
}
