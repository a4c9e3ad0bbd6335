package cluster

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"
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

// TestCheck runs workloads against a cluster of three processes while faults happen, records what the clients saw, and
// judges it. The environment chooses (make check sets it):
//
//	FAULT     none, kill, freeze, partition, clock, clockfar, restart, all
//	          and of disks: powerloss, bitflip, diskfull, slowdisk, fsyncerr
//	WORKLOAD  some of the names in workloads, separated by commas; all
//	TIME      how long clients work: 15s
//	SEED      of what clients and faults do; the run prints it
func TestCheck(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three processes")
	}
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	d, err := time.ParseDuration(harness.Setting("TIME", "15s"))
	if err != nil {
		t.Fatal(err)
	}
	r := newRun(t, seed, strings.Split(harness.Setting("WORKLOAD", "all"), ","))
	r.work(harness.Setting("FAULT", "all"), d)
	r.judge()
}

// workload is what some clients do, and how to judge what they saw. setup makes its tables in the database that db is
// connected to; start makes its clients (run.client); judge is called when all have ended and the cluster is whole.
type workload interface {
	setup(r *run, db *sql.DB)
	start(r *run)
	judge(r *run, db *sql.DB)
}

// workloads makes each by its name.
var workloads = []struct {
	name string
	make func() workload
}{
	{"bank", func() workload { return &bank{} }},
	{"lists", func() workload { return &lists{} }},
	{"rows", func() workload { return &lists{rows: true} }},
	{"registers", func() workload { return &registers{} }},
	{"claims", func() workload { return &claims{} }},
	{"snapshots", func() workload { return &snapshots{} }},
	{"tpcc", func() workload { return &tpcc{} }},
	{"large", func() workload { return &large{} }},
	{"past", func() workload { return &past{} }},
	{"gateways", func() workload { return &gateways{} }},
	{"strict", func() workload { return &strict{} }},
	{"families", func() workload { return &families{} }},
	{"definitions", func() workload { return &redefinitions{} }},
	{tableWorkload, func() workload { return &table{} }},
}

// checkDB is the workloads' database.
const checkDB = "chk"

// run is one cluster with workloads.
type run struct {
	t     *testing.T
	seed  uint64
	nodes []*harness.Node
	mesh  *harness.Mesh
	began time.Time
	works map[string]workload

	ctx     context.Context // ends with the clients' work
	cancel  context.CancelFunc
	clients sync.WaitGroup
	count   int // of clients

	mu       sync.Mutex
	findings int
	tallies  map[string]*tally
	faults   []string // the last ones
	faultsNo int
	damaged  *sync.Mutex // held while the node that bitFlip damages is stopped; nil: none is
}

// tally counts what became of a kind of operation.
type tally struct {
	ok, failed, unknown atomic.Int64
	mu                  sync.Mutex
	errors              map[string]int
}

// newRun starts a cluster and prepares the named workloads.
func newRun(t *testing.T, seed uint64, names []string) *run {
	t.Logf("SEED=%d", seed)
	_ = mysql.SetLogger(log.New(io.Discard, "", 0)) // it tells of each lost connection
	args := []string{"--log-level", "info"}
	if harness.Setting("SPREAD", "1") != "0" {
		args = append(args, "--spread-tables")
	}
	nodes, mesh := harness.Faulty(t, 3, diskFaults[harness.Setting("FAULT", "all")], args...)
	harness.Eventually(t, 60*time.Second, "three replicas of every shard", func() error { return replicated(nodes) })
	r := prepare(t, seed, names, nodes)
	r.mesh = mesh
	return r
}

