package session

import (
	"context"
	"strings"
	"testing"
	"time"

	"cloudsql/sql"
)

// What the server's variables ask of passwords, as days go by.
func TestPasswordRules(t *testing.T) {
	now := time.Date(2026, 5, 1, 23, 0, 0, 0, time.UTC)
	e := newTestEngine(t, func(c *Config) { c.Now = func() time.Time { return now } })
	root := connect(t, e, "root", "localhost")
	root.must("create user a@localhost identified by 'a1'; create user never@localhost identified by 'n1' password expire never; " +
		"create user ten@localhost identified by 't1' password expire interval 10 day")
	later := func(days int) { now = now.Add(time.Duration(days) * 24 * time.Hour) }
	expired := func(user string, want bool) {
		t.Helper()
		if a, _ := e.Lookup(user, "localhost"); a.Expired != want {
			t.Errorf("the password of %s has expired: %t", user, a.Expired)
		}
	}
	later(9)
	expired("ten", false)
	later(1)
	expired("ten", true)
	expired("a", false)
	root.must("set global default_password_lifetime = 10")
	expired("a", true)
	expired("never", false)
	root.must("alter user a@localhost identified by 'a2'")
	expired("a", false)

	refused := func(want, text string) {
		t.Helper()
		if got := root.query(text); !strings.Contains(got, want) {
			t.Errorf("%s: %s", text, got)
		}
	}
	root.must("set global password_history = 2; alter user a@localhost identified by 'a3'; alter user a@localhost identified by 'a4'")
	refused("3638", "alter user a@localhost identified by 'a3'")
	root.must("set global password_history = 0; set global password_reuse_interval = 5; alter user a@localhost identified by 'a5'")
	later(4)
	refused("3638", "alter user a@localhost identified by 'a5'")
	later(1)
	root.must("alter user a@localhost identified by 'a5'")

	a := connect(t, e, "a", "localhost")
	a.must("set password = 'a6'")
	root.must("set global password_require_current = on")
	if got := a.query("set password = 'a7'"); !strings.Contains(got, "3892") {
		t.Errorf("without the present password: %s", got)
	}
	a.must("set password = 'a7' replace 'a6'")
}

// Random passwords have the length that the session asks for.
func TestRandomPasswords(t *testing.T) {
	e := newTestEngine(t)
	root := connect(t, e, "root", "localhost")
	root.must("set generated_random_password_length = 31")
	for _, text := range []string{"create user r@localhost identified by random password", "alter user r@localhost identified by random password", "set password for r@localhost to random"} {
		r := &recorder{}
		if err := root.s.Query(context.Background(), text, r); err != nil {
			t.Fatal(err)
		}
		if len(r.rows) != 1 || r.rows[0][0] != "r" || len(r.rows[0][2]) != 31 || r.rows[0][3] != "1" {
			t.Errorf("%s: %q", text, r.rows)
		}
	}
}

// Failed log-ins lock an account for days, whatever the password is.
func TestFailedLoginsLock(t *testing.T) {
	now := time.Date(2026, 5, 1, 23, 0, 0, 0, time.UTC)
	e := newTestEngine(t, func(c *Config) { c.Now = func() time.Time { return now } })
	root := connect(t, e, "root", "localhost")
	root.must("create user b@localhost identified by 'b' failed_login_attempts 2 password_lock_time 2")
	try := func(right bool, want string) {
		t.Helper()
		got := ""
		if err := e.Admit(&sql.Account{User: "b", Host: "localhost"}, right); err != nil {
			got = err.Error()
		}
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("a log-in of %s, with the password: %t: %q", now, right, got)
		}
	}
	try(false, "")
	try(true, "") // the next begin anew
	try(false, "")
	try(false, "blocked for 2 day(s) (2 day(s) remaining) due to 2 consecutive failed logins")
	try(true, "2 day(s) remaining")
	now = now.Add(2 * time.Hour) // the next day
	try(true, "1 day(s) remaining")
	now = now.Add(24 * time.Hour)
	try(true, "")
	for _, unlock := range []string{"alter user b@localhost account unlock", "flush privileges", "alter user b@localhost password_lock_time unbounded"} {
		try(false, "")
		try(false, "2 consecutive")
		root.must(unlock)
		try(true, "")
	}
	try(false, "")
	try(false, "(unlimited day(s) remaining)")
	now = now.Add(1000 * 24 * time.Hour)
	try(true, "unlimited")
}
