package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed"
	"cloudsql/distributed/datadir"
	"cloudsql/storage/engine"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/types"
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
		kept := filepath.Join(m.dir.File(keptDir), fmt.Sprintf("shard-%d.snapshot", b.shard))
		if info, err := os.Stat(kept); err != nil || info.Size() == 0 {
			t.Errorf("nothing was kept of the broken replica: %v", err)
		}
	}
	last := w.end()
	hasRows(t, c.nodes[1], tb, last)
}

// rebuilt damages part of the last node's directory, and waits until it has new replicas. What was damaged must be kept.
func rebuilt(t *testing.T, c *testCluster, tb *schema.Table, part string, damage func(dir string)) {
	t.Helper()
	s := tb.Tablets[0].Shard
	lost := c.nodes[2].local(s).replica
	c.stop(2)
	damage(c.dirs[2])
	c.start(2)
	whole(t, c, s, lost)
	if _, err := os.Stat(filepath.Join(c.dirs[2], part+".damaged")); err != nil {
		t.Errorf("what was damaged was not kept: %v", err)
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
	rebuilt(t, c, tb, datadir.Data, func(dir string) { damage(t, filepath.Join(dir, datadir.Data, "MANIFEST-*")) })
	hasRows(t, c.nodes[2], tb, 20)

	alone := newTestCluster(t)
	alone.start(0)
	alone.stop(0)
	damage(t, filepath.Join(alone.dirs[0], datadir.Data, "MANIFEST-*"))
	m, err := Open(context.Background(), Config{Dir: alone.dirs[0], NodeAddr: "127.0.0.1:0"})
	if !errors.Is(err, datadir.ErrDataLost) {
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

// damageLog changes what a node's newest raft log file has in it.
func damageLog(t *testing.T, dir string, change func(used []byte)) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, datadir.Raft, "*", "*", "logdb-0", "*.log"))
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
	change(data[:used])
	must(t, os.WriteFile(name, data, 0o600))
}

func flipMiddle(used []byte) { used[len(used)/2] ^= 8 }

// zeroTail is a page cache that was lost: the last part reads as zeros, with all marks in it.
func zeroTail(used []byte) { clear(used[len(used)*3/4:]) }

// refused expects that a node alone is not started on a damaged directory, and says what can be done.
func refused(t *testing.T, dir, when string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second) // as start does
	defer cancel()
	n, err := Open(ctx, Config{Dir: dir, NodeAddr: "127.0.0.1:0"})
	if err == nil {
		n.Close()
	}
	if !errors.Is(err, datadir.ErrDataLost) || !strings.Contains(err.Error(), "Put back") {
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

	for what, change := range map[string]func([]byte){"damaged": flipMiddle, "zeroed": zeroTail} {
		copyDir(t, crashed, c.dirs[0])
		damageLog(t, c.dirs[0], change)
		refused(t, c.dirs[0], "rows ahead of a "+what+" log")
		back(datadir.Data)
		refused(t, c.dirs[0], "rows behind a "+what+" log")
	}

	copyDir(t, crashed, c.dirs[0])
	back(datadir.Raft)
	refused(t, c.dirs[0], "an old log")

	copyDir(t, crashed, c.dirs[0])
	back(datadir.Data)
	n = c.start(0) // an intact log has all that the rows lack
	hasRows(t, n, tb, 300)
}

// TestDamagedLogInGroup: where others have copies, a node with a damaged log gets all its replicas anew, and votes with none
// that does not know what it acknowledged.
func TestDamagedLogInGroup(t *testing.T) {
	c := newTestCluster(t)
	n := c.startThree()
	tb := createTable(t, n, "shop")
	rows := int64(0)
	for _, change := range []func([]byte){flipMiddle, zeroTail} {
		for range 300 {
			must(t, insert(context.Background(), n, tb, rows, rows+1))
			rows++
		}
		rebuilt(t, c, tb, datadir.Raft, func(dir string) { damageLog(t, dir, change) })
		hasRows(t, c.nodes[2], tb, rows)
	}
}

// flipInRows flips a bit in the engine of a node that is stopped, such that one shard is met and no other. It looks at the
// engine without changing it: one that compacts would replace the table that is damaged here.
func flipInRows(t *testing.T, dir string, victim schema.ShardID) (table string) {
	t.Helper()
	e, err := engine.Open(engine.Options{Dir: filepath.Join(dir, datadir.Data), ReadOnly: true})
	must(t, err)
	defer func() { must(t, e.Close()) }()
	levels, err := e.DB().SSTables()
	must(t, err)
	for _, table := range slices.Concat(levels...) {
		name := filepath.Join(dir, datadir.Data, table.BackingSSTNum.String()+".sst")
		intact, err := os.ReadFile(name)
		must(t, err)
		for at := 0; at < len(intact); at += 3000 {
			data := bytes.Clone(intact)
			data[at] ^= 1
			must(t, os.WriteFile(name, data, 0o600))
			met := map[schema.ShardID]bool{}
			for s := range schema.ShardID(5) {
				hit, err := shard.DamagedBy(e, s, engine.Damage{Path: name, End: []byte{0xff}})
				must(t, err)
				met[s] = hit
			}
			if only(met, victim) {
				return name
			}
			must(t, os.WriteFile(name, intact, 0o600))
		}
	}
	t.Fatalf("no table has a block of shard %d alone", victim)
	return ""
}

