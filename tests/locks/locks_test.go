// Package locks runs dialogues (tests/dialogue) of several connections whose statements wait for each other.
//
// LOCKS_DSN=root@tcp(127.0.0.1:23306)/ asks another server (MySQL, MariaDB): what differs there is what the dialogue's comments
// say.
package locks

import (
	"database/sql"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cloudsql/tests/dialogue"
	"cloudsql/tests/harness"
)

// server is who is asked, and how to tell that statements wait for locks there.
type server struct {
	dsn     string
	waiting func(t *testing.T) int
}

func start(t *testing.T, args ...string) *server {
	if dsn := os.Getenv("LOCKS_DSN"); dsn != "" {
		pool := open(t, dsn)
		return &server{dsn, func(t *testing.T) (n int) {
			if err := pool.QueryRow("SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'").Scan(&n); err != nil {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond) // its table is a cache of that age
			return n + waitStates(t, pool)
		}}
	}
	node := harness.NewNode(t, args...).Start()
	pool := open(t, node.DSN("", ""))
	return &server{node.DSN("", ""), func(t *testing.T) int {
		text, err := node.Get("/metrics")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if v, ok := strings.CutPrefix(line, "cloudsql_lock_waiters "); ok {
				n, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
				if err != nil {
					t.Fatal(err)
				}
				return int(n) + waitingSessions(t, pool)
			}
		}
		t.Fatal("no gauge of waiting requests")
		return 0
	}}
}

// waitStates counts the waits for tables and for user locks that the process list shows.
func waitStates(t *testing.T, pool *sql.DB) (n int) {
	const count = `SELECT COUNT(*) FROM information_schema.processlist
		WHERE state IN ('Waiting for table metadata lock', 'User lock', 'Waiting for backup lock')`
	if err := pool.QueryRow(count).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// waitingSessions counts the waits for tables and for user locks. One that has been granted its lock, and has yet to be woken, still
// says that it waits: where nobody has what it waits for by metadata_locks (which does not tell all that a wait may be for), what it
// says has to stand for much longer than waits last until they look again.
func waitingSessions(t *testing.T, pool *sql.DB) int {
	n := waitStates(t, pool)
	for range 100 {
		if heldByOthers(t, pool) >= n {
			break
		}
		time.Sleep(2 * time.Millisecond)
		if now := waitStates(t, pool); now != n {
			return now
		}
	}
	return n
}

// heldByOthers counts the sessions that wait for what somebody else has.
func heldByOthers(t *testing.T, pool *sql.DB) (n int) {
	type object struct{ kind, db, name string }
	granted, pending := map[object]map[uint64]bool{}, map[uint64][]object{}
	rows, err := pool.Query(`SELECT object_type, COALESCE(object_schema, ''), COALESCE(object_name, ''), lock_status, owner_thread_id
		FROM performance_schema.metadata_locks`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var o object
		var status string
		var session uint64
		if err := rows.Scan(&o.kind, &o.db, &o.name, &status, &session); err != nil {
			t.Fatal(err)
		}
		if status == "PENDING" {
			pending[session] = append(pending[session], o)
			continue
		}
		if granted[o] == nil {
			granted[o] = map[uint64]bool{}
		}
		granted[o][session] = true
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for session, wants := range pending {
		if slices.ContainsFunc(wants, func(o object) bool {
			for g, holders := range granted {
				if (g == o || g.kind == "GLOBAL" || o.kind == "GLOBAL") && (len(holders) > 1 || !holders[session]) {
					return true
				}
			}
			return false
		}) {
			n++
		}
	}
	return n
}

func open(t *testing.T, dsn string) *sql.DB {
	pool, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	return pool
}

func TestLocks(t *testing.T) {
	for _, args := range [][]string{nil, {"--spread-tables"}} {
		t.Run(strings.Join(append(args, "node"), " "), func(t *testing.T) {
			s := start(t, args...)
			dialogue.Walk(t, "testdata", &dialogue.Server{DSNs: []string{s.dsn}, Waiting: s.waiting})
		})
	}
}
