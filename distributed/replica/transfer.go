package replica

import (
	"context"
	"fmt"
	"time"

	"cloudsql/storage/schema"
)

// drainMax bounds how long a planned hand-over waits for open transactions; those that are left get 1213.
const drainMax = 5 * time.Second

// Transfer hands the lease, and raft's leadership where this node has it, to another node (0: to whoever takes it), for
// draining and balancing. Autocommit statements never notice more than a pause of two consensus rounds. Interactive
// transactions that are open may end first, for drainMax or until ctx ends; new ones wait meanwhile and begin at the
// next holder. (To pass open ones along with their locks is left for later.)
func (r *Replica) Transfer(ctx context.Context, to schema.NodeID) error {
	r.moving.Lock()
	defer r.moving.Unlock()
	t, ok := r.current()
	if !ok {
		return r.moveLeadership(to)
	}
	undrain := t.drain()
	defer undrain()
	if err := r.awaitDrained(ctx, t); err != nil {
		return err
	}
	if err := r.handOver(t, to); err != nil {
		return err
	}
	return r.moveLeadership(to)
}

// followAfter is how long a holder that is not raft's leader keeps the lease: every proposal takes a hop more.
const followAfter = time.Second

// followLeader hands the lease to raft's leader if that is another node, and has been for a while.
func (r *Replica) followLeader(t *tenure) {
	r.mu.Lock()
	now := r.clock.Now()
	r.pollLeader(now)
	leader := r.machine.leader
	astray := leader != 0 && leader != r.cfg.Node && now-r.machine.leaderSince > followAfter
	r.mu.Unlock()
	if !astray || !t.valid(now) || !r.moving.TryLock() {
		return
	}
	r.moving.Unlock()
	r.log.Info("lease follows the leader", "leader", uint64(leader))
	r.done.Add(1)
	go func() {
		defer r.done.Done()
		if err := r.Transfer(r.ctx, leader); err != nil {
			r.log.Warn("lease stays behind the leader", "err", err)
		}
	}()
}

func (r *Replica) moveLeadership(to schema.NodeID) error {
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

// awaitDrained waits until no transaction is open or no more time is left.
func (r *Replica) awaitDrained(ctx context.Context, t *tenure) error {
	const poll = 5 * time.Millisecond
	for end := r.clock.Now() + drainMax; r.clock.Now() < end && t.open() > 0; {
		select {
		case <-t.lost:
			return nil
		case <-ctx.Done():
			return nil // hand over now, with what is open
		default:
		}
		if err := r.sleep(context.Background(), poll); err != nil {
			return err
		}
	}
	if n := t.open(); n > 0 {
		r.log.Warn("handing over with transactions open", "transactions", n)
	}
	return nil
}

// handOver proposes the change of the lease and waits until it is in the log.
func (r *Replica) handOver(t *tenure, to schema.NodeID) error {
	limit, cancel := context.WithTimeout(r.ctx, r.cfg.LeaseDuration)
	defer cancel()
	r.mu.Lock()
	r.machine.handOver(to)
	r.mu.Unlock()
	r.poke()
	defer func() {
		r.mu.Lock()
		r.machine.endHandOver()
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
