package node

import (
	"context"
	"time"

	"cloudsql/distributed/wallclock"
	"cloudsql/storage/schema"
)

// relieveEvery bounds how often the timestamps are handed on because of the clock.
const relieveEvery = 3 * time.Second

func (n *Node) compareClocks() *wallclock.Clocks {
	return wallclock.New(wallclock.Config{
		Node: n.NodeID, Members: n.members, Mono: n.cfg.Clock.Now, Wall: n.cfg.WallClock, MaxOffset: n.cfg.MaxClockOffset, Log: n.log,
	})
}

// members appends the cluster's nodes to ids.
func (n *core) members(ids []schema.NodeID) []schema.NodeID {
	for _, m := range n.Catalog().Nodes() {
		if !m.Left {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

// relieve hands the system shard, and with it the timestamps, to a node whose clock is right, if this node has it.
func (n *leading) relieve() {
	ls := n.local(schema.SystemShard)
	if ls == nil || n.draining.Load() {
		return
	}
	if !ls.leads() {
		return
	}
	now := n.cfg.Clock.Now()
	last := time.Duration(n.relieved.Load())
	early := last != 0 && now-last < relieveEvery || !n.relieved.CompareAndSwap(int64(last), int64(now))
	to := n.successor(schema.SystemShard)
	if early || to == 0 || n.clockOff(to) {
		return
	}
	n.log.Warn("handing the timestamps on because of this node's clock", "to", to)
	n.spawn(func() {
		ctx, cancel := context.WithTimeout(n.ctx, relieveEvery)
		defer cancel()
		if err := n.transferHere(ctx, transferRequest{Shard: schema.SystemShard, To: to}); err != nil {
			n.log.Warn("handing the timestamps on failed", "to", to, "err", err)
		}
	})
}

// clockOff tells whether a node has told that its clock is off.
func (n *core) clockOff(id schema.NodeID) bool {
	s, _ := n.peers.Get(id)
	return s != nil && s.ClockOff
}

// Clock tells how this node's wall clock stands to the others'.
func (n *leading) Clock() wallclock.Report {
	r, _ := n.clocks.Compare()
	r.Lead = n.owner.Lead()
	return r
}
