package txn

import (
	"testing"
	"time"

	"cloudsql/distributed"
	"cloudsql/storage/mvcc"
)

// newNearCluster has a leaseholder, a follower that is near to a third node, and that one, which has no replica.
func newNearCluster(t *testing.T) (c *testCluster, holder, near, bare *testNode) {
	c = newTestCluster(t, 3, nil)
	holder, near, bare = c.nodes[0], c.nodes[1], c.nodes[2]
	bare.bare, bare.nearest = true, near.id
	if _, err := holder.client.Write(t.Context(), nil, insertRow(firstShard, 1, 10)); err != nil {
		t.Fatal(err)
	}
	return c, holder, near, bare
}

// TestNearestReads: a node without a replica has its reads of the past served by the nearest node that has one. The scan has that one ask for a
// promise, which does for the row too.
func TestNearestReads(t *testing.T) {
	_, holder, near, bare := newNearCluster(t)
	leaseReads := holder.replicas[firstShard].Stats().LeaseReads.Load()
	since := time.Now()
	var at mvcc.Timestamp
	for _, ids := range [][]int64{nil, {1}} {
		s := &distributed.FollowerRead{Since: since, At: at}
		got, err := followerRows(t.Context(), bare.client, s, firstShard, ids...)
		if err != nil || got != "1=10" {
			t.Fatal(got, err)
		}
		at = s.At
	}
	if n, here := near.followerReads(firstShard), bare.client.Stats.NearestReads.Load(); n != 2 || here != 2 || bare.followerReads(firstShard) != 0 {
		t.Errorf("the nearest node served %d of 2 reads, and %d are counted here", n, here)
	}
	if n := holder.replicas[firstShard].Stats().LeaseReads.Load(); n != leaseReads {
		t.Errorf("the leaseholder served %d", n-leaseReads)
	}
}

// TestNearestIsBehindOrGone: then the leaseholder serves.
func TestNearestIsBehindOrGone(t *testing.T) {
	for _, how := range []string{"behind", "gone", "without a replica", "the leaseholder by now"} {
		c, holder, near, bare := newNearCluster(t)
		switch how {
		case "behind":
			c.logs[firstShard].Do(func() { near.groups[firstShard].Paused = true })
		case "gone":
			c.net.mu.Lock()
			c.net.down[near.id] = true
			c.net.mu.Unlock()
		case "without a replica":
			near.bare = true
		default:
			bare.nearest = holder.id
		}
		if _, err := holder.client.Write(t.Context(), nil, addTo(firstShard, 7, 1)); err != nil {
			t.Fatal(err)
		}
		for _, ids := range [][]int64{nil, {1}} {
			got, err := followerRows(t.Context(), bare.client, &distributed.FollowerRead{Since: time.Now()}, firstShard, ids...)
			if err != nil || got != "1=17" {
				t.Errorf("%s: %s, %v", how, got, err)
			}
		}
		if near.followerReads(firstShard) != 0 || bare.client.Stats.NearestReads.Load() != 0 || bare.client.Stats.FollowerForwards.Load() == 0 {
			t.Errorf("%s: %d reads there", how, near.followerReads(firstShard))
		}
		c.logs[firstShard].Do(func() { near.groups[firstShard].Paused = false })
	}
}

// TestNearestSeesWhatItMust: what was acknowledged before the bound is seen through another node's replica too, and states go forward.
func TestNearestSeesWhatItMust(t *testing.T) {
	_, holder, _, bare := newNearCluster(t)
	var floor mvcc.Timestamp
	for i := range int64(200) {
		if _, err := holder.client.Write(t.Context(), nil, addTo(firstShard, 1, 1)); err != nil {
			t.Fatal(err)
		}
		s := &distributed.FollowerRead{Since: time.Now(), NotBefore: floor}
		var ids []int64
		if i%2 == 0 {
			ids = []int64{1}
		}
		got, err := followerRows(t.Context(), bare.client, s, firstShard, ids...)
		if want := "1=" + itoa(11+i); err != nil || got != want || s.At < floor {
			t.Fatal(got, want, err, s.At, floor)
		}
		floor = s.At
	}
	if bare.client.Stats.NearestReads.Load() == 0 {
		t.Error("no read was served by the nearest node")
	}
}
