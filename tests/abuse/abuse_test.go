package abuse

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"cloudsql/tests/harness"
)

var full = flag.Bool("full", false, "run all cases at their full size")

const (
	limitMB = 1024 // of the node
	mostMB  = 1331 // of resident memory: 1.3 GiB
)

// abuse is one way to ask for too much. Its statements may be refused for lack of memory, and for nothing else.
type abuse struct {
	name  string
	short bool // also in the short form
	run   func(t *testing.T, n *node)
}

// refusals are the errors that say what there was too little of.
var refusals = map[uint16]string{
	1038: "statement", 1041: "process", 1153: "packet", 1197: "transaction", 1461: "prepared statements", 3170: "session", 1301: "packet",
	3636: "recursion", 1205: "lock wait", 1114: "temporary files",
}

// node is a node under abuse.
type node struct {
	*harness.Node
	t      *testing.T
	mu     sync.Mutex
	counts map[uint16]int // of refusals
}

// allow fails the test for an error that is not a refusal.
func (n *node) allow(what string, err error) {
	n.t.Helper()
	if err == nil {
		return
	}
	var e *mysql.MySQLError
	if !errors.As(err, &e) || refusals[e.Number] == "" {
		n.t.Errorf("%.80s: %.300v", what, err)
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.counts[e.Number]++
}

// conn opens a connection of its own.
func (n *node) conn() *sql.Conn {
	n.t.Helper()
	c, err := n.DB("abuse", "maxAllowedPacket=0").Conn(context.Background())
	if err != nil {
		n.t.Fatal(err)
	}
	return c
}

// drain runs a statement and reads all of its rows.
func drain(c *sql.Conn, text string, args ...any) error {
	rows, err := c.QueryContext(context.Background(), text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
	}
	return rows.Err()
}

// try runs statements on one connection.
func (n *node) try(texts ...string) {
	c := n.conn()
	defer c.Close()
	for _, text := range texts {
		n.allow(text, drain(c, text))
	}
}

// crowd runs a function on many connections at once.
func (n *node) crowd(many int, fn func(i int, c *sql.Conn)) {
	var wg sync.WaitGroup
	for i := range many {
		c := n.conn()
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer c.Close()
			fn(i, c)
		}()
	}
	wg.Wait()
}

func nested(fn string, times int, inner string) string {
	return strings.Repeat(fn+"(", times) + inner + strings.Repeat(")", times)
}

func doubled(times int) string {
	from := "(SELECT JSON_ARRAY('0123456789abcdef') a) t0"
	for i := range times {
		from = fmt.Sprintf("(SELECT JSON_ARRAY(a, a) a FROM %s) t%d", from, i+1)
	}
	return "SELECT LENGTH(a) FROM " + from
}

func list(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%d,", i)
	}
	return b.String() + "0"
}

