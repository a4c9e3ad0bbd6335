package cluster

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"cloudsql/tests/harness"
)

// debug runs `cloudsql debug` on a node's directory.
func debug(t *testing.T, n *harness.Node, args ...string) (out string, ok bool) {
	t.Helper()
	bin := n.Bin
	if bin == "" {
		bin = harness.Binary(t)
	}
	b, err := exec.Command(bin, append([]string{"debug"}, args...)...).CombinedOutput()
	return string(b), err == nil
}

// TestDebugLog: what a killed node's log says of a table's writes, and what is refused.
func TestDebugLog(t *testing.T) {
	n := harness.NewNode(t).Start()
	db := n.DB("", "multiStatements=true")
	for _, stmt := range []string{
		"CREATE DATABASE d", "CREATE TABLE d.t (id INT, name VARBINARY(20), v TEXT, PRIMARY KEY (id, name))",
		"INSERT INTO d.t VALUES (7, 'seven', 'x'), (8, 'eight', 'y')", "UPDATE d.t SET v = 'z' WHERE id = 7 AND name = 'seven'",
		"START TRANSACTION; DELETE FROM d.t WHERE id = 8; COMMIT",
	} {
		mustDo(t, db, stmt)
	}
	if out, ok := debug(t, n, "log", "--data", n.Dir); ok || !strings.Contains(out, "in use") {
		t.Errorf("while the node runs: %v\n%s", ok, out)
	}
	n.Kill()
	out, ok := debug(t, n, "log", "--data", n.Dir)
	if !ok || !strings.Contains(out, "shard 1 replica ") || !strings.Contains(out, "shard 2 replica ") {
		t.Fatalf("%v\n%s", ok, out)
	}
	for name, args := range map[string][]string{
		"insert t (tablet ": {"--shard", "2"}, ", 2 rows (7, seven) (8, eight)": {"--shard", "2"}, "update t": {"--shard", "2"},
		" 1 assignments (7, seven)": {"--shard", "2"}, "commit of ": {"--shard", "2"}, "is of table ": {"--shard", "2"},
		`"kind":"system"`: {"--shard", "1", "--json"}, "1 entries shown": {"--shard", "2", "--from", "2", "--limit", "1"},
	} {
		out, ok := debug(t, n, append([]string{"log", "--data", n.Dir, "--from", "1", "--limit", "1000"}, args...)...)
		if !ok || !strings.Contains(out, name) {
			t.Errorf("%q is not in what %v says: %v\n%s", name, args, ok, out)
		}
	}
	for want, args := range map[string][]string{
		"raft's own":          {"fail-entry", "--data", n.Dir, "--shard", "2", "--index", "1", "--checksum", "0"},
		"must name an entry":  {"fail-entry", "--data", n.Dir, "--shard", "2", "--index", "1"},
		"no replica of shard": {"log", "--data", n.Dir, "--shard", "9"},
		"not a node's":        {"log", "--data", filepath.Dir(n.Dir)},
		"Usage":               {"nothing"},
	} {
		if out, ok := debug(t, n, args...); ok || !strings.Contains(out, want) {
			t.Errorf("%v: %v\n%s", args, ok, out)
		}
	}
	n.Start()
	mustDo(t, n.DB("d", ""), "INSERT INTO t VALUES (9, 'nine', 'x')")
	n.Stop()
	out, ok = debug(t, n, "fail-entry", "--data", n.Dir, "--shard", "2", "--index", "5", "--checksum", "0")
	if ok || !strings.Contains(out, "executed here already") {
		t.Errorf("%v\n%s", ok, out)
	}
	if out, ok := debug(t, n, "log", "--data", n.Dir, "--shard", "2"); !ok || strings.Contains(out, "not applied") {
		t.Errorf("%v\n%s", ok, out)
	}
}
