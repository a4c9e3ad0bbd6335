package session

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"sync"
	"testing"
)

// viewBodies are queries over t and u, as views and as derived tables: merged ones and such that can't be.
var viewBodies = []string{
	"SELECT id, a, b FROM t",
	"SELECT id, a + b AS a, IFNULL(b, 7) AS b FROM t WHERE a IS NOT NULL",
	"SELECT id, a, 5 AS b FROM t WHERE b > 2 OR b IS NULL",
	"SELECT t.id, t.a, u.b FROM t JOIN u ON t.id = u.id WHERE u.b < 8",
	"SELECT t.id, u.a, COALESCE(u.b, -1) AS b FROM t LEFT JOIN u ON t.a = u.a AND u.b > 1",
	"SELECT id, a, b FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.a)",
	"SELECT id, a, b FROM t WHERE b IN (SELECT b FROM u) AND id > 2",
	"SELECT a AS id, COUNT(*) AS a, SUM(b) AS b FROM t GROUP BY t.a",
	"SELECT DISTINCT a AS id, b AS a, 1 AS b FROM t",
	"SELECT id, a, b FROM t UNION ALL SELECT id, b, a FROM u WHERE id < 4",
	"SELECT id, a, b FROM t ORDER BY id DESC LIMIT 5",
	"SELECT id, a, ROW_NUMBER() OVER (ORDER BY id) AS b FROM u",
	"SELECT id, a, (SELECT MAX(b) FROM u WHERE u.id = t.id) AS b FROM t",
	"WITH c AS (SELECT id, a, b FROM u WHERE b > 0) SELECT c.id, c.a, t.b FROM c JOIN t USING (id)",
}

// viewQueries name two of them.
var viewQueries = []string{
	"SELECT * FROM {x} x",
	"SELECT x.a, x.b FROM {x} x WHERE x.id = 3",
	"SELECT x.id, y.b FROM {x} x JOIN {y} y ON x.id = y.id WHERE x.a > 1",
	"SELECT x.id, y.a, y.b FROM {x} x LEFT JOIN {y} y ON x.a = y.a WHERE x.id < 6",
	"SELECT x.id, y.b FROM {x} x LEFT JOIN {y} y ON x.id = y.id WHERE y.b IS NULL",
	"SELECT y.b, x.id, x.a, x.b FROM {x} x RIGHT JOIN {y} y ON x.id = y.id AND x.b > 2",
	"SELECT x.a, COUNT(*), SUM(x.b) FROM {x} x GROUP BY x.a HAVING COUNT(*) > 0",
	"SELECT x.b + 1, MAX(x.id) FROM {x} x GROUP BY x.b + 1",
	"SELECT id FROM {x} x WHERE b IN (SELECT y.b FROM {y} y WHERE y.id = x.id)",
	"SELECT id FROM {x} x WHERE NOT EXISTS (SELECT 1 FROM {y} y WHERE y.a = x.b)",
	"SELECT (SELECT COUNT(*) FROM {y} y WHERE y.a <= x.b) FROM {x} x WHERE x.id > 1",
	"SELECT DISTINCT x.b FROM {x} x, {y} y WHERE x.id = y.a",
	"SELECT id, a, b FROM {x} x NATURAL JOIN {y} y",
	"SELECT x.id, z.b FROM {x} x LEFT JOIN (t z JOIN {y} y ON z.id = y.id) ON x.id = z.id",
	"SELECT id, SUM(b) OVER (PARTITION BY a) FROM {x} x",
	"SELECT x.b FROM {x} x UNION SELECT y.a FROM {y} y",
}

func viewTables(c *client, r *rand.Rand) {
	for _, table := range []string{"t", "u"} {
		c.must("CREATE TABLE " + table + " (id INT PRIMARY KEY, a INT, b INT, KEY (a), KEY (b, a))")
		for id := range 9 {
			if r.Intn(5) == 0 {
				continue
			}
			value := func() string {
				if r.Intn(5) == 0 {
					return "NULL"
				}
				return fmt.Sprint(r.Intn(9))
			}
			c.must(fmt.Sprintf("INSERT INTO %s VALUES (%d, %s, %s)", table, id, value(), value()))
		}
	}
}

