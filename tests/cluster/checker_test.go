package cluster

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"cloudsql/tests/harness"
)

// checker writes to a cluster and remembers what was acknowledged. Every writer inserts rows (writer, seq) and
// increments a counter of its own and one that all share; a write that failed without an answer may or may not have
// happened, an acknowledged one must have, and none may happen twice. A reader a node looks at the counters: what was
// acknowledged before it asked must be there.
type checker struct {
	t       testing.TB
	nodes   []*harness.Node
	writers []*writer
	cancel  context.CancelFunc
	wg      sync.WaitGroup

	lastAck     atomic.Int64 // nanoseconds, of any writer
	maxGap      atomic.Int64 // longest time between two acknowledgements since gaps
	acks        atomic.Int64
	reads       atomic.Int64
	sharedAcked atomic.Int64 // increments of the counter that all share
	sharedTried atomic.Int64

	mu     sync.Mutex
	errors []clientError
	stale  []string
}

// clientError is what a writer was told instead of an acknowledgement.
type clientError struct {
	node int // index
	at   time.Time
	err  error
}

// lostConnection: the client got no answer, as opposed to an error from the server.
func (e clientError) lostConnection() bool {
	var fromServer *mysql.MySQLError
	return !errors.As(e.err, &fromServer) || fromServer.Number == errShutdown
}

func (e clientError) String() string { return fmt.Sprintf("node %d: %v", e.node+1, e.err) }

// errShutdown is ER_SERVER_SHUTDOWN, what a server that stops tells its clients.
const errShutdown = 1053

// writer is one client. It prefers one node and goes to the next when a statement fails, as a driver with several
// hosts does.
type writer struct {
	id       int
	acked    []int // sequence numbers of acknowledged inserts
	unknown  map[int]bool
	seq      int
	incAcked atomic.Int64 // acknowledged increments of its own counter
	incTried int          // sent ones, acknowledged or not
	lastAck  atomic.Int64
	maxGap   atomic.Int64
}

const checkerSchema = `
CREATE DATABASE IF NOT EXISTS chk;
CREATE TABLE chk.acked (writer INT, seq INT, pad VARCHAR(100), PRIMARY KEY (writer, seq));
CREATE TABLE chk.counters (id INT PRIMARY KEY, n BIGINT NOT NULL)`

// newChecker creates the tables and starts writers and readers.
func newChecker(t testing.TB, nodes []*harness.Node, writers int) *checker {
	t.Helper()
	c := &checker{t: t, nodes: nodes}
	db := nodes[0].DB("", "multiStatements=true")
	if _, err := db.Exec(checkerSchema); err != nil {
		t.Fatal(err)
	}
	for id := range writers + 1 { // counter 0 is everybody's
		if _, err := db.Exec("INSERT INTO chk.counters VALUES (?, 0)", id); err != nil {
			t.Fatal(err)
		}
	}
	for id := 1; id <= writers; id++ {
		c.writers = append(c.writers, &writer{id: id, unknown: map[int]bool{}})
	}
	c.run()
	return c
}

// run starts the clients' goroutines; after stop, it starts them again.
func (c *checker) run() {
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	now := time.Now().UnixNano()
	c.lastAck.Store(now)
	for _, w := range c.writers {
		w.lastAck.Store(now)
		c.wg.Go(func() { c.write(ctx, w) })
	}
	for i := range c.nodes {
		c.wg.Go(func() { c.read(ctx, i) })
	}
}

// stop ends the clients.
func (c *checker) stop() {
	c.cancel()
	c.wg.Wait()
}

// pool opens one connection at a time.
func (c *checker) pool(n *harness.Node) *sql.DB {
	db, err := sql.Open("mysql", n.DSN("chk", "readTimeout=30s&writeTimeout=30s"))
	if err != nil {
		panic(err) // a wrong DSN
	}
	db.SetMaxOpenConns(1)
	return db
}

func (c *checker) write(ctx context.Context, w *writer) {
	pools := make([]*sql.DB, len(c.nodes))
	for i, n := range c.nodes {
		pools[i] = c.pool(n)
		defer pools[i].Close()
	}
	for node := w.id % len(pools); ctx.Err() == nil; {
		err := c.step(ctx, w, pools[node])
		if err == nil || ctx.Err() != nil {
			continue
		}
		c.mu.Lock()
		c.errors = append(c.errors, clientError{node, time.Now(), err})
		c.mu.Unlock()
		node = (node + 1) % len(pools)
		pause(ctx, 20*time.Millisecond) // a client that cannot connect does not spin
	}
}

// step is one insert and two increments.
func (c *checker) step(ctx context.Context, w *writer, db *sql.DB) error {
	w.seq++
	seq := w.seq
	w.unknown[seq] = true
	const insert = "INSERT INTO acked VALUES (?, ?, 'some text to make the row of an ordinary size')"
	if _, err := db.ExecContext(ctx, insert, w.id, seq); err != nil {
		return err
	}
	delete(w.unknown, seq)
	w.acked = append(w.acked, seq)
	c.ack(w)
	const increment = "UPDATE counters SET n = n + 1 WHERE id = ?"
	w.incTried++
	if _, err := db.ExecContext(ctx, increment, w.id); err != nil {
		return err
	}
	w.incAcked.Add(1)
	c.ack(w)
	c.sharedTried.Add(1)
	if _, err := db.ExecContext(ctx, increment, 0); err != nil {
		return err
	}
	c.sharedAcked.Add(1)
	c.ack(w)
	return nil
}

