package lease

import (
	"errors"
	flags "flag"
	"fmt"
	"testing"
	"time"

	"cloudsql/distributed/explore"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// The lease machine, walked through exhaustively: two or three nodes run the real Machine over a log whose entries
// arrive late, are presumed lost, or are lost; leaders change and are heard of late; processes restart, stop for a while,
// or catch up by a snapshot; leases are transferred; and the nodes' clocks run at rates as different as the margin allows.
//
// Times are kept relative to each node's own clock, which always shows modelNow, and what is too long ago to matter is
// forgotten: that makes the number of states finite.

const (
	modelTick  = leaseRetry
	modelTicks = 3 // the duration of a lease, margin included
	modelNow   = 1000 * modelTick
	modelSends = 5
	modelNodes = 3
)

// leaseModel is one exploration.
type leaseModel struct {
	name      string
	nodes     int
	margin    int // ticks
	skew      bool
	sends     int // proposals in all
	elections int
	restarts  int
	snapshots int
	transfers int

	live bool // check that somebody can serve again from every state

	noSerial   bool // planted: the compare-and-set is on the epoch alone
	anyEpoch   bool // planted: serve any epoch of this node's, not only one that this process took
	countApply bool // planted: count one's own lease from its application
}

// modelState is the cluster.
type modelState struct {
	nodes   [modelNodes]modelNode
	sent    [modelSends]modelSend
	count   uint8 // of sent
	log     [modelSends]uint8
	length  uint8 // of the log
	leader  uint8
	term    uint8
	even    uint8 // ticks that both clocks must make together before one may run ahead again
	newest  uint8 // the log's epoch
	holder  uint8
	restart uint8
	jumps   uint8
	moves   uint8
}

type modelNode struct {
	m       Machine // without pending
	pending shard.LeaseCommand
	waits   bool
	applied uint8
	starts  uint8
}

// modelSend is a proposal; of its command, what differs between proposals.
type modelSend struct {
	prev, epoch, holder, serial uint8
	nonce                       uint32
	gone                        bool // in the log
	ok                          bool // and took effect
}

func sendOf(c *shard.LeaseCommand) modelSend {
	return modelSend{
		prev: uint8(c.Prev), epoch: uint8(c.Epoch), holder: uint8(c.Holder), serial: uint8(c.Serial), nonce: uint32(c.Nonce),
	}
}

func (p *modelSend) lease() shard.Lease {
	return shard.Lease{
		Epoch: uint64(p.epoch), Holder: schema.NodeID(p.holder), Duration: modelTicks * modelTick, Serial: uint64(p.serial),
	}
}

// follows tells whether a proposal takes effect after a lease, as storage/shard decides it.
func (m *leaseModel) follows(p *modelSend, l shard.Lease) bool {
	return uint64(p.prev) == l.Epoch && (m.noSerial || uint64(p.serial) == l.Serial+1) &&
		(p.epoch == p.prev+1 || p.epoch == p.prev && schema.NodeID(p.holder) == l.Holder)
}

type modelStep struct {
	what string
	node int
}

func (s modelStep) String() string {
	if s.node < 0 {
		return s.what
	}
	return fmt.Sprintf("node %d: %s", s.node+1, s.what)
}

func (m *leaseModel) Start() (s modelState) {
	for i := range m.nodes {
		s.nodes[i].m = m.fresh(i, 0)
	}
	s.leader, s.term = 1, 1
	return s
}

func (m *leaseModel) fresh(node int, starts uint8) Machine {
	return Machine{
		self: schema.NodeID(node + 1), duration: modelTicks * modelTick, margin: time.Duration(m.margin) * modelTick,
		keep: true, demandAt: -1, nonce: uint64(node)<<16 | uint64(starts)<<8,
	}
}

// with runs fn on the node's machine at its present time.
func (n *modelNode) with(fn func(*Machine)) {
	m := n.m
	if n.waits {
		p := n.pending
		m.pending = &p
	}
	fn(&m)
	n.waits, n.pending = m.pending != nil, shard.LeaseCommand{}
	if n.waits {
		n.pending = *m.pending
	}
	m.pending = nil
	n.m = m
	n.forget()
}

// forget makes all times that are past for good the same.
func (n *modelNode) forget() {
	m := &n.m
	past := modelNow - (modelTicks+1)*modelTick
	m.leaderSince = 0
	if m.until <= modelNow {
		m.until = 0
	}
	if m.retryAt <= modelNow {
		m.retryAt = 0
	}
	m.seenAt = max(m.seenAt, past)
	if !n.waits {
		m.sentAt = 0
	} else {
		m.sentAt = max(m.sentAt, past)
	}
}

// tick lets a node's clock go on.
func (n *modelNode) tick() {
	for _, at := range []*time.Duration{&n.m.until, &n.m.retryAt, &n.m.seenAt, &n.m.sentAt} {
		*at = max(0, *at-modelTick)
	}
	n.forget()
}

func (m *leaseModel) Next(s *modelState, emit func(modelStep, *modelState)) {
	n := *s
	for i := range m.nodes {
		n.nodes[i].tick()
	}
	n.even -= min(n.even, 1)
	emit(modelStep{"time goes on", -1}, &n)
	for i := range s.count {
		if s.sent[i].gone {
			continue
		}
		n := *s
		m.append(&n, i)
		emit(modelStep{fmt.Sprintf("the log takes proposal %d", i+1), -1}, &n)
	}
	for i := range m.nodes {
		m.nextOf(s, i, emit)
	}
}

func (m *leaseModel) nextOf(s *modelState, i int, emit func(modelStep, *modelState)) {
	try := func(what string, may bool, fn func(n *modelState, x *modelNode)) {
		if may {
			n := *s
			fn(&n, &n.nodes[i])
			emit(modelStep{what, i}, &n)
		}
	}
	x := &s.nodes[i]
	try("its clock runs ahead", m.skew && s.even == 0, func(n *modelState, x *modelNode) {
		x.tick()
		n.even = modelTicks
	})
	try("its clock falls behind", m.skew && s.even == 0 && m.nodes > 2, func(n *modelState, _ *modelNode) {
		for j := range m.nodes {
			if j != i {
				n.nodes[j].tick()
			}
		}
		n.even = modelTicks
	})
	try("looks", int(s.count) < m.sends, func(n *modelState, x *modelNode) {
		x.with(func(m *Machine) {
			if cmd, _ := m.Step(modelNow, false); cmd != nil {
				n.sent[n.count] = sendOf(cmd)
				n.count++
			}
		})
	})
	try("applies", x.applied < s.length, func(n *modelState, x *modelNode) { m.apply(n, x) })
	try("presumes its proposal lost", x.waits, func(_ *modelState, x *modelNode) {
		x.with(func(m *Machine) { m.Dropped(modelNow, m.pending.Nonce) })
	})
	try("hears of the leader", uint8(x.m.term) != s.term, func(n *modelState, x *modelNode) {
		x.with(func(m *Machine) { m.SetLeader(modelNow, schema.NodeID(n.leader), uint64(n.term)) })
	})
	try("is elected", int(s.term) <= m.elections && s.leader != uint8(i+1), func(n *modelState, _ *modelNode) {
		n.leader = uint8(i + 1)
		n.term++
	})
	try("restarts", int(s.restart) < m.restarts, func(n *modelState, x *modelNode) {
		n.restart++
		lease := x.m.lease
		*x = modelNode{m: m.fresh(i, x.starts+1), applied: x.applied, starts: x.starts + 1}
		x.with(func(m *Machine) { m.Recovered(modelNow, lease) })
	})
	try("catches up by a snapshot", x.applied < s.length && int(s.jumps) < m.snapshots, func(n *modelState, x *modelNode) {
		n.jumps++
		x.applied = n.length
		x.with(func(m *Machine) { m.Recovered(modelNow, n.lease(n.length)) })
	})
	to := (i + 1) % m.nodes
	try(fmt.Sprintf("transfers the lease to node %d", to+1), int(s.moves) < m.transfers && x.m.Valid(modelNow) && !x.m.moving,
		func(n *modelState, x *modelNode) {
			n.moves++
			x.with(func(m *Machine) { m.Transfer(schema.NodeID(to+1), uint64(n.moves)<<24) })
		})
	try("ends its transfer", x.m.moving, func(_ *modelState, x *modelNode) {
		x.with(func(m *Machine) { m.EndTransfer() })
	})
}

// append puts a proposal into the log, where its effect is decided.
func (m *leaseModel) append(s *modelState, i uint8) {
	p := &s.sent[i]
	p.gone, p.ok = true, m.follows(p, s.lease(s.length))
	s.log[s.length] = i
	s.length++
	if p.ok {
		s.newest, s.holder = p.epoch, p.holder
	}
}

// lease is the lease after so many entries.
func (s *modelState) lease(entries uint8) (l shard.Lease) {
	for _, i := range s.log[:entries] {
		if s.sent[i].ok {
			l = s.sent[i].lease()
		}
	}
	return l
}

// apply lets a node take in its next entry.
func (m *leaseModel) apply(n *modelState, x *modelNode) {
	p := &n.sent[n.log[x.applied]]
	nonce := uint64(p.nonce)
	x.applied++
	lease := n.lease(x.applied)
	x.with(func(lm *Machine) {
		mine := lm.pending != nil && lm.pending.Nonce == nonce
		lm.Applied(modelNow, nonce, p.ok, lease)
		if m.countApply && mine && lm.Held() {
			lm.until = modelNow + lm.duration - lm.margin
		}
		if m.anyEpoch && lease.Holder == lm.self && p.ok {
			lm.epoch, lm.until = lease.Epoch, modelNow+lm.duration-lm.margin
		}
	})
}

var (
	errTwoServe   = errors.New("a node serves reads though the log has given the lease to another epoch")
	errOldProcess = errors.New("a process serves an epoch that it did not take")
	errNobody     = errors.New("nobody can serve any more")
)

// Check: whoever would hand out a read now is the log's newest holder. (A newer holder may have answered a write already,
// which this one has not applied.)
func (m *leaseModel) Check(s *modelState) error {
	for i := range m.nodes {
		x := &s.nodes[i]
		if x.m.Valid(modelNow) && (uint8(x.m.epoch) != s.newest || int(s.holder) != i+1) {
			return errTwoServe
		}
		if x.m.Valid(modelNow) && !m.took(s, x) {
			return errOldProcess
		}
	}
	if m.live {
		return m.recovers(*s)
	}
	return nil
}

// took tells whether this run of the node proposed the epoch that it serves.
func (m *leaseModel) took(s *modelState, x *modelNode) bool {
	for _, i := range s.log[:s.length] {
		p := &s.sent[i]
		if p.ok && uint64(p.epoch) == x.m.epoch && p.prev != p.epoch {
			return uint64(p.nonce)>>8 == x.m.nonce>>8
		}
	}
	return false
}

// recovers lets a state go on under good conditions (what is on its way is lost, the last node is elected, everything
// else arrives) until somebody serves.
func (m *leaseModel) recovers(s modelState) error {
	for i := range s.count {
		s.sent[i].gone = true
	}
	s.term++
	s.leader = uint8(m.nodes)
	for range 6 * modelTicks {
		for i := range m.nodes {
			if m.goOn(&s, i) {
				return nil
			}
		}
		for i := range m.nodes {
			s.nodes[i].tick()
		}
	}
	return errNobody
}

// goOn lets a node catch up and act; what it proposes is applied everywhere at once. It tells whether the node serves.
func (m *leaseModel) goOn(s *modelState, i int) bool {
	x := &s.nodes[i]
	for x.applied < s.length {
		m.apply(s, x)
	}
	var p modelSend
	x.with(func(lm *Machine) {
		if lm.pending != nil {
			lm.Dropped(modelNow, lm.pending.Nonce)
		}
		lm.SetLeader(modelNow, schema.NodeID(s.leader), uint64(s.term))
		if lm.moving {
			lm.EndTransfer()
		}
		if cmd, _ := lm.Step(modelNow, false); cmd != nil {
			p = sendOf(cmd)
		}
	})
	before := x.m.lease
	for j := range m.nodes {
		if p.nonce != 0 && m.follows(&p, before) {
			s.nodes[j].with(func(o *Machine) { o.Applied(modelNow, uint64(p.nonce), true, p.lease()) })
		}
	}
	return x.m.Valid(modelNow)
}

func (m *leaseModel) End(*modelState) error { return nil } // time always goes on

var leaseFull = flags.Bool("full", false, "walk through the large models too (make model)")

func TestLeaseModel(t *testing.T) {
	models := []leaseModel{
		{name: "two nodes", nodes: 2, margin: 1, skew: true, sends: 2, elections: 1},
		{name: "somebody can always serve", nodes: 2, margin: 1, sends: 2, elections: 1, transfers: 1, live: true},
		{name: "restarts", nodes: 2, margin: 1, sends: 2, elections: 1, restarts: 1},
		{name: "transfer", nodes: 2, margin: 1, sends: 3, transfers: 1},
	}
	if *leaseFull {
		models = append(models,
			leaseModel{name: "three proposals", nodes: 2, margin: 1, skew: true, sends: 3, elections: 1},
			leaseModel{name: "transfer and election", nodes: 2, margin: 1, sends: 3, elections: 1, transfers: 1},
			leaseModel{name: "restarts and snapshots", nodes: 2, margin: 1, sends: 2, elections: 1, restarts: 1, snapshots: 1},
			leaseModel{name: "three nodes", nodes: 3, margin: 1, sends: 2, elections: 1},
		)
	}
	for i := range models {
		t.Run(models[i].name, func(t *testing.T) {
			r := explore.Run[modelState, modelStep](&models[i], 4_000_000)
			if r.Err != nil || r.Capped {
				t.Fatal(r)
			}
			t.Log(r)
		})
	}
}

// The exploration finds what is wrong without each of the machine's precautions.
func TestLeaseModelFindsBugs(t *testing.T) {
	for _, p := range []struct {
		leaseModel
		finds error
	}{
		{leaseModel{name: "renewals don't count", nodes: 2, margin: 1, sends: 3, transfers: 1, noSerial: true}, errTwoServe},
		{leaseModel{name: "no margin", nodes: 2, skew: true, sends: 2, elections: 1}, errTwoServe},
		{leaseModel{name: "counted from apply", nodes: 2, margin: 1, sends: 2, elections: 1, countApply: true}, errTwoServe},
		{leaseModel{name: "an earlier run's epoch", nodes: 2, margin: 1, sends: 2, restarts: 1, anyEpoch: true}, errOldProcess},
	} {
		t.Run(p.name, func(t *testing.T) {
			r := explore.Run[modelState, modelStep](&p.leaseModel, 4_000_000)
			if !errors.Is(r.Err, p.finds) {
				t.Fatalf("wanted to see that %v; got %v", p.finds, r)
			}
			t.Log(r)
		})
	}
}
