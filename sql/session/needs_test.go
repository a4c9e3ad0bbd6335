package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed/catalog"
	"cloudsql/sql/privilege"
	"cloudsql/storage/mysqlerr"
)

// statementNeeds are statements with the privileges that each needs, as "DATABASE PRIVILEGE[/error]"; database * is
// everywhere. Without an error it is 1142, and 1227 everywhere. The current database is d1.
var statementNeeds = []struct{ sql, needs string }{
	{"SELECT 1", ""},
	{"SELECT a FROM t", "d1 SELECT"},
	{"TABLE d2.t", "d2 SELECT"},
	{"SELECT x.a FROM t x JOIN d2.t y ON x.a = y.a", "d1 SELECT, d2 SELECT"},
	{"SELECT 1 FROM d2.t LEFT JOIN (SELECT a FROM d3.t) z ON true", "d2 SELECT, d3 SELECT"},
	{"SELECT (SELECT MAX(a) FROM d2.t) FROM t WHERE EXISTS (SELECT 1 FROM d3.t)", "d1 SELECT, d2 SELECT, d3 SELECT"},
	{"SELECT a FROM t UNION SELECT a FROM d2.t ORDER BY (SELECT MAX(a) FROM d3.t)", "d1 SELECT, d2 SELECT, d3 SELECT"},
	{"SELECT 1 FROM d2.t GROUP BY a HAVING COUNT(*) > (SELECT 0 FROM d3.t)", "d2 SELECT, d3 SELECT"},
	{"WITH t AS (SELECT a FROM d2.t) SELECT * FROM t", "d2 SELECT"},
	{"WITH u AS (SELECT a FROM t), t AS (SELECT a FROM u) SELECT * FROM t, u", "d1 SELECT"},
	{"WITH t AS (SELECT a FROM t) SELECT * FROM t", "d1 SELECT"}, // the inner t is the table
	{"WITH RECURSIVE t AS (SELECT 1 n UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT * FROM t", ""},
	{"SELECT * FROM (WITH t AS (SELECT 1) SELECT * FROM t) x, t", "d1 SELECT"}, // the outer t is the table
	{"SELECT a FROM t FOR SHARE", "d1 SELECT"},
	{"SELECT * FROM information_schema.tables LIMIT 1", ""},
	{"SELECT user FROM mysql.user", "mysql SELECT"},
	{"SET @a = (SELECT MAX(a) FROM d2.t)", "d2 SELECT"},
	{"DO (SELECT MAX(a) FROM d2.t)", "d2 SELECT"},
	{"SELECT a INTO @x FROM d2.t LIMIT 1", "d2 SELECT"},
	{"EXPLAIN SELECT a FROM d2.t", "d2 SELECT"},
	{"EXPLAIN UPDATE d2.t SET a = 1", "d2 UPDATE"},
	{"PREPARE p FROM 'SELECT a FROM d2.t'", "d2 SELECT"},

	{"INSERT INTO t VALUES (9, 9)", "d1 INSERT"},
	{"INSERT INTO t SELECT * FROM d2.t", "d1 INSERT, d2 SELECT"},
	{"INSERT INTO t VALUES (9, (SELECT MAX(a) FROM d2.t))", "d1 INSERT, d2 SELECT"},
	{"REPLACE INTO t VALUES (9, 9)", "d1 INSERT, d1 DELETE"},
	{"INSERT INTO t VALUES (1, 9) ON DUPLICATE KEY UPDATE a = VALUES(a)", "d1 INSERT, d1 UPDATE"},
	{"INSERT INTO t VALUES (1, 9) ON DUPLICATE KEY UPDATE a = a + 1", "d1 INSERT, d1 UPDATE, d1 SELECT/1143"},
	{"UPDATE t SET a = 5", "d1 UPDATE"},
	{"UPDATE t SET a = a + 1", "d1 UPDATE, d1 SELECT/1143"},
	{"UPDATE t SET a = 5 WHERE id = 1", "d1 UPDATE, d1 SELECT/1143"},
	{"UPDATE t SET a = 5 ORDER BY id LIMIT 1", "d1 UPDATE, d1 SELECT/1143"},
	{"UPDATE t SET a = (SELECT MAX(a) FROM d2.t)", "d1 UPDATE, d2 SELECT"},
	{"UPDATE t x, d2.u y SET x.a = y.b", "d1 UPDATE, d2 SELECT"},
	{"UPDATE t x JOIN d2.u y ON x.id = y.id SET x.a = 1, y.b = 2", "d1 UPDATE, d2 UPDATE, d1 SELECT/1143, d2 SELECT/1143"},
	{"DELETE FROM t", "d1 DELETE"},
	{"DELETE FROM t WHERE a = 1", "d1 DELETE, d1 SELECT/1143"},
	{"DELETE FROM t WHERE EXISTS (SELECT 1 FROM d2.t)", "d1 DELETE, d2 SELECT"},
	{"DELETE x FROM t x JOIN d2.t y ON x.id = y.id", "d1 DELETE, d1 SELECT, d2 SELECT"},
	{"DELETE FROM d2.t USING d2.t JOIN t", "d2 DELETE, d2 SELECT, d1 SELECT"},

	{"CREATE DATABASE d9", "d9 CREATE/1044"},
	{"DROP DATABASE d2", "d2 DROP/1044"},
	{"ALTER DATABASE d2 COLLATE utf8mb4_bin", "d2 ALTER/1044"},
	{"CREATE TABLE n (a INT)", "d1 CREATE"},
	{"CREATE TABLE d2.n LIKE t", "d2 CREATE, d1 SELECT"},
	{"CREATE TABLE d2.n AS SELECT * FROM t", "d2 CREATE, d2 INSERT, d1 SELECT"},
	{"CREATE TABLE n (a INT REFERENCES d2.t (id))", "d1 CREATE, d2 REFERENCES"},
	{"CREATE TABLE n (a INT, FOREIGN KEY (a) REFERENCES d2.t (id))", "d1 CREATE, d2 REFERENCES"},
	{"CREATE TEMPORARY TABLE n (a INT)", "d1 CREATE TEMPORARY TABLES/1044"},
	{"DROP TABLE t, d2.t", "d1 DROP, d2 DROP"},
	{"TRUNCATE TABLE d2.t", "d2 DROP"},
	{"RENAME TABLE t TO d2.q, d3.t TO d3.q", "d1 ALTER, d1 DROP, d2 CREATE, d2 INSERT, d3 ALTER, d3 DROP, d3 CREATE, d3 INSERT"},
	{"ALTER TABLE d1.t RENAME TO d2.q", "d1 ALTER, d1 DROP, d2 CREATE, d2 INSERT"},
	{"ALTER TABLE d2.t RENAME q", "d2 ALTER, d2 DROP, d1 CREATE, d1 INSERT"},
	{"ALTER TABLE d2.t ADD COLUMN c INT", "d2 ALTER, d2 CREATE, d2 INSERT"},
	{"ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES d2.t (id)", "d1 ALTER, d1 CREATE, d1 INSERT, d2 REFERENCES"},
	{"CREATE VIEW n AS SELECT a FROM d2.t", "d1 CREATE VIEW, d2 SELECT"},
	{"CREATE OR REPLACE VIEW d3.n AS SELECT a FROM t", "d3 CREATE VIEW, d3 DROP, d1 SELECT"},
	{"CREATE DEFINER = root VIEW n AS SELECT 1", "d1 CREATE VIEW, * SUPER/1227"},
	{"DROP VIEW d2.n", "d2 DROP"},
	{"CREATE INDEX i ON d2.t (a)", "d2 INDEX"},
	{"DROP INDEX i ON d2.t", "d2 INDEX"},
	{"LOCK TABLES t READ, d2.t AS x WRITE", "d1 LOCK TABLES/1044, d1 SELECT, d2 LOCK TABLES/1044, d2 SELECT"},
	{"FLUSH TABLES d2.t WITH READ LOCK", "* RELOAD, d2 LOCK TABLES/1044, d2 SELECT"},
	{"FLUSH STATUS", "* RELOAD"},
	{"ANALYZE TABLE t, d2.t", "d1 SELECT, d1 INSERT, d2 SELECT, d2 INSERT"},
	{"OPTIMIZE TABLE d2.t", "d2 SELECT, d2 INSERT"},
	{"CHECK TABLE d2.t", "d2 SELECT"},
	{"REPAIR TABLE d2.t", "d2 SELECT, d2 INSERT"},
	{"SHOW CREATE TABLE d2.t", "d2 SELECT"},
	{"SHOW GRANTS FOR root", "mysql SELECT/1044"},
	{"SHOW CREATE USER root", "mysql SELECT/1044"},
	{"SHOW GRANTS", ""},
	{"SHOW DATABASES", ""},
	{"SHOW VARIABLES LIKE 'version'", ""},
	{"SHOW ENGINE INNODB STATUS", "* PROCESS"},

	{"SET GLOBAL max_connections = 100", "* SUPER"},
	{"SET PERSIST max_connections = 100", "* SUPER"},
	{"SET @x = 1, GLOBAL max_connections = 100", "* SUPER"},
	{"SET GLOBAL TRANSACTION ISOLATION LEVEL READ COMMITTED", "* SUPER"},
	{"SET SESSION sql_mode = ''", ""},
	{"SHUTDOWN", "* SHUTDOWN"},
	{"CREATE USER x", "* CREATE USER"},
	{"DROP USER IF EXISTS nobody", "* CREATE USER"},
	{"RENAME USER nobody TO somebody", "* CREATE USER"},
	{"ALTER USER root IDENTIFIED BY 'x'", "* CREATE USER"},
	{"ALTER USER USER() IDENTIFIED BY ''", ""},
	{"ALTER USER u@localhost ACCOUNT UNLOCK", "* CREATE USER"},
	{"SET PASSWORD FOR root = 'x'", "* CREATE USER"},
	{"SET PASSWORD = ''", ""},
	{"GRANT SELECT ON d2.* TO u@localhost", "d2 SELECT/1044, d2 GRANT OPTION/1044"},
	{"REVOKE SELECT ON d2.* FROM root", "d2 SELECT/1044, d2 GRANT OPTION/1044"},
	{"GRANT PROCESS ON *.* TO u@localhost", "* PROCESS/1045, * GRANT OPTION/1045"},
	{"REVOKE ALL PRIVILEGES, GRANT OPTION FROM root", "* CREATE USER"},
	{"BEGIN", ""}, {"COMMIT", ""}, {"ROLLBACK", ""}, {"START TRANSACTION READ ONLY", ""}, {"SAVEPOINT s", ""},
	{"UNLOCK TABLES", ""}, {"HELP 'x'", ""},
}

