package cluster

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"cloudsql/tests/harness"
)

// TestSessionLocks is about what sessions hold at other nodes, and how it is let go.
func TestSessionLocks(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three processes")
	}
	nodes := harness.Cluster(t, 3, "--spread-tables")
	first := open(t, nodes[0], "")
	harness.Eventually(t, 60*time.Second, "three shards of rows", func() error {
		n, err := first.number("SELECT COUNT(DISTINCT shard_id) FROM information_schema.cluster_shards")
		if err == nil && n < 4 {
			err = fmt.Errorf("%d shards", n)
		}
		return err
	})
	perform(t, first, "CREATE DATABASE locks", "CREATE TABLE locks.t (id INT PRIMARY KEY, n INT)",
		"INSERT INTO locks.t VALUES (1, 0), (2, 0), (3, 0)")
	for _, test := range []struct {
		name string
		run  func(t *testing.T, nodes []*harness.Node)
	}{
		{"user locks", userLocks},
		{"definitions", definitions},
		{"kill", kills},
		{"lost client", lostClient},
		{"waits", waits},
		{"atomicity", atomicity},
		{"dead gateway", deadGateway}, // last: it kills a node
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, n := range nodes {
				n.T = t
			}
			test.run(t, nodes)
		})
	}
}

// link is one connection, with its id.
type link struct {
	*sql.Conn
	id int
}

func open(t *testing.T, n *harness.Node, params string) *link {
	t.Helper()
	c, err := n.DB("", params).Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	l := &link{Conn: c}
	if err := c.QueryRowContext(context.Background(), "SELECT CONNECTION_ID()").Scan(&l.id); err != nil {
		t.Fatal(err)
	}
	return l
}

