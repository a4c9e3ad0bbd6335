package session

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloudsql/distributed/node"
	"cloudsql/storage/schema"
)

// expect runs a text that must fail with a code.
func (c *client) expect(code int, text string) {
	c.t.Helper()
	if out := c.query(text); !strings.Contains(out, fmt.Sprintf("ERROR %d ", code)) {
		c.t.Errorf("%s: %s, not error %d", text, out, code)
	}
}

// afterMillisecond gives a time, as SQL, before which everything that was acknowledged has been committed.
func afterMillisecond(c *client) string {
	time.Sleep(2 * time.Millisecond)
	at := c.value("SELECT NOW(3)")
	time.Sleep(2 * time.Millisecond)
	return "'" + at + "'"
}

func TestAsOf(t *testing.T) {
	e := newTestEngine(t, func(c *Config) { c.History = 10 * time.Second })
	c := connect(t, e, "root", "localhost")
	c.must("CREATE DATABASE d; USE d; CREATE TABLE t (id INT PRIMARY KEY, v INT); CREATE TABLE u (id INT PRIMARY KEY)")
	c.must("INSERT INTO t VALUES (1, 10), (2, 20)")
	old := afterMillisecond(c)
	c.must("UPDATE t SET v = v + 1; INSERT INTO t VALUES (3, 30)")
	sum := func(from string) string { return c.value("SELECT COALESCE(SUM(v), 0) FROM " + from) }
	if got := sum("t AS OF TIMESTAMP " + old); got != "30" {
		t.Errorf("as of %s: %s", old, got)
	}
	if got := sum("t"); got != "62" {
		t.Error(got)
	}
	if got := c.value("SELECT v FROM t AS OF TIMESTAMP " + old + " WHERE id = 2"); got != "20" {
		t.Error(got)
	}
	c.must("SET @at = " + old)
	if got := sum("t AS OF TIMESTAMP @at"); got != "30" {
		t.Error(got)
	}
	c.must("PREPARE p FROM 'SELECT SUM(v) FROM t AS OF TIMESTAMP ?'")
	if got := c.value("EXECUTE p USING @at"); got != "30" {
		t.Error(got)
	}
	both := "t AS OF TIMESTAMP " + old
	if got := c.value("SELECT COUNT(*) FROM " + both + " JOIN t AS b AS OF TIMESTAMP " + old + " WHERE b.id IN (SELECT id FROM " + both + ")"); got != "4" {
		t.Error(got)
	}
	// The session's time zone counts.
	c.must("SET @zone = @@time_zone; SET time_zone = '+05:00'")
	c.must("SET @east = CONVERT_TZ(" + old + ", @zone, '+05:00')")
	if zone := c.value("SELECT @east IS NULL"); zone == "0" {
		if got := sum("t AS OF TIMESTAMP @east"); got != "30" {
			t.Error(got)
		}
	}
	c.must("SET time_zone = @zone")

	c.expect(1525, "SELECT * FROM t AS OF TIMESTAMP NOW() + INTERVAL 1 DAY")
	c.expect(1525, "SELECT * FROM t AS OF TIMESTAMP 'yesterday'")
	c.expect(1525, "SELECT * FROM t AS OF TIMESTAMP NULL")
	c.expect(1054, "SELECT * FROM t AS OF TIMESTAMP v")
	c.expect(1146, "SELECT * FROM missing AS OF TIMESTAMP NOW()")
	c.expect(1235, "SELECT * FROM t AS OF TIMESTAMP "+old+" JOIN u")
	c.expect(1235, "SELECT * FROM t AS OF TIMESTAMP "+old+" JOIN u AS OF TIMESTAMP NOW()")
	c.expect(1235, "SELECT * FROM t AS OF TIMESTAMP "+old+" FOR UPDATE")
	c.expect(1235, "INSERT INTO u SELECT id FROM t AS OF TIMESTAMP "+old)
	c.expect(1235, "UPDATE u JOIN t AS OF TIMESTAMP "+old+" ON u.id = t.id SET u.id = 5")
	c.must("BEGIN")
	c.expect(1235, "SELECT * FROM t AS OF TIMESTAMP "+old)
	c.must("ROLLBACK; SET autocommit = 0")
	if got := sum("t AS OF TIMESTAMP " + old); got != "30" {
		t.Error(got)
	}
	c.must("SET autocommit = 1")

	// What a rewritten or new table had before is not in its tablets.
	c.must("TRUNCATE TABLE t")
	c.expect(1412, "SELECT * FROM t AS OF TIMESTAMP "+old)
	c.expect(1412, "SELECT * FROM t AS OF TIMESTAMP NOW() - INTERVAL 1 HOUR")
	if got := c.value("SELECT @@cloudsql_history_ms"); got != "10000" {
		t.Error(got)
	}
}

