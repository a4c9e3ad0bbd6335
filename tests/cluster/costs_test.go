package cluster

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cloudsql/tests/harness"
)

// TestCommitCosts counts what transactions cost in consensus: log entries of their own while their statements run, and
// at COMMIT; and how many consensus latencies their clients wait, measured where a latency is known and long, because
// the network between the nodes delays raft's messages and nothing else.
func TestCommitCosts(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three processes")
	}
	nodes, mesh := harness.Faulty(t, 3, false, "--spread-tables")
	harness.Eventually(t, 60*time.Second, "three replicas of every shard", func() error { return replicated(nodes) })
	conn := costTables(t, nodes[0])
	update := func(tables ...int) (list []string) {
		for _, i := range tables {
			list = append(list, fmt.Sprintf("UPDATE costs.t%d SET n = n + 1 WHERE id = ?", i))
		}
		return list
	}
	row := 0 // each transaction has its own: those of several shards stay locked until the background has resolved them
	for _, c := range []struct {
		name       string
		statements []string
		proposals  float64 // on the client's path
	}{
		{"autocommit, one shard", nil, 1},
		{"interactive, one shard", append(update(0, 0, 0), "SELECT n FROM costs.t0 WHERE id = ? FOR UPDATE"), 1},
		{"interactive, three shards", update(0, 1, 2), 3},
	} {
		const rounds = 5
		const d = 200 * time.Millisecond // a latency is far more than a loaded machine adds
		var x costs
		for range rounds {
			row++
			x.add(measure(t, nodes, conn, c.statements, row))
		}
		mesh.DelayRaft(d)
		for range 3 {
			row++
			x.waits = append(x.waits, wait(t, conn, c.statements, row))
			time.Sleep(3 * d) // what it leaves behind is not in the next one's way
		}
		mesh.Heal()
		settledCounters(t, nodes)
		latencies := x.latencies(2 * d)
		t.Logf("%-26s proposals before COMMIT %g, at it %g; entries with the background %g; latencies before COMMIT %.2f, at it %.2f",
			c.name, x.before/rounds, x.at/rounds, x.all/rounds, latencies[0], latencies[1])
		if x.before != 0 || x.at != rounds*c.proposals {
			t.Errorf("%s: %g proposals before COMMIT, %g at it in %d transactions; want 0 and %g", c.name, x.before, x.at, rounds, rounds*c.proposals)
		}
		if latencies[0] >= 0.9 || latencies[1] < 0.9 || latencies[1] >= 1.9 {
			t.Errorf("%s: its client waited %.2f consensus latencies before COMMIT and %.2f for it; want 0 and 1", c.name, latencies[0], latencies[1])
		}
	}
}

// costTables makes three tables in three shards.
func costTables(t *testing.T, n *harness.Node) *sql.Conn {
	db := n.DB("", "interpolateParams=true")
	conn, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	execOn(t, conn, "CREATE DATABASE costs")
	for i := range 3 {
		execOn(t, conn, fmt.Sprintf("CREATE TABLE costs.t%d (id INT PRIMARY KEY, n INT NOT NULL)", i))
		execOn(t, conn, fmt.Sprintf("INSERT INTO costs.t%d WITH RECURSIVE r (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM r WHERE id < 60) SELECT id, 0 FROM r", i))
	}
	return conn
}

func execOn(t *testing.T, conn *sql.Conn, query string, args ...any) {
	t.Helper()
	if _, err := conn.ExecContext(context.Background(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// costs are sums over transactions.
type costs struct {
	before, at float64            // proposals for the client until COMMIT is sent, until it is answered
	all        float64            // entries until all is quiet
	waits      [][2]time.Duration // of the statements, of COMMIT
}

func (c *costs) add(o costs) {
	c.before += o.before
	c.at += o.at
	c.all += o.all
}

// latencies gives the medians of the waits in units of one.
func (c *costs) latencies(one time.Duration) (out [2]float64) {
	for i := range out {
		var list []time.Duration
		for _, w := range c.waits {
			list = append(list, w[i])
		}
		slices.Sort(list)
		out[i] = float64(list[len(list)/2]) / float64(one)
	}
	return out
}

const autocommitUpdate = "UPDATE costs.t0 SET n = n + 1 WHERE id = ?"

// measure runs one transaction (no statements: an autocommit one) and counts entries.
func measure(t *testing.T, nodes []*harness.Node, conn *sql.Conn, statements []string, row int) (c costs) {
	t.Helper()
	quiet := settledCounters(t, nodes)
	began := proposals(t, nodes)
	if statements == nil {
		execOn(t, conn, autocommitUpdate, row)
		c.at = proposals(t, nodes) - began
	} else {
		execOn(t, conn, "BEGIN")
		for _, s := range statements {
			execOn(t, conn, s, row)
		}
		c.before = proposals(t, nodes) - began
		execOn(t, conn, "COMMIT")
		c.at = proposals(t, nodes) - began - c.before
	}
	c.all = settledCounters(t, nodes) - quiet
	return c
}

// wait runs one transaction and measures how long its client waits.
func wait(t *testing.T, conn *sql.Conn, statements []string, row int) (w [2]time.Duration) {
	t.Helper()
	began := time.Now()
	if statements == nil {
		execOn(t, conn, autocommitUpdate, row)
		w[1] = time.Since(began)
		return w
	}
	execOn(t, conn, "BEGIN")
	for _, s := range statements {
		execOn(t, conn, s, row)
	}
	w[0] = time.Since(began)
	execOn(t, conn, "COMMIT")
	w[1] = time.Since(began) - w[0]
	return w
}

// entries is how many log entries with transactions were proposed on all nodes.
func entries(t *testing.T, nodes []*harness.Node) (sum float64) {
	t.Helper()
	for _, n := range nodes {
		sum += metric(t, n, "cloudsql_replica_entries_total")
	}
	return sum
}

// proposals is what was proposed while a client waited, on all nodes: autocommit writes and commits or parts of them.
func proposals(t *testing.T, nodes []*harness.Node) (sum float64) {
	t.Helper()
	for _, n := range nodes {
		sum += metric(t, n, "cloudsql_replica_writes_total") + metric(t, n, "cloudsql_replica_commits_total")
	}
	return sum
}

// settledCounters waits until nothing is proposed any more: what transactions leave to be done in the background.
func settledCounters(t *testing.T, nodes []*harness.Node) float64 {
	t.Helper()
	last, same := entries(t, nodes), 0
	for same < 4 {
		time.Sleep(30 * time.Millisecond)
		now := entries(t, nodes)
		if now == last {
			same++
		} else {
			last, same = now, 0
		}
	}
	return last
}

// metric sums a counter's series on one node.
func metric(t testing.TB, n *harness.Node, name string) (sum float64) {
	t.Helper()
	text, err := n.Get("/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		series, value, _ := strings.Cut(s.Text(), " ")
		if base, _, _ := strings.Cut(series, "{"); base == name {
			var v float64
			fmt.Sscan(value, &v)
			sum += v
		}
	}
	return sum
}