func sortedLines(s string) string {
	lines := strings.Split(s, "\n")
	slices.Sort(lines[1:])
	return strings.Join(lines[1:], "\n")
}

// TestViewsAreTheirQueries: a query over views has the rows of the same query over derived tables with the views' queries.
func TestViewsAreTheirQueries(t *testing.T) {
	e := newTestEngine(t)
	c := connect(t, e, "root", "127.0.0.1")
	r := rand.New(rand.NewSource(3))
	c.must("CREATE DATABASE d; USE d")
	viewTables(c, r)
	for i, body := range viewBodies {
		c.must(fmt.Sprintf("CREATE VIEW v%d AS %s", i, body))
		c.must(fmt.Sprintf("CREATE VIEW w%d AS SELECT b AS b, id, a AS a FROM v%d WHERE id IS NOT NULL", i, i))
		shown := c.must(fmt.Sprintf("SHOW CREATE VIEW v%d", i))
		text := strings.SplitN(shown, "|", 6)[4] // behind the heading's three
		text = text[strings.Index(text, " VIEW `v")+len(" VIEW `vN"):]
		text = text[strings.Index(text, " AS ")+len(" AS "):]
		c.must(fmt.Sprintf("CREATE OR REPLACE VIEW again AS %s", text))
		if again := c.must("SHOW CREATE VIEW again"); !strings.Contains(again, " AS "+text+"|") {
			t.Errorf("%s\nis shown as\n%s\nand that as\n%s", body, text, again)
		}
		for _, view := range []string{"again", fmt.Sprintf("v%d", i)} {
			if got, want := sortedLines(c.must("SELECT id, a, b FROM "+view)), sortedLines(c.must("SELECT id, a, b FROM ("+body+") x")); got != want {
				t.Errorf("%s: %s\nfor\n%s", body, got, want)
			}
		}
	}
	for range 300 {
		x, y := r.Intn(len(viewBodies)), r.Intn(len(viewBodies))
		q := viewQueries[r.Intn(len(viewQueries))]
		kind := string("vw"[r.Intn(2)])
		inline := func(i int) string {
			if kind == "v" {
				return "(" + viewBodies[i] + ")"
			}
			return "(SELECT b AS b, id, a AS a FROM (" + viewBodies[i] + ") i WHERE id IS NOT NULL)"
		}
		views := strings.NewReplacer("{x}", fmt.Sprint(kind, x), "{y}", fmt.Sprint(kind, y)).Replace(q)
		derived := strings.NewReplacer("{x}", inline(x), "{y}", inline(y)).Replace(q)
		if got, want := sortedLines(c.query(views)), sortedLines(c.query(derived)); got != want {
			t.Errorf("%s\ngives\n%s\nand\n%s\n%s", views, got, derived, want)
		}
	}
}

