package differential

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudsql/tests/harness"
)

// TestDifferential compares. The environment chooses (make differential sets it):
//
//	STATEMENTS  how many, of all workers
//	WORKERS     how many pairs of connections ask at once, each in a database of its own, 1
//	SEED        of the statements, whose workers go different ways from it; the run prints it
//	SHOW        how many differences are told, 200
//	EXAMPLES    how many of each known difference are told, 0
//	SCRIPTS     a directory for scripts that make the differences again, each from its tables
//	MARIADB     data source name of a server, instead of one that is started
//	CLOUDSQL    the same of cloudsql
func TestDifferential(t *testing.T) {
	if os.Getenv("STATEMENTS") == "" {
		t.Skip("make differential")
	}
	statements, seed, show := harness.Number(t, "STATEMENTS", 0), harness.Number(t, "SEED", int(time.Now().UnixNano()&0xffffff)), harness.Number(t, "SHOW", 200)
	t.Logf("SEED=%d", seed)
	theirsDSN := os.Getenv("MARIADB")
	if theirsDSN == "" {
		theirsDSN = startMariaDB(t)
	}
	oursDSN, files := os.Getenv("CLOUDSQL"), ""
	if oursDSN == "" {
		files = t.TempDir()
		oursDSN = harness.NewNode(t, "--secure-file-priv", files).Start().DSN("", "")
	}
	found := &findings{t: t, kinds: map[string]int{}, explained: map[string]int{}, show: show, examples: harness.Number(t, "EXAMPLES", 0)}
	workers := harness.Number(t, "WORKERS", 1)
	t.Run("workers", func(t *testing.T) {
		for i := range workers {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				r := &run{t: t, findings: found, oursDSN: oursDSN, theirsDSN: theirsDSN, db: "diff" + strconv.Itoa(i), views: map[string]string{},
					rows: rowsOf{map[string]*Answer{}, map[string]*Answer{}}}
				r.connect()
				g := New(uint64(seed), uint64(i)) //nolint:gosec // a seed
				if files != "" {
					g.files = filepath.Join(files, strconv.Itoa(i))
					if err := os.Mkdir(g.files, 0o755); err != nil { //nolint:gosec // which both servers read
						t.Fatal(err)
					}
				}
				r.work(g, statements/workers)
			})
		}
	})
	found.summary(statements)
}

// connect connects to both, again where MariaDB is being started.
func (r *run) connect() {
	var err error
	r.mode = "SET sql_mode = '" + sqlMode + "'"
	if r.ours, err = Connect(r.oursDSN, r.db, false); err != nil {
		r.t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if r.theirs, err = Connect(r.theirsDSN, r.db, true); err == nil {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatal(err)
		}
	}
}

// work compares what both say of a number of statements.
func (r *run) work(g *Generator, statements int) {
	again := 0
	for i := range statements {
		if i >= again {
			for _, s := range g.Begin() {
				r.compare(&s)
			}
			for _, s := range contents(g.tables...) {
				r.compare(&Statement{SQL: s, Ordered: true})
			}
			again = i + 1000
		}
		s := g.Next()
		r.rows.settle()
		r.theirsWas = s.Theirs
		same := r.compare(&s) && !r.ended
		if same && r.done && s.Done != nil {
			s.Done()
		}
		for _, c := range s.Checks {
			same = same && r.compare(&Statement{SQL: c, Ordered: true})
		}
		if !same || r.ended { // or all that follows would differ
			again, r.ended = i, false
		}
	}
}

// findings are what all workers have found.
type findings struct {
	t              *testing.T
	mu             sync.Mutex
	agreed         int
	show, examples int
	kinds          map[string]int
	explained      map[string]int
}

// run is a worker's.
type run struct {
	*findings
	t            *testing.T
	ours, theirs *Server

	oursDSN, theirsDSN, db string

	ended  bool   // MariaDB has, at the last statement: both have new databases
	done   bool   // the last statement was no error
	before string // the statement before, but for checks
	set    string // the last SET
	mode   string // the last one of sql_mode
	rows   rowsOf // what tables have

	theirsWas string            // what MariaDB was told instead of the statement that script is about
	prepared  string            // the last PREPARE
	views     map[string]string // the queries of views
}

