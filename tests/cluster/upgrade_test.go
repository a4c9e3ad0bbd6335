package cluster

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"cloudsql/tests/harness"
)

// TestUpgrade upgrades a cluster of three processes node by node while clients write, goes back with one of them before
// the cluster's version is raised, and tries to after it. UPGRADE_FROM names the old program (make upgrade); without
// it, this one pretends to be of version 1.
func TestUpgrade(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three processes")
	}
	u := &upgrade{t: t, old: os.Getenv("UPGRADE_FROM")}
	for len(u.nodes) < 3 {
		args := []string{"--spread-tables"}
		if len(u.nodes) > 0 {
			args = append(args, "--join", u.nodes[0].Internal)
		}
		n := harness.NewNode(t, args...)
		u.program(n, false)
		u.nodes = append(u.nodes, n.Start())
	}
	harness.Eventually(t, 60*time.Second, "three replicas of every shard", func() error { return replicated(u.nodes) })
	u.checker = newChecker(t, u.nodes, 4)
	defer func() { u.checker.stop() }()
	u.newTransfers()
	defer func() { u.end() }()
	u.newWorkloads()

	u.change(2, true)
	u.wantVersion(2, "1")
	u.change(2, false) // there is a way back
	for i, n := range u.nodes {
		u.change(i, true)
		if i < 2 {
			u.wantVersion(i, "1")
		}
		u.features(n)
	}
	harness.Eventually(t, 30*time.Second, "the version is raised", func() error {
		for i := range u.nodes {
			if v := u.version(i); v != "2" {
				return fmt.Errorf("node %d is at %s", i+1, v)
			}
		}
		return nil
	})
	u.features(u.nodes[1])
	u.work()
	last := u.nodes[2]
	last.Stop()
	u.program(last, false)
	if err := last.TryStart(20 * time.Second); err == nil || !strings.Contains(last.Log(), "written by a newer version") {
		t.Errorf("the old program was started after the raise: %v", err)
	}
	u.program(last, true)
	last.Start()
	harness.Eventually(t, 30*time.Second, "the node is back", func() error { return replicated(u.nodes) })
	u.work()
	u.checker.onlyLost(2)
	u.end()
	u.checker.stop()
	u.endWorkloads()
	settled(t, u.nodes)
	u.judgeWorkloads()
	for _, n := range u.nodes {
		u.checker.verify(n)
		u.verify(n)
	}
	u.checker.run()
}

// upgrade is a cluster of two programs and its clients.
type upgrade struct {
	t       *testing.T
	old     string // "": this program, pretending
	nodes   []*harness.Node
	checker *checker

	works     *run // TestCheck's workloads; nil: none
	cancel    context.CancelFunc
	wg        sync.WaitGroup
	transfers atomic.Int64
	conflicts atomic.Int64
	mu        sync.Mutex
	errors    []clientError
}

// newWorkloads lets TestCheck's clients work through the whole upgrade, where there is an old program: all of
// WORKLOAD's, but for what the old program does not promise.
func (u *upgrade) newWorkloads() {
	if u.old == "" {
		return
	}
	names := strings.Split(harness.Setting("WORKLOAD", "bank,lists,rows,registers,claims,snapshots,tpcc,large,past,gateways"), ",")
	seed := uint64(time.Now().UnixNano())
	u.t.Logf("SEED=%d", seed)
	u.works = prepare(u.t, seed, names, u.nodes)
	u.works.startAll()
}

func (u *upgrade) endWorkloads() {
	if u.works != nil {
		u.works.cancel()
		u.works.clients.Wait()
	}
}

// judgeWorkloads gives the workloads' verdicts, and fails for all errors of the server's that a client need not expect:
// 1213, 1205, 1062 (which claims are about), 1412 (a state of the past from before the tables were made), and that a
// server is stopping.
func (u *upgrade) judgeWorkloads() {
	if u.works == nil {
		return
	}
	u.works.alive()
	u.works.judge()
	expected := regexp.MustCompile(`^(1213|1205|1062|1053) |^[^0-9]`)
	for name, x := range u.works.tallies {
		for text, n := range x.errors {
			early := strings.HasPrefix(text, "1412 ") && strings.HasPrefix(name, "past ")
			if !expected.MatchString(text) && !early {
				u.t.Errorf("%s: %d × %s", name, n, text)
			}
		}
	}
}

// program sets what a node is started as.
func (u *upgrade) program(n *harness.Node, isNew bool) {
	n.Bin, n.Env = "", nil
	switch {
	case isNew:
	case u.old != "":
		n.Bin = u.old
	default:
		n.Env = []string{"CLOUDSQL_TEST_MAX_VERSION=1"}
	}
}

// change stops a node and starts it as another program.
func (u *upgrade) change(i int, isNew bool) {
	n := u.nodes[i]
	u.work()
	n.Stop()
	u.program(n, isNew)
	n.Start()
	harness.Eventually(u.t, 30*time.Second, "the node is back", func() error { return replicated(u.nodes) })
	harness.Eventually(u.t, 30*time.Second, "the node has caught up", func() error { return caughtUp(u.nodes) })
	u.work()
	u.checker.onlyLost(i)
	u.onlyLost(i)
}

// work waits until all clients have got on.
func (u *upgrade) work() {
	u.t.Helper()
	u.checker.progress(100)
	from := u.transfers.Load()
	harness.Eventually(u.t, 60*time.Second, "transfers go on", func() error {
		if u.transfers.Load() < from+20 {
			return fmt.Errorf("%d of 20", u.transfers.Load()-from)
		}
		return nil
	})
}

