package lease

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// TestLease runs the scripts of testdata: the lease machines of some nodes around one log. Commands:
//
//	nodes n=3 [keep]            start over; leases last 2 s, with 100 ms of margin; idle after 10 s
//	leader n=1                  raft elects a node; everybody knows
//	step n=1 [busy]             what the node proposes now, or when it wants to be asked again
//	demand n=1                  somebody wants to be served there
//	apply n=1                   the node applies what is in the log
//	drop n=1                    the node's proposal is lost
//	transfer n=1 to=2 | end n=1
//	restart n=1                 the node's memory is gone
//	snapshot n=1                the node's state is replaced by the log's present one
//	advance by=1s
//	show                        the log's lease, and which nodes would serve reads
func TestLease(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		s := &leaseScript{}
		datadriven.RunTest(t, path, s.run)
	})
}

type leaseScript struct {
	now   time.Duration
	nodes []*leaseNode
	log   []leaseEntry
	lease shard.Lease // after the whole log
}

type leaseNode struct {
	m    *Machine
	next int
	sent *shard.LeaseCommand
}

type leaseEntry struct {
	cmd   shard.LeaseCommand
	ok    bool
	lease shard.Lease
}

func (s *leaseScript) run(t *testing.T, d *datadriven.TestData) string {
	var n, to uint64
	var by string
	d.MaybeScanArgs(t, "n", &n)
	d.MaybeScanArgs(t, "to", &to)
	d.MaybeScanArgs(t, "by", &by)
	if d.Cmd == "nodes" {
		*s = leaseScript{now: time.Minute}
		for i := range n {
			s.nodes = append(s.nodes, &leaseNode{m: newScriptMachine(schema.NodeID(i+1), i+1, d.HasArg("keep"))})
		}
		return ""
	}
	if d.Cmd == "advance" {
		dur, err := time.ParseDuration(by)
		if err != nil {
			t.Fatal(err)
		}
		s.now += dur
		return ""
	}
	if d.Cmd == "leader" {
		for _, x := range s.nodes {
			x.m.SetLeader(s.now, schema.NodeID(n), uint64(s.now)) // a new term each time
		}
		return ""
	}
	if d.Cmd == "show" {
		return s.show()
	}
	x := s.nodes[n-1]
	switch d.Cmd {
	case "step":
		return s.step(x, d.HasArg("busy"))
	case "demand":
		if wait, holder := x.m.Demand(s.now); wait {
			return "wait"
		} else {
			return fmt.Sprintf("ask node %d", holder)
		}
	case "apply":
		return s.apply(x)
	case "drop":
		x.m.Dropped(s.now, x.sent.Nonce)
		s.log = s.log[:len(s.log)-1]
		s.lease = shard.Lease{}
		if len(s.log) > 0 {
			s.lease = s.log[len(s.log)-1].lease
		}
	case "transfer":
		x.m.Transfer(schema.NodeID(to), 0)
	case "end":
		x.m.EndTransfer()
	case "restart":
		m := newScriptMachine(x.m.self, 100*n, x.m.keep)
		m.Recovered(s.now, x.m.lease)
		m.SetLeader(s.now, x.m.leader, x.m.term)
		x.m = m
	case "snapshot":
		x.next = len(s.log)
		x.m.Recovered(s.now, s.lease)
	default:
		t.Fatalf("unknown command %s", d.Cmd)
	}
	return ""
}

func newScriptMachine(self schema.NodeID, nonce uint64, keep bool) *Machine {
	return &Machine{
		self: self, duration: 2 * time.Second, margin: 100 * time.Millisecond, idle: 10 * time.Second, keep: keep,
		demandAt: -1, lastUse: -time.Hour, nonce: nonce * 1000,
	}
}

// step runs a node's machine and appends what it proposes to the log.
func (s *leaseScript) step(x *leaseNode, busy bool) string {
	cmd, wake := x.m.Step(s.now, busy)
	if cmd == nil {
		if wake == Never {
			return "nothing to do"
		}
		return fmt.Sprintf("again in %v", wake-s.now)
	}
	x.sent = cmd
	e := leaseEntry{cmd: *cmd, ok: cmd.Prev == s.lease.Epoch && cmd.Serial == s.lease.Serial+1}
	if e.ok {
		s.lease = cmd.Lease
	}
	e.lease = s.lease
	s.log = append(s.log, e)
	return fmt.Sprintf("proposes epoch %d for node %d after epoch %d", cmd.Epoch, cmd.Holder, cmd.Prev)
}

func (s *leaseScript) apply(x *leaseNode) string {
	for ; x.next < len(s.log); x.next++ {
		e := &s.log[x.next]
		x.m.Applied(s.now, e.cmd.Nonce, e.ok, e.lease)
	}
	if x.m.Valid(s.now) {
		return fmt.Sprintf("serves epoch %d for %v", x.m.epoch, x.m.until-s.now)
	}
	return fmt.Sprintf("sees epoch %d of node %d", x.m.lease.Epoch, x.m.lease.Holder)
}

func (s *leaseScript) show() string {
	var b strings.Builder
	fmt.Fprintf(&b, "log: epoch %d of node %d; serving:", s.lease.Epoch, s.lease.Holder)
	for _, x := range s.nodes {
		if x.m.Valid(s.now) {
			fmt.Fprintf(&b, " node %d (epoch %d)", x.m.self, x.m.epoch)
		}
	}
	return b.String()
}

// TestLateNewsOfLeader: raft tells of its leader by events and when asked, and an answer may be older than the last event.
func TestLateNewsOfLeader(t *testing.T) {
	m := newScriptMachine(1, 1, true)
	m.SetLeader(0, 1, 5)
	if m.SetLeader(0, 2, 4); m.leader != 1 || m.term != 5 {
		t.Errorf("an older term's leader was believed: %d in %d", m.leader, m.term)
	}
}