// TestChangesThroughViews: changes through views leave the rows of the same changes of the tables.
func TestChangesThroughViews(t *testing.T) {
	e := newTestEngine(t)
	views, tables := connect(t, e, "root", "127.0.0.1"), connect(t, e, "root", "127.0.0.1")
	for i, c := range []*client{views, tables} {
		c.must(fmt.Sprintf("CREATE DATABASE d%d; USE d%d", i, i))
		viewTables(c, rand.New(rand.NewSource(5)))
	}
	views.must(`CREATE VIEW v AS SELECT id AS k, b AS x, a AS y, a + b AS s FROM t WHERE id < 7;
		CREATE VIEW w AS SELECT y, k, x FROM v WHERE x IS NOT NULL;
		CREATE VIEW j AS SELECT v.k, v.x, u.b, u.id FROM v JOIN u ON v.k = u.id`)
	r := rand.New(rand.NewSource(7))
	for range 80 {
		n, m := r.Intn(9), r.Intn(9)
		pair := [][2]string{
			{"UPDATE v SET x = %d, y = x + 1 WHERE k = %d", "UPDATE t SET b = %d, a = b + 1 WHERE id = %d AND id < 7"},
			{"UPDATE v SET x = s + %d WHERE s > %d", "UPDATE t SET b = a + b + %d WHERE a + b > %d AND id < 7"},
			{"UPDATE w SET y = %d WHERE x > %d ORDER BY k LIMIT 2", "UPDATE t SET a = %d WHERE b > %d AND b IS NOT NULL AND id < 7 ORDER BY id LIMIT 2"},
			{"DELETE FROM w WHERE k = %d AND x = %d", "DELETE FROM t WHERE id = %d AND b = %d AND id < 7"},
			{"UPDATE j SET b = x + %d WHERE k <> %d", "UPDATE t JOIN u ON t.id = u.id SET u.b = t.b + %d WHERE t.id <> %d AND t.id < 7"},
			{"UPDATE v, u SET v.x = u.a, u.b = %d WHERE v.k = u.id AND v.y < %d",
				"UPDATE t, u SET t.b = u.a, u.b = %d WHERE t.id = u.id AND t.id < 7 AND t.a < %d"},
			{"DELETE u FROM v JOIN u ON v.k = u.id WHERE u.a = %d AND v.s > %d", "DELETE u FROM t JOIN u ON t.id = u.id WHERE u.a = %d AND t.a + t.b > %d AND t.id < 7"},
			{"INSERT IGNORE INTO w (k, x) VALUES (%d, %d)", "INSERT IGNORE INTO t (id, b) VALUES (%d, %d)"},
			{"INSERT INTO w (k, x) VALUES (%d, 1) ON DUPLICATE KEY UPDATE x = VALUES(x) + y + %d",
				"INSERT INTO t (id, b) VALUES (%d, 1) ON DUPLICATE KEY UPDATE b = VALUES(b) + a + %d"},
			{"REPLACE INTO w (k, y) VALUES (%d, %d)", "REPLACE INTO t (id, a) VALUES (%d, %d)"},
			{"INSERT IGNORE INTO w (k, x, y) SELECT id + %d, a, b FROM u WHERE b > %d", "INSERT IGNORE INTO t (id, b, a) SELECT id + %d, a, b FROM u WHERE b > %d"},
		}[r.Intn(11)]
		through, direct := fmt.Sprintf(pair[0], n, m), fmt.Sprintf(pair[1], n, m)
		if got, want := views.query(through), tables.query(direct); got != want {
			t.Fatalf("%s: %s\n%s: %s", through, got, direct, want)
		}
		for _, table := range []string{"t", "u"} {
			if got, want := views.must("SELECT * FROM "+table+" ORDER BY id"), tables.must("SELECT * FROM "+table+" ORDER BY id"); got != want {
				t.Fatalf("%s leaves\n%s\n%s\n%s", through, got, direct, want)
			}
		}
	}
}

// TestViewPrivileges: a view reads by its definer's privileges, or by those of who uses it.
func TestViewPrivileges(t *testing.T) {
	e := newTestEngine(t)
	root := connect(t, e, "root", "127.0.0.1")
	root.must(`CREATE DATABASE data; CREATE DATABASE pub; CREATE TABLE data.t (id INT PRIMARY KEY, a INT); INSERT INTO data.t VALUES (1, 10);
		CREATE VIEW pub.d AS SELECT * FROM data.t;
		CREATE SQL SECURITY INVOKER VIEW pub.i AS SELECT * FROM data.t;
		CREATE USER u; CREATE USER maker; GRANT SELECT, UPDATE ON pub.* TO u;
		CREATE DEFINER = maker VIEW pub.m AS SELECT * FROM data.t;
		CREATE DEFINER = nobody VIEW pub.n AS SELECT * FROM data.t`)
	u := connect(t, e, "u", "127.0.0.1")
	expect := func(sql, want string) {
		t.Helper()
		if got := u.query(sql); !strings.Contains(got, want) {
			t.Errorf("%s: %s, not %s", sql, got, want)
		}
	}
	const broken = "ERROR 1356"
	expect("SELECT a FROM pub.d", "10")
	expect("UPDATE pub.d SET a = 11", "ok 1")
	expect("DELETE FROM pub.d", "ERROR 1142")
	expect("INSERT INTO pub.d VALUES (2, 2)", "ERROR 1142")
	expect("SELECT a FROM data.t", "ERROR 1142")
	expect("SELECT a FROM pub.i", broken)
	expect("UPDATE pub.i SET a = 12", broken)
	expect("SELECT a FROM pub.m", broken)
	expect("SELECT a FROM pub.n", "ERROR 1449")
	expect("SHOW CREATE VIEW pub.d", "ERROR 1142")
	expect("CREATE VIEW pub.x AS SELECT 1", "ERROR 1142")
	root.must("GRANT SELECT ON data.* TO maker; GRANT SELECT ON data.* TO u; GRANT SHOW VIEW ON pub.* TO u")
	expect("SELECT a FROM pub.m", "11")
	expect("UPDATE pub.m SET a = 12", broken) // maker may read alone
	expect("SELECT a FROM pub.i", "11")
	expect("UPDATE pub.i SET a = 12", broken)
	expect("SHOW CREATE VIEW pub.d", "data")
	root.must("REVOKE SELECT ON data.* FROM maker")
	expect("SELECT a FROM pub.m", broken)
}