func (u *upgrade) version(i int) (v string) {
	db := u.nodes[i].DB("", "")
	defer db.Close()
	if err := db.QueryRow("SELECT @@cloudsql_cluster_version").Scan(&v); err != nil {
		return err.Error()
	}
	return v
}

func (u *upgrade) wantVersion(i int, want string) {
	u.t.Helper()
	if v := u.version(i); v != want {
		u.t.Errorf("node %d says that the cluster is at %s, not %s", i+1, v, want)
	}
}

// features uses what the old program does not know, through an upgraded node: no replica may be harmed.
func (u *upgrade) features(n *harness.Node) {
	u.t.Helper()
	db := n.DB("chk", "multiStatements=true")
	defer db.Close()
	for _, q := range []string{
		"CREATE TABLE IF NOT EXISTS units (id INT PRIMARY KEY, n BIGINT, s VARCHAR(30))",
		"REPLACE INTO units VALUES (1, 2048, ''), (2, 5, ''), (3, 4096, 'x')",
		"UPDATE units SET s = FORMAT_BYTES(n) WHERE id = 1",
		"UPDATE units SET s = FORMAT_BYTES(n) WHERE id = 2 AND FORMAT_BYTES(n) LIKE '%bytes'",
		"BEGIN; UPDATE units SET s = FORMAT_BYTES(n + 1) WHERE n > 4000; COMMIT",
		"DELETE FROM units WHERE id = 3 AND FORMAT_BYTES(n) = '1 KiB'",
	} {
		if _, err := db.Exec(q); err != nil {
			u.t.Errorf("%s: %v", q, err)
		}
	}
	var s string
	if err := db.QueryRow("SELECT GROUP_CONCAT(s ORDER BY id) FROM units WHERE FORMAT_BYTES(n) = TRIM(s) OR LENGTH(FORMAT_BYTES(n)) > 5").Scan(&s); err != nil ||
		s != "2.00 KiB,   5 bytes,4.00 KiB" {
		u.t.Errorf("units: %q, %v", s, err)
	}
}

// newTransfers makes clients that move money between tables in different shards, in transactions through all nodes.
func (u *upgrade) newTransfers() {
	db := u.nodes[0].DB("chk", "multiStatements=true")
	for _, q := range []string{
		"CREATE TABLE a (id INT PRIMARY KEY, n BIGINT NOT NULL); CREATE TABLE b (id INT PRIMARY KEY, n BIGINT NOT NULL)",
		"INSERT INTO a VALUES (0,100),(1,100),(2,100),(3,100); INSERT INTO b VALUES (0,100),(1,100),(2,100),(3,100)",
	} {
		if _, err := db.Exec(q); err != nil {
			u.t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	u.cancel = cancel
	for i := range 3 {
		u.wg.Go(func() { u.transfer(ctx, i) })
	}
}

func (u *upgrade) transfer(ctx context.Context, node int) {
	var pools []*sql.DB
	for _, n := range u.nodes {
		pools = append(pools, u.checker.pool(n))
	}
	for k := 0; ctx.Err() == nil; k++ {
		err := moveOne(pools[node], k%4, (k/4+node)%4)
		var from *mysql.MySQLError
		switch {
		case err == nil:
			u.transfers.Add(1)
		case errors.As(err, &from) && (from.Number == 1213 || from.Number == 1205):
			u.conflicts.Add(1)
		default:
			u.mu.Lock()
			u.errors = append(u.errors, clientError{node, time.Now(), err})
			u.mu.Unlock()
			node = (node + 1) % len(pools)
			pause(ctx, 20*time.Millisecond)
		}
	}
	for _, p := range pools {
		p.Close()
	}
}

func moveOne(db *sql.DB, from, to int) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() // after COMMIT it does nothing
	var n int64
	if err := tx.QueryRow("SELECT n FROM a WHERE id = ? FOR UPDATE", from).Scan(&n); err != nil {
		return err
	}
	if _, err := tx.Exec("UPDATE a SET n = n - 1 WHERE id = ?", from); err != nil {
		return err
	}
	if _, err := tx.Exec("UPDATE b SET n = n + 1 WHERE id = ?", to); err != nil {
		return err
	}
	return tx.Commit()
}

// onlyLost fails the test if a transfer met anything but a deadlock, a lock's timeout, or the loss of the connection to
// the node that was stopped.
func (u *upgrade) onlyLost(node int) {
	u.t.Helper()
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, e := range u.errors {
		if e.node != node || !e.lostConnection() {
			u.t.Errorf("a transfer's error: %v", e)
		}
	}
	u.errors = nil
}

// end stops the transfers.
func (u *upgrade) end() {
	if u.cancel != nil {
		u.cancel()
		u.wg.Wait()
		u.cancel = nil
		u.onlyLost(2)
		u.t.Logf("%d transfers, %d conflicts", u.transfers.Load(), u.conflicts.Load())
	}
}

// verify looks for the money.
func (u *upgrade) verify(n *harness.Node) {
	db := n.DB("chk", "")
	defer db.Close()
	var sum int64
	if err := db.QueryRow("SELECT (SELECT SUM(n) FROM a) + (SELECT SUM(n) FROM b)").Scan(&sum); err != nil || sum != 800 {
		u.t.Errorf("the accounts have %d of 800, %v", sum, err)
	}
}
