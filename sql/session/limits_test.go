package session

import (
	"context"
	"strings"
	"testing"
	"time"

	"cloudsql/storage/mysqlerr"
)

// What CREATE USER … WITH MAX_… allows is counted by the hour, and begins anew with FLUSH USER_RESOURCES.
func TestAccountLimits(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	e := newTestEngine(t, func(c *Config) { c.Now = func() time.Time { return now } })
	root := connect(t, e, "root", "localhost")
	root.must("create database d; create table d.t (a int); create user q with max_queries_per_hour 2; create user u with max_updates_per_hour 1")
	root.must("grant all on d.* to q, u; alter user u with max_user_connections 1 max_connections_per_hour 2")
	if got := root.value("show create user u"); !strings.Contains(got,
		"REQUIRE NONE WITH MAX_UPDATES_PER_HOUR 1 MAX_CONNECTIONS_PER_HOUR 2 MAX_USER_CONNECTIONS 1 PASSWORD EXPIRE") {
		t.Error(got)
	}
	if got := root.value("select concat_ws(' ', max_questions, max_updates, max_connections, max_user_connections) from mysql.user where user = 'u'"); got != "0 1 2 1" {
		t.Error(got)
	}

	q := connect(t, e, "q", "10.0.0.1")
	exceeded := func(c *client, text, resource string) {
		t.Helper()
		if got := c.query(text); !strings.Contains(got, "1226") || !strings.Contains(got, resource) {
			t.Errorf("%s: %s", text, got)
		}
	}
	q.must("select a from d.t")
	q.must("select a from d.t")
	exceeded(q, "select a from d.t", "'max_questions' resource (current value: 2)")
	root.must("flush user_resources")
	q.must("select a from d.t; select 1")
	exceeded(q, "select 1", "max_questions")
	now = now.Add(time.Hour)
	q.must("select 1")

	u := connect(t, e, "u", "10.0.0.1")
	u.must("insert into d.t values (1)")
	exceeded(u, "insert into d.t values (2)", "'max_updates' resource (current value: 1)")
	u.must("select a from d.t")
	info := *u.s.conn
	open := func() string {
		again := info
		again.ID = 0
		s, err := e.Open(context.Background(), &again)
		if err == nil {
			s.Close()
			return ""
		}
		return mysqlerr.From(err).Message
	}
	if got := open(); !strings.Contains(got, "max_user_connections") {
		t.Errorf("a second session: %s", got)
	}
	u.s.Close()
	if got := open(); got != "" {
		t.Error(got)
	}
	if got := open(); !strings.Contains(got, "max_connections_per_hour") {
		t.Errorf("a third log-in: %s", got)
	}
	root.must("alter user u with max_connections_per_hour 0")
	if got := open(); got != "" {
		t.Error(got)
	}
}