// TestViewReplacedWhileItIsRead: each read sees one of the definitions as a whole, and a prepared statement follows.
func TestViewReplacedWhileItIsRead(t *testing.T) {
	e := newTestEngine(t)
	root := connect(t, e, "root", "127.0.0.1")
	root.must("CREATE DATABASE d; USE d; CREATE TABLE t (a INT PRIMARY KEY, b INT); INSERT INTO t VALUES (1, 2); CREATE VIEW v AS SELECT a FROM t")
	var group sync.WaitGroup
	done := make(chan struct{})
	for range 3 {
		c := connect(t, e, "root", "127.0.0.1")
		c.must("USE d; PREPARE s FROM 'SELECT * FROM v'")
		group.Add(1)
		go func() {
			defer group.Done()
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				got := c.query([]string{"SELECT * FROM v", "EXECUTE s"}[n%2])
				if got != "a\n1\n" && got != "a|b\n1|2\n" {
					t.Errorf("%s", got)
					return
				}
			}
		}()
	}
	for i := range 40 {
		root.must("CREATE OR REPLACE VIEW v AS SELECT " + []string{"a, b", "a"}[i%2] + " FROM t")
	}
	close(done)
	group.Wait()
}

// TestViewsUseKeys: conditions on a view meet the keys of its tables.
func TestViewsUseKeys(t *testing.T) {
	e := newTestEngine(t)
	c := connect(t, e, "root", "127.0.0.1")
	c.must(`CREATE DATABASE d; USE d; CREATE TABLE t (id INT PRIMARY KEY, a INT, KEY (a)); CREATE TABLE u (id INT PRIMARY KEY, a INT);
		CREATE VIEW v AS SELECT t.id AS k, u.a + 1 AS x, t.a FROM t JOIN u ON t.a = u.id; CREATE VIEW w AS SELECT * FROM v WHERE x > 3`)
	for _, pair := range [][2]string{
		{"SELECT x FROM w WHERE k = 5", "SELECT u.a + 1 AS x FROM t JOIN u ON t.a = u.id WHERE u.a + 1 > 3 AND t.id = 5"},
		{"SELECT k FROM w WHERE a = 5", "SELECT t.id AS k FROM t JOIN u ON t.a = u.id WHERE u.a + 1 > 3 AND t.a = 5"},
	} {
		if got, want := strings.ReplaceAll(c.must("EXPLAIN FORMAT=TREE "+pair[0]), "w.", "t."), c.must("EXPLAIN FORMAT=TREE "+pair[1]); got != want {
			t.Errorf("%s:\n%s\n%s:\n%s", pair[0], got, pair[1], want)
		}
	}
}

// TestLockedViews: LOCK TABLES of a view locks what it reads.
func TestLockedViews(t *testing.T) {
	e := newTestEngine(t)
	c := connect(t, e, "root", "127.0.0.1")
	c.must("CREATE DATABASE d; USE d; CREATE TABLE t (id INT PRIMARY KEY); CREATE VIEW v AS SELECT * FROM t; CREATE VIEW w AS SELECT * FROM v; LOCK TABLES w READ")
	c.must("SELECT * FROM w")
	for sql, want := range map[string]string{"SELECT * FROM v": "ERROR 1100", "SELECT * FROM t": "ERROR 1100", "INSERT INTO w VALUES (1)": "ERROR 1099"} {
		if got := c.query(sql); !strings.Contains(got, want) {
			t.Errorf("%s: %s", sql, got)
		}
	}
	c.must("LOCK TABLES w WRITE; INSERT INTO w VALUES (1); UNLOCK TABLES")
}
