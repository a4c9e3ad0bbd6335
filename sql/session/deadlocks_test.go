package session

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// blocked starts a statement that waits for a row lock; the returned function gives its result in the end.
func blocked(t *testing.T, c *client, text string) (result func() string) {
	t.Helper()
	watch := connect(t, c.s.eng, "root", "127.0.0.1")
	out := make(chan string, 1)
	go func() { out <- c.query(text) }()
	query := fmt.Sprintf("SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT' AND trx_mysql_thread_id = %d",
		c.s.ConnectionID())
	for deadline := time.Now().Add(30 * time.Second); watch.value(query) != "1"; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not wait", text)
		}
	}
	return func() string { return <-out }
}

func lockedTable(t *testing.T, e *Engine) (holder, waiter, watch *client) {
	t.Helper()
	holder, waiter, watch = connect(t, e, "root", "127.0.0.1"), connect(t, e, "root", "127.0.0.1"), connect(t, e, "root", "127.0.0.1")
	holder.must("CREATE DATABASE shop")
	for _, c := range []*client{holder, waiter} {
		c.must("USE shop")
	}
	holder.must("CREATE TABLE t (a INT, b VARCHAR(10), n INT, PRIMARY KEY (a, b), UNIQUE KEY u (n))")
	holder.must("INSERT INTO t VALUES (1, 'x', 10), (2, 'y', 20), (3, 'z', 30)")
	return holder, waiter, watch
}

