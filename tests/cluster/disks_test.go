package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudsql/tests/harness"
)

// diskFaults need nodes whose disks do what the test says.
var diskFaults = map[string]bool{"powerloss": true, "bitflip": true, "diskfull": true, "slowdisk": true, "fsyncerr": true}

// What of a node's directory bits are flipped in.
var (
	logFiles  = []string{"raft/*/*/logdb-0/*.log", "raft/*/*/logdb-0/*.sst"}
	rowFiles  = []string{"data/*.sst", "data/*.log"}
	listFiles = []string{"*/MANIFEST-*"}
)

// startAgain starts a node whose process has ended, with a disk that is mended.
func (r *run) startAgain(n *harness.Node) {
	n.SetDisk("ok")
	if err := n.TryStart(60 * time.Second); err != nil {
		r.t.Error(err)
	}
}

// mustEnd waits for the end that a fault of the disk makes, and makes it where it does not come.
func (r *run) mustEnd(n *harness.Node, what string) {
	if !n.EndsWithin(20 * time.Second) {
		r.t.Errorf("a node goes on after %s", what)
		r.keepGoroutines(n)
		n.Kill()
	}
}

func powerLoss(r *run, rnd *rand.Rand) (string, func()) {
	v := r.victim(rnd)
	n := r.nodes[v]
	n.SetDisk(fmt.Sprintf("powerloss %d", rnd.Uint64()))
	r.mustEnd(n, "a loss of power")
	return fmt.Sprintf("node %d without power", v+1), func() { r.startAgain(n) }
}

func fsyncError(r *run, rnd *rand.Rand) (string, func()) {
	v := r.victim(rnd)
	n := r.nodes[v]
	n.SetDisk("fsyncerr")
	r.mustEnd(n, "an fsync that failed")
	return fmt.Sprintf("an fsync of node %d failed", v+1), func() { r.startAgain(n) }
}

func slowDisk(r *run, rnd *rand.Rand) (string, func()) {
	v := r.victim(rnd)
	n := r.nodes[v]
	n.SetDisk("slow 300ms")
	return fmt.Sprintf("node %d has a slow disk", v+1), func() { n.SetDisk("ok") }
}

// diskFull fills a node's disk: as far as one asks, so that it leaves the writing to others, or for good.
func diskFull(r *run, rnd *rand.Rand) (string, func()) {
	v := r.victim(rnd)
	n := r.nodes[v]
	how := []string{"low", "full"}[rnd.IntN(2)]
	n.SetDisk(how)
	return fmt.Sprintf("the disk of node %d is %s", v+1, how), func() {
		n.SetDisk("ok")
		harness.Eventually(r.t, 60*time.Second, "room is noticed", func() error {
			r.revive()
			if _, err := n.Get("/healthz"); err != nil { // it may be about to end
				return err
			}
			return hasRoom(n)
		})
	}
}

// revive starts the nodes whose processes have ended: one that a write found no room for may do so when room was made already.
func (r *run) revive() {
	var started sync.WaitGroup
	for _, n := range r.nodes {
		if n.Ended() {
			started.Go(func() { r.startAgain(n) })
		}
	}
	started.Wait()
}

// hasRoom is nil when a node knows that its disk is not full.
func hasRoom(n *harness.Node) error {
	text, err := n.Get("/metrics")
	if err == nil && !bytes.Contains(text, []byte("\ncloudsql_disk_full 0\n")) {
		err = errors.New("the disk is full")
	}
	return err
}

// bitFlip kills a node and flips a bit in what it has on its disk. It is always the same node (not the one that judges
// ask), which is whole before the next: the others have the only copies meanwhile.
func bitFlip(r *run, rnd *rand.Rand) (string, func()) {
	v := 1 + int(r.seed%2)
	n := r.nodes[v]
	if r.damaged == nil {
		r.damaged = supervise(r.t, n)
	}
	r.damaged.Lock()
	n.Kill()
	what := flip(r.t, n, rnd, slices.Concat(logFiles, rowFiles, listFiles)...)
	return fmt.Sprintf("a bit flipped in %s of node %d", what, v+1), func() {
		r.damaged.Unlock()
		harness.Eventually(r.t, 3*time.Minute, "a node with a damaged disk is whole again", func() error { return replicated(r.nodes) })
	}
}

// supervise starts a node again whenever it has ended, as a service manager does, unless the lock is held: what is damaged
// in a raft log may be met much later, and then the process ends for the next start to know.
func supervise(t testing.TB, n *harness.Node) *sync.Mutex {
	var mu sync.Mutex
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		for ; ctx.Err() == nil; pause(ctx, 50*time.Millisecond) {
			if !mu.TryLock() {
				continue
			}
			if n.Ended() {
				if err := n.TryStart(60 * time.Second); err != nil {
					t.Logf("a damaged node: %v", err)
					pause(ctx, time.Second)
				}
			}
			mu.Unlock()
		}
	})
	t.Cleanup(func() { cancel(); done.Wait() })
	return &mu
}