func (c *checker) ack(w *writer) {
	now := time.Now().UnixNano()
	noteGap(&c.lastAck, &c.maxGap, now)
	noteGap(&w.lastAck, &w.maxGap, now)
	c.acks.Add(1)
}

func noteGap(last, longest *atomic.Int64, now int64) {
	gap := now - last.Swap(now)
	for old := longest.Load(); gap > old && !longest.CompareAndSwap(old, gap); old = longest.Load() {
	}
}

// gaps gives the longest times without an acknowledgement since the last call, the present silence included: of all
// writers together, and of the one that waited longest.
func (c *checker) gaps() (any, each time.Duration) {
	now := time.Now().UnixNano()
	for _, w := range c.writers {
		each = max(each, time.Duration(max(w.maxGap.Swap(0), now-w.lastAck.Load())))
	}
	return time.Duration(max(c.maxGap.Swap(0), now-c.lastAck.Load())), each
}

// read looks at counters through one node.
func (c *checker) read(ctx context.Context, node int) {
	db := c.pool(c.nodes[node])
	defer db.Close()
	for i := 0; ctx.Err() == nil; i++ {
		if err := c.readOnce(ctx, db, node, c.writers[i%len(c.writers)]); err != nil {
			pause(ctx, 20*time.Millisecond) // the node is down
		}
		pause(ctx, 2*time.Millisecond)
	}
}

func (c *checker) readOnce(ctx context.Context, db *sql.DB, node int, w *writer) error {
	floor := w.incAcked.Load()
	var n int64
	if err := db.QueryRowContext(ctx, "SELECT n FROM counters WHERE id = ?", w.id).Scan(&n); err != nil {
		return err
	}
	c.reads.Add(1)
	if n < floor {
		c.mu.Lock()
		c.stale = append(c.stale, fmt.Sprintf("node %d read %d where %d had been acknowledged (writer %d)", node+1, n, floor, w.id))
		c.mu.Unlock()
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// progress waits until n further writes were acknowledged.
func (c *checker) progress(n int64) {
	c.t.Helper()
	from := c.acks.Load()
	harness.Eventually(c.t, 60*time.Second, "writers go on", func() error {
		if done := c.acks.Load() - from; done < n {
			return fmt.Errorf("%d of %d", done, n)
		}
		return nil
	})
}

// takeErrors gives the errors since the last call.
func (c *checker) takeErrors() []clientError {
	c.mu.Lock()
	defer c.mu.Unlock()
	errs := c.errors
	c.errors = nil
	return errs
}

// onlyLost fails the test if a client was told anything but that its connection to one of the nodes is lost.
func (c *checker) onlyLost(nodes ...int) {
	c.t.Helper()
	errs := c.takeErrors()
	for _, e := range errs {
		expected := false
		for _, n := range nodes {
			expected = expected || e.node == n && e.lostConnection()
		}
		if !expected {
			c.t.Errorf("a client's error: %v", e)
		}
	}
	if len(nodes) > 0 {
		c.t.Logf("%d clients lost their connections", len(errs))
	}
}

// verify compares the tables, read through node, with what was acknowledged. Nobody may be writing.
func (c *checker) verify(node *harness.Node) {
	c.t.Helper()
	db := c.pool(node)
	defer db.Close()
	acked := 0
	for _, w := range c.writers {
		acked += len(w.acked)
		c.verifyRows(db, w)
		c.verifyCounter(db, w.id, w.incAcked.Load(), int64(w.incTried))
	}
	c.verifyCounter(db, 0, c.sharedAcked.Load(), c.sharedTried.Load())
	for _, s := range c.stale {
		c.t.Errorf("stale read: %s", s)
	}
	c.t.Logf("%d acknowledged inserts and their counters are there; %d writes acknowledged, %d reads checked",
		acked, c.acks.Load(), c.reads.Load())
}

func (c *checker) verifyCounter(db *sql.DB, id int, acked, tried int64) {
	c.t.Helper()
	var n int64
	if err := db.QueryRow("SELECT n FROM counters WHERE id = ?", id).Scan(&n); err != nil {
		c.t.Fatal(err)
	}
	if n < acked || n > tried {
		c.t.Errorf("counter %d is %d; %d increments were acknowledged, %d sent", id, n, acked, tried)
	}
}

func (c *checker) verifyRows(db *sql.DB, w *writer) {
	c.t.Helper()
	rows, err := db.Query("SELECT seq FROM acked WHERE writer = ?", w.id)
	if err != nil {
		c.t.Fatal(err)
	}
	defer rows.Close()
	there := map[int]bool{}
	for rows.Next() {
		var seq int
		if err := rows.Scan(&seq); err != nil {
			c.t.Fatal(err)
		}
		there[seq] = true
	}
	if err := rows.Err(); err != nil {
		c.t.Fatal(err)
	}
	missing := 0
	for _, seq := range w.acked {
		if !there[seq] {
			missing++
		}
		delete(there, seq)
	}
	if missing > 0 {
		c.t.Errorf("writer %d: %d of %d acknowledged inserts are missing", w.id, missing, len(w.acked))
	}
	for seq := range there {
		if !w.unknown[seq] {
			c.t.Errorf("writer %d: row %d is there but was never sent", w.id, seq)
		}
	}
}
