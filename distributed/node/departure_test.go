package node

import (
	"context"
	"errors"
	"testing"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/schema"
)

// startFour opens four nodes with three replicas of each data shard, and waits until the fourth has its share. What nodes are told
// to stop for comes by the channel.
func (c *testCluster) startFour(replaceAfter time.Duration) (n *Node, stopped chan error) {
	stopped = make(chan error, 4)
	c.more = func(cfg *Config) {
		cfg.ReplaceAfter, cfg.SpreadTables = replaceAfter, true
		cfg.Stop = func(why error) { stopped <- why }
	}
	n = c.startThree()
	c.start(3, c.addrs[0])
	eventually(c.t, "four nodes", func() bool { return c.share(n, c.nodes[3].NodeID()) >= 2 && c.settled(n) })
	return n, stopped
}

// share is how many replicas of data shards vote on a node.
func (c *testCluster) share(n *Node, id schema.NodeID) (votes int) {
	for _, sh := range n.Catalog().Shards() {
		if _, votes1 := sh.ReplicaOn(id); votes1 && sh.ID != schema.SystemShard {
			votes++
		}
	}
	return votes
}

// settled tells whether each data shard has three voters and nothing else is under way.
func (c *testCluster) settled(n *Node) bool {
	shards := n.Catalog().Shards()
	for _, sh := range shards {
		if sh.ID != schema.SystemShard && (len(sh.Replicas) != 3 || len(sh.NonVoting) > 0 || len(sh.Changing) > 0) {
			return false
		}
	}
	return len(shards) == 5
}

// A node that is removed gives up its replicas while clients write, ends, and is told so when it is started again.
func TestRemovedNodeEnds(t *testing.T) {
	c := newTestCluster(t)
	n, stopped := c.startFour(time.Hour)
	tb := createTable(t, n, "shop")
	w := startWriter(t, tb, func() *Node { return c.nodes[0] })
	w.progress(t, 20)
	gone := c.nodes[3].NodeID()
	if to := tb.Tablets[0].Shard; c.share(n, gone) > 0 {
		if _, votes := shardNow(n, to).ReplicaOn(gone); votes {
			_ = n.replicaOf(to).Transfer(t.Context(), gone) // so that it matters
		}
	}
	depart := func(id schema.NodeID, d catalog.Departure) error {
		return c.nodes[1].ChangeCatalog(t.Context(), func(tx *catalog.Tx) error { return tx.Depart(id, d) })
	}
	if err := depart(gone, catalog.Remove); err != nil {
		t.Fatal(err)
	}
	if why := <-stopped; !errors.Is(why, ErrRemoved) {
		t.Errorf("it stops for %v", why)
	}
	eventually(t, "its leave", func() bool { m, _ := n.Catalog().Node(gone); return m.Left })
	if c.share(n, gone) != 0 {
		t.Error("it has left with replicas")
	}
	c.stop(3)
	w.progress(t, 50)
	if err := depart(gone, catalog.Drain); err == nil {
		t.Error("who has left was asked to leave")
	}
	l, err := c.network(3).Listen(c.addrs[3])
	if err != nil {
		t.Fatal(err)
	}
	cfg := c.config(3)
	cfg.Listener, cfg.Stop = l, func(error) {}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if again, err := Open(ctx, cfg); !errors.Is(err, ErrRemoved) {
		if again != nil {
			again.Close()
		}
		t.Errorf("started again: %v", err)
	}
}

func shardNow(n *Node, id schema.ShardID) *catalog.Shard {
	sh, _ := n.Catalog().Shard(id)
	return sh
}

// What a node had that does not come back is given to others; when it does come back, it clears what it had, and gets its share.
func TestLostNodeIsReplaced(t *testing.T) {
	c := newTestCluster(t)
	n, _ := c.startFour(2 * time.Second)
	tb := createTable(t, n, "shop")
	w := startWriter(t, tb, func() *Node { return c.nodes[0] })
	w.progress(t, 20)
	lost := c.nodes[2].NodeID()
	c.stop(2)
	eventually(t, "others in its place", func() bool { return c.share(n, lost) == 0 && c.settled(n) })
	w.progress(t, 20)
	c.start(2, c.addrs[0])
	eventually(t, "its share again", func() bool { return c.share(n, lost) >= 2 && c.settled(n) })
	w.progress(t, 20)
	for _, r := range c.nodes[2].dir.Replicas() {
		if replica, _ := shardNow(n, r.Shard).ReplicaOn(lost); replica != r.Replica && !r.Retired {
			t.Errorf("it still has replica %x of shard %d", r.Replica, r.Shard)
		}
	}
	w.end()
	eventually(t, "equal replicas", func() bool { return equal(c) })
}
