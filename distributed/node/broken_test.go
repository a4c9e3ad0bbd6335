package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloudsql/storage/schema"
)

// whole waits until a shard has a running replica on every node, none of which is the one that was lost.
func whole(t *testing.T, c *testCluster, s schema.ShardID, lost uint64) {
	t.Helper()
	eventually(t, "a new replica in the place of the broken one", func() bool {
		for _, m := range c.nodes {
			sh, ok := m.Catalog().Shard(s)
			if !ok || len(sh.Replicas) != len(c.nodes) || len(sh.NonVoting) > 0 {
				return false
			}
			for id, r := range sh.Replicas {
				ls := c.nodes[id-1].local(s)
				if r == lost || ls == nil || ls.replica != r {
					return false
				}
			}
		}
		return true
	})
	eventually(t, "equal hashes", func() bool { return equal(c) })
}

// TestBrokenReplica breaks a follower's replica, the leaseholder's, and one of the system shard: each is replaced by a
// copy while writes go on, and what it held is kept for inspection.
func TestBrokenReplica(t *testing.T) {
	c := newTestCluster(t)
	n := c.startThree()
	tb := createTable(t, n, "shop")
	data := tb.Tablets[0].Shard
	for _, m := range c.nodes {
		must(t, m.RefreshCatalog(context.Background()))
	}
	w := startWriter(t, tb, func() *Node { return c.nodes[0] })
	w.progress(t, 20)
	holder := int(c.nodes[0].Leaseholder(data)) - 1
	for _, b := range []struct {
		node  int
		shard schema.ShardID
	}{{(holder + 1) % 3, data}, {holder, data}, {2, schema.SystemShard}} {
		m := c.nodes[b.node]
		lost := m.local(b.shard).replica
		m.breakReplica(b.shard, lost, "a test says so")
		m.breakReplica(b.shard, lost, "and again")
		whole(t, c, b.shard, lost)
		w.progress(t, 20)
		kept := filepath.Join(m.dir.file(keptDir), fmt.Sprintf("shard-%d.snapshot", b.shard))
		if info, err := os.Stat(kept); err != nil || info.Size() == 0 {
			t.Errorf("nothing was kept of the broken replica: %v", err)
		}
	}
	last := w.end()
	for i := range last {
		if v, ok, err := get(context.Background(), c.nodes[1], tb, i); err != nil || !ok || v != i+1 {
			t.Fatalf("row %d is %d, %v, %v", i, v, ok, err)
		}
	}
}

// TestDamagedStore: a node whose engine cannot be opened gets all its replicas anew; one that is alone refuses to start.
func TestDamagedStore(t *testing.T) {
	c := newTestCluster(t)
	n := c.startThree()
	tb := createTable(t, n, "shop")
	for i := range int64(20) {
		must(t, insert(context.Background(), n, tb, i, i+1))
	}
	s := tb.Tablets[0].Shard
	lost := c.nodes[2].local(s).replica
	c.stop(2)
	damage(t, filepath.Join(c.dirs[2], dataDir, "MANIFEST-*"))
	c.start(2)
	whole(t, c, s, lost)
	if _, err := os.Stat(filepath.Join(c.dirs[2], dataDir+".damaged")); err != nil {
		t.Errorf("what was damaged was not kept: %v", err)
	}

	alone := newTestCluster(t)
	alone.start(0)
	alone.stop(0)
	damage(t, filepath.Join(alone.dirs[0], dataDir, "MANIFEST-*"))
	m, err := Open(context.Background(), Config{Dir: alone.dirs[0], NodeAddr: "127.0.0.1:0"})
	if !errors.Is(err, ErrDataLost) {
		t.Errorf("a damaged store that is the only one: %v", err)
	}
	if err == nil {
		m.Close()
	}
}

// damage flips a bit in the middle of each file of a pattern.
func damage(t *testing.T, pattern string) {
	t.Helper()
	names, err := filepath.Glob(pattern)
	must(t, err)
	for _, name := range names {
		data, err := os.ReadFile(name)
		must(t, err)
		data[len(data)/2] ^= 4
		must(t, os.WriteFile(name, data, 0o600))
	}
	if len(names) == 0 {
		t.Fatal("nothing to damage: ", pattern)
	}
}

