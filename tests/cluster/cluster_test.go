package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"cloudsql/tests/harness"
)

// TestFaults lets one cluster grow and go through every fault while clients write.
func TestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three processes")
	}
	first := harness.NewNode(t).Start()
	nodes := []*harness.Node{first}
	for len(nodes) < 3 {
		nodes = append(nodes, harness.NewNode(t, "--join", first.Internal))
	}
	c := newChecker(t, nodes[:1], 6)
	defer func() { c.stop() }()
	step := func(name string, fn func(t *testing.T)) {
		began := time.Now()
		ok := t.Run(name, func(t *testing.T) {
			c.t = t
			for _, n := range nodes {
				n.T = t
			}
			fn(t)
		})
		for _, n := range nodes {
			n.T = t
		}
		c.t = t
		t.Logf("%s: %v", name, time.Since(began).Round(time.Millisecond))
		if !ok {
			t.FailNow() // what follows would only repeat it
		}
	}
	step("grow", func(t *testing.T) { grow(t, c, nodes) })
	c.stop()
	c.nodes = nodes // from now on clients go to all of them
	c.run()
	c.progress(100)
	c.takeErrors()
	step("kill leaseholder", func(t *testing.T) { killRound(t, c, leaseholder(t, nodes)) })
	step("freeze", func(t *testing.T) { freeze(t, c, 3*time.Second) })
	step("rolling restart", func(t *testing.T) { rollingRestart(t, c) })
	step("lost data", func(t *testing.T) { lostData(t, c) })
	step("kill all", func(t *testing.T) { killAll(t, c) })
}

// grow makes a one-node database one of three nodes; its clients notice nothing.
func grow(t *testing.T, c *checker, nodes []*harness.Node) {
	c.progress(100)
	c.gaps()
	for _, n := range nodes[1:] {
		n.Start()
		c.progress(50)
	}
	harness.Eventually(t, 40*time.Second, "three replicas of every shard", func() error { return replicated(nodes) })
	c.progress(100)
	_, each := c.gaps()
	t.Logf("longest wait of a writer while nodes joined: %v", each.Round(time.Millisecond))
	c.onlyLost()
	c.checkpoint(nodes)
}

// checkpoint stops the clients for a moment, and compares replicas and what was acknowledged.
func (c *checker) checkpoint(through []*harness.Node) {
	c.t.Helper()
	c.stop()
	settled(c.t, through)
	for _, n := range through {
		c.verify(n)
	}
	c.run()
}

// killRound is the death of a node and its return. It gives how long writes rested, for the luckiest and the unluckiest
// client, and the restart's time to the ready line.
func killRound(t *testing.T, c *checker, victim int) (any, each, restart time.Duration) {
	t.Helper()
	c.progress(100)
	c.gaps()
	dead := c.nodes[victim]
	open := openTransactions(t, others(c.nodes, victim))
	began := time.Now()
	dead.Kill()
	open.commit(t)
	c.resumed(victim, began)
	c.progress(300)
	any, each = c.gaps()
	began = time.Now()
	dead.Start()
	restart = time.Since(began)
	t.Logf("node %d killed; no write for %v, the unluckiest client waited %v; restarted in %v",
		victim+1, any.Round(time.Millisecond), each.Round(time.Millisecond), restart.Round(time.Millisecond))
	c.progress(100)
	c.onlyLost(victim)
	c.checkpoint(c.nodes)
	return any, each, restart
}

// resumed waits until every writer has had a write acknowledged that began after a node's death.
func (c *checker) resumed(victim int, since time.Time) {
	c.t.Helper()
	harness.Eventually(c.t, 20*time.Second, fmt.Sprintf("every client writes again after the loss of node %d", victim+1), func() error {
		for _, w := range c.writers {
			if last := time.Unix(0, w.lastAck.Load()); last.Before(since.Add(time.Second)) {
				return fmt.Errorf("writer %d had its last answer %v after the kill", w.id, last.Sub(since))
			}
		}
		return nil
	})
}

