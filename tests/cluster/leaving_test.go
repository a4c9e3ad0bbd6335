package cluster

import (
	"database/sql"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"cloudsql/tests/harness"
)

// TestNodesLeaveAndJoin: of five nodes under load one is drained, one is killed for good and a sixth joins. Without help every shard has three
// replicas again among those that stay, clients see conflicts, if anything, and what nodes bear becomes alike. The environment (make nodes):
//
//	TIME      how long the balance is watched at the end
//	WORKLOAD  what is checked beside the herd's work: bank. One that is more than a node's share of all work leaves nodes uneven (decision 47)
func TestNodesLeaveAndJoin(t *testing.T) {
	if os.Getenv("TIME") == "" {
		t.Skip("make nodes")
	}
	d, err := time.ParseDuration(harness.Setting("TIME", "10m"))
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"--replace-after", "20s", "--log-level", "info"}
	nodes := harness.Cluster(t, 5, args...)
	thrice(t, nodes[0], 5)
	r := prepare(t, uint64(time.Now().UnixNano()), strings.Split(harness.Setting("WORKLOAD", "bank"), ","), nodes[:4])
	h := newHerd(r, nodes[0])
	r.startAll()
	h.start()
	h.watch(2*time.Minute, "five nodes")

	mustExec(r, h.admin, "ALTER CLUSTER DRAIN NODE 4")
	harness.Eventually(t, 3*time.Minute, "node 4 drained", func() error { return h.bears(4, 0) })
	t.Logf("%v: node 4 is drained", r.now().Round(time.Second))
	thrice(t, nodes[0], 4)
	h.watch(30*time.Second, "node 4 drained")

	nodes[4].Kill()
	died := r.now()
	harness.Eventually(t, 3*time.Minute, "three replicas without node 5", func() error { return h.bears(5, 0) })
	thrice(t, nodes[0], 3)
	t.Logf("%v: every shard has three replicas %v after node 5 died", r.now().Round(time.Second), (r.now() - died).Round(time.Second))
	h.watch(30*time.Second, "node 5 killed")

	harness.NewNode(t, append([]string{"--join", nodes[0].Internal}, args...)...).Start()
	h.watch(d, "node 6 joined")
	r.cancel()
	r.clients.Wait()
	thrice(t, nodes[0], 4)
	r.judge()
	r.checkErrors("none")
	if off := h.off(); off > 0.2 {
		t.Errorf("nodes are %.2f off the mean", off)
	}
}

// thrice waits until each data shard has three voters, no other replicas, and a leaseholder; of so many nodes.
func thrice(t *testing.T, asked *harness.Node, nodes int) {
	t.Helper()
	db := asked.DB("information_schema", "")
	defer db.Close()
	harness.Eventually(t, 3*time.Minute, "three replicas of every shard", func() error {
		var shards, fine, holders int
		const query = `SELECT COUNT(*), SUM(voters = 3 AND others = 0 AND held = 1), (SELECT COUNT(DISTINCT node_id) FROM cluster_shards) FROM
			(SELECT SUM(role = 'VOTER') voters, SUM(role <> 'VOTER') others, SUM(is_leaseholder = 'YES') held FROM cluster_shards WHERE shard_id > 1 GROUP BY shard_id) x`
		if err := db.QueryRow(query).Scan(&shards, &fine, &holders); err != nil {
			return err
		}
		if fine < shards || holders < nodes || shards < nodes {
			return fmt.Errorf("%d of %d shards have three replicas, on %d nodes", fine, shards, holders)
		}
		return nil
	})
}

// herd is many databases of different sizes, which are asked for different amounts of work.
type herd struct {
	*run
	admin   *sql.DB
	weights []float64 // of each database, running sums
	rows    []int
}

const herdDatabases = 40