var abuses = []abuse{
	{"nested HEX", false, func(_ *testing.T, n *node) {
		n.try("SELECT LENGTH(" + nested("HEX", 8, "REPEAT('v', 60000000)") + ")")
	}},
	{"JSON_ARRAY doubled", false, func(_ *testing.T, n *node) {
		n.try(doubled(21))
		texts := []string{"SET @j = JSON_ARRAY(REPEAT('x', 100))"}
		for range 25 {
			texts = append(texts, "SET @j = JSON_ARRAY(@j, @j)")
		}
		n.try(texts...)
	}},
	{"JSON_ARRAYAGG of REPEAT", true, func(_ *testing.T, n *node) {
		n.try("SELECT LENGTH(JSON_ARRAYAGG(REPEAT(x, 3000))) FROM big",
			fmt.Sprintf("SELECT k, LENGTH(JSON_ARRAYAGG(REPEAT(x, 3000))) FROM big WHERE k < %d GROUP BY k", sized(100, 16)))
	}},
	{"GROUP_CONCAT without a bound", false, func(_ *testing.T, n *node) {
		n.try("SET group_concat_max_len = 4294967295", "SELECT LENGTH(GROUP_CONCAT(REPEAT(x, 3000))) FROM big")
	}},
	{"ORDER BY REPEAT LIMIT", true, func(_ *testing.T, n *node) {
		n.try("SELECT id FROM big ORDER BY REPEAT(x, 3000) LIMIT 10000")
	}},
	{"user variables", true, func(_ *testing.T, n *node) {
		c := n.conn()
		defer c.Close()
		for i := range 30 {
			text := fmt.Sprintf("SET @v%d = REPEAT('x', 60000000)", i)
			n.allow(text, drain(c, text))
		}
	}},
	{"user variables of many", false, func(_ *testing.T, n *node) {
		n.crowd(20, func(_ int, c *sql.Conn) {
			for i := range 10 {
				text := fmt.Sprintf("SET @v%d = REPEAT('x', 30000000)", i)
				n.allow(text, drain(c, text))
			}
		})
	}},
	{"prepared statements", true, func(_ *testing.T, n *node) {
		c := n.conn()
		defer c.Close()
		in := list(200)
		for i := range sized(20000, 2000) {
			text := fmt.Sprintf("PREPARE p%d FROM 'SELECT x FROM big WHERE id IN (%s) AND k = ?'", i, in)
			n.allow(text, drain(c, text))
		}
	}},
	{"a list of constants", true, func(_ *testing.T, n *node) {
		n.try("SELECT COUNT(*) FROM big WHERE id IN (" + list(2000000) + ")")
	}},
	{"rows of an INSERT", false, func(_ *testing.T, n *node) {
		n.try("CREATE TABLE IF NOT EXISTS ins (a INT, b INT)", "INSERT INTO ins VALUES (1,1)"+strings.Repeat(",(2,2)", 3000000))
	}},
	{"large packets of many", true, func(_ *testing.T, n *node) {
		text := "SELECT LENGTH('" + strings.Repeat("x", 40<<20) + "')"
		n.crowd(sized(64, 16), func(_ int, c *sql.Conn) { n.allow("a large packet", drain(c, text)) })
	}},
	{"large results of many", false, func(_ *testing.T, n *node) {
		n.crowd(32, func(_ int, c *sql.Conn) {
			n.allow("a large result", drain(c, "SELECT REPEAT('x', 60000000) FROM big LIMIT 5"))
		})
	}},
	{"sorts", false, func(_ *testing.T, n *node) {
		n.crowd(8, func(i int, c *sql.Conn) {
			n.allow("a sort", drain(c, fmt.Sprintf("SELECT REPEAT(a.x, 50), a.id + %d s FROM big a JOIN big b ON a.k = b.k ORDER BY s LIMIT 1000000", i)))
		})
	}},
	{"joins", false, func(_ *testing.T, n *node) {
		n.crowd(8, func(_ int, c *sql.Conn) {
			n.allow("a join", drain(c, "SELECT COUNT(*) FROM (SELECT id, REPEAT(x, 800) r FROM big) a JOIN (SELECT id + 1 id, REPEAT(x, 800) r FROM big) b ON a.r = b.r"))
		})
	}},
	{"groups", false, func(_ *testing.T, n *node) {
		n.crowd(8, func(_ int, c *sql.Conn) {
			n.allow("groups", drain(c, "SELECT COUNT(*) FROM (SELECT CONCAT(REPEAT(x, 800), id) g, COUNT(*) FROM big GROUP BY g) d"))
			n.allow("distinct", drain(c, "SELECT COUNT(*) FROM (SELECT DISTINCT CONCAT(REPEAT(x, 800), id) g FROM big) d"))
		})
	}},
	{"windows", false, func(_ *testing.T, n *node) {
		n.try("SELECT MAX(LENGTH(r)) FROM (SELECT LAG(REPEAT(x, 3000)) OVER (ORDER BY id) r FROM big) d",
			"SELECT MAX(LENGTH(r)) FROM (SELECT MAX(REPEAT(x, 3000)) OVER (ORDER BY id) r FROM big) d")
	}},
	{"common table expressions", true, func(_ *testing.T, n *node) {
		n.try(fmt.Sprintf("WITH RECURSIVE c AS (SELECT 1 n, REPEAT('x', 1000000) s UNION ALL SELECT n + 1, CONCAT(s, '') FROM c WHERE n < %d) "+
			"SELECT COUNT(*), MAX(LENGTH(s)) FROM c", sized(900, 120)),
			fmt.Sprintf("WITH c AS (SELECT REPEAT(x, 3000) s FROM big WHERE id < %d) SELECT COUNT(*) FROM c a JOIN c b ON a.s = b.s", sized(20000, 3000)))
	}},
	{"set operations", false, func(_ *testing.T, n *node) {
		n.try("SELECT COUNT(*) FROM (SELECT CONCAT(REPEAT(x, 800), id) FROM big UNION SELECT CONCAT(REPEAT(x, 801), id) FROM big) d",
			"SELECT COUNT(*) FROM (SELECT CONCAT(REPEAT(x, 800), id) FROM big INTERSECT SELECT CONCAT(REPEAT(x, 801), id) FROM big) d")
	}},
	{"transactions of many", false, func(_ *testing.T, n *node) {
		n.try("CREATE TABLE IF NOT EXISTS tx (id BIGINT AUTO_INCREMENT PRIMARY KEY, s LONGTEXT)")
		n.crowd(24, func(_ int, c *sql.Conn) {
			n.allow("BEGIN", drain(c, "BEGIN"))
			for range 5 {
				n.allow("INSERT", drain(c, "INSERT INTO tx (s) VALUES (REPEAT('x', 10000000))"))
			}
			n.allow("ROLLBACK", drain(c, "ROLLBACK"))
		})
	}},
}

