//go:build soak

package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudsql/storage/schema"
	"cloudsql/tests/harness"
)

// TestSoakKills is ten deaths of the node that matters most, under sysbench's oltp_write_only, and then the death of all.
// Every third victim is whoever holds the system shard, so that catalog and timestamps move as well.
func TestSoakKills(t *testing.T) {
	const rounds, bound = 10, 3 * time.Second
	nodes := harness.Cluster(t, 3)
	harness.Eventually(t, 40*time.Second, "three replicas of every shard", func() error { return replicated(nodes) })
	c := newChecker(t, nodes, 6)
	defer func() { c.stop() }()
	load := startSysbench(t, nodes)
	c.progress(300)
	var resumes, unlucky, restarts []time.Duration
	for round := range rounds {
		victim := leaseholder(t, nodes)
		if round%3 == 2 {
			victim = holderOf(t, nodes, schema.SystemShard)
		}
		any, each, restart := killRound(t, c, victim)
		resumes, unlucky, restarts = append(resumes, any), append(unlucky, each), append(restarts, restart)
		if each > bound {
			t.Errorf("round %d: a client waited %v", round+1, each)
		}
	}
	t.Logf("writes resumed after %v", spread(resumes))
	t.Logf("for the unluckiest client after %v", spread(unlucky))
	t.Logf("restart to the ready line: %v", spread(restarts))
	killAll(t, c)
	load.stop()
	c.stop()
	settled(t, nodes)
	c.verify(nodes[0])
	t.Logf("sysbench: %s", load.summary())
}

func spread(d []time.Duration) string {
	text := make([]string, len(d))
	for i, v := range d {
		text[i] = v.Round(time.Millisecond).String()
	}
	s := slices.Sorted(slices.Values(d))
	return fmt.Sprintf("%s (median %v, most %v)", strings.Join(text, " "), s[len(s)/2].Round(time.Millisecond), s[len(s)-1].Round(time.Millisecond))
}

// sysbench runs oltp_write_only against every node, again whenever its node has died.
type sysbench struct {
	t    testing.TB
	done chan struct{}
	wg   sync.WaitGroup
	mu   sync.Mutex
	tps  []float64 // of every interval that it reported
	cmds map[*exec.Cmd]bool
}

const sysbenchTables = 4

func startSysbench(t testing.TB, nodes []*harness.Node) *sysbench {
	t.Helper()
	s := &sysbench{t: t, done: make(chan struct{}), cmds: map[*exec.Cmd]bool{}}
	if _, err := exec.LookPath("sysbench"); err != nil {
		t.Log("no sysbench here: the checker's clients are the only load")
		return s
	}
	db := nodes[0].DB("", "")
	if _, err := db.Exec("CREATE DATABASE sbtest"); err != nil {
		t.Fatal(err)
	}
	if out, err := s.command(nodes[0], "prepare").CombinedOutput(); err != nil {
		t.Fatalf("sysbench prepare: %v\n%s", err, out)
	}
	for _, n := range nodes {
		s.wg.Go(func() { s.loop(n) })
	}
	t.Cleanup(s.stop)
	return s
}

func (s *sysbench) command(n *harness.Node, what string) *exec.Cmd {
	host, port, _ := strings.Cut(n.SQL, ":")
	return exec.Command("sysbench", "oltp_write_only", "--mysql-host="+host, "--mysql-port="+port, "--mysql-user=root",
		"--mysql-db=sbtest", fmt.Sprintf("--tables=%d", sysbenchTables), "--table-size=10000", "--threads=3", "--time=600", "--report-interval=1",
		"--mysql-ignore-errors=all", what)
}

func (s *sysbench) loop(n *harness.Node) {
	for {
		var out strings.Builder
		cmd := s.command(n, "run")
		cmd.Stdout = &out
		s.mu.Lock()
		select {
		case <-s.done:
			s.mu.Unlock()
			return
		default:
		}
		err := cmd.Start()
		s.cmds[cmd] = err == nil
		s.mu.Unlock()
		if err == nil {
			_ = cmd.Wait() // its node died, or stop
		}
		s.mu.Lock()
		delete(s.cmds, cmd)
		for _, part := range strings.Split(out.String(), " tps: ")[1:] {
			var tps float64
			if _, err := fmt.Sscan(part, &tps); err == nil {
				s.tps = append(s.tps, tps)
			}
		}
		s.mu.Unlock()
		select {
		case <-s.done:
			return
		case <-time.After(500 * time.Millisecond): // its node is down
		}
	}
}

// stop ends the load.
func (s *sysbench) stop() {
	s.mu.Lock()
	select {
	case <-s.done:
		s.mu.Unlock()
		return
	default:
	}
	close(s.done)
	for cmd, runs := range s.cmds {
		if runs {
			_ = cmd.Process.Kill()
		}
	}
	s.mu.Unlock()
	s.wg.Wait()
}

func (s *sysbench) summary() string {
	sum := 0.0
	for _, v := range s.tps {
		sum += v
	}
	return fmt.Sprintf("%.0f transactions in %d node-seconds, failovers included", sum, len(s.tps))
}

// TestSoakIdle prints what nodes cost that nobody uses.
func TestSoakIdle(t *testing.T) {
	const idle = time.Minute
	for _, count := range []int{1, 3} {
		nodes := harness.Cluster(t, count)
		harness.Eventually(t, 40*time.Second, "replicas of every shard", func() error { return replicated(nodes) })
		time.Sleep(5 * time.Second) // what starting left behind
		before := make([]time.Duration, count)
		for i, n := range nodes {
			before[i] = cpuTime(t, n.Pid())
		}
		time.Sleep(idle)
		for i, n := range nodes {
			used := cpuTime(t, n.Pid()) - before[i]
			t.Logf("node %d of %d: %d MB resident, %.2f %% of a core", i+1, count, residentMB(t, n.Pid()), 100*used.Seconds()/idle.Seconds())
		}
		for _, n := range nodes {
			n.Stop()
		}
	}
}

func cpuTime(t testing.TB, pid int) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, fields, _ := strings.Cut(string(stat), ") ")
	var state string
	var skip [10]int64
	var utime, stime int64
	args := []any{&state}
	for i := range skip {
		args = append(args, &skip[i])
	}
	if _, err := fmt.Sscan(fields, append(args, &utime, &stime)...); err != nil {
		t.Fatal(err)
	}
	const ticks = 100 // a second, on Linux
	return time.Duration(utime+stime) * time.Second / ticks
}

func residentMB(t testing.TB, pid int) (mb int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	var kb int
	if _, err := fmt.Sscan(rest, &kb); err != nil {
		t.Fatal(err)
	}
	return kb / 1024
}

// TestSoakRestart prints how long a small database takes from exec to the ready line.
func TestSoakRestart(t *testing.T) {
	n := harness.NewNode(t).Start()
	c := newChecker(t, []*harness.Node{n}, 4)
	c.progress(20_000)
	c.stop()
	c.takeErrors()
	var clean, killed []time.Duration
	for range 5 {
		n.Stop()
		began := time.Now()
		n.Start()
		clean = append(clean, time.Since(began))
		c.run()
		c.progress(100)
		c.stop()
		n.Kill()
		began = time.Now()
		n.Start()
		killed = append(killed, time.Since(began))
	}
	c.verify(n)
	t.Logf("restart after SIGTERM: %v", spread(clean))
	t.Logf("restart after kill -9: %v", spread(killed))
}