// copyDir copies a directory in the place of another.
func copyDir(t *testing.T, from, to string) {
	t.Helper()
	must(t, os.RemoveAll(to))
	must(t, os.CopyFS(to, os.DirFS(from)))
}

// flipInLog flips a bit in the middle of what a node's newest raft log file has in it.
func flipInLog(t *testing.T, dir string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, raftDir, "*", "*", "logdb-0", "*.log"))
	must(t, err)
	name, used := "", 0
	for _, candidate := range names { // of those, the one that is in use; others wait to be used again
		data, err := os.ReadFile(candidate)
		must(t, err)
		if n := len(bytes.TrimRight(data, "\x00")); n > 0 && (name == "" || filepath.Base(candidate) > filepath.Base(name)) {
			name, used = candidate, n
		}
	}
	if used < 4096 {
		t.Fatalf("%d bytes in the log", used)
	}
	data, err := os.ReadFile(name)
	must(t, err)
	data[used/2] ^= 8
	must(t, os.WriteFile(name, data, 0o600))
}

// refused expects that a node alone is not started on a damaged directory, and says what can be done.
func refused(t *testing.T, dir, when string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	n, err := Open(ctx, Config{Dir: dir, NodeAddr: "127.0.0.1:0"})
	if err == nil {
		n.Close()
	}
	if !errors.Is(err, ErrDataLost) || !strings.Contains(err.Error(), "Put back") {
		t.Errorf("%s: %v", when, err)
	}
}

// TestDamagedLogAlone: a node that has the only copy does not start on a log that lacks what was acknowledged, whether its
// rows are older (a loss of power took what was not synced) or newer than the damage, or the log is an old one altogether.
func TestDamagedLogAlone(t *testing.T) {
	c := newTestCluster(t)
	n := c.start(0)
	tb := createTable(t, n, "shop")
	c.stop(0)
	synced := filepath.Join(t.TempDir(), "synced")
	copyDir(t, c.dirs[0], synced)
	n = c.start(0)
	for i := range int64(300) {
		must(t, insert(context.Background(), n, tb, i, i+1))
	}
	c.stop(0)
	crashed := filepath.Join(t.TempDir(), "crashed")
	copyDir(t, c.dirs[0], crashed)
	back := func(name string) { copyDir(t, filepath.Join(synced, name), filepath.Join(c.dirs[0], name)) }

	flipInLog(t, c.dirs[0])
	refused(t, c.dirs[0], "rows ahead of a damaged log")
	back(dataDir)
	refused(t, c.dirs[0], "rows behind a damaged log")

	copyDir(t, crashed, c.dirs[0])
	back(raftDir)
	refused(t, c.dirs[0], "an old log")

	copyDir(t, crashed, c.dirs[0])
	back(dataDir)
	n = c.start(0) // an intact log has all that the rows lack
	for i := range int64(300) {
		if v, ok, err := get(context.Background(), n, tb, i); err != nil || !ok || v != i+1 {
			t.Fatalf("row %d is %d, %v, %v", i, v, ok, err)
		}
	}
}

// TestDamagedLogInGroup: where others have copies, a node with a damaged log gets all its replicas anew, and votes with none
// that does not know what it acknowledged.
func TestDamagedLogInGroup(t *testing.T) {
	c := newTestCluster(t)
	n := c.startThree()
	tb := createTable(t, n, "shop")
	for i := range int64(300) {
		must(t, insert(context.Background(), n, tb, i, i+1))
	}
	s := tb.Tablets[0].Shard
	lost := c.nodes[2].local(s).replica
	c.stop(2)
	flipInLog(t, c.dirs[2])
	n = c.start(2)
	whole(t, c, s, lost)
	if _, err := os.Stat(filepath.Join(c.dirs[2], raftDir+".damaged")); err != nil {
		t.Errorf("what was damaged was not kept: %v", err)
	}
	for i := range int64(300) {
		if v, ok, err := get(context.Background(), n, tb, i); err != nil || !ok || v != i+1 {
			t.Fatalf("row %d is %d, %v, %v", i, v, ok, err)
		}
	}
}
