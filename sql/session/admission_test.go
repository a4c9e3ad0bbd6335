package session

import (
	"context"
	"strings"
	"testing"
	"time"

	"cloudsql/storage/mysqlerr"
)

// Statements beyond the places wait, as many as may and as long as they may, and are refused then; whoever leaves lets one in.
func TestAdmission(t *testing.T) {
	var a admission
	a.init(2)
	a.queue, a.patience = 1, time.Hour
	ctx := t.Context()
	for i, want := range []bool{true, true, false} {
		if a.try() != want {
			t.Fatalf("place %d: not two places", i)
		}
	}
	in := make(chan error)
	go func() { in <- a.wait(ctx) }()
	for a.waiting.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := a.wait(ctx); mysqlerr.Code(err) != mysqlerr.OutOfResources {
		t.Fatalf("beyond the queue: %v", err)
	}
	a.leave()
	if err := <-in; err != nil {
		t.Fatal(err)
	}
	a.patience = time.Millisecond
	if err := a.wait(ctx); mysqlerr.Code(err) != mysqlerr.OutOfResources {
		t.Fatalf("after its time: %v", err)
	}
	killed, kill := context.WithCancelCause(ctx)
	kill(errInterrupted)
	a.patience = time.Hour
	if err := a.wait(killed); mysqlerr.Code(err) != mysqlerr.QueryInterrupted {
		t.Fatalf("killed: %v", err)
	}
	if a.refused.Load() != 2 || a.waiting.Load() != 0 || len(a.places) != 2 {
		t.Fatal(a.refused.Load(), a.waiting.Load(), len(a.places))
	}
}

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
	e.admission.patience = time.Millisecond
	for e.admission.try() {
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
	e.admission.leave()
	app.must(scan)
	app.must(scan)
	if e.admission.try(); e.admission.try() {
		t.Error("a place was left twice")
	}
}
