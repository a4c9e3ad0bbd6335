package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"cloudsql/storage/spawn"
)

// clusterSettings are those of `cloudsql cluster`.
type clusterSettings struct {
	data     string
	basePort int
	nodes    int
	logLevel string
}

const (
	sqlPort  = 3306
	nodePort = 7306
	httpPort = 8306
	portStep = 10
)

// cluster runs nodes on this machine as processes of their own, so that each can be killed and looked at.
func cluster(args []string, stdout, stderr io.Writer) error {
	var s clusterSettings
	f := flag.NewFlagSet("cluster", flag.ContinueOnError)
	f.StringVar(&s.data, "data", "data/cluster", "directory below which each node has its own")
	f.IntVar(&s.basePort, "base-port", sqlPort, "SQL port of the first node; the others follow in steps of ten, node and HTTP ports lie 4000 and 5000 above")
	f.IntVar(&s.nodes, "nodes", 3, "how many nodes")
	f.StringVar(&s.logLevel, "log-level", "warn", "of the nodes, whose logs go to DIR/nodeN.log")
	if err := parse(f, args, stderr); err != nil {
		return err
	}
	if s.nodes < 1 || s.nodes > 9 || s.basePort < 1024 || s.basePort > 60000 {
		return usageError(f, errors.New("--nodes must be 1 to 9, --base-port 1024 to 60000"))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var group childGroup
	defer group.stop()
	if err := group.startAll(ctx, &s); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	for i := range s.nodes {
		fmt.Fprintf(stdout, "node %d: mysql -h 127.0.0.1 -P %d -u root   (http://127.0.0.1:%d/metrics, log %s)\n",
			i+1, s.port(i, sqlPort), s.port(i, httpPort), s.log(i))
	}
	fmt.Fprintf(stdout, "cloudsql cluster ready: %d nodes, data in %s; stop with Ctrl-C\n", s.nodes, s.data)
	select {
	case <-ctx.Done():
		fmt.Fprintln(stdout, "stopping")
		return nil
	case c := <-group.ended():
		return fmt.Errorf("node %d ended: see %s", c+1, s.log(c))
	}
}

func (s *clusterSettings) port(i, kind int) int { return s.basePort + kind - sqlPort + i*portStep }

func (s *clusterSettings) dir(i int) string { return filepath.Join(s.data, fmt.Sprintf("node%d", i+1)) }

// fresh tells a node that has never run: its directory is not there.
func (s *clusterSettings) fresh(i int) bool {
	_, err := os.Stat(s.dir(i))
	return err != nil
}

func (s *clusterSettings) log(i int) string {
	return filepath.Join(s.data, fmt.Sprintf("node%d.log", i+1))
}

func (s *clusterSettings) addr(i, kind int) string {
	return fmt.Sprintf("127.0.0.1:%d", s.port(i, kind))
}

// childGroup is the processes that were started.
type childGroup struct {
	mu       sync.Mutex
	children []*child
	end      chan int
}

// child is one of them.
type child struct {
	cmd         *exec.Cmd
	ready, done chan struct{} // closed at its ready line, and when it has ended
}

func (g *childGroup) ended() chan int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.end == nil {
		g.end = make(chan int, 16)
	}
	return g.end
}

// startAll starts the nodes and waits until all are ready. New nodes join one after the other, so that their ids follow
// their places; those that have run before need each other to be ready.
func (g *childGroup) startAll(ctx context.Context, s *clusterSettings) error {
	for i := range s.nodes {
		fresh := s.fresh(i)
		if err := g.start(s, i); err != nil {
			return err
		}
		if fresh {
			if err := g.awaitReady(ctx, s); err != nil {
				return err
			}
		}
	}
	return g.awaitReady(ctx, s)
}

// awaitReady waits for those that were started.
func (g *childGroup) awaitReady(ctx context.Context, s *clusterSettings) error {
	limit := time.After(2 * time.Minute)
	for i, c := range g.children {
		select {
		case <-c.ready:
		case <-c.done:
			return fmt.Errorf("node %d did not start: %s", i+1, lastLine(s.log(i)))
		case <-ctx.Done():
			return ctx.Err()
		case <-limit:
			return fmt.Errorf("node %d is not ready after two minutes: see %s", i+1, s.log(i))
		}
	}
	return nil
}

// start starts node i.
func (g *childGroup) start(s *clusterSettings, i int) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.data, 0o750); err != nil {
		return err
	}
	log, err := os.OpenFile(s.log(i), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	args := []string{
		"start", "--data", s.dir(i), "--log-level", s.logLevel,
		"--sql-addr", s.addr(i, sqlPort), "--node-addr", s.addr(i, nodePort), "--http-addr", s.addr(i, httpPort),
	}
	if i > 0 {
		args = append(args, "--join", s.addr(0, nodePort))
	}
	cmd := exec.Command(self, args...)
	cmd.Stderr = log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is ours to pass on
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	c := &child{cmd: cmd, ready: make(chan struct{}), done: make(chan struct{})}
	end := g.ended()
	g.mu.Lock()
	g.children = append(g.children, c)
	g.mu.Unlock()
	spawn.Go("watching a node's process", func() {
		sc := bufio.NewScanner(out)
		for told := false; sc.Scan(); {
			if !told && strings.HasPrefix(sc.Text(), "cloudsql ready") {
				told = true
				close(c.ready)
			}
		}
		_ = cmd.Wait()
		close(c.done)
		end <- i
	})
	return nil
}

// stop ends the children, the last first so that leases move seldom, and waits for them.
func (g *childGroup) stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := len(g.children) - 1; i >= 0; i-- {
		c := g.children[i]
		_ = c.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-c.done:
		case <-time.After(20 * time.Second):
			_ = c.cmd.Process.Kill()
			<-c.done
		}
	}
}

// lastLine is the end of a log, which tells why its process ended.
func lastLine(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return lines[len(lines)-1]
}
