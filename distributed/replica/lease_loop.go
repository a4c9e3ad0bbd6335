package replica

import (
	"context"
	"time"

	"cloudsql/distributed/lease"
	"cloudsql/distributed/leaseholder"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/spawn"
)

// leaseEvents carries OnLease calls, in order, from whoever notices to the lease loop.
type leaseEvents struct{ queue []leaseEvent }

type leaseEvent struct {
	epoch uint64
	held  bool
}

// current is the tenure if reads may be served now.
func (r *leases) current() (*tenure, bool) {
	t := r.tenure.Load()
	return t, t != nil && t.valid(r.clock.Now())
}

// still tells whether t is (still) the tenure and reads that were made since may be given out.
func (r *leases) still(t *tenure) bool { return r.tenure.Load() == t && t.valid(r.clock.Now()) }

// Leaseholding tells whether this process serves the shard now, and under which epoch.
func (r *leases) Leaseholding() (epoch uint64, ok bool) {
	if t, ok := r.current(); ok {
		return t.epoch, true
	}
	return 0, false
}

// Holder is who serves the shard, as far as this replica knows: the lease's holder, or else raft's leader; 0: unknown.
func (r *leases) Holder() schema.NodeID {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.machine
	if holder := m.Lease().Holder; holder != 0 && (m.Held() || holder != r.cfg.Node && r.clock.Now() < m.Expiry()) {
		return holder
	}
	leader, _ := m.Leader()
	return leader
}

// Acquire makes this replica the leaseholder, or says who to ask (*NotLeaseholder).
func (r *leases) Acquire(ctx context.Context) (epoch uint64, err error) {
	t, err := r.serving(ctx)
	if err != nil {
		return 0, err
	}
	return t.epoch, nil
}

// serving is the tenure to serve a request in. It takes the lease if that is this replica's to take.
func (r *leases) serving(ctx context.Context) (*tenure, error) {
	if t, ok := r.current(); ok {
		return t, nil
	}
	return r.demandLease(ctx)
}

func (r *leases) demandLease(ctx context.Context) (*tenure, error) {
	limit := r.clock.NewTimer(2 * r.cfg.LeaseDuration)
	defer limit.Stop()
	for {
		r.mu.Lock()
		now := r.clock.Now()
		r.pollLeader(now)
		wait, holder := r.machine.Demand(now)
		epoch, changed := r.machine.Lease().Epoch, r.changed
		r.mu.Unlock()
		if t, ok := r.current(); ok {
			return t, nil
		}
		if !wait || r.ctx.Err() != nil {
			return nil, r.notHere(holder, epoch)
		}
		r.poke()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-r.ctx.Done():
		case <-limit.C():
			return nil, r.notHere(0, epoch)
		}
	}
}

// pollLeader reads raft's leader: events may come late. Called with r.mu held.
func (r *leases) pollLeader(now time.Duration) {
	leader, term := r.group.Leader()
	if r.machine.SetLeader(now, leader, term) {
		r.above.newLeader()
	}
}

func (r *leases) onLeader(leader schema.NodeID, term uint64) {
	r.mu.Lock()
	if r.machine.SetLeader(r.clock.Now(), leader, term) {
		r.above.newLeader()
	}
	r.notify()
	r.mu.Unlock()
	r.poke()
}

func (r *leases) onRecovered() {
	r.underMu(func(now time.Duration) {
		r.machine.Recovered(now, r.state.Lease())
		r.matchTenure()
	})
	r.above.recovered()
	r.poke()
}

func (r *leases) onLeaseApplied(res *shard.Result) {
	r.underMu(func(now time.Duration) {
		r.machine.Applied(now, res.Batch, res.OK, res.Lease)
		r.above.leaseApplied(res)
		r.matchTenure()
	})
	r.poke()
}

// underMu runs what may be much under r.mu, so that a panic in it leaves the mutex to others.
func (r *leases) underMu(fn func(now time.Duration)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fn(r.clock.Now())
}