type wantNeed struct {
	db   string
	priv mysql.PrivilegeType
	code uint16
}

func parseNeeds(t *testing.T, text string) (out []wantNeed) {
	for _, part := range strings.Split(text, ", ") {
		if part == "" {
			continue
		}
		db, name, _ := strings.Cut(part, " ")
		name, code, _ := strings.Cut(name, "/")
		n := wantNeed{db: db, code: mysqlerr.TableaccessDenied}
		if db == "*" {
			n.code = mysqlerr.SpecificAccessDenied
		}
		if code != "" {
			c, err := strconv.ParseUint(code, 10, 16)
			if err != nil {
				t.Fatal(err)
			}
			n.code = uint16(c)
		}
		for p, s := range mysql.Priv2Str {
			if strings.EqualFold(s, name) {
				n.priv = p
			}
		}
		if n.priv == 0 {
			t.Fatalf("no privilege is called %s", name)
		}
		out = append(out, n)
	}
	return out
}

// give makes the account u have these privileges and no others.
func give(t *testing.T, e *Engine, needs []wantNeed) {
	u := &catalog.User{Name: "u", Host: "localhost", Plugin: "caching_sha2_password", DBs: map[string]uint64{"elsewhere": ^uint64(0)}}
	for _, n := range needs {
		switch {
		case n.db != "*":
			u.DBs[n.db] |= uint64(n.priv)
		case n.priv == mysql.GrantPriv:
			u.GrantOption = true
		default:
			u.Global |= uint64(n.priv)
		}
	}
	if err := e.db.ChangeCatalog(context.Background(), func(tx *catalog.Tx) error { tx.PutUser(u); return nil }); err != nil {
		t.Fatal(err)
	}
}