// Who blocks whom, as users ask.
func TestLockViews(t *testing.T) {
	holder, waiter, watch := lockedTable(t, newTestEngine(t))
	holder.must("BEGIN")
	holder.must("UPDATE t SET n = n + 1 WHERE a = 1 AND b = 'x'")
	waiter.must("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
	waiter.must("BEGIN")
	waiter.must("SELECT * FROM t WHERE a = 2 AND b = 'y' FOR SHARE")
	result := blocked(t, waiter, "UPDATE t SET n = 99 WHERE a = 1 AND b = 'x'")

	ids := strings.NewReplacer(
		fmt.Sprint(holder.s.ConnectionID()), "HOLDER", fmt.Sprint(waiter.s.ConnectionID()), "WAITER")
	show := func(query string) string { return ids.Replace(watch.must(query)) }
	for _, tc := range []struct{ query, want string }{
		{`SELECT r.trx_mysql_thread_id waiting_thread, r.trx_query waiting_query, b.trx_mysql_thread_id blocking_thread, b.trx_query
			FROM performance_schema.data_lock_waits w
			JOIN information_schema.innodb_trx b ON b.trx_id = w.blocking_engine_transaction_id
			JOIN information_schema.innodb_trx r ON r.trx_id = w.requesting_engine_transaction_id`,
			"WAITER|UPDATE t SET n = 99 WHERE a = 1 AND b = 'x'|HOLDER|NULL"},
		{`SELECT p.id, p.command, p.user FROM performance_schema.data_lock_waits w
			JOIN information_schema.processlist p ON p.id = w.blocking_thread_id`, "HOLDER|Sleep|root"},
		{`SELECT object_schema, object_name, index_name, lock_type, lock_mode, lock_status, thread_id
			FROM performance_schema.data_locks WHERE index_name = 'PRIMARY' AND lock_data LIKE '1, %' ORDER BY lock_status`,
			"shop|t|PRIMARY|RECORD|X,REC_NOT_GAP|GRANTED|HOLDER\nshop|t|PRIMARY|RECORD|X,REC_NOT_GAP|WAITING|WAITER"},
		{`SELECT lock_mode, lock_status, thread_id FROM performance_schema.data_locks
			WHERE index_name = 'PRIMARY' AND lock_data LIKE '2, %'`, "S,REC_NOT_GAP|GRANTED|WAITER"},
		{`SELECT l.lock_status FROM performance_schema.data_locks l JOIN information_schema.innodb_trx t
			ON l.engine_lock_id = t.trx_requested_lock_id`, "WAITING"},
		{`SELECT trx_state, trx_isolation_level, trx_tables_locked FROM information_schema.innodb_trx ORDER BY trx_state`,
			"LOCK WAIT|READ COMMITTED|1\nRUNNING|REPEATABLE READ|1"},
		{`SELECT locked_table, locked_index, waiting_pid, blocking_pid, sql_kill_blocking_connection, wait_age_secs < 30
			FROM sys.innodb_lock_waits`, "`shop`.`t`|PRIMARY|WAITER|HOLDER|KILL HOLDER|1"},
		{`SELECT variable_value FROM performance_schema.global_status WHERE variable_name = 'Innodb_row_lock_current_waits'`, "1"},
	} {
		_, got, _ := strings.Cut(strings.TrimSpace(show(tc.query)), "\n")
		if got != tc.want {
			t.Errorf("%s:\n%s\nwant:\n%s", tc.query, got, tc.want)
		}
	}
	status := watch.must("SHOW ENGINE INNODB STATUS")
	for _, want := range []string{"InnoDB|", "TRX HAS BEEN WAITING", "UPDATE t SET n = 99", "index PRIMARY of table `shop`.`t`", "END OF INNODB"} {
		if !strings.Contains(status, want) {
			t.Errorf("no %q in the status:\n%s", want, status)
		}
	}

	app := accountWithoutProcess(t, holder.s.eng, watch)
	if out := app.query("SELECT * FROM information_schema.innodb_trx"); !strings.Contains(out, "ERROR 1227") {
		t.Errorf("without PROCESS: %s", out)
	}
	if out := app.query("SHOW ENGINE INNODB STATUS"); !strings.Contains(out, "ERROR 1227") {
		t.Errorf("without PROCESS: %s", out)
	}
	if n := app.value("SELECT COUNT(*) FROM performance_schema.data_locks"); n != "0" {
		t.Errorf("without PROCESS: %s locks", n)
	}

	watch.must("KILL " + watch.value("SELECT blocking_pid FROM sys.innodb_lock_waits"))
	holder.s.Close() // what the protocol does when the connection was closed
	if out := result(); !strings.HasPrefix(out, "ok 1") {
		t.Errorf("when the holder was killed: %s", out)
	}
	waiter.must("ROLLBACK")
	if n := watch.value("SELECT COUNT(*) FROM performance_schema.data_locks"); n != "0" {
		t.Errorf("%s locks are left", n)
	}
}

func accountWithoutProcess(t *testing.T, e *Engine, root *client) *client {
	t.Helper()
	root.must("CREATE USER app@'%' IDENTIFIED BY ''")
	root.must("GRANT SELECT ON shop.* TO app@'%'")
	return connect(t, e, "app", "127.0.0.1")
}

func TestLatestDeadlock(t *testing.T) {
	first, second, watch := lockedTable(t, newTestEngine(t))
	if out := watch.must("SHOW ENGINE INNODB STATUS"); strings.Contains(out, "DEADLOCK") {
		t.Errorf("a deadlock before there was one:\n%s", out)
	}
	first.must("BEGIN")
	second.must("BEGIN")
	first.must("UPDATE t SET n = 11 WHERE a = 1 AND b = 'x'")
	second.must("UPDATE t SET n = 22 WHERE a = 2 AND b = 'y'")
	second.must("UPDATE t SET n = 33 WHERE a = 3 AND b = 'z'")
	result := blocked(t, second, "DELETE FROM t WHERE a = 1 AND b = 'x'")
	if out := first.query("DELETE FROM t WHERE a = 2 AND b = 'y'"); !strings.Contains(out, "ERROR 1213") {
		t.Fatalf("the one with fewer locks is no victim: %s", out)
	}
	if out := result(); !strings.HasPrefix(out, "ok 1") {
		t.Errorf("the other: %s", out)
	}
	second.must("ROLLBACK")
	var status string
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(status, "ROLL BACK") && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		status = watch.must("SHOW ENGINE INNODB STATUS") // it is told in a goroutine of its own
	}
	for _, want := range []string{
		"LATEST DETECTED DEADLOCK", "*** (1) TRANSACTION:", "*** (1) HOLDS THE LOCK(S):", "*** (2) WAITING FOR THIS LOCK TO BE GRANTED:",
		"DELETE FROM t WHERE a = 2 AND b = 'y'", fmt.Sprintf("MySQL thread id %d", first.s.ConnectionID()),
		fmt.Sprintf("MySQL thread id %d", second.s.ConnectionID()), "*** WE ROLL BACK TRANSACTION (1)",
	} {
		if !strings.Contains(status, want) {
			t.Errorf("no %q in the status:\n%s", want, status)
		}
	}
	if n := watch.value("SELECT variable_value FROM performance_schema.global_status WHERE variable_name = 'Innodb_deadlocks'"); n != "1" {
		t.Errorf("Innodb_deadlocks = %s", n)
	}
}