// freeze stops the clock of the node that holds the checker's lease. Requests that reach it while it is frozen are
// answered when it wakes, believing to hold the lease still: it must not answer from what it had.
func freeze(t *testing.T, c *checker, d time.Duration) {
	victim := holderOf(t, c.nodes, busiest(t, c.nodes[0]))
	frozen := c.nodes[victim]
	const clients = 8
	pools := c.connect(t, frozen, clients)
	c.progress(100)
	c.gaps()
	frozen.Signal(syscall.SIGSTOP)
	wake := time.After(d)
	c.progress(200) // by those who had not gone to the frozen node
	any, _ := c.gaps()
	var reads sync.WaitGroup
	for i, read := range pools {
		w := c.writers[i%len(c.writers)]
		reads.Go(func() {
			if err := read(victim, w); err != nil {
				t.Errorf("reading through the node that was frozen: %v", err)
			}
		})
	}
	<-wake
	frozen.Signal(syscall.SIGCONT)
	reads.Wait()
	t.Logf("node %d frozen for %v; no write for %v", victim+1, d, any.Round(time.Millisecond))
	c.progress(100)
	c.onlyLost()
	c.checkpoint(c.nodes)
}

// connect opens connections to a node, each ready to read at once.
func (c *checker) connect(t *testing.T, n *harness.Node, count int) (reads []func(node int, w *writer) error) {
	t.Helper()
	for range count {
		db := c.pool(n)
		t.Cleanup(func() { db.Close() })
		if err := db.Ping(); err != nil {
			t.Fatal(err)
		}
		reads = append(reads, func(node int, w *writer) error { return c.readOnce(context.Background(), db, node, w) })
	}
	return reads
}

// rollingRestart stops each node with SIGTERM and starts it again. Clients of the others notice nothing.
func rollingRestart(t *testing.T, c *checker) {
	for i, n := range c.nodes {
		c.progress(100)
		c.gaps()
		began := time.Now()
		n.Stop()
		stopped := time.Since(began)
		c.progress(100)
		began = time.Now()
		n.Start()
		any, each := c.gaps()
		t.Logf("node %d left in %v and was back in %v; no write for %v, the unluckiest client waited %v", i+1,
			stopped.Round(time.Millisecond), time.Since(began).Round(time.Millisecond), any.Round(time.Millisecond), each.Round(time.Millisecond))
		harness.Eventually(t, 30*time.Second, "the node is back", func() error { return replicated(c.nodes) })
		harness.Eventually(t, 30*time.Second, "the node has caught up", func() error { return caughtUp(c.nodes) })
		c.onlyLost(i)
	}
	c.checkpoint(c.nodes)
}

// caughtUp is nil when all replicas are about as new: the next node may leave.
func caughtUp(nodes []*harness.Node) error {
	const near = 200 // entries
	lowest, highest := map[uint64]uint64{}, map[uint64]uint64{}
	for i, n := range nodes {
		r, err := report(n)
		if err != nil {
			return err
		}
		for _, p := range r.Replicas {
			s := uint64(p.Shard)
			if i == 0 || p.Applied < lowest[s] {
				lowest[s] = p.Applied
			}
			highest[s] = max(highest[s], p.Applied)
		}
	}
	for s := range highest {
		if highest[s]-lowest[s] > near {
			return fmt.Errorf("shard %d is applied to %d on one node, %d on another", s, lowest[s], highest[s])
		}
	}
	return nil
}

// lostData takes the rows from one node, the raft log from another and everything from the third: they come back with
// new replicas. (The third is told again whom to join, as it was at first.)
func lostData(t *testing.T, c *checker) {
	for victim, dir := range []string{"data", "raft", "."} {
		c.progress(100)
		n := c.nodes[victim]
		n.Kill()
		c.progress(100)
		if err := os.RemoveAll(filepath.Join(n.Dir, dir)); err != nil {
			t.Fatal(err)
		}
		n.Start()
		c.progress(100)
		harness.Eventually(t, 40*time.Second, "its replicas are replaced", func() error { return replicated(c.nodes) })
		c.onlyLost(victim)
		c.checkpoint(c.nodes)
	}
}

// killAll ends all processes at once; everything is there when they are back.
func killAll(t *testing.T, c *checker) {
	c.progress(200)
	for _, n := range c.nodes {
		n.Signal(syscall.SIGKILL)
	}
	for _, n := range c.nodes {
		n.Kill() // waits
	}
	began := time.Now()
	startAll(t, c.nodes)
	c.progress(100)
	t.Logf("all killed; clients write again %v after the restart began", time.Since(began).Round(time.Millisecond))
	c.takeErrors() // connections, and whoever asked a node that found no others yet
	c.checkpoint(c.nodes)
}

func startAll(t *testing.T, nodes []*harness.Node) {
	t.Helper()
	var starts sync.WaitGroup
	for _, n := range nodes {
		starts.Go(func() {
			if err := n.TryStart(30 * time.Second); err != nil {
				t.Error(err)
			}
		})
	}
	starts.Wait()
}