// flip flips a bit in a file of the node's, of those that a pattern is drawn for.
func flip(t testing.TB, n *harness.Node, rnd *rand.Rand, patterns ...string) string {
	t.Helper()
	var files []string
	for _, i := range rnd.Perm(len(patterns)) {
		if files, _ = filepath.Glob(filepath.Join(n.Dir, patterns[i])); len(files) > 0 {
			break
		}
	}
	if len(files) == 0 {
		t.Errorf("no file is called %v", patterns)
		return "nothing"
	}
	name := files[rnd.IntN(len(files))]
	data, err := os.ReadFile(name)
	if used := len(bytes.TrimRight(data, "\x00")); err == nil && used > 0 {
		data[rnd.IntN(used)] ^= 1 << rnd.IntN(8)
		err = os.WriteFile(name, data, 0o600)
	}
	if err != nil {
		t.Error(err)
	}
	return filepath.Base(name)
}

// TestDisks gives the node that matters most a disk of each kind, one after the other, while clients write: what was
// acknowledged is there afterwards, and whoever writes at the other nodes goes on.
func TestDisks(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three processes")
	}
	nodes, _ := harness.Faulty(t, 3, true)
	harness.Eventually(t, 60*time.Second, "three replicas of every shard", func() error { return replicated(nodes) })
	c := newChecker(t, nodes, 4)
	c.progress(50)
	for _, fault := range []string{"powerloss 7", "fsyncerr", "full"} {
		n := nodes[leaseholder(t, nodes)]
		n.SetDisk(fault)
		if !n.EndsWithin(30 * time.Second) {
			t.Fatalf("%s: the node goes on", fault)
		}
		c.progress(20)
		n.SetDisk("ok")
		n.Start()
		harness.Eventually(t, 60*time.Second, "the node is back", func() error { return replicated(nodes) })
	}
	n := nodes[leaseholder(t, nodes)]
	n.SetDisk("low")
	harness.Eventually(t, 30*time.Second, "others lead", func() error {
		r, err := report(n)
		if err != nil {
			return err
		}
		for _, p := range r.Replicas {
			if p.Holder == r.Node {
				return fmt.Errorf("it has the lease of shard %d", p.Shard)
			}
		}
		return nil
	})
	c.progress(20)
	n.SetDisk("ok")
	harness.Eventually(t, 30*time.Second, "room is noticed", func() error { return hasRoom(n) })
	n.SetDisk("slow 50ms")
	c.progress(20)
	n.SetDisk("ok")
	rnd := rand.New(rand.NewPCG(1, 2))
	stopped := supervise(t, nodes[2])
	for _, files := range [][]string{logFiles, rowFiles} {
		stopped.Lock()
		nodes[2].Kill()
		flip(t, nodes[2], rnd, files...)
		c.progress(20)
		stopped.Unlock()
		harness.Eventually(t, 60*time.Second, "the node is whole again", func() error { return replicated(nodes) })
	}
	c.stop()
	c.onlyLost(0, 1, 2)
	settled(t, nodes)
	for _, n := range nodes {
		c.verify(n)
	}
}

// TestZeroedTail: two of three have acknowledged rows when both are killed, and the end of one's raft log reads as zeros. It says so,
// and makes no majority with the third, which has never seen them: they are there when the other is back, on all.
func TestZeroedTail(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three processes")
	}
	nodes := harness.Cluster(t, 3)
	for i, n := range nodes {
		n.Args = []string{"--join", nodes[(i+1)%3].Internal + "," + nodes[(i+2)%3].Internal}
	}
	db := nodes[0].DB("", "")
	exec := func(query string) {
		t.Helper()
		if _, err := db.Exec(query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	exec("CREATE DATABASE d")
	exec("CREATE TABLE d.t (a INT PRIMARY KEY)")
	harness.Eventually(t, 60*time.Second, "three replicas of every shard", func() error { return replicated(nodes) })
	const rows = 200
	exec("INSERT INTO d.t VALUES (0)")
	nodes[2].Kill()
	for i := 1; i < rows; i++ {
		harness.Eventually(t, 60*time.Second, "a row", func() error {
			_, err := db.Exec("INSERT IGNORE INTO d.t VALUES (?)", i)
			return err
		})
	}
	nodes[0].Kill()
	nodes[1].Kill()
	zeroTail(t, nodes[1])
	var starting sync.WaitGroup
	errs := make([]error, len(nodes))
	start := func(i int) { starting.Go(func() { errs[i] = nodes[i].TryStart(90 * time.Second) }) }
	start(1)
	start(2)
	harness.Eventually(t, 60*time.Second, "the damage is found", func() error {
		if !strings.Contains(nodes[1].Log(), "A REPLICA IS BROKEN") {
			return errors.New("it says nothing")
		}
		return nil
	})
	start(0)
	starting.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, 60*time.Second, "three replicas of every shard", func() error { return replicated(nodes) })
	for _, n := range nodes {
		var count int
		if err := n.DB("", "").QueryRow("SELECT COUNT(*) FROM d.t").Scan(&count); err != nil || count != rows {
			t.Errorf("%s: %d of %d rows: %v", n.SQL, count, rows, err)
		}
	}
}

// zeroTail makes the last fifth of what a node's raft logs hold read as zeros.
func zeroTail(t *testing.T, n *harness.Node) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(n.Dir, logFiles[0]))
	if err != nil || len(names) == 0 {
		t.Fatal("no raft log: ", err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		used := len(bytes.TrimRight(data, "\x00"))
		clear(data[used-used/5:])
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