// matchTenure makes the tenure agree with the machine. Called with r.mu held, by the apply goroutine: when it makes a tenure,
// everything before the lease's entry has been applied.
func (r *leases) matchTenure() {
	m := r.machine
	t := r.tenure.Load()
	if t != nil && (!m.Held() || m.Epoch() != t.epoch) {
		r.tenure.Store(nil)
		r.stats.LeaseLosses.Add(1)
		r.log.Info("lease lost", "epoch", t.epoch, "holder", uint64(m.Lease().Holder), "newEpoch", m.Lease().Epoch)
		r.events.queue = append(r.events.queue, leaseEvent{t.epoch, false})
		holder, epoch := m.Lease().Holder, m.Lease().Epoch
		ended, why := t, &leaseholder.NotLeaseholder{Shard: r.shard, Holder: holder, Epoch: epoch}
		spawn.Go("the end of a lease", func() { r.above.end(ended, why) }) // not on the apply goroutine: may be long
		t = nil
	}
	if m.Held() && !r.closed {
		if t == nil {
			r.state.ResetAutoInc()
			t = newTenure(m.Epoch(), r.newLocks())
			t.workspaces = r.cfg.Workspaces
			r.above.begin(t)
			t.until.Store(int64(m.Until()))
			r.tenure.Store(t)
			r.stats.LeaseTakes.Add(1)
			r.log.Info("lease taken", "epoch", t.epoch)
			r.events.queue = append(r.events.queue, leaseEvent{t.epoch, true})
		} else {
			t.until.Store(int64(m.Until()))
		}
	}
	r.notify()
}

// notify wakes those who wait for a change. Called with r.mu held.
func (r *leases) notify() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// poke makes the lease loop look.
func (r *leases) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// leaseLoop gives the lease machine its time.
func (r *leases) leaseLoop() {
	var used uint64
	for {
		var cmd *shard.LeaseCommand
		var events []leaseEvent
		var at, now time.Duration
		r.underMu(func(n time.Duration) {
			now = n
			r.pollLeader(now)
			use := r.stats.LeaseReads.Load() + r.stats.Writes.Load() + r.stats.ClosedAsked.Load()
			t := r.tenure.Load()
			busy := use != used || t != nil && t.open() > 0
			used = use
			cmd, at = r.machine.Step(now, busy)
			if leader, _ := r.machine.Leader(); at == lease.Never && leader == 0 {
				at = now + leaderPoll // what raft said may have been about a moment before its last event
			}
			if t != nil && cmd != nil {
				t.until.Store(int64(r.machine.Until())) // a transfer stops reads before it is proposed
			}
			events, r.events.queue = r.events.queue, nil
		})

		r.tell(events)
		if cmd != nil {
			r.proposeLease(cmd)
			continue
		}
		if !r.sleepUntil(at, now) {
			r.mu.Lock()
			events = r.events.queue
			r.events.queue = nil
			r.mu.Unlock()
			r.tell(events)
			return
		}
	}
}

// leaderPoll bounds how late a missed leader event is noticed while the machine has something to wait for, be it a leader.
const leaderPoll = 500 * time.Millisecond

// sleepUntil waits for a poke or until a time; false: the replica is closed.
func (r *leases) sleepUntil(at, now time.Duration) bool {
	var fire <-chan time.Time
	if at != lease.Never {
		timer := r.clock.NewTimer(min(at-now, leaderPoll))
		defer timer.Stop()
		fire = timer.C()
	}
	select {
	case <-fire:
	case <-r.wake:
	case <-r.ctx.Done():
		return false
	}
	return true
}

func (r *leases) tell(events []leaseEvent) {
	if r.cfg.OnLease == nil {
		return
	}
	for _, e := range events {
		r.cfg.OnLease(e.epoch, e.held)
	}
}

func (r *leases) proposeLease(cmd *shard.LeaseCommand) {
	if cmd.Prev == cmd.Epoch {
		r.stats.LeaseRenewals.Add(1)
	}
	drop := func(error) {
		r.mu.Lock()
		r.machine.Dropped(r.clock.Now(), cmd.Nonce)
		r.notify()
		r.mu.Unlock()
		r.poke()
	}
	if err := r.group.Propose(r.ctx, shard.EncodeLease(nil, cmd), drop); err != nil {
		drop(err)
	}
}