func only(met map[schema.ShardID]bool, victim schema.ShardID) bool {
	for s, hit := range met {
		if hit != (s == victim) {
			return false
		}
	}
	return true
}

// insertMany inserts rows 0 to n-1, so many that they fill blocks of their own.
func insertMany(ctx context.Context, n *Node, tb *schema.Table, rows int64) error {
	w := &fragment.Write{
		Kind: fragment.Insert, Tablet: tb.Tablets[0].ID, SchemaVersion: tb.Version, Columns: []schema.ColumnID{1, 2},
		Rows: types.Batch{Width: 2}, Env: &expr.Env{Mode: *types.DefaultMode()},
	}
	for i := range rows {
		w.Rows.Vals = append(w.Rows.Vals, types.Int(i), types.Int(i+1))
	}
	rs, err := n.Write(ctx, &distributed.TxnOptions{LockWait: 10 * time.Second}, w)
	if err == nil && rs[len(rs)-1].Err != nil {
		return rs[len(rs)-1].Err
	}
	return err
}

// TestDamagedBlock: a row's block is damaged on the node that serves it. In a group the statement finds it elsewhere and
// the replica is replaced, it alone; a node that is alone says what is wrong, serves its other shards, and does not start
// again.
func TestDamagedBlock(t *testing.T) {
	c := newTestCluster(t)
	n := c.startThree()
	tb := createTable(t, n, "shop")
	ctx := context.Background()
	must(t, insertMany(ctx, n, tb, 4000))
	s := tb.Tablets[0].Shard
	must(t, n.engine.DB().Flush())
	must(t, n.engine.DB().Compact(ctx, []byte{0}, []byte{0xff}, false))
	replicas := map[schema.ShardID]uint64{}
	for id, ls := range *n.shards.Load() {
		replicas[id] = ls.replica
	}
	c.stop(0)
	flipInRows(t, c.dirs[0], tb.Tablets[0].Shard)
	n = c.start(0)
	_ = n.engine.DB().Compact(ctx, []byte{0}, []byte{0xff}, false) // wherever rows are served, here is one who reads them
	hasRows(t, n, tb, 4000)
	whole(t, c, s, replicas[s])
	if _, err := os.Stat(filepath.Join(c.dirs[0], damagedFile)); err != nil {
		t.Errorf("the table is not noted: %v", err)
	}
	for id, ls := range *n.shards.Load() {
		if id != s && ls.replica != replicas[id] {
			t.Errorf("shard %d was replaced too", id)
		}
	}
	hasRows(t, n, tb, 4000)
}

// TestNotedTable: a table that an earlier run could not read is looked at before the engine may compact it, and the replica
// that it concerns is replaced although nobody reads it.
func TestNotedTable(t *testing.T) {
	c := newTestCluster(t)
	n := c.startThree()
	tb := createTable(t, n, "shop")
	must(t, insertMany(context.Background(), n, tb, 4000))
	must(t, n.engine.DB().Flush())
	s := tb.Tablets[0].Shard
	lost := c.nodes[0].local(s).replica
	c.stop(0)
	note := filepath.Join(c.dirs[0], damagedFile)
	table := flipInRows(t, c.dirs[0], s)
	must(t, os.WriteFile(note, []byte("999999.sst\n"+filepath.Base(table)+"\n"), 0o600))
	c.start(0)
	whole(t, c, s, lost)
	if _, err := os.Stat(note); !os.IsNotExist(err) {
		t.Errorf("it would be looked for again: %v", err)
	}
	hasRows(t, c.nodes[0], tb, 4000)
}

// TestDamagedBlockAlone is TestDamagedBlock on one node.
func TestDamagedBlockAlone(t *testing.T) {
	c := newTestCluster(t)
	n := c.start(0)
	tb := createTable(t, n, "shop")
	ctx := context.Background()
	must(t, insertMany(ctx, n, tb, 4000))
	must(t, n.engine.DB().Flush())
	c.stop(0)
	flipInRows(t, c.dirs[0], tb.Tablets[0].Shard)
	n = c.start(0)
	var coded *mysqlerr.Error
	for i := range int64(4000) { // one of them is in the block
		if _, _, err := get(ctx, n, tb, i); err != nil && (!errors.As(err, &coded) || coded.Code != mysql.ErrCrashedOnUsage) {
			t.Fatalf("a damaged row: %v", err)
		}
	}
	if coded == nil {
		t.Fatal("all rows can be read")
	}
	must(t, n.RefreshCatalog(ctx)) // the system shard goes on
	c.stop(0)
	refused(t, c.dirs[0], "a damaged replica")
}