func isDenied(err error) bool {
	return slices.Contains([]uint16{mysqlerr.TableaccessDenied, mysqlerr.ColumnaccessDenied, mysqlerr.DBaccessDenied,
		mysqlerr.SpecificAccessDenied, mysqlerr.AccessDenied}, mysqlerr.Code(err))
}

// TestStatementsNeedPrivileges runs every statement without each of the privileges that it needs, which must be refused
// and leave everything as it was; with them all it is allowed.
func TestStatementsNeedPrivileges(t *testing.T) {
	e := newTestEngine(t)
	root := connect(t, e, "root", "127.0.0.1")
	for _, db := range []string{"d1", "d2", "d3"} {
		root.must(fmt.Sprintf("CREATE DATABASE %s; CREATE TABLE %[1]s.t (id INT PRIMARY KEY, a INT); CREATE TABLE %[1]s.u (id INT PRIMARY KEY, b INT); "+
			"INSERT INTO %[1]s.t VALUES (1, 1)", db))
	}
	give(t, e, nil)
	u := connect(t, e, "u", "localhost")
	state := func() string {
		return root.must("SELECT table_schema, table_name, column_name FROM information_schema.columns WHERE table_schema LIKE 'd_' ORDER BY 1, 2, 3; " +
			"SELECT * FROM d1.t, d2.t, d3.t; SHOW GRANTS FOR root; SELECT @@global.max_connections; SHOW DATABASES; SELECT user FROM mysql.user ORDER BY 1")
	}
	before := state()
	for _, c := range statementNeeds {
		needs := parseNeeds(t, c.needs)
		for i, missing := range needs {
			give(t, e, slices.Concat(needs[:i], needs[i+1:]))
			u.s.setDB("d1")
			err := u.s.Query(context.Background(), c.sql, &recorder{})
			if mysqlerr.Code(err) != missing.code {
				t.Errorf("%s without %s on %s: %v, not %d", c.sql, mysql.Priv2Str[missing.priv], missing.db, err, missing.code)
			}
		}
		give(t, e, needs)
		u.s.setDB("d1")
		u.s.snapshot = e.db.Catalog()
		st, err := texts{u.s}.parse(c.sql)
		switch {
		case err != nil:
			t.Errorf("%s: %v", c.sql, err)
		case st.run != nil:
			var list []privilege.Need
			if list, err = st.needs(u.s); err == nil {
				err = u.s.account().Grants(list)
			}
		default:
			_, err = u.s.allow(st.node, "d1")
		}
		if err != nil {
			t.Errorf("%s with all of %s: %v", c.sql, c.needs, err)
		}
		if word, _, _ := strings.Cut(c.sql, " "); strings.Contains("SELECT TABLE WITH SHOW EXPLAIN INSERT REPLACE UPDATE DELETE", word) {
			if err := u.s.Query(context.Background(), "BEGIN; "+c.sql+"; ROLLBACK", &recorder{}); isDenied(err) {
				t.Errorf("%s with all of %s runs into: %v", c.sql, c.needs, err)
			}
		}
	}
	if after := state(); after != before {
		t.Errorf("what was refused has changed\n%s\nto\n%s", before, after)
	}
}

