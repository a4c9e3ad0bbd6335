package node

import "testing"

// TestGivenAutoIncrements: AUTO_INCREMENT values that a leaseholder has given to a gateway are given by none that comes after it, though no row has them yet.
func TestGivenAutoIncrements(t *testing.T) {
	c := newTestCluster(t)
	n := c.startThree()
	table := createTable(t, n, "d")
	shard, last := table.Tablets[0].Shard, uint64(0)
	for range 2 {
		first, err := n.ReserveAutoInc(t.Context(), table, 10)
		must(t, err)
		if first <= last {
			t.Fatalf("%d was given, and then %d", last, first)
		}
		last = first + 9
		for _, node := range c.nodes { // who asks next has heard of the table
			must(t, node.RefreshCatalog(t.Context()))
		}
		holder := int(n.Leaseholder(shard)) - 1
		c.stop(holder)
		for i, other := range c.nodes {
			if i != holder && other != nil {
				n = other
			}
		}
		if first, err = n.ReserveAutoInc(t.Context(), table, 10); err != nil || first <= last {
			t.Fatalf("%d was given, and by the next leaseholder %d (%v)", last, first, err)
		}
		last = first + 9
		c.start(holder)
		eventually(t, "three nodes", func() bool { return grown(n, 3) })
	}
}
