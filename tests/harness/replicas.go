package harness

import (
	"fmt"
	"net/url"
	"strings"

	"cloudsql/distributed/node"
	"cloudsql/storage/schema"
)

// Report asks a node for its replicas, with their hashes at some log indexes if it still knows them.
func Report(n *Node, at ...uint64) (*node.Report, error) {
	list := make([]string, len(at))
	for i, index := range at {
		list[i] = fmt.Sprint(index)
	}
	r := &node.Report{}
	return r, n.GetJSON("/debug/replicas?at="+url.QueryEscape(strings.Join(list, ",")), r)
}

// Replicated is nil when every node runs a voting replica of every shard, as all of them see it.
func Replicated(nodes []*Node) error {
	shards := 0
	for i, n := range nodes {
		r, err := Report(n)
		if err != nil {
			return err
		}
		if i == 0 {
			shards = len(r.Replicas)
		}
		if len(r.Replicas) != shards || shards < 1+len(nodes) {
			return fmt.Errorf("node %d has %d replicas, node 1 %d", r.Node, len(r.Replicas), shards)
		}
		for _, p := range r.Replicas {
			switch {
			case !p.Running || p.Broken != "":
				return fmt.Errorf("shard %d does not run on node %d: %s", p.Shard, r.Node, p.Broken)
			case len(p.Voters) != len(nodes) || len(p.NonVoting) > 0:
				return fmt.Errorf("shard %d has voters %v and others %v", p.Shard, p.Voters, p.NonVoting)
			case p.Voters[r.Node] != p.Replica:
				return fmt.Errorf("shard %d has replica %d on node %d, voters are %v", p.Shard, p.Replica, r.Node, p.Voters)
			case p.Leader == 0:
				return fmt.Errorf("shard %d has no leader that node %d knows", p.Shard, r.Node)
			}
		}
	}
	return nil
}

// Equal is nil when the replicas of each shard have the same hash at a log index that all of them applied.
func Equal(nodes []*Node) error {
	newest := map[schema.ShardID]uint64{}
	reports := make([]*node.Report, len(nodes))
	for i, n := range nodes {
		var err error
		if reports[i], err = Report(n); err != nil {
			return err
		}
		for _, p := range reports[i].Replicas {
			newest[p.Shard] = max(newest[p.Shard], p.HashIndex)
		}
	}
	var at []uint64
	for _, index := range newest {
		at = append(at, index)
	}
	hashes := map[schema.ShardID]string{}
	for _, n := range nodes {
		r, err := Report(n, at...)
		if err != nil {
			return err
		}
		for _, p := range r.Replicas {
			h, known := p.HashesAt[newest[p.Shard]]
			if p.HashIndex == newest[p.Shard] {
				h, known = p.Hash, true
			}
			if !known {
				return fmt.Errorf("node %d has applied %d of shard %d, another %d", r.Node, p.Applied, p.Shard, newest[p.Shard])
			}
			if old, ok := hashes[p.Shard]; ok && old != h {
				return fmt.Errorf("shard %d differs at %d: %s and, on node %d, %s", p.Shard, newest[p.Shard], old, r.Node, h)
			}
			hashes[p.Shard] = h
		}
	}
	return nil
}
