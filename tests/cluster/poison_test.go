//go:build mutant

package cluster

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"cloudsql/tests/harness"
)

const stopsAt = "A REPLICA STOPS AT A LOG ENTRY"

var advice = regexp.MustCompile(`2="cloudsql (debug fail-entry [^"]*)"`)

// TestPoison: an entry that a mutant cannot apply stops all replicas of its shard, again after each start, and each says so
// with the two commands that help. They are followed, and all serve again.
func TestPoison(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "cloudsql")
	if out, err := exec.Command("go", "build", "-tags", "mutant", "-o", bin, "cloudsql/cmd/cloudsql").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Run("one node", func(t *testing.T) { poisoned(t, poisonable(t, bin, 1)) })
	t.Run("three nodes", func(t *testing.T) { poisoned(t, poisonable(t, bin, 3)) })
}

// poisonable starts nodes of the mutant.
func poisonable(t *testing.T, bin string, count int) (nodes []*harness.Node) {
	for range count {
		n := harness.NewNode(t)
		n.Bin, n.Env = bin, []string{"CLOUDSQL_MUTANT=poison"}
		if len(nodes) > 0 {
			n.Args = []string{"--join", nodes[0].Internal}
		}
		nodes = append(nodes, n.Start())
	}
	if count > 1 {
		harness.Eventually(t, 60*time.Second, "replicas of every shard", func() error { return replicated(nodes) })
	}
	return nodes
}

func poisoned(t *testing.T, nodes []*harness.Node) {
	db := nodes[0].DB("", "")
	mustDo(t, db, "CREATE DATABASE d")
	mustDo(t, db, "CREATE TABLE d.t (id INT PRIMARY KEY, s VARCHAR(100))")
	mustDo(t, db, "INSERT INTO d.t VALUES (1, 'good')")
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if _, err := db.ExecContext(ctx, "INSERT INTO d.t VALUES (2, 'POISON')"); err == nil {
		t.Fatal("it was not poisonous")
	}
	stops := func(times int) {
		for _, n := range nodes {
			harness.Eventually(t, 60*time.Second, "every replica stops", func() error {
				if got := strings.Count(n.Log(), stopsAt); got < times {
					return fmt.Errorf("%d times", got)
				}
				return nil
			})
		}
	}
	stops(1)
	again := func() {
		for _, n := range nodes {
			n.Kill()
		}
		startAll(t, nodes)
	}
	again()
	stops(2)
	for _, n := range nodes {
		n.Kill()
	}
	for _, n := range nodes {
		m := advice.FindStringSubmatch(n.Log())
		if m == nil {
			t.Fatalf("no advice in\n%s", n.Log())
		}
		args := strings.Fields(m[1])[1:]
		if out, ok := debug(t, n, "log", "--data", n.Dir, "--shard", "2"); !ok || !strings.Contains(out, "not applied") || !strings.Contains(out, "insert t") {
			t.Errorf("%v\n%s", ok, out)
		}
		if out, ok := debug(t, n, args...); !ok {
			t.Fatalf("%v\n%s", args, out)
		}
	}
	startAll(t, nodes)
	for i, n := range nodes {
		mustDo(t, n.DB("d", ""), fmt.Sprintf("INSERT INTO t VALUES (%d, 'good')", 10+i))
		var count int
		if err := n.DB("d", "").QueryRow("SELECT COUNT(*) FROM t WHERE s = 'good'").Scan(&count); err != nil || count != 2+i {
			t.Errorf("%d rows, %v", count, err)
		}
	}
	if len(nodes) > 1 {
		settled(t, nodes)
	}
	again()
	mustDo(t, nodes[0].DB("d", ""), "INSERT INTO t VALUES (20, 'good')")
	for _, n := range nodes {
		if got := strings.Count(n.Log(), stopsAt); got != 2 {
			t.Errorf("it stopped %d times", got)
		}
	}
}