// prepare makes the named workloads' tables in a cluster.
func prepare(t *testing.T, seed uint64, names []string, nodes []*harness.Node) *run {
	r := &run{t: t, seed: seed, nodes: nodes, began: time.Now(), works: map[string]workload{}, tallies: map[string]*tally{}}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	t.Cleanup(func() {
		r.cancel()
		r.clients.Wait()
		for _, n := range nodes {
			if t.Failed() {
				r.keepGoroutines(n)
			}
		}
	})
	if _, err := nodes[0].DB("", "").Exec("CREATE DATABASE IF NOT EXISTS " + checkDB); err != nil {
		t.Fatal(err)
	}
	db := nodes[0].DB(checkDB, "multiStatements=true")
	for _, w := range workloads {
		for _, name := range names {
			if name == w.name || name == "all" && w.name != tableWorkload {
				r.works[w.name] = w.make()
				r.works[w.name].setup(r, db)
			}
		}
	}
	if len(r.works) == 0 {
		t.Fatalf("no workload is called %v", names)
	}
	t.Logf("set up in %v", r.now().Round(time.Millisecond))
	return r
}

// work lets clients work for d while faults happen, and ends with a whole cluster.
func (r *run) work(fault string, d time.Duration) {
	r.startAll()
	end := time.Now().Add(d)
	r.trouble(fault, end)
	pause(r.ctx, time.Until(end))
	r.cancel()
	r.clients.Wait()
	ended := r.now()
	if fault == "diskfull" {
		r.revive()
	}
	settled(r.t, r.nodes)
	equal := r.now()
	r.alive()
	r.t.Logf("clients worked until %v; replicas were equal after %v more, tables in reach after %v", ended.Round(time.Millisecond),
		(equal - ended).Round(time.Millisecond), (r.now() - equal).Round(time.Millisecond))
}

// startAll lets the clients of all workloads begin.
func (r *run) startAll() {
	for _, w := range workloads {
		if x := r.works[w.name]; x != nil {
			x.start(r)
		}
	}
}

// alive waits until every node reads and locks every table: nothing that faults have left behind may be in the way for
// long.
func (r *run) alive() {
	const within = 30 * time.Second // a leaseholder asks the gateways of silent transactions after 8 s
	for _, n := range r.nodes {
		db := n.DB(checkDB, "readTimeout=120s&innodb_lock_wait_timeout=5") // a table may have millions of rows
		err := eventually(within, func() error { return everyTable(db) })
		db.Close()
		if err == nil {
			continue
		}
		r.t.Fatalf("tables are out of reach through %s for %v after the last fault: %v; the last faults: %s", n.SQL, within, err, strings.Join(r.faults, "; "))
	}
}

// keepGoroutines keeps what a node is doing in a file.
func (r *run) keepGoroutines(n *harness.Node) {
	text, err := n.Get("/debug/pprof/goroutine?debug=2")
	path := filepath.Join(os.TempDir(), fmt.Sprintf("cloudsql-check-%d-node%d.goroutines", r.seed, slices.Index(r.nodes, n)+1))
	if err = errors.Join(err, os.WriteFile(path, text, 0o644)); err != nil {
		r.t.Logf("what %s does: %v", n.SQL, err)
		return
	}
	r.t.Logf("what %s does: %s", n.SQL, path)
}

func eventually(within time.Duration, cond func() error) error {
	for end := time.Now().Add(within); ; time.Sleep(100 * time.Millisecond) {
		if err := cond(); err == nil || time.Now().After(end) {
			return err
		}
	}
}

// errLockTableFull is ER_LOCK_TABLE_FULL: a transaction has the locks that one may have in a shard.
const errLockTableFull = 1206

// everyTable reads and locks all rows of each table, or as many as may be locked.
func everyTable(db *sql.DB) error {
	rows, err := db.Query("SHOW TABLES")
	if err != nil {
		return err
	}
	var tables []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		tables = append(tables, name)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, name := range tables {
		for _, suffix := range []string{"", " FOR UPDATE"} {
			var n int
			err := db.QueryRow("SELECT COUNT(*) FROM " + name + suffix).Scan(&n)
			var from *mysql.MySQLError
			if errors.As(err, &from) && from.Number == errLockTableFull {
				continue // a million rows were locked, and that is all that a transaction may
			}
			if err != nil {
				return fmt.Errorf("%s%s: %w", name, suffix, err)
			}
		}
	}
	return nil
}

