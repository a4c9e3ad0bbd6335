package session

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/sql/metalock"
)

// userLock is a user lock's record in the catalog.
type userLock struct {
	Holder userClaim   `json:"holder"`
	Queue  []userClaim `json:"queue,omitempty"`
}

type userClaim struct {
	Engine  string `json:"engine"`
	Session uint32 `json:"session"`
	Claim   uint64 `json:"claim"`
}

const userLockKind = "userlock"

// userLockNow is a lock's record as it is.
func userLockNow(e *Engine, name string) (r userLock) {
	e.db.Catalog().Record(userLockKind, name, &r)
	return r
}

// eventually waits for what other goroutines bring about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("%s: not in 20 s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// ask runs a statement beside the test.
func (c *client) ask(text string) <-chan string {
	out := make(chan string, 1)
	go func() { out <- c.query(text) }()
	return out
}

// waiters waits until so many sessions wait for a lock.
func waiters(t *testing.T, e *Engine, name string, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d wait for %s", n, name), func() bool { return len(userLockNow(e, name).Queue) == n })
}

// A lock goes from one to the next in the order in which they came.
func TestUserLockQueue(t *testing.T) {
	e := newTestEngine(t)
	c := make([]*client, 4)
	for i := range c {
		c[i] = connect(t, e, "root", "localhost")
	}
	c[0].must("do get_lock('q', 0)")
	var got []<-chan string
	for i := 1; i < 4; i++ {
		got = append(got, c[i].ask("select get_lock('q', -1)"))
		waiters(t, e, "q", i)
	}
	if state := c[1].s.locks.State(); state != metalock.StateUser {
		t.Errorf("state %q", state)
	}
	for i := 1; i < 4; i++ {
		if i == 2 {
			c[1].s.Close() // gives back as RELEASE_LOCK does
		} else {
			c[i-1].must("do release_lock('q')")
		}
		if out := <-got[i-1]; !strings.Contains(out, "\n1\n") {
			t.Errorf("session %d: %s", i, out)
		}
		if h := userLockNow(e, "q").Holder.Session; uint64(h) != c[i].s.ConnectionID() {
			t.Errorf("session %d has it", h)
		}
	}
	c[3].s.Close()
	if keys := e.db.Catalog().Records(userLockKind); len(keys) != 0 {
		t.Errorf("left: %v", keys)
	}
}

// A wait ends when it is cancelled, and leaves nothing behind.
func TestUserLockKilled(t *testing.T) {
	e := newTestEngine(t)
	a, b := connect(t, e, "root", "localhost"), connect(t, e, "root", "localhost")
	a.must("do get_lock('k', 0)")
	wait := b.ask("select get_lock('k', 100)")
	waiters(t, e, "k", 1)
	a.must(fmt.Sprintf("kill query %d", b.s.ConnectionID()))
	if out := <-wait; !strings.Contains(out, "ERROR 1317 (70100)") {
		t.Error(out)
	}
	waiters(t, e, "k", 0)
	b.must("set max_execution_time = 20")
	if out := b.query("select get_lock('k', 100)"); !strings.Contains(out, "ERROR 3024") {
		t.Error(out)
	}
	waiters(t, e, "k", 0)
}

// Who would wait for somebody that waits for him gets 3058, and keeps what he has; across a third as well.
func TestUserLockDeadlock(t *testing.T) {
	e := newTestEngine(t)
	c := make([]*client, 3)
	for i := range c {
		c[i] = connect(t, e, "root", "localhost")
		c[i].must(fmt.Sprintf("do get_lock('l%d', 0)", i))
	}
	c[2].must("create database d; use d; create table t (id int primary key); begin; insert into t values (1)")
	first := c[0].ask("select get_lock('l1', 100)")
	waiters(t, e, "l1", 1)
	second := c[1].ask("select get_lock('l2', 100)")
	waiters(t, e, "l2", 1)
	if out := c[2].query("select get_lock('l0', 100)"); !strings.Contains(out, "ERROR 3058 (HY000): Deadlock found when trying to get user-level lock") {
		t.Error(out)
	}
	c[2].must("commit")
	if got := c[2].value("select count(*) from t"); got != "1" {
		t.Error("the transaction was rolled back")
	}
	if got := c[2].value("select release_lock('l2')"); got != "1" {
		t.Error("the lock was lost")
	}
	if out := <-second; !strings.Contains(out, "\n1\n") {
		t.Error(out)
	}
	c[1].must("do release_all_locks()")
	if out := <-first; !strings.Contains(out, "\n1\n") {
		t.Error(out)
	}
}

// The locks of an engine that is gone are there for the next who asks; so are those of this node before its last start.
func TestUserLockOfTheDead(t *testing.T) {
	e := newTestEngine(t)
	c := connect(t, e, "root", "localhost")
	dead := userClaim{Engine: fmt.Sprintf("%d/1", e.db.NodeID()), Session: 7, Claim: 1}
	put := func(name string) {
		err := e.db.ChangeUserLocks(context.Background(), func(tx *catalog.Tx) error {
			tx.PutRecord(userLockKind, name, userLock{Holder: dead, Queue: []userClaim{dead}})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	put("a")
	if got := c.value("select get_lock('a', 0)"); got != "1" {
		t.Error("without a wait:", got)
	}
	put("b")
	if got := c.value("select get_lock('b', 100)"); got != "1" {
		t.Error("with a wait:", got)
	}
	put("c")
	if got := c.value("select is_free_lock('c')"); got != "1" {
		t.Error("is_free_lock:", got)
	}
	put("d")
	NewEngine(e.db, Config{})
	eventually(t, "a new engine removes what the one before it had", func() bool {
		return userLockNow(e, "d").Holder.Session == 0
	})
}

// A session whose lock was taken from it is ended: what it does is not protected any more.
func TestUserLockTaken(t *testing.T) {
	e := newTestEngine(t)
	c := connect(t, e, "root", "localhost")
	c.must("do get_lock('x', 0)")
	err := e.db.ChangeUserLocks(context.Background(), func(tx *catalog.Tx) error {
		tx.PutRecord(userLockKind, "x", nil)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the session is killed", c.killed.Load)
}
