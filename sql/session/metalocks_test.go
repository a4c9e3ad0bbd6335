package session

import (
	"fmt"
	"strings"
	"testing"

	"cloudsql/sql/metalock"
)

// waitsForTable waits until a session waits for a table lock.
func (c *client) waitsForTable() {
	c.t.Helper()
	eventually(c.t.(*testing.T), "a session waits for a table", func() bool { return c.s.locks.State() == metalock.StateTable })
}

func clients(t *testing.T, e *Engine, n int) []*client {
	list := make([]*client, n)
	for i := range list {
		list[i] = connect(t, e, "root", "localhost")
	}
	list[0].must("create database d")
	for _, c := range list {
		c.must("use d")
	}
	return list
}

// A definition waits for the transactions that use the table, even if they only read it, and breaks none; who comes
// after it waits behind it; what it changed is then there for them.
func TestDefinitionWaitsForTransactions(t *testing.T) {
	t.Parallel() // it waits more than it computes
	for _, test := range []struct{ ddl, after string }{
		{"alter table t add column c int default 7", "7"},
		{"alter table t add index (v)", ""},
		{"alter table t modify v bigint", ""},
		{"alter table t modify id bigint", ""},
		{"truncate table t", ""},
		{"drop table t", "ERROR 1146"},
		{"rename table t to s", "ERROR 1146"},
		{"drop database d", "ERROR 1049"},
		{"create unique index u on t (v)", ""},
	} {
		t.Run(test.ddl, func(t *testing.T) {
			e := newTestEngine(t)
			c := clients(t, e, 4)
			reader, writer, definer, late := c[0], c[1], c[2], c[3]
			reader.must("create table t (id int primary key, v int); insert into t values (1, 1), (2, 2)")
			reader.must("begin; select * from t where id = 1")
			writer.must("begin; update t set v = 5 where id = 2")
			defined := definer.ask(test.ddl)
			definer.waitsForTable()
			answered := late.ask("select * from d.t where id = 1")
			late.waitsForTable()
			if out := reader.must("select * from t where id = 1"); !strings.Contains(out, "1|1") {
				t.Error(out)
			}
			reader.must("commit")
			writer.must("insert into t values (3, 3); commit")
			if out := <-defined; strings.Contains(out, "ERROR") {
				t.Error(out)
			}
			if out := <-answered; !strings.Contains(out, test.after) || test.after == "" && strings.Contains(out, "ERROR") {
				t.Error(out)
			}
			if n := e.locks.Tables(); n != 0 {
				t.Errorf("%d locks are left", n)
			}
		})
	}
}

// A waiting definition can be killed, or gives up after lock_wait_timeout; those behind it go on.
func TestWaitingDefinitionEnds(t *testing.T) {
	e := newTestEngine(t)
	c := clients(t, e, 3)
	c[0].must("create table t (id int primary key); begin; select * from t")
	killed := c[1].ask("alter table t add column c int")
	c[1].waitsForTable()
	behind := c[2].ask("select count(*) from t")
	c[2].waitsForTable()
	c[0].must(fmt.Sprintf("kill query %d", c[1].s.ConnectionID()))
	if out := <-killed; !strings.Contains(out, "ERROR 1317") {
		t.Error(out)
	}
	if out := <-behind; !strings.Contains(out, "\n0\n") {
		t.Error(out)
	}
	c[1].must("set lock_wait_timeout = 1")
	if out := c[1].query("drop table t"); !strings.Contains(out, "ERROR 1205") {
		t.Error(out)
	}
	c[0].must("commit")
	c[1].must("drop table t")
}

// A killed connection that waits for a table, or holds one, is out of the others' way at once.
func TestKilledSessionLetsGo(t *testing.T) {
	e := newTestEngine(t)
	c := clients(t, e, 3)
	c[0].must("create table t (id int primary key); lock tables t write")
	waiting := c[1].ask("lock tables t write")
	c[1].waitsForTable()
	c[1].s.Cancel()
	if out := <-waiting; !strings.Contains(out, "ERROR 1317") {
		t.Error(out)
	}
	waiting = c[2].ask("insert into t values (1)")
	c[2].waitsForTable()
	c[0].s.Close()
	if out := <-waiting; strings.Contains(out, "ERROR") {
		t.Error(out)
	}
}

// A transaction that a definition of two tables waits for, and that wants the other table, cannot have it: 1213.
func TestTableDeadlock(t *testing.T) {
	e := newTestEngine(t)
	c := clients(t, e, 2)
	c[0].must("create table t (id int primary key); create table u (id int primary key)")
	c[0].must("begin; insert into t values (1)")
	defined := c[1].ask("drop table t, u")
	c[1].waitsForTable()
	c[0].must("insert into t values (2)")
	if out := c[0].query("insert into u values (1)"); !strings.Contains(out, "ERROR 1213") {
		t.Error(out)
	}
	if flags, _ := c[0].s.Status(); flags&1 != 0 {
		t.Error("the transaction is still open")
	}
	if out := <-defined; strings.Contains(out, "ERROR") {
		t.Error(out)
	}
}

// A global read lock waits for WRITE locks, and transactions that have written wait for it with their commits; readers go on under it.
func TestGlobalReadLock(t *testing.T) {
	e := newTestEngine(t)
	c := clients(t, e, 4)
	c[0].must("create table t (id int primary key); insert into t values (1)")
	c[1].must("begin; insert into t values (2)")
	c[0].must("flush tables with read lock")
	committed := c[1].ask("commit")
	c[1].waitsForTable()
	if got := c[0].value("select count(*) from t"); got != "1" {
		t.Error(got)
	}
	c[0].must("unlock tables")
	if out := <-committed; strings.Contains(out, "ERROR") {
		t.Error(out)
	}
	c[0].must("insert into t values (3); flush tables with read lock")
	c[1].must("begin; select * from t")
	written := c[1].ask("insert into t values (4)")
	c[1].waitsForTable()
	made := c[2].ask("create table v (id int)")
	c[2].waitsForTable()
	exclusive := c[3].ask("lock tables t write")
	c[3].waitsForTable()
	if got := c[0].value("select count(*) from t"); got != "3" {
		t.Error(got)
	}
	c[0].must("unlock tables")
	for _, out := range []string{<-written, <-made} {
		if strings.Contains(out, "ERROR") {
			t.Error(out)
		}
	}
	c[1].must("commit")
	<-exclusive
	locked := c[0].ask("flush tables with read lock")
	c[0].waitsForTable()
	c[3].must("unlock tables")
	<-locked
}

// Uses of a transaction are kept until its commit is done, and no longer.
func TestUsesOfTransaction(t *testing.T) {
	e := newTestEngine(t)
	c := clients(t, e, 1)[0]
	c.must("create table t (id int primary key); begin; select 1; insert into t values (1)")
	tb, _ := e.db.Catalog().Table("d", "t")
	uses := func() bool { return len(c.s.locks.Held()) > 0 }
	if held := c.s.locks.Held(); len(held) != 1 || held[0].ID != tb.ID || !held[0].Write {
		t.Errorf("%+v", held)
	}
	c.must("commit")
	if uses() {
		t.Error("still used after COMMIT")
	}
	c.must("set autocommit = 0; set @n = (select count(*) from t)")
	if !uses() {
		t.Error("a subquery of SET is not counted")
	}
	c.must("rollback")
	if uses() {
		t.Error("still used after ROLLBACK")
	}
}
