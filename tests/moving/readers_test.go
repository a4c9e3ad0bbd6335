package moving

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"cloudsql/tests/harness"
)

// TestReadReplicas: each shard of five nodes in four zones gets a replica that does not vote. It serves reads of the past at its node and at one that
// is near, outlives restarts, takes the place of a voter that is lost, is given back by a node that is drained, and replaced by a node that lost
// everything; and one client writes all the while.
func TestReadReplicas(t *testing.T) {
	if testing.Short() {
		t.Skip("starts five processes")
	}
	c := &readersCluster{t: t}
	for i, zone := range []string{"a", "b", "c", "d", "d"} {
		args := []string{"--locality", "region=r,zone=" + zone, "--replace-after", "5s", "--spread-tables"}
		if i > 0 {
			args = append(args, "--join", c.nodes[0].Internal)
		}
		c.nodes = append(c.nodes, harness.NewNode(t, args...).Start())
	}
	c.admin = c.nodes[0].DB("", "")
	c.exec("SET GLOBAL cloudsql_read_replicas = 1")
	c.exec("CREATE DATABASE d")
	for i := range readerTables {
		c.exec(fmt.Sprintf("CREATE TABLE d.t%d (id INT PRIMARY KEY)", i))
	}
	c.awaits(1, 2, 3, 4, 5)
	ctx, cancel := context.WithCancel(t.Context())
	var writer sync.WaitGroup
	writer.Go(func() { c.write(ctx) })
	defer writer.Wait()
	defer cancel()

	c.readsAt(c.reader(), "Cloudsql_follower_reads")
	c.readsAt(4, "Cloudsql_nearest_reads", 5)

	id, replica := c.reader(), c.replicas("NON_VOTER")[c.reader()]
	n := c.nodes[id-1]
	n.Signal(syscall.SIGTERM)
	if !n.EndsWithin(time.Minute) {
		t.Fatal("it does not end")
	}
	n.Start()
	c.readsAt(id, "Cloudsql_follower_reads")
	if now := c.replicas("NON_VOTER")[id]; now != replica {
		t.Errorf("replica %d of node %d is replica %d after a restart", replica, id, now)
	}

	lost := 0
	for id := range c.replicas("VOTER") {
		if id != 1 {
			lost = max(lost, id)
		}
	}
	c.nodes[lost-1].Kill()
	left := slices.DeleteFunc([]int{1, 2, 3, 4, 5}, func(id int) bool { return id == lost })
	c.awaits(left...)
	if now := c.replicas("VOTER")[id]; now != replica {
		t.Errorf("node %d was lost, and the replica that was only read does not vote in its place: %v", lost, c.replicas("VOTER"))
	}
	c.nodes[lost-1].Start()
	c.awaits(1, 2, 3, 4, 5)

	id = c.reader()
	if id == 1 {
		id = 5
	}
	c.exec(fmt.Sprintf("ALTER CLUSTER DRAIN NODE %d", id))
	c.awaits(slices.DeleteFunc([]int{1, 2, 3, 4, 5}, func(n int) bool { return n == id })...)
	c.exec(fmt.Sprintf("ALTER CLUSTER RESUME NODE %d", id))
	c.awaits(1, 2, 3, 4, 5)

	if id = c.reader(); id != 1 {
		replica = c.replicas("NON_VOTER")[id]
		c.nodes[id-1].Kill()
		if err := os.RemoveAll(c.nodes[id-1].Dir); err != nil {
			t.Fatal(err)
		}
		c.nodes[id-1].Start()
		c.awaits(1, 2, 3, 4, 5)
		if now := c.reader(); c.replicas("NON_VOTER")[now] == replica {
			t.Errorf("replica %d goes on without its log", replica)
		}
	}
	c.readsAt(c.reader(), "Cloudsql_follower_reads")
	cancel()
	writer.Wait()
	harness.Eventually(t, time.Minute, "equal replicas", func() error { return harness.Equal(c.nodes) })
	c.exec("SET GLOBAL cloudsql_read_replicas = 0")
	harness.Eventually(t, 2*time.Minute, "no more readers", func() error {
		var others int
		if err := c.admin.QueryRow("SELECT COUNT(*) FROM information_schema.cluster_shards WHERE role <> 'VOTER' AND shard_id > 1").Scan(&others); err != nil {
			return err
		}
		if others > 0 {
			return fmt.Errorf("%d are left", others)
		}
		return nil
	})
}

// readerTables are as many as there are shards, so that leases of some are at every node.
const readerTables = 5

type readersCluster struct {
	t     *testing.T
	nodes []*harness.Node
	admin *sql.DB
	acked atomic.Int64 // rows of each table
}

func (c *readersCluster) exec(text string) {
	c.t.Helper()
	if _, err := c.admin.Exec(text); err != nil {
		c.t.Fatalf("%s: %v", text, err)
	}
}

