package cluster

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"cloudsql/distributed/node"
	"cloudsql/storage/schema"
	"cloudsql/tests/harness"
)

func report(n *harness.Node, at ...uint64) (*node.Report, error) {
	list := make([]string, len(at))
	for i, index := range at {
		list[i] = fmt.Sprint(index)
	}
	r := &node.Report{}
	return r, n.GetJSON("/debug/replicas?at="+url.QueryEscape(strings.Join(list, ",")), r)
}

// replicated is nil when every node runs a voting replica of every shard, as all of them see it.
func replicated(nodes []*harness.Node) error {
	shards := 0
	for i, n := range nodes {
		r, err := report(n)
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

// equal is nil when the replicas of each shard have the same hash at a log index that all of them applied.
func equal(nodes []*harness.Node) error {
	newest := map[schema.ShardID]uint64{}
	reports := make([]*node.Report, len(nodes))
	for i, n := range nodes {
		var err error
		if reports[i], err = report(n); err != nil {
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
		r, err := report(n, at...)
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

// settled waits for a whole cluster with equal replicas.
func settled(t testing.TB, nodes []*harness.Node) {
	t.Helper()
	harness.Eventually(t, 40*time.Second, "every node has a replica of every shard", func() error { return replicated(nodes) })
	harness.Eventually(t, 20*time.Second, "equal replicas", func() error { return equal(nodes) })
}

// leads counts the shards of which each node is the leaseholder, as one living node sees it.
func leads(t testing.TB, asked *harness.Node) map[schema.NodeID][]schema.ShardID {
	t.Helper()
	r, err := report(asked)
	if err != nil {
		t.Fatal(err)
	}
	out := map[schema.NodeID][]schema.ShardID{}
	for _, p := range r.Replicas {
		out[p.Holder] = append(out[p.Holder], p.Shard)
	}
	return out
}

// leaseholder is the index of the node that holds most leases; among equals it is the one that holds that of the
// checker's tables, for its loss hurts most.
func leaseholder(t testing.TB, nodes []*harness.Node) int {
	t.Helper()
	held := leads(t, nodes[0])
	busy := busiest(t, nodes[0])
	best, most := -1, -1
	for i, n := range nodes {
		r, err := report(n)
		if err != nil {
			t.Fatal(err)
		}
		score := 2 * len(held[r.Node])
		if slices.Contains(held[r.Node], busy) {
			score++
		}
		if score > most {
			best, most = i, score
		}
	}
	return best
}

// holderOf is the index of the node that holds a shard's lease.
func holderOf(t testing.TB, nodes []*harness.Node, s schema.ShardID) int {
	t.Helper()
	held := leads(t, nodes[0])
	for i, n := range nodes {
		r, err := report(n)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(held[r.Node], s) {
			return i
		}
	}
	t.Fatalf("nobody holds shard %d", s)
	return -1
}

// busiest is the data shard whose log has grown most: that of the checker's tables.
func busiest(t testing.TB, n *harness.Node) (best schema.ShardID) {
	t.Helper()
	r, err := report(n)
	if err != nil {
		t.Fatal(err)
	}
	most := uint64(0)
	for _, p := range r.Replicas {
		if p.Shard != schema.SystemShard && p.Applied > most {
			best, most = p.Shard, p.Applied
		}
	}
	return best
}

// others is all nodes but one.
func others(nodes []*harness.Node, but int) []*harness.Node {
	return slices.Delete(slices.Clone(nodes), but, but+1)
}