func TestTransactionAsOf(t *testing.T) {
	e := newTestEngine(t)
	c := connect(t, e, "root", "localhost")
	c.must("CREATE DATABASE d; USE d; CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 10)")
	old := afterMillisecond(c)
	c.must("UPDATE t SET v = 11")
	c.must("START TRANSACTION READ ONLY AS OF TIMESTAMP " + old)
	if flags, _ := c.s.Status(); flags&statusInTransReadOnly == 0 {
		t.Error("not a read-only transaction")
	}
	for range 2 {
		if got := c.value("SELECT v FROM t WHERE id = 1"); got != "10" {
			t.Error(got)
		}
		if got := c.value("SELECT MAX(v) FROM t"); got != "10" {
			t.Error(got)
		}
	}
	c.expect(1792, "UPDATE t SET v = 12")
	c.expect(1792, "SELECT * FROM t FOR UPDATE")
	c.must("COMMIT")
	if got := c.value("SELECT v FROM t"); got != "11" {
		t.Error(got)
	}
	c.expect(1525, "START TRANSACTION READ ONLY AS OF TIMESTAMP NOW() + INTERVAL 1 DAY")
	if c.s.tx.In() {
		t.Error("a transaction that failed to begin is open")
	}
}

// TestStaleness: in a session with a bound, what it did itself is always seen.
func TestStaleness(t *testing.T) {
	e := newTestEngine(t)
	c, other := connect(t, e, "root", "localhost"), connect(t, e, "root", "localhost")
	c.must("CREATE DATABASE d; USE d; CREATE TABLE t (id INT PRIMARY KEY, v INT, KEY (v)); INSERT INTO t VALUES (1, 0)")
	other.must("USE d")
	c.must("SET cloudsql_read_staleness_ms = 60000")
	for i := range 30 {
		c.must("UPDATE t SET v = v + 1")
		if got := c.value("SELECT v FROM t WHERE id = 1"); got != strconv.Itoa(i+1) {
			t.Fatalf("%s after %d of its own updates", got, i+1)
		}
		c.must("BEGIN; UPDATE t SET v = v + 1; UPDATE t SET v = v - 1; COMMIT")
		if got := c.value("SELECT SUM(v) FROM t"); got != strconv.Itoa(i+1) {
			t.Fatalf("%s after %d of its own updates", got, i+1)
		}
	}
	other.must("UPDATE t SET v = -1")
	c.must("START TRANSACTION READ ONLY")
	first := c.value("SELECT v FROM t")
	other.must("UPDATE t SET v = -2")
	if again := c.value("SELECT v FROM t WHERE id = 1"); again != first {
		t.Errorf("one transaction saw %s and %s", first, again)
	}
	c.must("COMMIT")
	order := map[string]int{"30": 0, "-1": 1, "-2": 2}
	if after := c.value("SELECT v FROM t WHERE id = 1"); order[after] < order[first] {
		t.Errorf("%s after a transaction had seen %s", after, first)
	}
	// A state that is older than an index or a table is not insisted on.
	other.must("CREATE INDEX k ON t (id, v)")
	other.must("CREATE TABLE fresh (id INT PRIMARY KEY); INSERT INTO fresh VALUES (7)")
	if got := c.value("SELECT MAX(id) FROM fresh"); got != "7" {
		t.Error(got)
	}
	if got := c.value("SELECT v FROM t FORCE INDEX (k) WHERE id = 1"); got != "-1" && got != "-2" {
		t.Error(got)
	}
	other.must("UPDATE t SET v = -5")
	c.must("LOCK TABLES t READ")
	if got := c.value("SELECT v FROM t"); got != "-5" {
		t.Error("a locked table was read as it was: ", got)
	}
	c.must("UNLOCK TABLES")
	other.must("UPDATE t SET v = -2")
	// Locking reads and the end of the mode meet the present.
	if got := c.value("SELECT v FROM t FOR SHARE"); got != "-2" {
		t.Error(got)
	}
	c.must("SET cloudsql_read_staleness_ms = DEFAULT")
	other.must("UPDATE t SET v = -3")
	if got := c.value("SELECT v FROM t"); got != "-3" {
		t.Error(got)
	}
	// A hint is a bound for one statement; what the session has seen before counts all the same.
	if got := c.value("SELECT /*+ SET_VAR(cloudsql_read_staleness_ms = 60000) */ v FROM t"); got != "-3" {
		t.Error(got)
	}
	c.must("UPDATE t SET v = -4")
	states := c.s.tx.Past().Floor()
	if got := c.value("SELECT /*+ SET_VAR(cloudsql_read_staleness_ms = 60000) */ v FROM t"); got != "-4" || c.s.tx.Past().Floor() < states {
		t.Error(got)
	}
	if fresh := connect(t, e, "root", "localhost"); fresh.s.tx.Past().Told() != nil {
		t.Error("a session without a bound keeps account")
	}
}

