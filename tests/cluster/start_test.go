package cluster

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cloudsql/tests/harness"
)

// TestClusterCommand: what `make cluster` runs can be stopped and started again.
func TestClusterCommand(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three processes twice")
	}
	base := 20000 + harness.FreePort(t)%10000
	node := &harness.Node{T: t, SQL: fmt.Sprintf("127.0.0.1:%d", base+20)} // the third
	dir := filepath.Join(t.TempDir(), "cluster")
	for round := range 2 {
		stop := startCluster(t, dir, base)
		db := node.DB("", "")
		queries := []string{"CREATE DATABASE d", "CREATE TABLE d.t (a INT PRIMARY KEY)", "INSERT INTO d.t VALUES (1)"}
		if round == 1 {
			queries = []string{"UPDATE d.t SET a = a"}
			wantRow(t, node)
		}
		for _, q := range queries {
			if _, err := db.Exec(q); err != nil {
				t.Fatal(err)
			}
		}
		stop()
	}
}

// startCluster runs `cloudsql cluster` until stop is called.
func startCluster(t *testing.T, dir string, base int) (stop func()) {
	t.Helper()
	cmd := exec.Command(harness.Binary(t), "cluster", "--data", dir, "--base-port", fmt.Sprint(base))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_, _ = io.Copy(io.Discard, out)
		if err := cmd.Wait(); err != nil {
			t.Errorf("cloudsql cluster: %v\n%s", err, stderr.String())
		}
	})
	t.Cleanup(stop)
	limit := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
	defer limit.Stop()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "cloudsql cluster ready") {
			return stop
		}
	}
	t.Fatal("cloudsql cluster was not ready within 30 s")
	return nil
}

// TestDirectory: what is wrong with a data directory is said; nothing is made up in its place.
func TestDirectory(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	n := harness.NewNode(t).Start()
	db := n.DB("", "")
	for _, q := range []string{"CREATE DATABASE d", "CREATE TABLE d.t (a INT PRIMARY KEY)", "INSERT INTO d.t VALUES (1)"} {
		if _, err := db.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	second := harness.NewNode(t)
	second.Dir = n.Dir
	wantFailure(t, second, "in use by another process")
	n.Stop()
	// The only copy is gone: a node that started empty would tell its clients that nothing was ever there.
	for _, name := range []string{"raft", "data"} {
		dir, kept := filepath.Join(n.Dir, name), filepath.Join(t.TempDir(), name)
		if err := os.Rename(dir, kept); err != nil {
			t.Fatal(err)
		}
		wantFailure(t, n, "data is missing")
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(kept, dir); err != nil {
			t.Fatal(err)
		}
		wantRow(t, n.Start())
		n.Stop()
	}
}

func wantRow(t *testing.T, n *harness.Node) {
	t.Helper()
	var a int
	if err := n.DB("", "").QueryRow("SELECT a FROM d.t").Scan(&a); err != nil || a != 1 {
		t.Errorf("the row of d.t is %d, %v", a, err)
	}
}

func wantFailure(t *testing.T, n *harness.Node, text string) {
	t.Helper()
	before := len(n.Log())
	if err := n.TryStart(20 * time.Second); err == nil {
		t.Fatalf("the node started; want %q", text)
	}
	log := n.Log()[before:]
	if !strings.Contains(log, text) || strings.Contains(log, "panic:") {
		t.Errorf("the node ended with %q, want %q", log, text)
	}
}