func perform(t *testing.T, l *link, statements ...string) {
	t.Helper()
	for _, text := range statements {
		if _, err := l.ExecContext(context.Background(), text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}

// number runs a query of one number; -1 for NULL.
func (l *link) number(text string) (int, error) {
	var n sql.NullInt64
	if err := l.QueryRowContext(context.Background(), text).Scan(&n); err != nil {
		return 0, err
	}
	if !n.Valid {
		return -1, nil
	}
	return int(n.Int64), nil
}

// bothWait waits until two requests wait for rows.
func (l *link) bothWait(t *testing.T) {
	t.Helper()
	harness.Eventually(t, 10*time.Second, "both wait for rows", func() error {
		n, err := l.number("SELECT COUNT(*) FROM performance_schema.data_lock_waits")
		if err == nil && n < 2 {
			err = fmt.Errorf("%d waits", n)
		}
		return err
	})
}

func (l *link) want(t *testing.T, text string, want int) {
	t.Helper()
	if n, err := l.number(text); err != nil || n != want {
		t.Errorf("%s: %d, %v; want %d", text, n, err, want)
	}
}

// answer is what a statement that runs beside the test ended with.
type answer struct {
	n   int
	err error
	at  time.Time
}

func (l *link) ask(text string) <-chan answer {
	out := make(chan answer, 1)
	go func() {
		var a answer
		if strings.HasPrefix(text, "SELECT") {
			a.n, a.err = l.number(text)
		} else {
			_, a.err = l.ExecContext(context.Background(), text)
		}
		a.at = time.Now()
		out <- a
	}()
	return out
}

// get takes an answer that must come.
func get(t *testing.T, out <-chan answer, within time.Duration) answer {
	t.Helper()
	select {
	case a := <-out:
		return a
	case <-time.After(within):
		t.Fatalf("no answer within %v", within)
		return answer{}
	}
}

func isError(err error, code uint16) bool {
	var e *mysql.MySQLError
	return errors.As(err, &e) && e.Number == code
}

// inState waits until a session's process list entry, seen at another node, tells of a wait.
func inState(t *testing.T, by *link, id int, state string) {
	t.Helper()
	harness.Eventually(t, 20*time.Second, fmt.Sprintf("session %d in state %q", id, state), func() error {
		var now string
		err := by.QueryRowContext(context.Background(), "SELECT STATE FROM information_schema.processlist WHERE ID = ?", id).Scan(&now)
		if err == nil && now != state {
			err = fmt.Errorf("it is %q", now)
		}
		return err
	})
}

// userLocks: two gateways see the same locks; who is killed, or leaves, hands over to who waits at another node.
func userLocks(t *testing.T, nodes []*harness.Node) {
	a, b, c := open(t, nodes[0], ""), open(t, nodes[1], ""), open(t, nodes[2], "")
	a.want(t, "SELECT GET_LOCK('u', 0)", 1)
	b.want(t, "SELECT GET_LOCK('u', 0)", 0)
	b.want(t, "SELECT IS_USED_LOCK('U')", a.id)
	b.want(t, "SELECT RELEASE_LOCK('u')", 0)
	got := b.ask("SELECT GET_LOCK('u', -1)")
	inState(t, c, b.id, "User lock")
	killed := c.ask("SELECT GET_LOCK('u', 100)")
	inState(t, a, c.id, "User lock")
	perform(t, a, fmt.Sprintf("KILL QUERY %d", c.id))
	if out := get(t, killed, 10*time.Second); !isError(out.err, 1317) {
		t.Errorf("killed: %+v", out)
	}
	perform(t, c, fmt.Sprintf("KILL %d", a.id))
	if out := get(t, got, 10*time.Second); out.n != 1 || out.err != nil {
		t.Errorf("after the holder was killed: %+v", out)
	}
	c.want(t, "SELECT IS_USED_LOCK('u')", b.id)
	c.want(t, "SELECT GET_LOCK('v', 0)", 1)
	got = c.ask("SELECT GET_LOCK('u', 100)")
	inState(t, b, c.id, "User lock")
	if _, err := b.number("SELECT GET_LOCK('v', 100)"); !isError(err, 3058) {
		t.Errorf("a circle over two gateways: %v", err)
	}
	b.want(t, "SELECT RELEASE_ALL_LOCKS()", 1)
	if out := get(t, got, 10*time.Second); out.n != 1 {
		t.Errorf("%+v", out)
	}
	c.want(t, "SELECT RELEASE_ALL_LOCKS()", 2)
}

// definitions wait for transactions at other nodes, and others queue behind them.
func definitions(t *testing.T, nodes []*harness.Node) {
	a, b, c := open(t, nodes[0], ""), open(t, nodes[1], ""), open(t, nodes[2], "")
	perform(t, a, "BEGIN")
	a.want(t, "SELECT n FROM locks.t WHERE id = 1", 0)
	defined := b.ask("ALTER TABLE locks.t ADD COLUMN c INT DEFAULT 7")
	inState(t, c, b.id, "Waiting for table metadata lock")
	behind := c.ask("SELECT COUNT(*) FROM locks.t WHERE id < 3")
	inState(t, a, c.id, "Waiting for table metadata lock")
	perform(t, a, "UPDATE locks.t SET n = n + 1 WHERE id = 1", "COMMIT")
	if out := get(t, defined, 20*time.Second); out.err != nil {
		t.Error(out.err)
	}
	if out := get(t, behind, 20*time.Second); out.n != 2 || out.err != nil {
		t.Errorf("behind the definition: %+v", out)
	}
	c.want(t, "SELECT c FROM locks.t WHERE id = 1", 7)
	perform(t, a, "BEGIN", "UPDATE locks.t SET n = n + 1 WHERE id = 1")
	defined = b.ask("DROP TABLE locks.t")
	inState(t, c, b.id, "Waiting for table metadata lock")
	perform(t, c, fmt.Sprintf("KILL QUERY %d", b.id))
	if out := get(t, defined, 10*time.Second); !isError(out.err, 1317) {
		t.Errorf("a killed definition: %+v", out)
	}
	perform(t, a, "COMMIT")
	c.want(t, "SELECT n FROM locks.t WHERE id = 1", 2)
}

// kills: a session that is killed holds nothing any more, wherever it waited.
func kills(t *testing.T, nodes []*harness.Node) {
	for i, holder := range nodes {
		a, b, c := open(t, holder, ""), open(t, nodes[(i+1)%3], ""), open(t, nodes[(i+2)%3], "")
		perform(t, a, "BEGIN", "UPDATE locks.t SET n = 0 WHERE id = 1")
		perform(t, b, "BEGIN", "UPDATE locks.t SET n = 0 WHERE id = 2")
		waiting := b.ask("UPDATE locks.t SET n = 0 WHERE id = 1")
		after := c.ask("UPDATE locks.t SET n = 0 WHERE id = 2")
		k := open(t, holder, "")
		k.bothWait(t)
		perform(t, k, fmt.Sprintf("KILL %d", b.id))
		began := time.Now()
		if out := get(t, waiting, 10*time.Second); out.err == nil {
			t.Error("a killed session's statement succeeded")
		}
		out := get(t, after, 10*time.Second)
		if out.err != nil {
			t.Error(out.err)
		}
		t.Logf("the killed session's row was free after %v", out.at.Sub(began).Round(time.Millisecond))
		perform(t, a, "ROLLBACK")
	}
}

// lostClient: a client that goes away while its statement waits is noticed, and so is one that goes away while idle.
func lostClient(t *testing.T, nodes []*harness.Node) {
	a, c := open(t, nodes[0], ""), open(t, nodes[2], "")
	perform(t, a, "BEGIN", "UPDATE locks.t SET n = 0 WHERE id = 1")
	b := open(t, nodes[1], "")
	perform(t, b, "BEGIN", "UPDATE locks.t SET n = 0 WHERE id = 2")
	ctx, leave := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = b.ExecContext(ctx, "UPDATE locks.t SET n = 0 WHERE id = 1") // the driver closes the connection
	}()
	after := c.ask("UPDATE locks.t SET n = 0 WHERE id = 2")
	a.bothWait(t)
	began := time.Now()
	leave()
	<-done
	out := get(t, after, 20*time.Second)
	if out.err != nil {
		t.Error(out.err)
	}
	t.Logf("the lost client's row was free after %v", out.at.Sub(began).Round(time.Millisecond))
	perform(t, a, "ROLLBACK")
}

// waits: a lock wait that is too long undoes its statement alone, in every shard.
func waits(t *testing.T, nodes []*harness.Node) {
	a, b := open(t, nodes[0], ""), open(t, nodes[1], "")
	perform(t, a, "BEGIN", "UPDATE locks.t SET n = 50 WHERE id = 3")
	perform(t, b, "SET innodb_lock_wait_timeout = 1", "BEGIN", "UPDATE locks.t SET n = 40 WHERE id = 2")
	if _, err := b.ExecContext(context.Background(), "UPDATE locks.t SET n = 60 WHERE id IN (1, 2, 3)"); !isError(err, 1205) {
		t.Errorf("a wait that is too long: %v", err)
	}
	b.want(t, "SELECT n FROM locks.t WHERE id = 2", 40)
	perform(t, b, "COMMIT")
	perform(t, a, "ROLLBACK", "SET GLOBAL innodb_rollback_on_timeout = 1", "BEGIN", "UPDATE locks.t SET n = 50 WHERE id = 3")
	perform(t, b, "BEGIN", "UPDATE locks.t SET n = 41 WHERE id = 2")
	harness.Eventually(t, 10*time.Second, "the setting at the other node", func() error {
		if n, err := b.number("SELECT @@innodb_rollback_on_timeout"); err != nil || n != 1 {
			return fmt.Errorf("%d, %v", n, err)
		}
		return nil
	})
	if _, err := b.ExecContext(context.Background(), "UPDATE locks.t SET n = 60 WHERE id IN (1, 2, 3)"); !isError(err, 1205) {
		t.Errorf("a wait that is too long: %v", err)
	}
	perform(t, b, "COMMIT")
	b.want(t, "SELECT n FROM locks.t WHERE id = 2", 40)
	perform(t, a, "ROLLBACK", "SET GLOBAL innodb_rollback_on_timeout = 0")
}

// atomicity: a statement that fails in one shard is undone in all, and leaves the transaction as it was; so does
// ROLLBACK TO.
func atomicity(t *testing.T, nodes []*harness.Node) {
	a, b := open(t, nodes[0], ""), open(t, nodes[1], "")
	perform(t, a, "CREATE TABLE locks.x (id INT PRIMARY KEY, v INT)", "CREATE TABLE locks.y (id INT PRIMARY KEY, u INT UNIQUE)",
		"INSERT INTO locks.x VALUES (1, 1), (2, 2)", "INSERT INTO locks.y VALUES (1, 1), (2, 2)")
	if n, err := a.number("SELECT COUNT(DISTINCT shard_id) FROM information_schema.cluster_tablets WHERE table_schema = 'locks' AND table_name IN ('x', 'y')"); err != nil || n != 2 {
		t.Fatalf("the tables are in %d shards: %v", n, err)
	}
	const both = "SELECT (SELECT GROUP_CONCAT(v ORDER BY id SEPARATOR '') FROM locks.x) * 1000 + (SELECT GROUP_CONCAT(u ORDER BY id SEPARATOR '') FROM locks.y)"
	failing := "UPDATE locks.x JOIN locks.y ON x.id = y.id SET x.v = x.v + 5, y.u = 2"
	for _, text := range []string{failing, "BEGIN"} {
		_, err := a.ExecContext(context.Background(), text)
		if text == failing && !isError(err, 1062) {
			t.Errorf("%s: %v", text, err)
		}
	}
	perform(t, a, "UPDATE locks.x SET v = 7 WHERE id = 1", "INSERT INTO locks.y VALUES (3, 3)", "SAVEPOINT s",
		"UPDATE locks.x SET v = 9 WHERE id = 2", "UPDATE locks.y SET u = 8 WHERE id = 1")
	if _, err := a.ExecContext(context.Background(), failing); !isError(err, 1062) {
		t.Errorf("%s: %v", failing, err)
	}
	a.want(t, both, 79823)
	b.want(t, both, 12012)
	perform(t, a, "ROLLBACK TO s")
	a.want(t, both, 72123)
	perform(t, a, "COMMIT")
	b.want(t, both, 72123)
}

// deadGateway: rows, tables and user locks of a node that died are free once it is known to be dead.
func deadGateway(t *testing.T, nodes []*harness.Node) {
	dead, a := open(t, nodes[1], ""), open(t, nodes[0], "")
	perform(t, dead, "BEGIN", "UPDATE locks.t SET n = 1 WHERE id = 3")
	dead.want(t, "SELECT GET_LOCK('dead', 0)", 1)
	locker := open(t, nodes[1], "")
	perform(t, a, "CREATE TABLE locks.u (id INT PRIMARY KEY)")
	perform(t, locker, "LOCK TABLES locks.u WRITE")
	began := time.Now()
	nodes[1].Kill()
	lock, row, table := open(t, nodes[0], ""), open(t, nodes[2], ""), open(t, nodes[2], "")
	for what, out := range map[string]<-chan answer{
		"user lock": lock.ask("SELECT GET_LOCK('dead', 60) - 1"), "row": row.ask("UPDATE locks.t SET n = 2 WHERE id = 3"),
		"table": table.ask("INSERT INTO locks.u VALUES (1)"), "definition": a.ask("ALTER TABLE locks.t ADD COLUMN d INT"),
	} {
		got := get(t, out, 40*time.Second)
		if got.err != nil || got.n != 0 {
			t.Errorf("%s: %+v", what, got)
		}
		t.Logf("the dead gateway's %s was free after %v", what, got.at.Sub(began).Round(time.Millisecond))
	}
	nodes[1].Start()
}
