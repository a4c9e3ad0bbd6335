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
	for i := range s.nodes {
		if err := group.start(ctx, &s, i); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
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

func (s *clusterSettings) log(i int) string {
	return filepath.Join(s.data, fmt.Sprintf("node%d.log", i+1))
}

func (s *clusterSettings) addr(i, kind int) string {
	return fmt.Sprintf("127.0.0.1:%d", s.port(i, kind))
}

// childGroup is the processes that were started.
type childGroup struct {
	mu       sync.Mutex
	children []*exec.Cmd
	done     []chan struct{}
	end      chan int
}

func (g *childGroup) ended() chan int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.end == nil {
		g.end = make(chan int, 16)
	}
	return g.end
}

// start starts node i and waits until it is ready.
func (g *childGroup) start(ctx context.Context, s *clusterSettings, i int) error {
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
		"start", "--data", filepath.Join(s.data, fmt.Sprintf("node%d", i+1)), "--log-level", s.logLevel,
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
	done, ready := make(chan struct{}), make(chan struct{})
	end := g.ended()
	g.mu.Lock()
	g.children, g.done = append(g.children, cmd), append(g.done, done)
	g.mu.Unlock()
	go func() {
		sc := bufio.NewScanner(out)
		for told := false; sc.Scan(); {
			if !told && strings.HasPrefix(sc.Text(), "cloudsql ready") {
				told = true
				close(ready)
			}
		}
		_ = cmd.Wait()
		close(done)
		end <- i
	}()
	select {
	case <-ready:
		return nil
	case <-done:
		return fmt.Errorf("node %d did not start: %s", i+1, lastLine(s.log(i)))
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(2 * time.Minute):
		return fmt.Errorf("node %d is not ready after two minutes: see %s", i+1, s.log(i))
	}
}

// stop ends the children, the last first so that leases move seldom, and waits for them.
func (g *childGroup) stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := len(g.children) - 1; i >= 0; i-- {
		_ = g.children[i].Process.Signal(syscall.SIGTERM)
		select {
		case <-g.done[i]:
		case <-time.After(20 * time.Second):
			_ = g.children[i].Process.Kill()
			<-g.done[i]
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
