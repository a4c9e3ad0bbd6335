package cluster

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"cloudsql/tests/harness"
)

// TestDeadlocksAcrossNodes closes circles of transactions at three gateways, over tables in three shards: one of each
// gets 1213 and has left nothing, the others commit. Meanwhile a fourth asks, as users do, who blocks whom.
func TestDeadlocksAcrossNodes(t *testing.T) {
	t.Parallel()
	nodes := harness.Cluster(t, 3, "--spread-tables")
	ring := newRing(t, nodes)
	rounds := 5
	if testing.Verbose() {
		rounds = 50 // for a distribution of how long it takes
	}
	var took []time.Duration
	for range rounds {
		took = append(took, ring.circle(t))
	}
	slices.Sort(took)
	t.Logf("a victim was told after %v in the median, %v in 90 %% of %d cases, %v at most", took[len(took)/2],
		took[len(took)*9/10], len(took), took[len(took)-1])
	for i := range ring.conns {
		if got, want := ring.value(t, i), 2*rounds*(len(ring.conns)-1); got != want {
			t.Errorf("gateway %d: the rows sum up to %d, not %d", i+1, got, want)
		}
	}
	status := ring.text(t, 2, "SHOW ENGINE INNODB STATUS", 2)
	for _, want := range []string{"LATEST DETECTED DEADLOCK", "*** (3) WAITING FOR THIS LOCK", "WE ROLL BACK TRANSACTION", "UPDATE ring"} {
		if !strings.Contains(status, want) {
			t.Errorf("no %q in the status of another node:\n%s", want, status)
		}
	}
	ring.views(t)
}

type ring struct{ conns []*sql.Conn }

func newRing(t *testing.T, nodes []*harness.Node) *ring {
	t.Helper()
	first := nodes[0].DB("", "")
	harness.Eventually(t, time.Minute, "three data shards", func() (err error) {
		var n int
		if err = first.QueryRow("SELECT COUNT(DISTINCT shard_id) FROM information_schema.cluster_shards").Scan(&n); err == nil && n < 4 {
			err = fmt.Errorf("%d shards", n)
		}
		return err
	})
	mustDo(t, first, "CREATE DATABASE ring")
	r := &ring{}
	for i, n := range nodes {
		mustDo(t, first, fmt.Sprintf("CREATE TABLE ring.ring%d (id INT PRIMARY KEY, n INT NOT NULL)", i))
		mustDo(t, first, fmt.Sprintf("INSERT INTO ring.ring%d VALUES (1, 0), (2, 0)", i))
		c, err := n.DB("ring", "").Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		r.conns = append(r.conns, c)
	}
	return r
}

func mustDo(t *testing.T, db *sql.DB, query string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func (r *ring) exec(t *testing.T, conn int, query string, args ...any) {
	t.Helper()
	if _, err := r.conns[conn].ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s at gateway %d: %v", query, conn+1, err)
	}
}

// circle returns how long after the last of the waiting statements was sent the victim was told.
func (r *ring) circle(t *testing.T) time.Duration {
	t.Helper()
	n := len(r.conns)
	for i := range r.conns {
		r.exec(t, i, "BEGIN")
		r.exec(t, i, fmt.Sprintf("UPDATE ring%d SET n = n + 1 WHERE id = 1", i))
	}
	type end struct {
		at  time.Time
		err error
	}
	ends := make(chan end, n)
	start := time.Now()
	for i, c := range r.conns {
		go func() {
			_, err := c.ExecContext(t.Context(), fmt.Sprintf("UPDATE ring%d SET n = n + 1 WHERE id = 1", (i+1)%n))
			e := end{time.Now(), err}
			if err == nil {
				_, e.err = c.ExecContext(context.WithoutCancel(t.Context()), "COMMIT")
			}
			ends <- e
		}()
	}
	victims, took := 0, time.Duration(0)
	for range n {
		e := <-ends
		var my *mysql.MySQLError
		switch {
		case errors.As(e.err, &my) && my.Number == 1213:
			victims++
			took = e.at.Sub(start)
		case e.err != nil:
			t.Error(e.err)
		}
	}
	if victims != 1 {
		t.Fatalf("%d victims", victims)
	}
	return took
}

// value sums the rows of all tables.
func (r *ring) value(t *testing.T, conn int) (sum int) {
	t.Helper()
	query := "SELECT (SELECT n FROM ring0 WHERE id = 1) + (SELECT n FROM ring1 WHERE id = 1) + (SELECT n FROM ring2 WHERE id = 1)"
	if err := r.conns[conn].QueryRowContext(t.Context(), query).Scan(&sum); err != nil {
		t.Fatal(err)
	}
	return sum
}

// text gives one column of a result's first row.
func (r *ring) text(t *testing.T, conn int, query string, column int) string {
	t.Helper()
	rows, err := r.conns[conn].QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil || !rows.Next() {
		t.Fatalf("%s: no row: %v", query, err)
	}
	cols := make([]sql.NullString, len(names))
	dest := make([]any, len(names))
	for i := range cols {
		dest[i] = &cols[i]
	}
	if err := rows.Scan(dest...); err != nil {
		t.Fatal(err)
	}
	return cols[column].String
}

// views has one gateway's transaction block another's, in a shard that neither may serve, and asks a third who it is.
func (r *ring) views(t *testing.T) {
	t.Helper()
	holder, waiter := r.text(t, 0, "SELECT CONNECTION_ID()", 0), r.text(t, 1, "SELECT CONNECTION_ID()", 0)
	r.exec(t, 0, "BEGIN")
	r.exec(t, 0, "UPDATE ring2 SET n = n + 1 WHERE id = 2")
	done := make(chan error, 1)
	go func() {
		_, err := r.conns[1].ExecContext(t.Context(), "UPDATE ring2 SET n = n + 10 WHERE id = 2")
		done <- err
	}()
	query := `SELECT CONCAT_WS(' ', w.requesting_thread_id, w.blocking_thread_id, p.id, p.command, r.trx_state, r.trx_query, l.object_name, l.lock_data)
		FROM performance_schema.data_lock_waits w
		JOIN information_schema.innodb_trx r ON r.trx_id = w.requesting_engine_transaction_id
		JOIN information_schema.innodb_trx b ON b.trx_id = w.blocking_engine_transaction_id
		JOIN performance_schema.data_locks l ON l.engine_lock_id = w.blocking_engine_lock_id
		JOIN information_schema.processlist p ON p.id = b.trx_mysql_thread_id`
	want := fmt.Sprintf("%s %s %s Sleep LOCK WAIT UPDATE ring2 SET n = n + 10 WHERE id = 2 ring2 2", waiter, holder, holder)
	harness.Eventually(t, 30*time.Second, "who blocks whom", func() error {
		rows, err := r.conns[2].QueryContext(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		var got []string
		for rows.Next() {
			var s string
			if err := rows.Scan(&s); err != nil {
				t.Fatal(err)
			}
			got = append(got, s)
		}
		if len(got) != 1 || got[0] != want {
			return fmt.Errorf("%q, not %q", got, want)
		}
		return nil
	})
	r.exec(t, 2, "KILL "+holder)
	if err := <-done; err != nil {
		t.Errorf("when the holder was killed: %v", err)
	}
}
