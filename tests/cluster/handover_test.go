package cluster

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"cloudsql/tests/harness"
)

// TestOpenTransactionsOutliveRestarts stops and starts each node in turn while clients of the other two keep
// transactions open, with tables in different shards: every one goes on, and commits.
func TestOpenTransactionsOutliveRestarts(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three processes")
	}
	nodes := harness.Cluster(t, 3, "--spread-tables")
	first := nodes[0]
	harness.Eventually(t, 60*time.Second, "three replicas of every shard", func() error { return replicated(nodes) })
	db := first.DB("", "")
	mustDo(t, db, "CREATE DATABASE d")
	mustDo(t, db, "CREATE TABLE d.a (id INT PRIMARY KEY, n INT NOT NULL)")
	mustDo(t, db, "CREATE TABLE d.b (id INT PRIMARY KEY, n INT NOT NULL)")
	for id := range 6 {
		for _, table := range []string{"a", "b"} {
			if _, err := db.Exec("INSERT INTO d."+table+" VALUES (?, 0)", id); err != nil {
				t.Fatal(err)
			}
		}
	}
	const rounds = 3
	passed := 0.0
	for victim, node := range nodes {
		var open []*sql.Conn
		for i, n := range others(nodes, victim) {
			for j := range 3 {
				conn, err := n.DB("d", "").Conn(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = conn.Close() }()
				do(t, conn, "BEGIN")
				do(t, conn, "UPDATE a SET n = n + 1 WHERE id = ?", 3*i+j)
				do(t, conn, "UPDATE b SET n = n + 1 WHERE id = ?", 3*i+j)
				open = append(open, conn)
			}
		}
		node.Stop()
		for id, conn := range open {
			do(t, conn, "UPDATE a SET n = n + 10 WHERE id = ?", id)
			var n int
			if err := conn.QueryRowContext(t.Context(), "SELECT n FROM b WHERE id = ?", id).Scan(&n); err != nil || n != 11*victim+1 {
				t.Errorf("node %d was stopped, connection %d: %d, %v", victim+1, id, n, err)
			}
			do(t, conn, "UPDATE b SET n = n + 10 WHERE id = ?", id)
			do(t, conn, "COMMIT")
		}
		node.Start()
		harness.Eventually(t, 60*time.Second, "the restarted node to have caught up", func() error { return caughtUp(nodes) })
		for _, n := range nodes {
			passed += metric(t, n, "cloudsql_replica_passed_txns_total")
		}
	}
	if passed == 0 {
		t.Error("no transaction came along with a lease: the test tests nothing")
	}
	for _, table := range []string{"a", "b"} {
		var sum int
		if err := first.DB("d", "").QueryRow("SELECT SUM(n) FROM " + table).Scan(&sum); err != nil || sum != 6*11*rounds {
			t.Errorf("%s: %d, %v", table, sum, err)
		}
	}
}

// do runs a statement of an open transaction.
func do(t *testing.T, conn *sql.Conn, query string, args ...any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := conn.ExecContext(ctx, query, args...); err != nil {
		t.Errorf("%s: %v", query, err)
	}
}