// pastCluster is three nodes with their SQL layers.
type pastCluster struct {
	nodes   []*node.Node
	engines []*Engine
}

func newPastCluster(t *testing.T) *pastCluster {
	c := &pastCluster{}
	for i := range 3 {
		cfg := node.Config{
			Dir: filepath.Join(t.TempDir(), "data"), NodeAddr: "127.0.0.1:0", SpreadTables: true,
			Tick: 20 * time.Millisecond, ElectionTicks: 15, Heartbeat: 50 * time.Millisecond, LeaseDuration: 600 * time.Millisecond,
		}
		if i > 0 {
			cfg.Join = []string{c.nodes[0].NodeAddr()}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		n, err := node.Open(ctx, cfg)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(n.Close)
		c.nodes = append(c.nodes, n)
		c.engines = append(c.engines, NewEngine(n, Config{Hostname: "test", Port: 3306, DataDir: "/data", History: 10 * time.Second}))
	}
	for deadline := time.Now().Add(time.Minute); !c.grown(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the cluster does not grow")
		}
	}
	return c
}

// grown tells whether each shard has a replica on each node, and each node knows.
func (c *pastCluster) grown() bool {
	for _, n := range c.nodes {
		shards := n.Catalog().Shards()
		for _, sh := range shards {
			if len(sh.Replicas) != 3 || !n.HasReplica(sh.ID) {
				return false
			}
		}
		if len(shards) < 3 {
			return false
		}
	}
	return true
}

// followerReads counts reads at a node's replicas that needed no lease.
func (c *pastCluster) followerReads(i int) (n uint64) {
	for _, s := range c.nodes[i].Counters().Replicas {
		n += s.FollowerReads.Load()
	}
	return n
}