// write adds a row to each table at the first node, until ctx ends.
func (c *readersCluster) write(ctx context.Context) {
	db := c.nodes[0].DB("d", "")
	for id := int64(0); ctx.Err() == nil; id++ {
		for i := range readerTables {
			if _, err := db.Exec(fmt.Sprintf("INSERT INTO t%d VALUES (?)", i), id); err != nil {
				c.t.Errorf("row %d: %v", id, err)
				return
			}
		}
		c.acked.Store(id + 1)
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// awaits waits until each data shard has three voters and one more replica, all on these nodes, and a leaseholder.
func (c *readersCluster) awaits(nodes ...int) {
	c.t.Helper()
	harness.Eventually(c.t, 3*time.Minute, fmt.Sprint("three voters and a reader on ", nodes), func() error {
		rows, err := c.admin.Query("SELECT shard_id, node_id, role, is_leaseholder FROM information_schema.cluster_shards WHERE shard_id > 1")
		if err != nil {
			return err
		}
		defer rows.Close()
		type count struct{ voters, others, held int }
		counts := map[int]count{}
		for rows.Next() {
			var shard, node int
			var role, held string
			if err := rows.Scan(&shard, &node, &role, &held); err != nil {
				return err
			}
			if !slices.Contains(nodes, node) {
				return fmt.Errorf("node %d has a replica of shard %d", node, shard)
			}
			n := counts[shard]
			if role == "VOTER" {
				n.voters++
			} else {
				n.others++
			}
			if held == "YES" {
				n.held++
			}
			counts[shard] = n
		}
		for shard, n := range counts {
			if n != (count{3, 1, 1}) {
				return fmt.Errorf("shard %d has %+v", shard, n)
			}
		}
		if len(counts) != len(c.nodes) {
			return fmt.Errorf("%d shards", len(counts))
		}
		return rows.Err()
	})
}

// replicas are those of the first table's shard that have a role, by node.
func (c *readersCluster) replicas(role string) map[int]uint64 {
	c.t.Helper()
	rows, err := c.admin.Query(`SELECT s.node_id, s.replica_id FROM information_schema.cluster_shards s JOIN information_schema.cluster_tablets t USING (shard_id)
		WHERE t.table_schema = 'd' AND t.table_name = 't0' AND s.role = ?`, role)
	if err != nil {
		c.t.Fatal(err)
	}
	defer rows.Close()
	out := map[int]uint64{}
	for rows.Next() {
		var node int
		var replica uint64
		if err := rows.Scan(&node, &replica); err != nil {
			c.t.Fatal(err)
		}
		out[node] = replica
	}
	return out
}

// reader is the node with a replica of the first table's shard that does not vote: there are two for a moment while it moves to even out what nodes have.
func (c *readersCluster) reader() (node int) {
	c.t.Helper()
	harness.Eventually(c.t, time.Minute, "one replica that does not vote", func() error {
		nodes := slices.Collect(maps.Keys(c.replicas("NON_VOTER")))
		if len(nodes) != 1 {
			return fmt.Errorf("nodes %v have some", nodes)
		}
		node = nodes[0]
		return nil
	})
	return node
}

// readsAt reads all tables with a bound at some nodes until one of them counts more reads of a kind. Each read has all that was
// acknowledged before its bound.
func (c *readersCluster) readsAt(node int, counter string, more ...int) {
	c.t.Helper()
	var dbs []*sql.DB
	for _, id := range append(more, node) {
		dbs = append(dbs, c.nodes[id-1].DB("d", "cloudsql_read_staleness_ms=500"))
	}
	count := func() (sum int) {
		for _, db := range dbs {
			var name string
			var n int
			if err := db.QueryRow("SHOW GLOBAL STATUS LIKE '"+counter+"'").Scan(&name, &n); err != nil {
				c.t.Fatal(err)
			}
			sum += n
		}
		return sum
	}
	const bound = 500 * time.Millisecond // of dbs
	type ackedAt struct {
		at   time.Time
		rows int64
	}
	var known []ackedAt
	before := count()
	harness.Eventually(c.t, time.Minute, fmt.Sprint(counter, " at node ", node), func() error {
		known = append(known, ackedAt{time.Now(), c.acked.Load()})
		for i := range readerTables {
			for _, db := range dbs {
				due, began := int64(0), time.Now()
				for _, k := range known {
					if began.Sub(k.at) > bound {
						due = k.rows
					}
				}
				var all, first int64
				if err := db.QueryRow(fmt.Sprintf("SELECT COUNT(*) FROM t%d", i)).Scan(&all); err != nil {
					return err
				}
				if err := db.QueryRow(fmt.Sprintf("SELECT COUNT(*) FROM t%d WHERE id = 0", i)).Scan(&first); err != nil {
					return err
				}
				if all < due || first < min(due, 1) {
					c.t.Errorf("%d rows of t%d were acknowledged %v before, and %d are seen", due, i, bound, all)
				}
			}
		}
		if now := count(); now <= before {
			return fmt.Errorf("%d, as before", now)
		}
		return nil
	})
}
