package generate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"cloudsql/tests/harness"
)

// TestGenerate runs random statements against a cluster. The environment chooses (make generate sets it):
//
//	TIME     how long: 6s
//	SEED     of the statements; the run prints it
//	NODES    1, 3; one after the other if not set
//	CLIENTS  at once: 6
//	PATIENCE how long a client waits for an answer: 2m; half of that is reported as slow. For machines that are overrun
//	TRACE    a directory for what each client sends
func TestGenerate(t *testing.T) {
	if testing.Short() || os.Getenv("TIME") == "" {
		t.Skip("make generate")
	}
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	d, err := time.ParseDuration(harness.Setting("TIME", "6s"))
	if err != nil {
		t.Fatal(err)
	}
	if patience, err = time.ParseDuration(harness.Setting("PATIENCE", patience.String())); err != nil {
		t.Fatal(err)
	}
	clients := harness.Number(t, "CLIENTS", 6)
	for _, n := range strings.Split(harness.Setting("NODES", "1,3"), ",") {
		count, err := strconv.Atoi(n)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(n+" nodes", func(t *testing.T) {
			r := newRun(t, seed, count)
			r.deadline, r.impatient = time.Now().Add(d), true
			r.work(clients)
			r.judge()
		})
	}
}

// TestGenerateShort is in make test: the same statements by one client, so that each run of it is alike. To look for new
// faults is make generate's.
func TestGenerateShort(t *testing.T) {
	if testing.Short() {
		t.Skip("processes")
	}
	for _, c := range []struct {
		name  string
		nodes int
		seed  uint64
	}{{"three nodes", 3, 7}, {"one node", 1, 11}} {
		t.Run(c.name, func(t *testing.T) {
			t.Logf("seed %d", c.seed)
			r := newRun(t, c.seed, c.nodes)
			r.most = 3000
			r.work(1)
			r.judge()
		})
	}
}

func newRun(t *testing.T, seed uint64, nodes int) *run {
	r := &run{t: t, seed: seed, nodes: harness.Cluster(t, nodes), faults: map[string]*fault{}, codes: map[uint16]int{}}
	if nodes > 1 {
		harness.Eventually(t, time.Minute, "replicas everywhere", func() error { return harness.Replicated(r.nodes) })
	}
	return r
}

// run is one run against one cluster.
type run struct {
	t     *testing.T
	seed  uint64
	nodes []*harness.Node
	count atomic.Int64
	good  atomic.Int64

	most      int64     // statements, 0 for any number
	deadline  time.Time // zero for none
	impatient bool      // a statement that takes long is a failure

	mu     sync.Mutex
	faults map[string]*fault // by what they have in common
	codes  map[uint16]int
	spent  map[string]spent
}

// fault is a kind of failure.
type fault struct {
	client  int
	stmt    string
	err     string
	reduced string
	times   int
}

const keptLines = 40

// patience is for how long a client waits; half of that is a failure of its own.
var patience = 2 * time.Minute

func (r *run) over() bool {
	return r.ended() || r.most > 0 && r.count.Load() >= r.most || !r.deadline.IsZero() && time.Now().After(r.deadline)
}

