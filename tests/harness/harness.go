package harness

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql" // the driver of DB
)

var build struct {
	once sync.Once
	path string
	err  error
}

// Binary gives the path of cloudsql: $CLOUDSQL_BIN, or one built from this tree.
func Binary(t testing.TB) string {
	t.Helper()
	if p := os.Getenv("CLOUDSQL_BIN"); p != "" {
		return p
	}
	build.once.Do(func() {
		dir, err := os.MkdirTemp("", "cloudsql-bin-")
		if err != nil {
			build.err = err
			return
		}
		build.path = filepath.Join(dir, "cloudsql")
		out, err := exec.Command("go", "build", "-o", build.path, "cloudsql/cmd/cloudsql").CombinedOutput()
		if err != nil {
			build.err = fmt.Errorf("building cloudsql: %w\n%s", err, out)
		}
	})
	if build.err != nil {
		t.Fatal(build.err)
	}
	return build.path
}

// Setting is an environment variable of the run, or what it is by default.
func Setting(name, byDefault string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return byDefault
}

// Number is a setting that is one.
func Number(t testing.TB, name string, byDefault int) int {
	t.Helper()
	n, err := strconv.Atoi(Setting(name, strconv.Itoa(byDefault)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// given are the ports that FreePort has found: the kernel may name one again before who asked first listens on it.
var given sync.Map

// FreePort finds a loopback port that nobody listens on, another one each time.
func FreePort(t testing.TB) int {
	t.Helper()
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		l.Close()
		if _, before := given.LoadOrStore(port, true); !before {
			return port
		}
	}
}

// Node is a cloudsql process and its addresses; it may be started again after it has ended.
type Node struct {
	T                   testing.TB
	Dir                 string
	SQL, Internal, HTTP string
	Args                []string // further arguments of start
	Env                 []string // further environment of the process
	Bin                 string   // the program; Binary if empty

	mu  sync.Mutex
	cmd *exec.Cmd
	end chan struct{} // closed when the process has ended
	log string
}

// NewNode prepares a node with free ports and a fresh directory below the test's; it is not started.
func NewNode(t testing.TB, args ...string) *Node {
	t.Helper()
	dir := t.TempDir()
	addr := func() string { return fmt.Sprintf("127.0.0.1:%d", FreePort(t)) }
	n := &Node{T: t, Dir: filepath.Join(dir, "data"), SQL: addr(), Internal: addr(), HTTP: addr(), Args: args, log: filepath.Join(dir, "log")}
	t.Cleanup(func() {
		n.Signal(syscall.SIGCONT) // a frozen process does not even die
		n.Kill()
		if n.T = t; t.Failed() {
			n.dumpLog()
		}
	})
	return n
}

// Log is what the node's processes wrote to standard error so far.
func (n *Node) Log() string {
	b, err := os.ReadFile(n.log)
	if err != nil {
		return ""
	}
	return string(b)
}

// dumpLog prints the end of the node's log for a test that failed.
func (n *Node) dumpLog() {
	const most = 8 << 10
	b := n.Log()
	if len(b) > most {
		b = b[len(b)-most:]
	}
	n.T.Logf("end of the log of %s:\n%s", n.SQL, b)
}

// Start starts the process and waits for its ready line.
func (n *Node) Start() *Node {
	n.T.Helper()
	if err := n.TryStart(30 * time.Second); err != nil {
		n.T.Fatal(err)
	}
	return n
}

// TryStart is Start that returns what went wrong.
func (n *Node) TryStart(timeout time.Duration) error {
	args := append([]string{"start", "--data", n.Dir, "--sql-addr", n.SQL, "--node-addr", n.Internal, "--http-addr", n.HTTP}, n.Args...)
	bin := n.Bin
	if bin == "" {
		bin = Binary(n.T)
	}
	cmd := exec.Command(bin, args...)
	cmd.Env = append(os.Environ(), n.Env...)
	log, err := os.OpenFile(n.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	// A test process that dies takes its nodes along.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	end, ready := make(chan struct{}), make(chan struct{})
	n.mu.Lock()
	n.cmd, n.end = cmd, end
	n.mu.Unlock()
	go func() {
		awaitReady(out, ready)
		_ = cmd.Wait() // how it ended is in ProcessState
		close(end)
	}()
	select {
	case <-ready:
		return nil
	case <-end:
		return fmt.Errorf("cloudsql %s ended before it was ready: %v", strings.Join(args, " "), cmd.ProcessState)
	case <-time.After(timeout):
		n.Kill()
		return fmt.Errorf("cloudsql %s was not ready after %v", strings.Join(args, " "), timeout)
	}
}

// awaitReady closes ready at the ready line and reads on to the end of the output.
func awaitReady(out io.Reader, ready chan struct{}) {
	s := bufio.NewScanner(out)
	seen := false
	for s.Scan() {
		if !seen && strings.HasPrefix(s.Text(), "cloudsql ready") {
			seen = true
			close(ready)
		}
	}
}

// Signal sends a signal to the running process; it does nothing when none runs.
func (n *Node) Signal(sig os.Signal) {
	n.mu.Lock()
	cmd := n.cmd
	n.mu.Unlock()
	if cmd != nil && cmd.Process != nil {
		_ = cmd.Process.Signal(sig)
	}
}

// Kill is kill -9, and waits for the end.
func (n *Node) Kill() {
	n.Signal(syscall.SIGKILL)
	n.wait()
}

func (n *Node) wait() {
	n.mu.Lock()
	end := n.end
	n.mu.Unlock()
	if end != nil {
		<-end
	}
}

// EndsWithin tells whether the process ends within a time.
func (n *Node) EndsWithin(within time.Duration) bool {
	n.mu.Lock()
	end := n.end
	n.mu.Unlock()
	select {
	case <-end:
		return true
	case <-time.After(within):
		return false
	}
}

// Stop is SIGTERM, and waits for the end: a clean leave.
func (n *Node) Stop() {
	n.T.Helper()
	n.Signal(syscall.SIGTERM)
	n.mu.Lock()
	end := n.end
	n.mu.Unlock()
	select {
	case <-end:
	case <-time.After(30 * time.Second):
		n.T.Fatal("the node did not end within 30 s of SIGTERM")
	}
}

// Ended tells whether the process was started and runs no more.
func (n *Node) Ended() bool {
	n.mu.Lock()
	end := n.end
	n.mu.Unlock()
	select {
	case <-end:
		return true
	default:
		return false
	}
}

// Pid is the process id.
func (n *Node) Pid() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cmd.Process.Pid
}

// DSN is the driver's address of a database on the node; params such as "interpolateParams=true" are optional.
func (n *Node) DSN(db, params string) string {
	dsn := "root@tcp(" + n.SQL + ")/" + db + "?timeout=5s"
	if params != "" {
		dsn += "&" + params
	}
	return dsn
}

// DB opens a pool of connections to the node, closed with the test.
func (n *Node) DB(db, params string) *sql.DB {
	n.T.Helper()
	pool, err := sql.Open("mysql", n.DSN(db, params))
	if err != nil {
		n.T.Fatal(err)
	}
	n.T.Cleanup(func() { pool.Close() })
	return pool
}

// Get fetches a page of the node's HTTP address.
func (n *Node) Get(path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.HTTP+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", path, resp.Status, b)
	}
	return b, err
}

// GetJSON fetches and decodes a page.
func (n *Node) GetJSON(path string, v any) error {
	b, err := n.Get(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

// Cluster starts n nodes: the first alone, the others joining it.
func Cluster(t testing.TB, n int, args ...string) []*Node {
	t.Helper()
	nodes := []*Node{NewNode(t, args...).Start()}
	for len(nodes) < n {
		join := append([]string{"--join", nodes[0].Internal}, args...)
		nodes = append(nodes, NewNode(t, join...).Start())
	}
	return nodes
}

// Eventually polls until cond is nil or the time is over; then the last error is fatal. It is for states that a cluster
// reaches by itself; what is tested must be true at once has no business here.
func Eventually(t testing.TB, within time.Duration, what string, cond func() error) {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		err := cond()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v: %v", what, within, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