// compare asks both; false where the two have different data afterwards.
func (r *run) compare(s *Statement) bool {
	sql := s.SQL
	ours, theirs := r.ask(s)
	r.done = ours.Err == 0 && theirs.Err == 0
	r.rows.note(sql, &ours)
	what := Compare(&ours, &theirs)
	why := sql
	switch {
	case strings.HasPrefix(sql, "SELECT * FROM ") && strings.HasSuffix(sql, " ORDER BY id") || strings.Contains(sql, "information_schema."):
		why = r.before + "; " + sql // what the change before it left
	case strings.HasPrefix(sql, "SET sql_mode"):
		r.before, r.mode = sql, sql
	case strings.HasPrefix(sql, "SET "):
		r.before, r.set = sql, sql
	case strings.HasPrefix(sql, "PREPARE "):
		r.before, r.prepared = sql, sql
	case strings.HasPrefix(sql, "EXECUTE "):
		why = r.set + "; " + r.prepared + "; " + sql
		r.before = why
	case strings.Contains(sql, "@"):
		why = r.set + "; " + sql // what is in the variables
	default:
		if v := viewMade.FindStringSubmatch(sql); v != nil && r.done {
			r.views[v[1]] = v[2]
		}
		r.before = sql
	}
	if what == "" {
		r.agree()
		return true
	}
	query := why == sql && (strings.HasPrefix(sql, "SELECT") || strings.HasPrefix(sql, "(") || strings.HasPrefix(sql, "WITH") && !changeBehindWith.MatchString(sql))
	asked := why
	same := query || what != "rows" && what != "error" && what != "affected"
	if part, o, th := r.smallest(r.queried(s.inMariaDB(), query, what), what, &ours, &theirs); part != "" {
		why, ours, theirs = part, o, th
	}
	if reason := Explain(what, why, &ours, &theirs); reason != "" {
		if r.known(reason) {
			r.t.Logf("known: %s\n  %s\n  ours:   %s\n  theirs: %s", reason, why, told(&ours, &theirs), told(&theirs, &ours))
		}
		return same
	}
	kind := kindOf(what, why)
	if what == "metadata" {
		kind = told(&ours, &theirs)
		kind = kind[strings.Index(kind, "affected"):]
	}
	if n := r.fresh(kind); n > 0 {
		made := whole(sql, why)
		if s.Theirs != "" {
			made += "\n  as:     " + s.Theirs
		}
		made += r.keep(n, asked, theirs.Err != 0)
		r.t.Errorf("%s\n  %s%s\n  ours:   %s\n  theirs: %s", what, why, made, told(&ours, &theirs), told(&theirs, &ours))
	}
	return same
}

func (f *findings) agree() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.agreed++
}

// known counts a difference that is explained; true where it is to be told as an example.
func (f *findings) known(reason string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.explained[reason]++
	return f.explained[reason] <= f.examples
}

// fresh counts a difference, and gives the number of its kind to the first of it, 0 where it is not to be told.
func (f *findings) fresh(kind string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kinds[kind]++
	if f.kinds[kind] > 1 || len(f.kinds) > f.show {
		return 0
	}
	return len(f.kinds)
}

// whole is what a part was found in.
func whole(sql, part string) string {
	if strings.HasSuffix(part, sql) {
		return ""
	}
	return "\n  of:     " + sql
}

// ask asks both servers.
func (r *run) ask(s *Statement) (ours, theirs Answer) {
	ours, err := r.ours.Ask(s.SQL, s.Ordered, s.Binary)
	if err != nil {
		r.t.Fatalf("ours: %s: %v", s.SQL, err)
	}
	sql := s.inMariaDB()
	if theirs, err = r.theirs.Ask(sql, s.Ordered, s.Binary); err != nil {
		r.known("MariaDB ends")
		r.t.Logf("MariaDB ends: %s: %v", sql, err)
		r.connect()
		r.ended = true
		return Answer{}, Answer{}
	}
	return ours, theirs
}

// queried is the query in whose parts a difference is looked for, "" for none: a view's types are those of its query.
func (r *run) queried(sql string, query bool, what string) string {
	if v := viewRead.FindStringSubmatch(sql); v != nil && what == "types" {
		return r.views[v[1]]
	}
	if query {
		return sql
	}
	return ""
}

var (
	changeBehindWith = regexp.MustCompile(`^WITH .*\) (UPDATE|DELETE) `)

	viewMade = regexp.MustCompile(`^CREATE VIEW (w\d+) AS (SELECT .*?)(?: WITH (?:LOCAL |CASCADED )?CHECK OPTION)?$`)
	viewRead = regexp.MustCompile(`^SELECT \* FROM (w\d+) ORDER BY id$`)
)

// smallest is the shortest part of a query in which the two differ as they do in all of it, and their answers: so that what is known of a
// function explains nothing but what it gives itself.
func (r *run) smallest(sql, what string, ours, theirs *Answer) (part string, o, th Answer) {
	for _, p := range parts(sql) {
		if o, th := r.askPart(p); Compare(&o, &th) == what && (o.Err == 0) == (ours.Err == 0) && (th.Err == 0) == (theirs.Err == 0) {
			return p.sql, o, th
		}
	}
	return "", o, th
}

// askPart asks both, for rows in an order where the part has such.
func (r *run) askPart(p part) (ours, theirs Answer) {
	if p.order != "" {
		if ours, theirs = r.ask(&Statement{SQL: p.sql + p.order, Ordered: true}); ours.Err == 0 && theirs.Err == 0 {
			return ours, theirs
		}
	}
	return r.ask(&Statement{SQL: p.sql})
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

func (f *findings) summary(statements int) {
	n := 0
	for _, c := range f.kinds {
		n += c
	}
	f.t.Logf("%d statements: %d answers agree, %d differ in %d kinds", statements, f.agreed, n, len(f.kinds))
	for reason, n := range f.explained {
		f.t.Logf("%6d known: %s", n, reason)
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
	ended := make(chan struct{})
	t.Cleanup(func() { <-ended })
	go func() {
		defer close(ended)
		for t.Context().Err() == nil { // there are statements at which it ends
			_ = exec.CommandContext(t.Context(), server, "--no-defaults", "--datadir="+data, "--bind-address=127.0.0.1", fmt.Sprintf("--port=%d", addr.Port),
				"--socket="+filepath.Join(dir, "s"), "--innodb-flush-log-at-trx-commit=0", "--user=root").Run()
		}
	}()
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
