package replica

import (
	"time"

	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// leaseMachine decides what this replica does about its shard's lease. It is a pure state machine: times and what raft
// knows come in, at most one log command goes out, and nothing here waits. Package replica's driver (lease_loop.go)
// gives it real time; the scripts in testdata/lease give it any time.
type leaseMachine struct {
	self     schema.NodeID
	duration time.Duration // of the leases that it takes
	margin   time.Duration // stop serving this much before the end, for clocks that run at different rates
	idle     time.Duration // go on renewing this long after the last use
	keep     bool          // take and renew without being asked
	slowTake bool          // a recovered snapshot may hide renewals: count another's lease from the start of leadership

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

	given   bool          // the lease was handed to this node through the log
	handing bool          // a planned hand-over is in progress
	handTo  schema.NodeID // to whom; 0: to nobody
	handID  uint64        // the nonce of its proposal; 0: any
	handed  bool          // and it has been proposed
	fenced  bool          // the state is wrong: serve nothing, take nothing

	nonce uint64
}

// never is later than any time.
const never = time.Duration(1<<63 - 1)

const (
	leaseRetry      = 20 * time.Millisecond // between proposals that were dropped
	leasePendingMax = 10 * time.Second      // after this a proposal that nobody reports about counts as dropped
)

// held tells whether the lease, as applied, is this process's own.
func (m *leaseMachine) held() bool {
	return m.epoch != 0 && m.lease.Epoch == m.epoch && m.lease.Holder == m.self
}

// valid tells whether reads may be served now.
func (m *leaseMachine) valid(now time.Duration) bool { return m.held() && now < m.until }

// applied takes in the result of a lease command from the log.
func (m *leaseMachine) applied(now time.Duration, nonce uint64, ok bool, lease shard.Lease) {
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
	if !m.held() {
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

// recovered takes in a state that came as a snapshot: the time of its last renewal is unknown, so count from now.
func (m *leaseMachine) recovered(now time.Duration, lease shard.Lease) {
	if lease.Serial < m.lease.Serial {
		return
	}
	m.lease, m.seenAt = lease, now
	if !m.held() {
		m.epoch, m.until = 0, 0
	}
}

// dropped takes in that a proposal is presumed lost.
func (m *leaseMachine) dropped(now time.Duration, nonce uint64) {
	if m.pending != nil && m.pending.Nonce == nonce {
		m.pending, m.retryAt = nil, now+leaseRetry
		m.handed = false // a hand-over is proposed again
	}
}

// setLeader takes in what raft says about its leader. Raft tells in two ways, by events and when asked, and either may be
// the later one: news of an older term are no news.
// A change of leadership may have lost what was proposed before; changed tells of one.
func (m *leaseMachine) setLeader(now time.Duration, leader schema.NodeID, term uint64) (changed bool) {
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

// demand is a request for service. wait: the lease is being taken here or may soon be, so wait for a change; otherwise
// holder is who to ask instead (0: unknown).
func (m *leaseMachine) demand(now time.Duration) (wait bool, holder schema.NodeID) {
	m.demandAt, m.lastUse = now, now
	if m.handed {
		return true, 0
	}
	if m.fenced {
		return m.handing, m.leader
	}
	if m.held() {
		if m.pending != nil || m.mayRenew(now) {
			return true, 0
		}
		return false, m.leader
	}
	if m.lease.Holder != 0 && m.lease.Holder != m.self && now < m.expiry() {
		// A holder that has not renewed when it should have is probably dead: the leader waits for the end of its lease.
		overdue := now >= m.seenAt+m.lease.Duration*3/4
		return m.leader == m.self && overdue, m.lease.Holder
	}
	if m.leader == m.self || m.mayTakeOwn() {
		return true, 0
	}
	return false, m.leader
}

// expiry is when another's lease is over for sure.
func (m *leaseMachine) expiry() time.Duration {
	from := m.seenAt
	if m.slowTake {
		from = max(from, m.leaderSince)
	}
	return from + m.lease.Duration
}

// mayRenew: with the lease lapsed and another leader in place, renewing would only keep the two apart.
func (m *leaseMachine) mayRenew(now time.Duration) bool {
	return m.leader == m.self || m.leader != 0 && now < m.until
}

// mayTakeOwn: the lease was handed to this node, which need not be the leader yet.
func (m *leaseMachine) mayTakeOwn() bool {
	return m.given && m.lease.Holder == m.self && m.leader != 0 && !m.held()
}

// step decides what to propose now, and when to be asked again if nothing happens. busy: there are transactions or
// locks to keep, or requests came since the last step.
func (m *leaseMachine) step(now time.Duration, busy bool) (cmd *shard.LeaseCommand, wake time.Duration) {
	if busy {
		m.lastUse = now
	}
	switch {
	case m.pending != nil && now < m.sentAt+leasePendingMax:
		return nil, m.sentAt + leasePendingMax
	case now < m.retryAt:
		return nil, m.retryAt
	case m.leader == 0:
		return nil, never
	case m.fenced && !(m.handing && m.held()):
		return nil, never
	case m.held():
		return m.stepHolder(now)
	default:
		return m.stepOther(now)
	}
}

func (m *leaseMachine) stepHolder(now time.Duration) (*shard.LeaseCommand, time.Duration) {
	if m.handing {
		if m.handed {
			return nil, never
		}
		m.handed = true
		m.until = 0 // serve nothing from here on, whatever becomes of the proposal
		c := m.propose(now, m.epoch+1, m.handTo)
		if m.handID != 0 {
			c.Nonce = m.handID
		}
		return c, never
	}
	wanted := m.keep || now-m.lastUse < m.idle
	if !wanted || !m.mayRenew(now) {
		return nil, never
	}
	if at := m.until - m.duration/2; now < at {
		return nil, at
	}
	return m.propose(now, m.epoch, m.self), never
}

func (m *leaseMachine) stepOther(now time.Duration) (*shard.LeaseCommand, time.Duration) {
	if m.leader != m.self && !m.mayTakeOwn() {
		return nil, never
	}
	wanted := m.keep || m.mayTakeOwn() || m.demandAt >= 0 && now-m.demandAt < m.idle
	if !wanted {
		return nil, never
	}
	if m.lease.Holder != 0 && m.lease.Holder != m.self {
		if at := m.expiry(); now < at {
			return nil, at
		}
	}
	return m.propose(now, m.lease.Epoch+1, m.self), never
}

func (m *leaseMachine) propose(now time.Duration, epoch uint64, holder schema.NodeID) *shard.LeaseCommand {
	m.nonce++
	c := &shard.LeaseCommand{
		Prev:  m.lease.Epoch,
		Lease: shard.Lease{Epoch: epoch, Holder: holder, Duration: m.duration, Serial: m.lease.Serial + 1},
		Nonce: m.nonce,
	}
	m.pending, m.sentAt = c, now
	return c
}

// fence ends serving and taking for good; only a hand-over is left.
func (m *leaseMachine) fence() { m.fenced, m.until = true, 0 }

// handOver begins a planned hand-over to another node (0: to nobody), by a proposal with the given nonce (0: any);
// endHandOver ends the attempt.
func (m *leaseMachine) handOver(to schema.NodeID, nonce uint64) {
	m.handing, m.handTo, m.handID, m.handed = true, to, nonce, false
}

func (m *leaseMachine) endHandOver() { m.handing, m.handTo, m.handID, m.handed = false, 0, 0, false }