// newHerd makes databases of 0.5 to 8 MB.
func newHerd(r *run, asked *harness.Node) *herd {
	h := &herd{run: r, admin: asked.DB("information_schema", "")}
	rnd := rand.New(rand.NewPCG(r.seed, 1))
	sum := 0.0
	for i := range herdDatabases {
		rows := 500 << rnd.IntN(5)
		sum += math.Exp(0.8 * rnd.NormFloat64())
		h.weights, h.rows = append(h.weights, sum), append(h.rows, rows)
		db := asked.DB("", "multiStatements=true")
		mustExec(r, db, fmt.Sprintf("CREATE DATABASE herd%d; CREATE TABLE herd%d.t (id INT PRIMARY KEY, n INT NOT NULL, pad VARCHAR(1000) NOT NULL)", i, i))
		for from := 0; from < rows; from += 500 {
			var values []string
			for id := from; id < from+500; id++ {
				values = append(values, fmt.Sprintf("(%d, 0, TO_BASE64(RANDOM_BYTES(700)))", id))
			}
			mustExec(r, db, fmt.Sprintf("INSERT INTO herd%d.t VALUES %s", i, strings.Join(values, ",")))
		}
		db.Close()
	}
	return h
}

// start makes clients that ask about a hundred times a second each, one in four for a change.
func (h *herd) start() {
	for range 24 {
		h.client("", func(c *client) error {
			pause(h.ctx, 8*time.Millisecond)
			i, _ := slices.BinarySearch(h.weights, c.rnd.Float64()*h.weights[herdDatabases-1])
			id := c.rnd.IntN(h.rows[i])
			if c.rnd.IntN(4) > 0 {
				_, _, err := c.number(fmt.Sprintf("SELECT n FROM herd%d.t WHERE id = ?", i), id)
				c.tally("herd read").note(judgeError(err), err)
				return err
			}
			_, o, err := c.change(fmt.Sprintf("UPDATE herd%d.t SET n = n + 1 WHERE id = ?", i), id)
			c.tally("herd write").note(o, err)
			return err
		})
	}
}

// bears is nil when a node has no more replicas of data than so many.
func (h *herd) bears(node, most int) error {
	var n int
	if err := h.admin.QueryRow("SELECT COUNT(*) FROM cluster_shards WHERE node_id = ? AND shard_id > 1", node).Scan(&n); err != nil {
		return err
	}
	if n > most {
		return fmt.Errorf("node %d has %d replicas", node, n)
	}
	return nil
}

// borne is what a node has.
type borne struct {
	node, leases int
	bytes, work  float64
}

// borne asks for what each node that has replicas of data bears.
func (h *herd) borne() (list []borne, err error) {
	const query = `SELECT s.node_id, SUM(is_leaseholder = 'YES'), SUM(IFNULL(b.bytes, 0)), SUM(IFNULL(reads_per_second + writes_per_second, 0)) FROM cluster_shards s
		LEFT JOIN (SELECT shard_id, SUM(data_length) bytes FROM cluster_tablets GROUP BY shard_id) b USING (shard_id)
		WHERE shard_id > 1 GROUP BY s.node_id ORDER BY s.node_id`
	rows, err := h.admin.Query(query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var b borne
		if err := rows.Scan(&b.node, &b.leases, &b.bytes, &b.work); err != nil {
			return nil, err
		}
		list = append(list, b)
	}
	return list, rows.Err()
}

// off is how far the node that is farthest from the mean is from it, in bytes or in work.
func (h *herd) off() (most float64) {
	list, err := h.borne()
	if err != nil {
		h.t.Fatal(err)
	}
	var mean borne
	for _, b := range list {
		mean.bytes += b.bytes / float64(len(list))
		mean.work += b.work / float64(len(list))
	}
	for _, b := range list {
		most = max(most, math.Abs(b.bytes/mean.bytes-1), math.Abs(b.work/mean.work-1))
	}
	return most
}

// watch tells now and then what nodes bear.
func (h *herd) watch(d time.Duration, title string) {
	for end := time.Now().Add(d); ; {
		list, err := h.borne()
		if err != nil {
			h.t.Fatal(err)
		}
		var text strings.Builder
		for _, b := range list {
			fmt.Fprintf(&text, "  node %d: %.1f MB, %d leases, %.0f/s;", b.node, b.bytes/1e6, b.leases, b.work)
		}
		h.t.Logf("%v, %s: %.2f off;%s", h.now().Round(time.Second), title, h.off(), &text)
		if time.Now().After(end) {
			return
		}
		pause(h.ctx, min(20*time.Second, time.Until(end)))
	}
}
