package differential

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"cloudsql/tests/harness"
)

// TestDifferential compares. The environment chooses (make differential sets it):
//
//	STATEMENTS  how many
//	SEED        of the statements; the run prints it
//	SHOW        how many differences are told, 200
//	MARIADB     data source name of a server, instead of one that is started
//	CLOUDSQL    the same of cloudsql
func TestDifferential(t *testing.T) {
	if os.Getenv("STATEMENTS") == "" {
		t.Skip("make differential")
	}
	setting := func(name string, otherwise int) int {
		n, err := strconv.Atoi(harness.Setting(name, strconv.Itoa(otherwise)))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	statements, seed, show := setting("STATEMENTS", 0), setting("SEED", int(time.Now().UnixNano()&0xffffff)), setting("SHOW", 200)
	t.Logf("SEED=%d", seed)
	ctx := context.Background()
	theirsDSN := os.Getenv("MARIADB")
	if theirsDSN == "" {
		theirsDSN = startMariaDB(t)
	}
	oursDSN := os.Getenv("CLOUDSQL")
	if oursDSN == "" {
		oursDSN = harness.NewNode(t).Start().DSN("", "")
	}
	r := &run{t: t, kinds: map[string]int{}, explained: map[string]int{}, show: show}
	var err error
	if r.ours, err = Connect(ctx, oursDSN); err != nil {
		t.Fatal(err)
	}
	if r.theirs, err = Connect(ctx, theirsDSN); err != nil {
		t.Fatal(err)
	}
	r.theirs.Before = "SELECT 1 FROM information_schema.SCHEMATA LIMIT 0"
	g := New(uint64(seed)) //nolint:gosec // a seed
	for i := 0; i < statements; i++ {
		if i%2000 == 0 {
			for _, s := range append([]string{"DROP TABLE IF EXISTS a, b, c"}, g.Begin()...) {
				r.compare(ctx, s, true)
			}
		}
		s, ordered := g.Next()
		r.compare(ctx, s, ordered)
		if f := strings.Fields(s); f[0] != "SELECT" && f[0] != "(SELECT" {
			table := f[1]
			if table == "INTO" || table == "FROM" {
				table = f[2]
			}
			if !r.compare(ctx, "SELECT * FROM "+table+" ORDER BY id", true) { // or all that follows would differ
				for _, s := range []string{"DELETE FROM a", "DELETE FROM b", "DELETE FROM c"} {
					r.compare(ctx, s, true)
				}
			}
		}
	}
	r.summary(statements)
}

type run struct {
	t            *testing.T
	ours, theirs *Server
	agreed, show int
	kinds        map[string]int
	explained    map[string]int
	before       string // the statement before
}

// compare asks both; false where what they say differs and no known difference explains it.
func (r *run) compare(ctx context.Context, sql string, ordered bool) bool {
	ours, err := r.ours.Ask(ctx, sql, ordered)
	if err != nil {
		r.t.Fatalf("ours: %s: %v", sql, err)
	}
	theirs, err := r.theirs.Ask(ctx, sql, ordered)
	if err != nil {
		r.t.Fatalf("theirs: %s: %v", sql, err)
	}
	what := Compare(&ours, &theirs)
	if what == "" {
		r.agreed++
		r.before = sql
		return true
	}
	why := sql
	if strings.HasPrefix(sql, "SELECT *") { // what the change before it left
		why = r.before + "; " + sql
	}
	r.before = sql
	if reason := Explain(what, why, &ours, &theirs); reason != "" {
		r.explained[reason]++
		return what != "rows"
	}
	kind := kindOf(what, sql)
	if r.kinds[kind]++; r.kinds[kind] == 1 && len(r.kinds) <= r.show {
		r.t.Errorf("%s\n  %s\n  ours:   %s\n  theirs: %s", what, why, told(&ours, &theirs), told(&theirs, &ours))
	}
	return false
}

// told is of an answer what is not in the other.
func told(a, other *Answer) string {
	if a.Err != 0 {
		return fmt.Sprint(a.Err, " ", a.Message)
	}
	rows := a.Rows
	if other.Err == 0 {
		for i, r := range a.Rows {
			if i >= len(other.Rows) || r != other.Rows[i] {
				rows = a.Rows[i:min(i+1, len(a.Rows))]
				break
			}
		}
	}
	return fmt.Sprint(rows, " ", a.Types, " ", a.Warnings, " ", len(a.Rows), " rows")
}

func (r *run) summary(statements int) {
	n := 0
	for _, c := range r.kinds {
		n += c
	}
	r.t.Logf("%d statements: %d answers agree, %d differ in %d kinds", statements, r.agreed, n, len(r.kinds))
	for reason, n := range r.explained {
		r.t.Logf("%6d known: %s", n, reason)
	}
}

// startMariaDB starts a server of its own on a free port.
func startMariaDB(t *testing.T) string {
	t.Helper()
	server, err := exec.LookPath("mariadbd")
	if err != nil {
		t.Skip("there is no mariadbd here")
	}
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	if out, err := exec.Command("mariadb-install-db", "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().(*net.TCPAddr)
	l.Close()
	cmd := exec.Command(server, "--no-defaults", "--datadir="+data, "--bind-address=127.0.0.1", fmt.Sprintf("--port=%d", addr.Port),
		"--socket="+filepath.Join(dir, "s"), "--innodb-flush-log-at-trx-commit=0", "--user=root")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	dsn := fmt.Sprintf("root@tcp(%s)/", addr)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr.String()); err == nil {
			c.Close()
			return dsn
		}
		if time.Now().After(deadline) {
			t.Fatal("mariadbd does not listen")
		}
	}
}