// A definition waits for a transaction, a statement for the definition, and GET_LOCK for its turn.
func TestMetadataLocksView(t *testing.T) {
	holder, definer, watch := lockedTable(t, newTestEngine(t))
	queued := connect(t, holder.s.eng, "root", "127.0.0.1")
	queued.must("USE shop")
	holder.must("BEGIN")
	holder.must("INSERT INTO t VALUES (7, 'q', 70)")
	holder.must("SELECT GET_LOCK('job', 0)")

	waits := func(c *client, text string) (result func() string) {
		out := make(chan string, 1)
		go func() { out <- c.query(text) }()
		query := fmt.Sprintf("SELECT COUNT(*) FROM performance_schema.metadata_locks WHERE lock_status = 'PENDING' AND owner_thread_id = %d",
			c.s.ConnectionID())
		for deadline := time.Now().Add(30 * time.Second); watch.value(query) != "1"; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s does not wait:\n%s", text, watch.must("SELECT * FROM performance_schema.metadata_locks"))
			}
		}
		return func() string { return <-out }
	}
	alter := waits(definer, "ALTER TABLE t ADD COLUMN extra INT")
	update := waits(queued, "UPDATE t SET n = n + 1")
	again := connect(t, holder.s.eng, "root", "127.0.0.1")
	job := waits(again, "SELECT GET_LOCK('job', 60)")

	got := watch.must(`SELECT object_type, object_schema, object_name, lock_type, lock_status, owner_thread_id
		FROM performance_schema.metadata_locks ORDER BY object_type, lock_status, lock_type`)
	for name, c := range map[string]*client{"HOLDER": holder, "DEFINER": definer, "QUEUED": queued, "AGAIN": again} {
		got = strings.ReplaceAll(got, fmt.Sprintf("|%d\n", c.s.ConnectionID()), "|"+name+"\n")
	}
	const want = `object_type|object_schema|object_name|lock_type|lock_status|owner_thread_id
TABLE|shop|t|SHARED_WRITE|GRANTED|HOLDER
TABLE|shop|t|EXCLUSIVE|PENDING|DEFINER
TABLE|shop|t|SHARED_WRITE|PENDING|QUEUED
USER LEVEL LOCK|NULL|job|EXCLUSIVE|GRANTED|HOLDER
USER LEVEL LOCK|NULL|job|EXCLUSIVE|PENDING|AGAIN
`
	if got != want {
		t.Errorf("%s", got)
	}
	holder.must("COMMIT")
	for _, result := range []func() string{alter, update} {
		if out := result(); strings.Contains(out, "ERROR") {
			t.Error(out)
		}
	}
	holder.must("DO RELEASE_LOCK('job')")
	if out := job(); !strings.HasSuffix(out, "\n1\n") {
		t.Error(out)
	}
	if n := watch.value("SELECT COUNT(*) FROM performance_schema.metadata_locks"); n != "1" {
		t.Errorf("%s locks are left, not the one user lock", n)
	}
}
