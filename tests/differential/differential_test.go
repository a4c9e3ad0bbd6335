package differential

import (
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
//	EXAMPLES    how many of each known difference are told, 0
//	MARIADB     data source name of a server, instead of one that is started
//	CLOUDSQL    the same of cloudsql
func TestDifferential(t *testing.T) {
	if os.Getenv("STATEMENTS") == "" {
		t.Skip("make differential")
	}
	statements, seed, show := setting(t, "STATEMENTS", 0), setting(t, "SEED", int(time.Now().UnixNano()&0xffffff)), setting(t, "SHOW", 200)
	t.Logf("SEED=%d", seed)
	theirsDSN := os.Getenv("MARIADB")
	if theirsDSN == "" {
		theirsDSN = startMariaDB(t)
	}
	oursDSN := os.Getenv("CLOUDSQL")
	if oursDSN == "" {
		oursDSN = harness.NewNode(t).Start().DSN("", "")
	}
	r := &run{t: t, kinds: map[string]int{}, explained: map[string]int{}, show: show, examples: setting(t, "EXAMPLES", 0)}
	var err error
	if r.ours, err = Connect(oursDSN, false); err != nil {
		t.Fatal(err)
	}
	if r.theirs, err = Connect(theirsDSN, true); err != nil {
		t.Fatal(err)
	}
	g := New(uint64(seed)) //nolint:gosec // a seed
	again := 0
	for i := range statements {
		if i >= again {
			for _, s := range g.Begin() {
				r.compare(s, true)
			}
			again = i + 1000
		}
		s := g.Next()
		same := r.compare(s.SQL, s.Ordered)
		if same && r.done && s.Done != nil {
			s.Done()
		}
		for _, c := range s.Checks {
			same = same && r.compare(c, true)
		}
		if !same { // or all that follows would differ
			again = i
		}
	}
	r.summary(statements)
}

func setting(t *testing.T, name string, otherwise int) int {
	n, err := strconv.Atoi(harness.Setting(name, strconv.Itoa(otherwise)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

type run struct {
	t            *testing.T
	ours, theirs *Server
	agreed, show int
	examples     int
	done         bool // the last statement was no error
	kinds        map[string]int
	explained    map[string]int
	before       string // the statement before, but for checks
	set          string // the last SET
	prepared     string // the last PREPARE
}

// compare asks both; false where the two have different data afterwards.
func (r *run) compare(sql string, ordered bool) bool {
	ours, theirs := r.ask(sql, ordered)
	r.done = ours.Err == 0 && theirs.Err == 0
	what := Compare(&ours, &theirs)
	why := sql
	switch {
	case strings.HasPrefix(sql, "SELECT * FROM ") && strings.HasSuffix(sql, " ORDER BY id") || strings.Contains(sql, "information_schema."):
		why = r.before + "; " + sql // what the change before it left
	case strings.HasPrefix(sql, "SET "):
		r.before, r.set = sql, sql
	case strings.HasPrefix(sql, "PREPARE "):
		r.before, r.prepared = sql, sql
	case strings.HasPrefix(sql, "EXECUTE "):
		why = r.set + "; " + r.prepared + "; " + sql
	case strings.Contains(sql, "@"):
		why = r.set + "; " + sql // what is in the variables
	default:
		r.before = sql
	}
	if what == "" {
		r.agreed++
		return true
	}
	query := why == sql && (strings.HasPrefix(sql, "SELECT") || strings.HasPrefix(sql, "(") || strings.HasPrefix(sql, "WITH"))
	same := query || what != "rows" && what != "error" && what != "affected"
	if query {
		if part, o, th := r.smallest(sql, what); part != "" {
			why, ours, theirs = part, o, th
		}
	}
	if reason := Explain(what, why, &ours, &theirs); reason != "" {
		if r.explained[reason]++; r.explained[reason] <= r.examples {
			r.t.Logf("known: %s\n  %s\n  ours:   %s\n  theirs: %s", reason, why, told(&ours, &theirs), told(&theirs, &ours))
		}
		return same
	}
	kind := kindOf(what, why)
	if what == "metadata" {
		kind = told(&ours, &theirs)
		kind = kind[strings.Index(kind, "affected"):]
	}
	if r.kinds[kind]++; r.kinds[kind] == 1 && len(r.kinds) <= r.show {
		r.t.Errorf("%s\n  %s%s\n  ours:   %s\n  theirs: %s", what, why, whole(sql, why), told(&ours, &theirs), told(&theirs, &ours))
	}
	return same
}

// whole is what a part was found in.
func whole(sql, part string) string {
	if strings.HasSuffix(part, sql) {
		return ""
	}
	return "\n  of:     " + sql
}

// ask asks both servers.
func (r *run) ask(sql string, ordered bool) (ours, theirs Answer) {
	ours, err := r.ours.Ask(sql, ordered)
	if err != nil {
		r.t.Fatalf("ours: %s: %v", sql, err)
	}
	if theirs, err = r.theirs.Ask(sql, ordered); err != nil {
		r.t.Fatalf("theirs: %s: %v", sql, err)
	}
	return ours, theirs
}

// smallest is the shortest part of a query in which the two differ as they do in all of it, and their answers: so that what is known of a
// function explains nothing but what it gives itself.
func (r *run) smallest(sql, what string) (part string, ours, theirs Answer) {
	for _, p := range parts(sql) {
		if ours, theirs := r.askPart(p); Compare(&ours, &theirs) == what {
			return p.sql, ours, theirs
		}
	}
	return "", ours, theirs
}

// askPart asks both, for rows in an order where the part has such.
func (r *run) askPart(p part) (ours, theirs Answer) {
	if p.order != "" {
		if ours, theirs = r.ask(p.sql+p.order, true); ours.Err == 0 && theirs.Err == 0 {
			return ours, theirs
		}
	}
	return r.ask(p.sql, false)
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
	text := fmt.Sprint(rows, " ", a.Types, " ", a.Warnings, " ", a.Notes, " ", len(a.Rows), " rows, ", a.Affected, " affected")
	for i, m := range a.Meta {
		if i < len(other.Meta) && m != other.Meta[i] {
			text += ", " + m
		}
	}
	return text
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
