package cluster

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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
	began := time.Now()
	dead.Kill()
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

// TestClusterCommand: what `make cluster` runs can be stopped and started again.
func TestClusterCommand(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three processes twice")
	}
	base := 20000 + harness.FreePort(t)%10000
	node := &harness.Node{T: t, SQL: fmt.Sprintf("127.0.0.1:%d", base+20)} // the third
	dir := filepath.Join(t.TempDir(), "cluster")
	for round := range 2 {
		stop := startCluster(t, dir, base)
		db := node.DB("", "")
		queries := []string{"CREATE DATABASE d", "CREATE TABLE d.t (a INT PRIMARY KEY)", "INSERT INTO d.t VALUES (1)"}
		if round == 1 {
			queries = []string{"UPDATE d.t SET a = a"}
			wantRow(t, node)
		}
		for _, q := range queries {
			if _, err := db.Exec(q); err != nil {
				t.Fatal(err)
			}
		}
		stop()
	}
}

// startCluster runs `cloudsql cluster` until stop is called.
func startCluster(t *testing.T, dir string, base int) (stop func()) {
	t.Helper()
	cmd := exec.Command(harness.Binary(t), "cluster", "--data", dir, "--base-port", fmt.Sprint(base))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_, _ = io.Copy(io.Discard, out)
		if err := cmd.Wait(); err != nil {
			t.Errorf("cloudsql cluster: %v\n%s", err, stderr.String())
		}
	})
	t.Cleanup(stop)
	limit := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
	defer limit.Stop()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "cloudsql cluster ready") {
			return stop
		}
	}
	t.Fatal("cloudsql cluster was not ready within 30 s")
	return nil
}

// TestDirectory: what is wrong with a data directory is said; nothing is made up in its place.
func TestDirectory(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	n := harness.NewNode(t).Start()
	db := n.DB("", "")
	for _, q := range []string{"CREATE DATABASE d", "CREATE TABLE d.t (a INT PRIMARY KEY)", "INSERT INTO d.t VALUES (1)"} {
		if _, err := db.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	second := harness.NewNode(t)
	second.Dir = n.Dir
	wantFailure(t, second, "in use by another process")
	n.Stop()
	// The only copy is gone: a node that started empty would tell its clients that nothing was ever there.
	for _, name := range []string{"raft", "data"} {
		dir, kept := filepath.Join(n.Dir, name), filepath.Join(t.TempDir(), name)
		if err := os.Rename(dir, kept); err != nil {
			t.Fatal(err)
		}
		wantFailure(t, n, "data is missing")
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(kept, dir); err != nil {
			t.Fatal(err)
		}
		wantRow(t, n.Start())
		n.Stop()
	}
}

func wantRow(t *testing.T, n *harness.Node) {
	t.Helper()
	var a int
	if err := n.DB("", "").QueryRow("SELECT a FROM d.t").Scan(&a); err != nil || a != 1 {
		t.Errorf("the row of d.t is %d, %v", a, err)
	}
}

func wantFailure(t *testing.T, n *harness.Node, text string) {
	t.Helper()
	before := len(n.Log())
	if err := n.TryStart(20 * time.Second); err == nil {
		t.Fatalf("the node started; want %q", text)
	}
	log := n.Log()[before:]
	if !strings.Contains(log, text) || strings.Contains(log, "panic:") {
		t.Errorf("the node ended with %q, want %q", log, text)
	}
}