// TestLockingReadsNeedMore: one of three privileges, whichever.
func TestLockingReadsNeedMore(t *testing.T) {
	e := newTestEngine(t)
	root := connect(t, e, "root", "127.0.0.1")
	root.must("CREATE DATABASE d1; CREATE TABLE d1.t (id INT PRIMARY KEY, a INT)")
	give(t, e, parseNeeds(t, "d1 SELECT"))
	u := connect(t, e, "u", "localhost")
	u.s.setDB("d1")
	if out := u.query("SELECT * FROM t FOR UPDATE"); !strings.Contains(out, "SELECT with locking clause command denied") {
		t.Error(out)
	}
	for _, more := range []string{"UPDATE", "DELETE", "LOCK TABLES"} {
		give(t, e, parseNeeds(t, "d1 SELECT, d1 "+more))
		u.must("SELECT * FROM t FOR UPDATE")
	}
}

// TestUnlistedStatementsAreRefused: a statement of a kind that nobody has thought of the privileges of.
func TestUnlistedStatementsAreRefused(t *testing.T) {
	e := newTestEngine(t)
	root := connect(t, e, "root", "127.0.0.1")
	root.s.snapshot = e.db.Catalog()
	for _, n := range []ast.StmtNode{&ast.CallStmt{}, &ast.GrantProxyStmt{}, &ast.TraceStmt{}} {
		if _, err := privilege.Of(n, root.s.scope("d")); !errors.Is(err, privilege.ErrUnlisted) {
			t.Errorf("%T: %v", n, err)
		}
		if _, err := root.s.allow(n, "d"); mysqlerr.Code(err) != 1235 {
			t.Errorf("%T: %v", n, err)
		}
	}
}