func sized(whole, part int) int {
	if *full {
		return whole
	}
	return part
}

// TestAbuse runs the cases one after the other against one node, each with its own look at the node's largest size.
func TestAbuse(t *testing.T) {
	if testing.Short() {
		t.Skip("a process and much work")
	}
	n := &node{t: t, Node: harness.NewNode(t, "--memory-limit-mb", strconv.Itoa(limitMB)).Start(), counts: map[uint16]int{}}
	n.prepare()
	probe := n.probe()
	for _, a := range abuses {
		if !a.short && !*full {
			continue
		}
		t.Run(a.name, func(t *testing.T) {
			n.t, n.Node.T = t, t
			n.resetPeak()
			clear(n.counts)
			before := probe.answers()
			a.run(t, n)
			peak := n.peakMB()
			t.Logf("peak %d MiB, %d point selects beside it, refused %v", peak, probe.answers()-before, n.counts)
			if peak > mostMB {
				t.Errorf("the node grew to %d MiB", peak)
			}
			probe.await(t, before+1)
		})
	}
	n.t, n.Node.T = t, t
	probe.end(t)
}

// prepare makes the table that the cases read.
func (n *node) prepare() {
	db := n.DB("", "")
	run := func(text string) {
		if _, err := db.Exec(text); err != nil {
			n.t.Fatalf("%.80s: %v", text, err)
		}
	}
	run("CREATE DATABASE abuse")
	run("CREATE TABLE abuse.big (id INT PRIMARY KEY, k INT, x VARCHAR(20))")
	const chunk = 5000
	for first := 0; first < 20000; first += chunk {
		var b strings.Builder
		for i := first; i < first+chunk; i++ {
			fmt.Fprintf(&b, ",(%d,%d,'row%07d')", i, i%100, i)
		}
		run("INSERT INTO abuse.big VALUES " + b.String()[1:])
	}
}

// probing selects by key on a connection of its own until it is told to end.
type probing struct {
	mu   sync.Mutex
	n    int
	err  error
	stop context.CancelFunc
	done chan struct{}
}

func (n *node) probe() *probing {
	c := n.conn()
	ctx, stop := context.WithCancel(context.Background())
	p := &probing{stop: stop, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		defer c.Close()
		for i := 0; ctx.Err() == nil; i++ {
			var x string
			err := c.QueryRowContext(context.Background(), "SELECT x FROM big WHERE id = "+strconv.Itoa(i%20000)).Scan(&x)
			p.mu.Lock()
			if p.n++; err != nil && p.err == nil {
				p.err = fmt.Errorf("point select %d: %w", p.n, err)
			}
			p.mu.Unlock()
			time.Sleep(time.Millisecond) // it looks, it is no load
		}
	}()
	return p
}

func (p *probing) answers() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.n
}

func (p *probing) await(t *testing.T, n int) {
	t.Helper()
	harness.Eventually(t, 10*time.Second, "a point select", func() error {
		if p.answers() < n {
			return errors.New("not answered")
		}
		return nil
	})
}

func (p *probing) end(t *testing.T) {
	p.stop()
	<-p.done
	if p.err != nil {
		t.Error(p.err)
	}
}

// resetPeak makes the kernel forget how large the process was.
func (n *node) resetPeak() {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", n.Pid()), []byte("5"), 0)
}

// peakMB is the largest resident size since then.
func (n *node) peakMB() int {
	n.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.Pid()))
	if err != nil {
		n.t.Fatalf("the node is gone: %v", err)
	}
	for _, line := range strings.Split(string(b), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				n.t.Fatal(err)
			}
			return kb >> 10
		}
	}
	n.t.Fatal("no VmHWM")
	return 0
}
