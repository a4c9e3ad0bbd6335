package node

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"cloudsql/distributed/datadir"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// poisonEntry is one that stops each replica: of a format that nobody knows.
var poisonEntry = []byte{99, byte(shard.CommandBatch), 1, 2, 3}

// poison puts such an entry into a shard's log and waits until every replica has stopped at it.
func (c *testCluster) poison(s schema.ShardID) {
	c.t.Helper()
	proposed := false
	eventually(c.t, "all replicas have stopped", func() bool {
		running := false
		for _, n := range c.nodes {
			ls := n.local(s)
			running = running || ls != nil
			if ls != nil && !proposed && ls.group.IsLeader() {
				proposed = ls.group.Propose(context.Background(), poisonEntry, func(error) {}) == nil
			}
		}
		return !running
	})
}

// stopAll stops all nodes, startAll starts them again.
func (c *testCluster) stopAll() {
	for i := range c.nodes {
		c.stop(i)
	}
}

func (c *testCluster) startAll() {
	c.t.Helper()
	var wg sync.WaitGroup
	for i := range c.nodes {
		wg.Go(func() { c.start(i) })
	}
	wg.Wait()
	if c.t.Failed() {
		c.t.FailNow()
	}
}

// stopped opens a node's directory; the test closes it.
func stopped(t *testing.T, dir string, change bool) *datadir.Stopped {
	t.Helper()
	s, err := datadir.OpenStopped(dir, "", change)
	must(t, err)
	return s
}

// stopsAt finds the entry after the last that was applied.
func stopsAt(t *testing.T, dir string, id schema.ShardID) (x datadir.LogText) {
	t.Helper()
	s := stopped(t, dir, false)
	r, err := s.Replica(id)
	must(t, err)
	must(t, s.Log(id, 1, r.Last, func(e datadir.LogText) error {
		if e.Unknown {
			x = e
		}
		if e.Applied != (e.Index <= r.Applied) || e.Index < r.First || e.Bytes > 0 && e.Kind == "" {
			t.Errorf("%+v of %+v", e, r)
		}
		return nil
	}))
	must(t, s.Close())
	return x
}

// failEntry marks an entry, and says what it was told.
func failEntry(t *testing.T, dir string, id schema.ShardID, m shard.Mark) string {
	t.Helper()
	s := stopped(t, dir, true)
	text := ""
	if err := s.FailEntry(id, m); err != nil {
		text = err.Error()
	}
	must(t, s.Close())
	return text
}

// TestFailEntry: a node whose only replica stops at an entry, at every start, serves again when the entry was marked.
func TestFailEntry(t *testing.T) {
	c := newTestCluster(t)
	n := c.start(0)
	tb := createTable(t, n, "shop")
	s := tb.Tablets[0].Shard
	must(t, insert(context.Background(), n, tb, 1, 1))
	if _, err := datadir.OpenStopped(c.dirs[0], "", false); err == nil {
		t.Error("the directory of a node that runs was opened")
	}
	c.poison(s)
	c.stop(0)
	n = c.start(0)
	eventually(t, "it stops again", func() bool { return n.local(s) == nil })
	c.stop(0)

	at := stopsAt(t, c.dirs[0], s)
	sum := shard.Checksum(poisonEntry)
	if at.Index == 0 || at.Applied || at.Marked || at.Bytes != len(poisonEntry) || !strings.Contains(at.Damage, "99") {
		t.Fatalf("%+v", at)
	}
	for _, wrong := range []struct {
		id   schema.ShardID
		m    shard.Mark
		want string
	}{
		{s, shard.Mark{Index: at.Index, Checksum: sum + 1}, "checksum"},
		{s, shard.Mark{Index: at.Index - 1, Checksum: sum}, "executed here already"},
		{77, shard.Mark{Index: at.Index, Checksum: sum}, "no replica"},
	} {
		if text := failEntry(t, c.dirs[0], wrong.id, wrong.m); !strings.Contains(text, wrong.want) {
			t.Errorf("%+v: %q", wrong, text)
		}
	}
	m := shard.Mark{Index: at.Index, Checksum: sum}
	for range 2 { // the second time is one too many
		if text := failEntry(t, c.dirs[0], s, m); text != "" {
			t.Fatal(text)
		}
	}
	d := stopped(t, c.dirs[0], true)
	must(t, d.UndoFailEntry(s, at.Index))
	if d.UndoFailEntry(s, at.Index) == nil {
		t.Error("a mark was taken back twice")
	}
	must(t, d.FailEntry(s, m))
	must(t, d.Close())
	n = c.start(0)
	must(t, insert(context.Background(), n, tb, 2, 2))
	c.stop(0)
	d = stopped(t, c.dirs[0], true)
	if r, err := d.Replica(s); err != nil || !slices.Equal(r.Marks, []shard.Mark{m}) || d.UndoFailEntry(s, at.Index) == nil {
		t.Errorf("%+v, %v", r, err)
	}
	must(t, d.Close())
	n = c.start(0)
	for i := range int64(2) {
		if v, ok, err := get(context.Background(), n, tb, i+1); err != nil || !ok || v != i+1 {
			t.Errorf("row %d: %d, %v, %v", i+1, v, ok, err)
		}
	}
}

