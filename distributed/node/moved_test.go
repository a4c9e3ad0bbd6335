package node

import (
	"sync"
	"testing"
)

// moved starts all nodes of a stopped cluster, those that are named at new addresses; join tells whom node i is told of, once
// all have their addresses.
func (c *testCluster) moved(nodes []int, join func(i int) []string) {
	c.t.Helper()
	for _, i := range nodes {
		l, err := c.network(i).Listen("127.0.0.1:0")
		must(c.t, err)
		c.addrs[i] = l.Addr().String()
		must(c.t, l.Close())
	}
	told := make([][]string, len(c.nodes)) // before any starts, which notes its address
	for i := range told {
		told[i] = join(i)
	}
	var wg sync.WaitGroup
	for i := range told {
		wg.Go(func() { c.start(i, told[i]...) })
	}
	wg.Wait()
	if c.t.Failed() {
		c.t.FailNow()
	}
	for _, n := range c.nodes {
		eventually(c.t, "the catalog tells where all are", func() bool {
			for i := range c.nodes {
				m, ok := n.Catalog().Node(c.nodes[i].NodeID())
				if !ok || m.NodeAddr != c.addrs[i] {
					return false
				}
			}
			return true
		})
	}
}

// Members come back at other addresses: one, two, two that have changed places; all three, where each is told of one that is there.
func TestMembersMove(t *testing.T) {
	c := newTestCluster(t)
	c.startThree()
	nobody := func(int) []string { return nil }
	c.stopAll()
	c.moved([]int{2}, nobody)
	c.stopAll()
	c.moved([]int{0, 1}, nobody)
	c.stopAll()
	c.addrs[1], c.addrs[2] = c.addrs[2], c.addrs[1]
	c.moved(nil, nobody)
	c.stopAll()
	c.moved([]int{0, 1, 2}, func(int) []string { return []string{c.addrs[0]} })
}
