package cluster

import (
	"slices"
	"testing"
	"time"

	"cloudsql/storage/schema"
	"cloudsql/tests/harness"
)

// What nodes tell of their replicas.
var (
	report     = harness.Report
	replicated = harness.Replicated
	equal      = harness.Equal
)

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
