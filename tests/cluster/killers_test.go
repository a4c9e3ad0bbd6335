package cluster

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"cloudsql/tests/harness"
)

// killers are statements of which each one once ended every replica for good: what they made could be written into the log
// and not read, or panicked when it was evaluated, or took all memory there.
func killers() []string {
	list := []string{
		`UPDATE t SET s = CONCAT(s, s) WHERE id = 1`, `UPDATE t SET s = HEX(s) WHERE id = 1`, `UPDATE t SET s = TO_BASE64(s) WHERE id = 1`,
		`UPDATE t SET s = QUOTE(s) WHERE id = 1`, `UPDATE t SET s = INSERT(s, 1, 0, s) WHERE id = 1`,
		`UPDATE t SET s = MAKE_SET(3, s, s) WHERE id = 1`, `UPDATE t SET s = EXPORT_SET(5, s, s) WHERE id = 1`,
		`INSERT INTO t (id, s, v) VALUES (1, 'x', 'v') ON DUPLICATE KEY UPDATE s = CONCAT(s, s)`,
		`DELETE FROM t WHERE id = 2 AND LENGTH(CONCAT(s, s)) > 0`, `DELETE FROM t WHERE id = 3 AND HEX(s) = 'x'`,
		`UPDATE t SET n = LENGTH(CONCAT(v, @x)) WHERE id = 1`,
		`UPDATE t SET n = 1 WHERE id = 1 AND v REGEXP '\\N{}'`, `UPDATE t SET n = 2 WHERE id = 1 AND v REGEXP '\\1\\1|'`,
		`UPDATE t SET n = 3 WHERE id = 1 AND v REGEXP CONCAT(v, '\\N{}')`, `UPDATE t SET n = 4 WHERE id = 1 AND v REGEXP CONCAT('\\1\\1|', v)`,
		`UPDATE t SET n = LENGTH(` + strings.Repeat("HEX(", 20) + `REPEAT(v, 60000000)` + strings.Repeat(")", 20) + `) WHERE id = 1`,
		`UPDATE t SET n = LENGTH(` + strings.Repeat("CONCAT(v, ", 20) + `REPEAT(v, 60000000)` + strings.Repeat(")", 20) + `) WHERE id = 1`,
		`UPDATE t SET n = JSON_LENGTH(JSON_EXTRACT(CONCAT(REPEAT(CONCAT('{"', v, '":'), 90), '1', REPEAT('}', 90)), '$` + strings.Repeat("**.v", 40) + `')) WHERE id = 1`,
	}
	var in strings.Builder
	in.WriteString("UPDATE t SET n = 5 WHERE id = 1 AND n NOT IN (-1")
	for i := range 1_100_000 {
		fmt.Fprintf(&in, ",%d", 1000+i)
	}
	in.WriteString(")")
	return append(list, in.String())
}

// TestKillers: each of them gives a result or MySQL's error, by every way in; nobody ends, all replicas are equal, and are so
// after all have been started again.
func TestKillers(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three processes")
	}
	nodes := harness.Cluster(t, 3)
	settled(t, nodes)
	db := nodes[0].DB("", "")
	mustDo(t, db, "CREATE DATABASE d")
	mustDo(t, db, "CREATE TABLE d.t (id INT PRIMARY KEY, s LONGTEXT, v VARCHAR(100), n BIGINT)")
	mustDo(t, db, "INSERT INTO d.t VALUES (1, 'text', 'v', 0), (2, 'text', 'v', 0), (3, 'text', 'v', 0), (4, 'text', 'v', 0)")
	conns := make([]*sql.Conn, len(nodes))
	for i, n := range nodes {
		var err error
		if conns[i], err = n.DB("d", "maxAllowedPacket=0").Conn(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := conns[i].ExecContext(t.Context(), "SET @x = JSON_QUOTE(x'ff')"); err != nil {
			t.Logf("SET @x: %v", err)
		}
	}
	for i, stmt := range killers() {
		_, err := conns[i%len(conns)].ExecContext(t.Context(), stmt)
		var refused *mysql.MySQLError
		if err != nil && (!errors.As(err, &refused) || refused.Number == 1105) {
			t.Errorf("%.100s: %v", stmt, err)
		} else if err != nil {
			t.Logf("%.100s: %v", stmt, err)
		}
		if _, err := conns[(i+1)%len(conns)].ExecContext(t.Context(), "UPDATE t SET n = n + 1 WHERE id = 4"); err != nil {
			t.Fatalf("after %.100s: %v", stmt, err)
		}
	}
	same := func(when string) {
		t.Helper()
		settled(t, nodes)
		want := ""
		for i, n := range nodes {
			var got string
			err := n.DB("d", "").QueryRow("SELECT GROUP_CONCAT(CONCAT_WS(':', id, MD5(s), v, n) ORDER BY id) FROM t").Scan(&got)
			if err != nil || i > 0 && got != want {
				t.Errorf("%s, node %d: %s, %v; node 1: %s", when, i+1, got, err, want)
			}
			want = got
		}
		if !strings.HasSuffix(want, fmt.Sprintf(":%d", len(killers()))) {
			t.Errorf("%s: %s", when, want)
		}
	}
	same("before")
	for _, n := range nodes {
		if n.Ended() {
			t.Errorf("a node has ended:\n%s", n.Log())
		}
		if strings.Contains(n.Log(), "PANIC") {
			t.Errorf("a panic:\n%s", n.Log())
		}
		n.Kill()
	}
	startAll(t, nodes)
	same("after")
}