// judge gives each workload's verdict.
func (r *run) judge() {
	for _, w := range workloads {
		x := r.works[w.name]
		if x == nil {
			continue
		}
		began := time.Now()
		db := r.nodes[0].DB(checkDB, "readTimeout=60s")
		x.judge(r, db)
		db.Close()
		r.t.Logf("%s: judged in %v", w.name, time.Since(began).Round(time.Millisecond))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, x := range r.tallies {
		r.t.Logf("%s: %d ok, %d refused, %d unknown", name, x.ok.Load(), x.failed.Load(), x.unknown.Load())
		for text, n := range x.errors {
			r.t.Logf("    %5d × %s", n, text)
		}
	}
	r.t.Logf("%d faults", r.faultsNo)
	if r.findings > 0 {
		r.t.Logf("%d findings with SEED=%d; the last faults: %s", r.findings, r.seed, strings.Join(r.faults, "; "))
	}
}

// anomaly fails the test with the evidence for one.
func (r *run) anomaly(format string, args ...any) {
	const most = 20
	r.mu.Lock()
	r.findings++
	n := r.findings
	r.mu.Unlock()
	if n <= most {
		r.t.Errorf("ANOMALY at %v: %s", r.now(), fmt.Sprintf(format, args...))
	}
}

// now is the time since the run began: one clock for all clients.
func (r *run) now() time.Duration { return time.Since(r.began) }

func (r *run) tally(name string) *tally {
	r.mu.Lock()
	defer r.mu.Unlock()
	x := r.tallies[name]
	if x == nil {
		x = &tally{errors: map[string]int{}}
		r.tallies[name] = x
	}
	return x
}

// particulars are what differs between errors of a kind.
var particulars = regexp.MustCompile(`'[^']*'|\b\d{5,}\b|\[::\]:|0x[0-9a-f]+`)

// note counts an outcome.
func (x *tally) note(o outcome, err error) {
	switch o {
	case done:
		x.ok.Add(1)
		return
	case refused:
		x.failed.Add(1)
	case doubtful:
		x.unknown.Add(1)
	}
	text := fmt.Sprint(err)
	var from *mysql.MySQLError
	if errors.As(err, &from) {
		const enough = 60
		text = fmt.Sprintf("%d %.*s", from.Number, enough, from.Message)
	}
	text = particulars.ReplaceAllString(text, "…")
	x.mu.Lock()
	x.errors[text]++
	x.mu.Unlock()
}

// outcome is what a client knows about a change that it asked for.
type outcome uint8

const (
	done     outcome = iota
	refused          // it did not happen
	doubtful         // it may have
)

// definite are the server's errors that say that a change was not made.
var definite = map[uint16]bool{
	1205: true, 1206: true, 1213: true, 1062: true, 1451: true, 1452: true, 1235: true, 1146: true, 1792: true, 3572: true, 1290: true, 1317: true, 1021: true,
}

// judgeError tells what an error to a COMMIT or an autocommit change means.
func judgeError(err error) outcome {
	if err == nil {
		return done
	}
	var from *mysql.MySQLError
	if errors.As(err, &from) && definite[from.Number] {
		return refused
	}
	return doubtful
}

// client is one connection at a time, now and then to another node, by a goroutine of its own.
type client struct {
	*run
	id     int
	rnd    *rand.Rand
	params string
	node   int
	pool   *sql.DB
	conn   *sql.Conn
	level  string // the session's isolation level, if it was set
}

// client starts a client that repeats step until the work is over.
func (r *run) client(params string, step func(c *client) error) {
	r.count++
	c := &client{run: r, id: r.count, rnd: rand.New(rand.NewPCG(r.seed, uint64(r.count))), params: params}
	r.clients.Go(func() {
		defer c.drop()
		c.node = c.rnd.IntN(len(r.nodes))
		for r.ctx.Err() == nil {
			if err := step(c); err != nil && c.lost(err) {
				c.move()
				pause(r.ctx, 20*time.Millisecond)
			} else if c.rnd.IntN(100) == 0 {
				c.move()
			}
		}
	})
}

// lost: the connection is of no use any more, or its node is not.
func (c *client) lost(err error) bool {
	var from *mysql.MySQLError
	return !errors.As(err, &from) || from.Number == errShutdown || !definite[from.Number]
}

func (c *client) drop() {
	if c.conn != nil {
		c.conn.Close()
		c.pool.Close()
		c.conn = nil
	}
	c.level = ""
}

// move goes to another node.
func (c *client) move() {
	c.drop()
	c.node = (c.node + 1 + c.rnd.IntN(len(c.nodes)-1)) % len(c.nodes)
}

// exec runs a statement for its effect.
func (c *client) exec(query string, args ...any) (sql.Result, error) {
	conn, err := c.connect()
	if err != nil {
		return nil, err
	}
	return conn.ExecContext(context.Background(), query, args...)
}

// change runs an autocommit change and tells what became of it: a connection that could not be made changed nothing.
func (c *client) change(query string, args ...any) (sql.Result, outcome, error) {
	conn, err := c.connect()
	if err != nil {
		return nil, refused, err
	}
	res, err := conn.ExecContext(context.Background(), query, args...)
	return res, judgeError(err), err
}

// query reads rows of integers and strings: each is given to scan.
func (c *client) query(scan func(rows *sql.Rows) error, query string, args ...any) error {
	conn, err := c.connect()
	if err != nil {
		return err
	}
	rows, err := conn.QueryContext(context.Background(), query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// number reads one number; ok: there was a row.
func (c *client) number(query string, args ...any) (n int64, ok bool, err error) {
	err = c.query(func(rows *sql.Rows) error { ok = true; return rows.Scan(&n) }, query, args...)
	return n, ok, err
}

func (c *client) connect() (*sql.Conn, error) {
	if c.conn != nil {
		return c.conn, nil
	}
	params := "readTimeout=12s&writeTimeout=12s&interpolateParams=true&innodb_lock_wait_timeout=2"
	if c.params != "" {
		params += "&" + c.params
	}
	pool, err := sql.Open("mysql", c.nodes[c.node].DSN(checkDB, params))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := pool.Conn(ctx)
	if err != nil {
		pool.Close()
		return nil, err
	}
	c.pool, c.conn = pool, conn
	return conn, nil
}

// transaction runs one: level is for SET TRANSACTION ISOLATION LEVEL, begin a statement, body what is between it and
// COMMIT. An error of body rolls back.
func (c *client) transaction(level, begin string, body func() error) (outcome, error) {
	err := c.open(level, begin)
	if err != nil {
		return refused, err
	}
	if err := body(); err != nil {
		if c.lost(err) {
			c.drop() // the server rolls back; what it was told last may have been cut off anywhere before COMMIT
			return refused, err
		}
		if _, rollback := c.exec("ROLLBACK"); rollback != nil {
			c.drop()
		}
		return refused, err
	}
	_, err = c.exec("COMMIT")
	o := judgeError(err)
	if o != done {
		c.drop()
	}
	return o, err
}

func (c *client) open(level, begin string) error {
	if c.level != level {
		if _, err := c.exec("SET SESSION TRANSACTION ISOLATION LEVEL " + level); err != nil {
			return err
		}
		c.level = level
	}
	_, err := c.exec(begin)
	return err
}

// name tells who does something where, for reports.
func (c *client) name(what string) string { return fmt.Sprintf("c%d@n%d %s", c.id, c.node+1, what) }
