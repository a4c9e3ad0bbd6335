package cluster

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"cloudsql/tests/harness"
)

// TestManyLargeInserts has 64 clients send INSERTs of many rows at once to three nodes, as sysbench's bulk_insert does: all that is
// acknowledged is there, no shard loses its lease, and no node takes more memory than it may.
func TestManyLargeInserts(t *testing.T) {
	if testing.Short() {
		t.Skip("three processes")
	}
	const clients, inserts, rows, limitMB = 64, 2, 1000, 1024
	nodes := harness.Cluster(t, 3, "--memory-limit-mb", strconv.Itoa(limitMB))
	db := nodes[0].DB("", "")
	for _, text := range []string{"CREATE DATABASE heavy", "CREATE TABLE heavy.t (id BIGINT AUTO_INCREMENT PRIMARY KEY, k INT, pad VARCHAR(200), KEY (k))"} {
		if _, err := db.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	text := "INSERT INTO t (k, pad) VALUES (1,'" + strings.Repeat("x", 150) + "')"
	text += strings.Repeat(",(2,'"+strings.Repeat("y", 150)+"')", rows-1)

	before := leases(t, nodes)
	var wg sync.WaitGroup
	for i := range clients {
		db := nodes[i%len(nodes)].DB("heavy", "")
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer db.Close()
			for range inserts {
				if _, err := db.Exec(text); err != nil {
					t.Errorf("client %d: %v", i, err)
				}
			}
		}()
	}
	wg.Wait()
	if lost := leases(t, nodes) - before; lost > 0 {
		t.Errorf("%d leases changed hands", lost)
	}
	var n int
	if err := db.QueryRow("SELECT COUNT(*) FROM heavy.t").Scan(&n); err != nil || n != clients*inserts*rows {
		t.Errorf("%d rows of %d: %v", n, clients*inserts*rows, err)
	}
	for i, node := range nodes {
		peak := peakMB(t, node)
		t.Logf("node %d: at most %d MiB", i+1, peak)
		if peak > limitMB*13/10 {
			t.Errorf("node %d grew to %d MiB", i+1, peak)
		}
	}
}

var leaseLosses = regexp.MustCompile(`(?m)^\S*replica_lease_losses_total\S* (\d+)$`)

// leases counts the leases that the nodes' replicas have lost.
func leases(t *testing.T, nodes []*harness.Node) (n int) {
	t.Helper()
	for _, node := range nodes {
		b, err := node.Get("/metrics")
		if err != nil {
			t.Fatal(err)
		}
		found := leaseLosses.FindAllSubmatch(b, -1)
		if found == nil {
			t.Fatal("no such series")
		}
		for _, m := range found {
			k, err := strconv.Atoi(string(m[1]))
			if err != nil {
				t.Fatal(err)
			}
			n += k
		}
	}
	return n
}

// peakMB is the largest resident size that a node's process had.
func peakMB(t *testing.T, n *harness.Node) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.Pid()))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(b), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			if kb, err := strconv.Atoi(strings.Fields(rest)[0]); err == nil {
				return kb >> 10
			}
		}
	}
	t.Fatal("no VmHWM")
	return 0
}