func (r *run) work(clients int) {
	catalog, vars := r.catalog()
	for name, text := range files {
		mysql.RegisterReaderHandler(name, func() io.Reader { return strings.NewReader(text) })
	}
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			g := New(r.seed, i, fmt.Sprint("g", i/2))
			g.System, g.Vars = catalog, vars
			c := &client{r: r, id: i, node: r.nodes[i%len(r.nodes)], g: g}
			if dir := os.Getenv("TRACE"); dir != "" {
				var err error
				if c.trace, err = os.Create(fmt.Sprintf("%s/client%d.sql", dir, i)); err != nil {
					r.t.Error(err)
				}
			}
			c.connect()
			defer c.close()
			for !r.over() {
				c.step()
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for tick := time.NewTicker(30 * time.Second); ; {
		select {
		case <-done:
			tick.Stop()
			r.t.Logf("%d statements, %d of them succeeded; seed %d", r.count.Load(), r.good.Load(), r.seed)
			return
		case <-tick.C:
			fmt.Printf("%s %d statements, %d succeeded, %d kinds of failure\n", time.Now().Format(time.TimeOnly), r.count.Load(), r.good.Load(), len(r.kinds()))
		}
	}
}

func (r *run) kinds() []*fault {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []*fault
	for _, f := range r.faults {
		list = append(list, f)
	}
	return list
}

func (r *run) ended() bool {
	for _, n := range r.nodes {
		if n.Ended() {
			return true
		}
	}
	return false
}

// unsettable are variables that a run can't go on with, or that are there to end connections.
var unsettable = regexp.MustCompile(`timeout|local_infile|max_execution|max_allowed_packet|read_only|offline|max_.*connections|max_join|require_|password|` +
	`persist|max_prepared|autocommit|sql_log|memory|transaction_mb|completion|sql_select_limit|sql_mode|recursion`)

// catalog asks the server for its system tables and variables.
func (r *run) catalog() (list []*table, vars []string) {
	db := r.nodes[0].DB("", "")
	conn, err := db.Conn(context.Background())
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close()
	if list, err = tables(conn, "table_schema IN ('information_schema', 'performance_schema', 'mysql', 'sys')"); err != nil {
		r.t.Fatal(err)
	}
	if _, err := conn.ExecContext(context.Background(), "SET GLOBAL local_infile = ON, "+patient); err != nil {
		r.t.Fatal(err)
	}
	names, err := db.Query("SHOW VARIABLES")
	if err != nil {
		r.t.Fatal(err)
	}
	defer names.Close()
	for names.Next() {
		var name, value string
		if err := names.Scan(&name, &value); err != nil {
			r.t.Fatal(err)
		}
		if !unsettable.MatchString(name) {
			vars = append(vars, name)
		}
	}
	return list, vars
}

// tables lists tables with their columns, named as statements name them.
func tables(conn *sql.Conn, where string, args ...any) (list []*table, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	rows, err := conn.QueryContext(ctx, "SELECT table_schema, table_name, column_name FROM information_schema.columns WHERE "+where+" ORDER BY 1, 2, ordinal_position", args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var schema, name, column string
		if err := rows.Scan(&schema, &name, &column); err != nil {
			return nil, err
		}
		name = quoteName(name)
		if len(args) == 0 {
			name = schema + "." + name
		}
		if len(list) == 0 || list[len(list)-1].name != name {
			list = append(list, &table{name: name, view: len(args) > 0 && viewName.MatchString(name)})
		}
		list[len(list)-1].columns = append(list[len(list)-1].columns, quoteName(column))
	}
	return list, rows.Err()
}

// client is one connection.
type client struct {
	r      *run
	id     int
	node   *harness.Node
	g      *Generator
	pool   *sql.DB
	conn   *sql.Conn
	trace  *os.File // nil for none
	missed int      // statements that lacked a table since learn looked
	past   []string // the last statements, for failures that one statement does not explain
}

func (c *client) connect() {
	c.close()
	var err error
	if c.pool, err = sql.Open("mysql", c.node.DSN("", "multiStatements=true&maxAllowedPacket=0&parseTime=false")); err != nil {
		c.r.t.Error(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if c.conn, err = c.pool.Conn(ctx); err != nil {
		c.conn = nil
	}
}

func (c *client) close() {
	if c.conn != nil {
		c.conn.Close()
	}
	if c.pool != nil {
		c.pool.Close()
	}
	c.conn, c.pool = nil, nil
}

func (c *client) step() {
	if c.conn == nil {
		time.Sleep(50 * time.Millisecond)
		c.connect()
		c.restore()
		return
	}
	s := c.g.Next()
	c.r.count.Add(1)
	if c.past = append(c.past, s.SQL); len(c.past) > keptLines {
		c.past = c.past[1:]
	}
	if c.trace != nil {
		fmt.Fprintf(c.trace, "%q\n", s.SQL)
	}
	if c.g.chance(0.002) {
		c.disturb(s)
		return
	}
	began := time.Now()
	err := c.run(s)
	if err == nil {
		c.r.good.Add(1)
		if s.Done != nil {
			s.Done()
		}
	}
	kind, took := failure(err), time.Since(began)
	c.r.spend(s.SQL, took)
	if kind == "" && c.r.impatient && took > patience/2 {
		kind, err = "slow", fmt.Errorf("took %v", took)
	}
	if kind != "" {
		c.report(kind, s, err)
	} else {
		c.r.tally(err)
		c.learn(err)
	}
}

// learn asks what tables there are, when statements keep failing for want of some: another client shares the database, or
// a definition was a part of several statements.
func (c *client) learn(err error) {
	var e *mysql.MySQLError
	if !errors.As(err, &e) || e.Number != noSuchTable && e.Number != noSuchDatabase && e.Number != noDatabase {
		return
	}
	if c.missed++; c.missed < 4 || c.g.inTxn {
		return
	}
	c.missed = 0
	if e.Number != noSuchTable {
		c.g.Learn(nil)
		return
	}
	if list, err := tables(c.conn, "table_schema = ?", c.g.Database); err == nil {
		c.g.Learn(list)
	}
}

// Errors for names that are not there.
const (
	noDatabase     = 1046
	noSuchDatabase = 1049
	noSuchTable    = 1146
)

// disturb sends a statement and does not wait for its end: the client goes away, or another connection kills it. What comes
// of it is nobody's fault; that the server goes on is what the next statements show.
func (c *client) disturb(s Statement) {
	wait := time.Duration(c.g.n(5000)) * time.Microsecond
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if kind := c.g.n(3); kind == 0 {
		time.AfterFunc(wait, cancel) // the driver closes the connection
		_ = c.ask(ctx, s)
	} else {
		c.killed(ctx, s, []string{"KILL QUERY ", "KILL "}[kind-1], wait)
	}
	c.connect()
	c.restore()
}

func (c *client) killed(ctx context.Context, s Statement, kill string, wait time.Duration) {
	var id int64
	if err := c.conn.QueryRowContext(ctx, "SELECT CONNECTION_ID()").Scan(&id); err != nil {
		return
	}
	done := make(chan struct{})
	pool := c.pool
	time.AfterFunc(wait, func() {
		_, _ = pool.ExecContext(ctx, fmt.Sprint(kill, id))
		close(done)
	})
	_ = c.ask(ctx, s)
	<-done
}

// spend notes what kind of statement the clients' time goes to.
func (r *run) spend(stmt string, took time.Duration) {
	words := strings.Fields(stmt[:min(len(stmt), 40)])
	kind := strings.ToUpper(strings.Join(words[:min(len(words), 1)], ""))
	switch kind {
	case "CREATE", "ALTER", "DROP", "FLUSH", "LOCK", "SET", "RENAME":
		kind = strings.ToUpper(strings.Join(words[:min(len(words), 2)], " "))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.spent == nil {
		r.spent = map[string]spent{}
	}
	s := r.spent[kind]
	r.spent[kind] = spent{s.times + 1, s.took + took}
}

type spent struct {
	times int
	took  time.Duration
}

// spending lists where most of the time went.
func (r *run) spending() string {
	kinds := slices.SortedFunc(maps.Keys(r.spent), func(a, b string) int { return int(r.spent[b].took - r.spent[a].took) })
	var b strings.Builder
	for _, k := range kinds[:min(len(kinds), 12)] {
		s := r.spent[k]
		fmt.Fprintf(&b, "%s: %d in %v, ", k, s.times, s.took.Round(time.Millisecond))
	}
	return b.String()
}

func (r *run) tally(err error) {
	var e *mysql.MySQLError
	if errors.As(err, &e) {
		r.mu.Lock()
		r.codes[e.Number]++
		r.mu.Unlock()
	}
}

// run sends a statement and reads all of its answer.
func (c *client) run(s Statement) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return c.ask(ctx, s)
}

func (c *client) ask(ctx context.Context, s Statement) error {
	rows, err := c.conn.QueryContext(ctx, s.SQL, s.Args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for {
		for rows.Next() {
		}
		if !rows.NextResultSet() {
			return rows.Err()
		}
	}
}

// internal are words that no message for users has.
var internal = regexp.MustCompile(`(?i)panic|runtime error|malformed|nil pointer|internal error|goroutine|^(planner|expr|types|fragment|shard|exec|bind|driver): `)

// regexpFault is MySQL's error for a pattern that its regular expression library fails at, in MySQL's words.
const regexpFault = 3687

// unknownXPath are MySQL's words for a path that EXTRACTVALUE and UPDATEXML can't read: its number for that is 1105.
var unknownXPath = regexp.MustCompile(`^XPATH (syntax error|error): `)

// failure tells what kind of failure an error is, "" for none.
func failure(err error) string {
	if err == nil {
		return ""
	}
	var e *mysql.MySQLError
	if !errors.As(err, &e) {
		if clientSide.MatchString(err.Error()) {
			return ""
		}
		return "lost: " + err.Error()
	}
	if e.Number == 1105 && !unknownXPath.MatchString(e.Message) || internal.MatchString(e.Message) && e.Number != regexpFault {
		return fmt.Sprintf("%d: %s", e.Number, varying.ReplaceAllString(e.Message, "…"))
	}
	return ""
}

var (
	// clientSide are errors of the driver about what it was given.
	clientSide = regexp.MustCompile(`expected \d+ arguments, got \d+|packet for query is too large|is not registered`)
	varying    = regexp.MustCompile(`'[^']*'|"[^"]*"|[0-9]+`)
)

// ends tells whether the connection is of no more use after a failure.
func ends(kind string) bool {
	return strings.HasPrefix(kind, "lost") || strings.Contains(kind, "Internal error")
}

// report keeps a failure, reduced if it is the first of its kind.
func (c *client) report(kind string, s Statement, err error) {
	lost := ends(kind)
	if lost {
		kind += c.lastPanic()
	}
	c.r.mu.Lock()
	f := c.r.faults[kind]
	first := f == nil
	if first {
		f = &fault{client: c.id, stmt: s.SQL, err: err.Error()}
		c.r.faults[kind] = f
	}
	f.times++
	c.r.mu.Unlock()
	if lost || strings.HasPrefix(kind, "slow") {
		c.connect()
	}
	if !first {
		c.restore()
		return
	}
	if s.Args != nil {
		f.stmt += fmt.Sprintf("   with %q", s.Args)
	}
	if !strings.HasPrefix(kind, "slow") && !c.r.ended() {
		f.reduced = Reduce(s.SQL, 400, func(sql string) bool {
			if lost {
				c.connect()
				c.restore()
			}
			if c.conn == nil {
				return false
			}
			if strings.Count(sql, "?") != len(s.Args) && s.Args != nil {
				return false
			}
			again := failure(c.run(Statement{SQL: sql, Args: s.Args}))
			if again != "" && ends(again) {
				again += c.lastPanic()
			}
			return again == kind
		})
		c.connect()
	}
	c.restore()
	if broken.MatchString(kind) {
		for _, n := range c.r.nodes {
			log := n.Log()
			fmt.Printf("LOG of %s\n%s\n", n.SQL, log[max(0, len(log)-4000):])
		}
	}
	fmt.Printf("FAILURE %s\n  client %d: %.3000s\n  %.2000s\n  reduced: %.2000s\n  before: %.6000s\n", kind, c.id, f.stmt, f.err, f.reduced, strings.Join(c.past[max(0, len(c.past)-12):], "\n          "))
}

// restore brings a new connection to where the tables are.
func (c *client) restore() {
	c.g.inTxn, c.g.locked, c.g.backup = false, false, false
	if c.conn != nil {
		_ = c.run(Statement{SQL: "USE " + c.g.Database})
		_ = c.run(Statement{SQL: "SET sql_mode = '', " + patient})
	}
}

// lastPanic gives where the last panic in the node's log came from.
func (c *client) lastPanic() string {
	time.Sleep(100 * time.Millisecond) // the log is written by another process
	log := c.node.Log()
	i := strings.LastIndex(log, "panic")
	if i < 0 {
		return ""
	}
	var at []string
	for _, m := range frame.FindAllString(log[i:], -1) {
		if strings.Contains(m, "protocol.(*conn).recover") {
			continue
		}
		if at = append(at, m); len(at) == 5 {
			break
		}
	}
	return " at " + strings.Join(at, " < ")
}

// broken are failures that come from what an earlier statement did to a shard.
var broken = regexp.MustCompile(`replica: |No node serves`)

var frame = regexp.MustCompile(`cloudsql/[a-z/]+\.[^(\s]*(\(\*?[A-Za-z]+\)\.[A-Za-z.0-9]+)?`)

// judge fails the test for what happened, and compares the replicas.
func (r *run) judge() {
	r.mu.Lock()
	for kind, f := range r.faults {
		r.t.Errorf("%d × %s\nclient %d: %.4000s\n%.1000s\nreduced: %.4000s", f.times, kind, f.client, f.stmt, f.err, f.reduced)
	}
	r.t.Logf("errors by code: %v", r.codes)
	r.t.Logf("time of clients: %s", r.spending())
	r.mu.Unlock()
	for i, n := range r.nodes {
		if n.Ended() {
			r.t.Fatalf("node %d has ended", i+1)
		}
		if log := n.Log(); strings.Contains(log, "panic") || strings.Contains(log, "fatal error") {
			at := max(0, strings.Index(log, "panic"))
			r.t.Errorf("node %d has logged a panic: %.3000s", i+1, log[at:])
		}
	}
	harness.Eventually(r.t, time.Minute, "equal replicas", func() error { return harness.Equal(r.nodes) })
}