// TestStaleReadsRunOnEachNode: reads with a bound run where the client is connected. While transfers move money between
// tables of different shards, every state that anybody sees has the same total, and states only go forward.
func TestStaleReadsRunOnEachNode(t *testing.T) {
	t.Parallel() // it waits more than it computes
	if testing.Short() {
		t.Skip("three nodes")
	}
	c := newPastCluster(t)
	admin := connect(t, c.engines[0], "root", "localhost")
	admin.must("CREATE DATABASE d; USE d; CREATE TABLE a (id INT PRIMARY KEY, v INT); CREATE TABLE b (id INT PRIMARY KEY, v INT)")
	admin.must("CREATE TABLE ticks (id INT PRIMARY KEY, n INT); INSERT INTO ticks VALUES (1, 0)")
	admin.must("INSERT INTO a VALUES (1, 100), (2, 100); INSERT INTO b VALUES (1, 100), (2, 100)")
	db, _ := c.nodes[0].Catalog().Table("d", "a")
	other, _ := c.nodes[0].Catalog().Table("d", "b")
	if db.Tablets[0].Shard == other.Tablets[0].Shard {
		t.Fatal("the tables are in one shard")
	}
	c.idleReads(t, db.Tablets[0].Shard)

	var stop atomic.Bool
	var clients sync.WaitGroup
	var moved, seen atomic.Int64
	start := func(i int, fn func(c *client) bool) {
		x := connect(t, c.engines[i], "root", "localhost")
		x.must("USE d")
		clients.Add(1)
		go func() {
			defer clients.Done()
			for !stop.Load() && fn(x) {
			}
		}()
	}
	for i := range 3 {
		start(i, func(x *client) bool {
			out := x.query(fmt.Sprintf("BEGIN; UPDATE a SET v = v - 1 WHERE id = %d; UPDATE b SET v = v + 1 WHERE id = %[1]d; COMMIT", 1+rand.IntN(2)))
			switch {
			case !strings.Contains(out, "ERROR "):
				moved.Add(1)
			case strings.Contains(out, "ERROR 1213 ") || strings.Contains(out, "ERROR 1205 "):
				x.query("ROLLBACK")
			default:
				t.Error(out)
			}
			return true
		})
		for _, ms := range []int{5, 100, 1000} {
			last := -1
			w := connect(t, c.engines[i], "root", "localhost")
			w.must(fmt.Sprintf("USE d; SET cloudsql_read_staleness_ms = %d", ms))
			start(i, func(*client) bool {
				sum := w.value("SELECT (SELECT SUM(v) FROM a) + (SELECT SUM(v) FROM b)")
				if sum != "400" {
					t.Errorf("node %d saw a total of %s", i+1, sum)
				}
				n, _ := strconv.Atoi(w.value("SELECT n FROM ticks WHERE id = 1"))
				if n < last {
					t.Errorf("node %d: time ran back from %d to %d", i+1, last, n)
				}
				last = n
				seen.Add(1)
				return sum == "400"
			})
		}
	}
	for i := range 100 {
		admin.must("UPDATE ticks SET n = n + 1")
		time.Sleep(10 * time.Millisecond)
		if i == 50 { // the leases move meanwhile
			c.nodes[1].Drain(t.Context())
		}
	}
	stop.Store(true)
	clients.Wait()
	for i := range c.nodes {
		if c.followerReads(i) == 0 {
			t.Errorf("node %d read nothing without a lease", i+1)
		}
	}
	t.Logf("%d transfers, %d looks; reads without a lease: %d, %d, %d", moved.Load(), seen.Load(),
		c.followerReads(0), c.followerReads(1), c.followerReads(2))
}

// idleReads reads a table that nobody writes, on each node. The first reads go to
// the holder, until its promise has come; the bound leaves a busy machine's followers time to catch up.
func (c *pastCluster) idleReads(t *testing.T, s schema.ShardID) {
	holder := c.nodes[0].Leaseholder(s)
	for i, n := range c.nodes {
		x := connect(t, c.engines[i], "root", "localhost")
		x.must("USE d; SET cloudsql_read_staleness_ms = 4000")
		eventually(t, "the table is old enough, and a follower heard that its state is", func() bool {
			known := c.followerReads(i)
			return strings.Contains(x.query("SELECT v FROM a WHERE id = 1"), "100") && (n.NodeID() == holder || c.followerReads(i) > known)
		})
		before, asked := c.followerReads(i), c.leaseReads(holder, s)
		for range 50 {
			if got := x.value("SELECT v FROM a WHERE id = 1"); got != "100" {
				t.Fatal(got)
			}
		}
		if where := x.query("EXPLAIN FORMAT=BRIEF SELECT v FROM a WHERE id = 1"); strings.Contains(where, "follower") != (n.NodeID() != holder) {
			t.Error(where)
		}
		local, remote := c.followerReads(i)-before, c.leaseReads(holder, s)-asked
		switch {
		case n.NodeID() == holder && local > 0, n.NodeID() != holder && (local < 45 || remote > 5):
			t.Errorf("node %d, where node %d has the lease: %d reads without it, %d at the holder", n.NodeID(), holder, local, remote)
		}
	}
}

func (c *pastCluster) leaseReads(holder schema.NodeID, s schema.ShardID) (n uint64) {
	for _, x := range c.nodes {
		if x.NodeID() == holder {
			n = x.Counters().Replicas[s].LeaseReads.Load()
		}
	}
	return n
}
