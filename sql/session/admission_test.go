package session

import (
	"strings"
	"testing"
	"time"
)

// While all places are taken, statements that look for rows are refused in the end; what is found by its key, goes on with a
// transaction, or is an administrator's, is answered.
func TestAdmissionLetsOthersPass(t *testing.T) {
	e := newTestEngine(t, func(c *Config) { c.Running = 2 })
	root := connect(t, e, "root", "localhost")
	for _, text := range []string{
		"CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY, v INT)", "INSERT INTO d.t VALUES (1, 10), (2, 20)",
		"CREATE USER app@'%' IDENTIFIED BY ''", "GRANT ALL ON d.* TO app@'%'",
	} {
		root.must(text)
	}
	app, other := connect(t, e, "app", "10.0.0.1"), connect(t, e, "app", "10.0.0.1")
	app.must("USE d")
	other.must("USE d")
	other.must("BEGIN")
	other.must("SELECT COUNT(*) FROM t")
	e.admission.Patience = time.Millisecond
	for e.admission.Try() {
	}
	const scan = "SELECT SUM(v) FROM t WHERE v > 0"
	for _, text := range []string{scan, "UPDATE t SET v = v + 1 WHERE v > 0", "SELECT v FROM t FOR UPDATE"} {
		if got := app.query(text); !strings.Contains(got, "1041") {
			t.Errorf("%s: %s", text, got)
		}
	}
	app.must("SELECT v FROM t WHERE id = 1")
	app.must("UPDATE t SET v = 11 WHERE id = 1")
	app.must("INSERT INTO t VALUES (3, 30)")
	app.must("SELECT 1")
	other.must(scan)
	other.must("COMMIT")
	root.must("SELECT SUM(v) FROM d.t")
	e.admission.Leave()
	app.must(scan)
	app.must(scan)
	if e.admission.Try(); e.admission.Try() {
		t.Error("a place was left twice")
	}
}