// TestFailEntryInGroup: three replicas stop at an entry. With the mark at two of them, these serve, and the third stops at it
// again; with the mark at all, all are equal. A mark that only one has, of an entry that does no harm, costs that replica.
func TestFailEntryInGroup(t *testing.T) {
	j := newJury(t)
	for _, m := range j.nodes {
		must(t, m.RefreshCatalog(context.Background()))
	}
	eventually(t, "all have applied all", func() bool { return equal(j.testCluster) })
	j.poison(j.shard)
	j.stopAll()
	m := shard.Mark{Index: stopsAt(t, j.dirs[0], j.shard).Index, Checksum: shard.Checksum(poisonEntry)}
	for i := range 2 {
		if text := failEntry(t, j.dirs[i], j.shard, m); text != "" {
			t.Fatal(text)
		}
	}
	j.startAll()
	j.bump(0)
	eventually(t, "the third stops", func() bool { return j.nodes[2].local(j.shard) == nil })
	j.bump(2)
	j.stop(2)
	if text := failEntry(t, j.dirs[2], j.shard, m); text != "" {
		t.Fatal(text)
	}
	j.start(2)
	j.bump(2)
	eventually(t, "equal hashes", func() bool { return j.nodes[2].local(j.shard) != nil && equal(j.testCluster) })
	for i := range j.nodes {
		if v := j.value(i); v != 4 {
			t.Errorf("node %d shows %d", i+1, v)
		}
	}
	j.verdict(nil)

	// Of what comes next, replica 3 alone will leave out an entry.
	lost := j.nodes[2].local(j.shard).replica
	j.stop(2)
	j.bump(0)
	for _, r := range lastEntries(t, j.dirs[0], j) {
		if text := failEntry(t, j.dirs[2], j.shard, r); text != "" {
			t.Fatal(text)
		}
	}
	j.start(2)
	j.bump(1)
	whole(t, j.testCluster, j.shard, lost)
	j.verdict(map[int]uint64{2: 1})
	if v := j.value(2); v != 6 {
		t.Errorf("the row is %d", v)
	}
}

// lastEntries are marks for the batches of the shard's log that replica 3 does not have yet.
func lastEntries(t *testing.T, dir string, j *jury) (marks []shard.Mark) {
	t.Helper()
	j.stop(0)
	s := stopped(t, dir, false)
	have := stopped(t, j.dirs[2], false)
	r, err := have.Replica(j.shard)
	must(t, err)
	must(t, have.Close())
	must(t, s.Log(j.shard, r.Applied+1, 1<<40, func(e datadir.LogText) error {
		if e.Kind == "batch" {
			sum, err := strconv.ParseUint(e.Checksum, 16, 64)
			marks = append(marks, shard.Mark{Index: e.Index, Checksum: sum})
			return err
		}
		return nil
	}))
	must(t, s.Close())
	if len(marks) == 0 {
		t.Fatal("no entry to leave out")
	}
	j.start(0)
	return marks
}
