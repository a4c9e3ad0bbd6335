package node

import (
	"context"
	"math"
	"slices"
	"time"

	"cloudsql/distributed/peers"
	"cloudsql/storage/schema"
)

// meetPeers makes what exchanges heartbeats with the other nodes.
func (n *Node) meetPeers() *peers.Peers {
	return peers.New(peers.Config{
		Node: n.NodeID, Known: n.book.Nodes, Own: n.status, Serving: n.serving.Load, Mono: n.cfg.Clock.Now, Heartbeat: n.cfg.Heartbeat,
		Call: func(ctx context.Context, id schema.NodeID, req []byte) ([]byte, error) {
			return n.client.Call(ctx, id, methodHeartbeat, req)
		},
		CallAddr: func(ctx context.Context, addr string, req []byte) ([]byte, error) {
			return n.client.CallAddr(ctx, addr, methodHeartbeat, req)
		},
		Answered: func(s *peers.Status, sent, received time.Duration) {
			n.clocks.Observe(s.Node, sent, received, s.Wall)
		},
		Heard: func(s *peers.Status, news bool) {
			n.db.observe(s.Newest)
			if slices.Contains(s.Left, n.NodeID()) {
				n.leave()
			}
			if news {
				n.recon.Poke()
			}
		},
		At: func(id schema.NodeID, addr string) {
			if n.book.Told(id, addr) {
				n.log.Info("a node is at another address", "node", id, "addr", addr)
				n.client.Reset(id)
			}
		},
		Beat: func() {
			n.checkHashes()
			if n.clocks.Check() {
				n.relieve()
			}
		},
	})
}

// leave ends this node, which has been removed from the cluster.
func (n *Node) leave() {
	n.removal.Do(func() {
		n.log.Error("stopping", "why", ErrRemoved)
		n.removed(ErrRemoved)
		n.cfg.Stop(ErrRemoved)
	})
}

// status is this node's own.
func (n *Node) status() *peers.Status {
	c := n.Catalog()
	s := &peers.Status{
		Node: n.NodeID(), Addr: n.NodeAddr(), Others: n.peers.Where(), Version: Version, Catalog: c.Version(), Using: n.open.Oldest(c.Version()),
		Oldest: n.db.oldestSnapshot(), Drain: n.draining.Load(), Full: n.diskFull.Load(), Can: n.cfg.MaxVersion,
		Locality: n.cfg.Locality,
		Wall:     n.cfg.WallClock().UnixMicro(), ClockOff: n.clocks.Off(),
	}
	for _, m := range c.Nodes() {
		if m.Left {
			s.Left = append(s.Left, m.ID)
		}
	}
	for _, ls := range *n.shards.Load() {
		r := peers.Replica{Shard: ls.id, Replica: ls.replica, Applied: ls.state.AppliedIndex(), Leader: ls.group.IsLeader(), Marks: ls.state.Marks()}
		r.HashAt, r.Hash = ls.state.Hash()
		_, r.Holder = ls.rep.Leaseholding()
		total := ls.meter.Total()
		r.Bytes, r.Reads, r.Writes = uint64(total.Bytes), uint64(math.Round(total.Reads)), uint64(math.Round(total.Writes))
		s.Reps = append(s.Reps, r)
	}
	if n.dir != nil {
		s.Bound = n.dir.Bound()
		for _, r := range n.dir.Replicas() {
			// What does not run is told too, lest it be thought forgotten.
			if !r.Retired && n.local(r.Shard) == nil {
				s.Reps = append(s.Reps, peers.Replica{Shard: r.Shard, Replica: r.Replica, Broken: r.Broken})
			}
		}
	}
	return s
}
