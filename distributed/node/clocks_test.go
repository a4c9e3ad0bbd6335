package node

import (
	"context"
	"testing"
	"time"

	"cloudsql/storage/schema"
)

const testYear = 365 * 24 * time.Hour

// owner is the index of the node that owns the timestamps, or -1.
func (c *testCluster) owner() int {
	for i, n := range c.nodes {
		if rep := n.replicaOf(schema.SystemShard); rep != nil {
			if _, ok := rep.Leaseholding(); ok {
				return i
			}
		}
	}
	return -1
}

// lead is how far the cluster's timestamps are ahead of the true time.
func (c *testCluster) lead() time.Duration {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	ts, err := c.nodes[0].stamps.Next(ctx, 1)
	must(c.t, err)
	return time.Until(ts.Time())
}

// watermarkMoves waits until versions of now are collected: history goes on.
func (c *testCluster) watermarkMoves(tb *schema.Table) {
	c.t.Helper()
	s := tb.Tablets[0].Shard
	from := c.nodes[0].local(s).state.Newest()
	must(c.t, insert(context.Background(), c.nodes[0], tb, time.Now().UnixNano(), 1))
	eventually(c.t, "the watermark passes what is there now", func() bool { return c.nodes[0].local(s).state.Watermark() > from })
}

// clockCluster is three nodes with a short history, and somebody who writes.
func clockCluster(t *testing.T) (*testCluster, *schema.Table, *writer) {
	t.Helper()
	c := newTestCluster(t)
	c.short = time.Second
	tb := createTable(t, c.startThree(), "shop")
	for _, m := range c.nodes {
		must(t, m.RefreshCatalog(context.Background()))
	}
	return c, tb, startWriter(t, tb, func() *Node { return c.nodes[0] })
}

// TestWrongClock: the owner's clock goes wrong by up to a year, both ways. It says so, hands the timestamps on, and takes
// none of it; writes go on, and so does the collection of old versions.
func TestWrongClock(t *testing.T) {
	c, tb, w := clockCluster(t)
	for _, wrong := range []time.Duration{time.Hour, -testYear, testYear} {
		owner := -1
		eventually(t, "an owner", func() bool { owner = c.owner(); return owner >= 0 && c.nodes[owner].Clock().Agreed })
		c.walls[owner].Store(int64(wrong))
		eventually(t, "it says so and gives the timestamps away", func() bool {
			now := c.owner()
			return c.nodes[owner].Clock().Off && now >= 0 && now != owner
		})
		w.progress(t, 20)
		if lead := c.lead(); lead.Abs() > 10*time.Second {
			t.Errorf("timestamps are ahead by %v", lead)
		}
		c.watermarkMoves(tb)
		c.walls[owner].Store(0)
		eventually(t, "its clock is right again", func() bool { r := c.nodes[owner].Clock(); return r.Agreed && !r.Off })
		w.progress(t, 20)
	}
	last := w.end()
	hasRows(t, c.nodes[1], tb, last)
}

// TestAllClocksWrong: when all clocks are a year ahead, nobody can know; when they are set right, timestamps stay ahead and
// everything goes on.
func TestAllClocksWrong(t *testing.T) {
	c, tb, w := clockCluster(t)
	for i := range c.walls {
		c.walls[i].Store(int64(testYear))
	}
	eventually(t, "timestamps follow what all say", func() bool { return c.lead() > testYear-time.Hour })
	w.progress(t, 20)
	for i := range c.walls {
		c.walls[i].Store(0)
	}
	w.progress(t, 20)
	c.watermarkMoves(tb)
	if lead := c.lead(); lead < testYear-time.Hour {
		t.Errorf("timestamps have gone back: %v", lead)
	}
	w.progress(t, 20)
}

// TestFirstStartInTheFuture: a machine's clock is a year ahead when its database is made, and set right afterwards, also
// over a restart.
func TestFirstStartInTheFuture(t *testing.T) {
	c := newTestCluster(t)
	c.short = time.Second
	c.walls[0].Store(int64(testYear))
	tb := createTable(t, c.start(0), "shop")
	must(t, insert(context.Background(), c.nodes[0], tb, 0, 1))
	c.walls[0].Store(0)
	must(t, insert(context.Background(), c.nodes[0], tb, 1, 2))
	c.watermarkMoves(tb)
	c.stop(0)
	n := c.start(0)
	must(t, insert(context.Background(), n, tb, 2, 3))
	c.watermarkMoves(tb)
	hasRows(t, n, tb, 3)
}
