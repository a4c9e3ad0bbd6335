package lease

import (
	"time"

	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// Machine decides what this replica does about its shard's lease. It is a pure state machine: times and what raft
// knows come in, at most one log command goes out, and nothing here waits. Package replica's driver (lease_loop.go)
// gives it real time; the scripts in testdata and the model give it any time.
type Machine struct {
	self     schema.NodeID
	duration time.Duration // of the leases that it takes
	margin   time.Duration // stop serving this much before the end, for clocks that run at different rates
	idle     time.Duration // go on renewing this long after the last use
	keep     bool          // take and renew without being asked

	lease  shard.Lease   // as applied here
	seenAt time.Duration // when its last taking or renewal was applied here
	epoch  uint64        // of the tenure that this process took itself; 0: none
	until  time.Duration // serve before this; 0: not at all

	leader      schema.NodeID // as raft tells; 0: unknown
	leaderSince time.Duration
	term        uint64

	pending  *shard.LeaseCommand // proposed, not yet decided
	sentAt   time.Duration       // when: from before the proposal was made
	retryAt  time.Duration       // not before: the last one was dropped
	demandAt time.Duration       // somebody wanted the lease; negative: nobody so far
	lastUse  time.Duration

	given  bool          // the lease was transferred to this node through the log
	moving bool          // a planned transfer is in progress
	moveTo schema.NodeID // to whom; 0: to nobody
	moveID uint64        // the nonce of its proposal; 0: any
	moved  bool          // and it has been proposed
	fenced bool          // the state is wrong: serve nothing, take nothing

	nonce uint64
}

// Config is how a Machine behaves.
type Config struct {
	Self     schema.NodeID
	Duration time.Duration // of the leases that it takes
	Margin   time.Duration // stop serving this much before the end, for clocks that run at different rates
	Idle     time.Duration // go on renewing this long after the last use
	Keep     bool          // take and renew without being asked
	Nonce    uint64        // its proposals are numbered from here: no other process may use the same
}

// New makes a machine that knows nothing yet.
func New(c Config) *Machine {
	return &Machine{
		self: c.Self, duration: c.Duration, margin: c.Margin, idle: c.Idle, keep: c.Keep, demandAt: -1, nonce: c.Nonce,
	}
}

// Lease is the shard's, as applied here; Epoch is of the tenure that this process took itself (0: none); until Until it may serve.
func (m *Machine) Lease() shard.Lease   { return m.lease }
func (m *Machine) Epoch() uint64        { return m.epoch }
func (m *Machine) Until() time.Duration { return m.until }

// Leader is raft's, as it told (0: unknown), and since when.
func (m *Machine) Leader() (leader schema.NodeID, since time.Duration) {
	return m.leader, m.leaderSince
}

// Never is later than any time.
const Never = time.Duration(1<<63 - 1)

const (
	leaseRetry      = 20 * time.Millisecond // between proposals that were dropped
	leasePendingMax = 10 * time.Second      // after this a proposal that nobody reports about counts as dropped
)

// Held tells whether the lease, as applied, is this process's own.
func (m *Machine) Held() bool {
	return m.epoch != 0 && m.lease.Epoch == m.epoch && m.lease.Holder == m.self
}

// Valid tells whether reads may be served now.
func (m *Machine) Valid(now time.Duration) bool { return m.Held() && now < m.until }

// Applied takes in the result of a lease command from the log.
func (m *Machine) Applied(now time.Duration, nonce uint64, ok bool, lease shard.Lease) {
	if lease.Serial < m.lease.Serial {
		return // told late, when a newer state has already been seen
	}
	mine := m.pending != nil && m.pending.Nonce == nonce
	sent := m.pending
	if mine {
		m.pending = nil
	}
	if ok {
		m.seenAt = now
		m.given = !mine && lease.Holder == m.self && lease.Epoch != m.lease.Epoch
	}
	m.lease = lease
	if !m.Held() {
		m.epoch, m.until = 0, 0
	}
	if !mine || !ok || sent.Holder != m.self {
		return
	}
	// Only an epoch that this very process took is served: what an earlier run of this node proposed under an older one
	// may still be in the log, unknown to this one's registry of writes in flight.
	m.epoch = lease.Epoch
	if !m.fenced {
		m.until = m.sentAt + lease.Duration - m.margin
	}
}

// Recovered takes in a state that came as a snapshot: the time of its last renewal is unknown, so count from now.
func (m *Machine) Recovered(now time.Duration, lease shard.Lease) {
	if lease.Serial < m.lease.Serial {
		return
	}
	m.lease, m.seenAt = lease, now
	if !m.Held() {
		m.epoch, m.until = 0, 0
	}
}

// Dropped takes in that a proposal is presumed lost.
func (m *Machine) Dropped(now time.Duration, nonce uint64) {
	if m.pending != nil && m.pending.Nonce == nonce {
		m.pending, m.retryAt = nil, now+leaseRetry
		m.moved = false // a transfer is proposed again
	}
}

// SetLeader takes in what raft says about its leader. Raft tells in two ways, by events and when asked, and either may be
// the later one: news of an older term are no news.
// A change of leadership may have lost what was proposed before; changed tells of one.
func (m *Machine) SetLeader(now time.Duration, leader schema.NodeID, term uint64) (changed bool) {
	if term < m.term || leader == m.leader && term == m.term {
		return false
	}
	changed = m.term != 0 && term != m.term
	if leader != m.leader {
		m.leaderSince = now
	}
	m.leader, m.term = leader, term
	if changed {
		m.pending = nil
	}
	return changed
}

// Demand is a request for service. wait: the lease is being taken here or may soon be, so wait for a change; otherwise
// holder is who to ask instead (0: unknown).
func (m *Machine) Demand(now time.Duration) (wait bool, holder schema.NodeID) {
	m.demandAt, m.lastUse = now, now
	if m.moved {
		return true, 0
	}
	if m.fenced {
		return m.moving, m.leader
	}
	if m.Held() {
		if m.pending != nil || m.mayRenew(now) {
			return true, 0
		}
		return false, m.leader
	}
	if m.lease.Holder != 0 && m.lease.Holder != m.self && now < m.Expiry() {
		// A holder that has not renewed when it should have is probably dead: the leader waits for the end of its lease.
		overdue := now >= m.seenAt+m.lease.Duration*3/4
		return m.leader == m.self && overdue, m.lease.Holder
	}
	if m.leader == m.self || m.mayTakeOwn() {
		return true, 0
	}
	return false, m.leader
}

// Expiry is when another's lease is over for sure.
func (m *Machine) Expiry() time.Duration {
	return m.seenAt + m.lease.Duration
}

// mayRenew: with the lease lapsed and another leader in place, renewing would only keep the two apart.
func (m *Machine) mayRenew(now time.Duration) bool {
	return m.leader == m.self || m.leader != 0 && now < m.until
}

// mayTakeOwn: the lease was transferred to this node, which need not be the leader yet.
func (m *Machine) mayTakeOwn() bool {
	return m.given && m.lease.Holder == m.self && m.leader != 0 && !m.Held()
}

// Step decides what to propose now, and when to be asked again if nothing happens. busy: there are transactions or
// locks to keep, or requests came since the last step.
func (m *Machine) Step(now time.Duration, busy bool) (cmd *shard.LeaseCommand, wake time.Duration) {
	if busy {
		m.lastUse = now
	}
	switch {
	case m.pending != nil && now < m.sentAt+leasePendingMax:
		return nil, m.sentAt + leasePendingMax
	case now < m.retryAt:
		return nil, m.retryAt
	case m.leader == 0:
		return nil, Never
	case m.fenced && !(m.moving && m.Held()):
		return nil, Never
	case m.Held():
		return m.stepHolder(now)
	default:
		return m.stepOther(now)
	}
}

func (m *Machine) stepHolder(now time.Duration) (*shard.LeaseCommand, time.Duration) {
	if m.moving {
		if m.moved {
			return nil, Never
		}
		m.moved = true
		m.until = 0 // serve nothing from here on, whatever becomes of the proposal
		c := m.propose(now, m.epoch+1, m.moveTo)
		if m.moveID != 0 {
			c.Nonce = m.moveID
		}
		return c, Never
	}
	wanted := m.keep || now-m.lastUse < m.idle
	if !wanted || !m.mayRenew(now) {
		return nil, Never
	}
	if at := m.until - m.duration/2; now < at {
		return nil, at
	}
	return m.propose(now, m.epoch, m.self), Never
}

func (m *Machine) stepOther(now time.Duration) (*shard.LeaseCommand, time.Duration) {
	if m.leader != m.self && !m.mayTakeOwn() {
		return nil, Never
	}
	wanted := m.keep || m.mayTakeOwn() || m.demandAt >= 0 && now-m.demandAt < m.idle
	if !wanted {
		return nil, Never
	}
	if m.lease.Holder != 0 && m.lease.Holder != m.self {
		if at := m.Expiry(); now < at {
			return nil, at
		}
	}
	return m.propose(now, m.lease.Epoch+1, m.self), Never
}

func (m *Machine) propose(now time.Duration, epoch uint64, holder schema.NodeID) *shard.LeaseCommand {
	m.nonce++
	c := &shard.LeaseCommand{
		Prev:  m.lease.Epoch,
		Lease: shard.Lease{Epoch: epoch, Holder: holder, Duration: m.duration, Serial: m.lease.Serial + 1},
		Nonce: m.nonce,
	}
	m.pending, m.sentAt = c, now
	return c
}

// Fence ends serving and taking for good; only a transfer is left.
func (m *Machine) Fence() { m.fenced, m.until = true, 0 }

// Transfer begins a planned transfer to another node (0: to nobody), by a proposal with the given nonce (0: any);
// EndTransfer ends the attempt.
func (m *Machine) Transfer(to schema.NodeID, nonce uint64) {
	m.moving, m.moveTo, m.moveID, m.moved = true, to, nonce, false
}

func (m *Machine) EndTransfer() { m.moving, m.moveTo, m.moveID, m.moved = false, 0, 0, false }
