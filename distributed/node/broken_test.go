package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

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
