package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/catalog"
	"cloudsql/distributed/datadir"
	"cloudsql/distributed/rpc"
	"cloudsql/storage/collation"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// testCluster is nodes in this process, on loopback and temporary directories.
type testCluster struct {
	change func(i int, cfg *Config) // nil: as it is
	t      testing.TB
	nodes  []*Node
	dirs   []string
	addrs  []string
	faults *rpc.FaultNet   // nil: none
	spread bool            // tables in different shards
	lease  time.Duration   // 0: short, so that others take over soon
	max    version.Version // 0: the newest
	walls  [4]atomic.Int64 // how wrong the nodes' wall clocks are, in nanoseconds
	short  time.Duration   // 0: the default history
	more   func(*Config)   // nil: nothing else
}

func testLogger(t testing.TB, name string) *slog.Logger {
	level := slog.LevelWarn
	if os.Getenv("CLOUDSQL_TEST_LOG") != "" {
		level = slog.LevelInfo
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})).With("node", name, "test", t.Name())
}

func (c *testCluster) config(i int) Config {
	cfg := Config{
		Dir: c.dirs[i], Log: testLogger(c.t, fmt.Sprint(i+1)),
		Tick: 20 * time.Millisecond, ElectionTicks: 15, Heartbeat: 50 * time.Millisecond, LeaseDuration: cmp.Or(c.lease, 600*time.Millisecond), SpreadTables: c.spread, MaxVersion: c.max,
		WallClock: func() time.Time { return time.Now().Add(time.Duration(c.walls[i].Load())) }, History: c.short,
	}
	if c.change != nil {
		c.change(i, &cfg)
	}
	return cfg
}

// startThree opens nodes 0 to 2 and waits until they are one cluster.
func (c *testCluster) startThree() *Node {
	c.t.Helper()
	n := c.start(0)
	c.start(1, c.addrs[0])
	c.start(2, c.addrs[0])
	eventually(c.t, "three nodes", func() bool { return grown(n, 3) })
	return n
}

// start opens node i (0…) at an address that it keeps.
func (c *testCluster) start(i int, join ...string) *Node {
	c.t.Helper()
	for len(c.nodes) <= i {
		c.nodes = append(c.nodes, nil)
		c.dirs = append(c.dirs, filepath.Join(c.t.TempDir(), "data"))
		c.addrs = append(c.addrs, "127.0.0.1:0")
	}
	var l net.Listener
	var err error
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if l, err = c.network(i).Listen(c.addrs[i]); err == nil || time.Now().After(deadline) {
			break
		}
	}
	if err != nil {
		c.t.Fatal(err)
	}
	c.addrs[i] = l.Addr().String()
	cfg := c.config(i)
	cfg.Listener, cfg.Join, cfg.Network = l, join, c.network(i)
	if c.more != nil {
		c.more(&cfg)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	n, err := Open(ctx, cfg)
	if err != nil {
		c.t.Fatalf("starting node %d: %v", i+1, err)
	}
	c.nodes[i] = n
	return n
}

func (c *testCluster) network(i int) rpc.Network {
	if c.faults == nil {
		return rpc.TCP
	}
	return c.faults.Host(fmt.Sprint(i + 1))
}

func (c *testCluster) stop(i int) {
	c.nodes[i].Close()
	c.nodes[i] = nil
}

func (c *testCluster) close() {
	for i, n := range c.nodes {
		if n != nil {
			c.stop(i)
		}
	}
}

func newTestCluster(t testing.TB) *testCluster {
	c := &testCluster{t: t}
	t.TempDir() // what is registered first is cleaned up last: directories go when nobody writes into them any more
	t.Cleanup(c.close)
	return c
}

// eventually waits for a condition; what tells what was missing.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if cond() {
			return
		}
	}
	t.Fatalf("%s: not within three minutes", what)
}

// createTable makes a database and a table (id bigint primary key, n bigint) the way that the SQL layer does.
func createTable(t testing.TB, n *Node, db string) *schema.Table {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	d := &schema.Database{Name: db, Collation: collation.Default}
	bigint := types.TypeInt
	tb := &schema.Table{
		Name: "t", Version: 1, NextColumnID: 3, NextIndexID: 2, Collation: collation.Default,
		Columns: []schema.Column{{ID: 1, Name: "id", Type: bigint, NotNull: true}, {ID: 2, Name: "n", Type: bigint, NotNull: true}},
		Indexes: []schema.Index{{ID: schema.PrimaryIndex, Name: "PRIMARY", Unique: true, Columns: []schema.IndexColumn{{Column: 0}}}},
	}
	must(t, n.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		d.ID, tb.ID = schema.DatabaseID(tx.NewID()), schema.TableID(tx.NewID())
		d.Shard = n.PlaceDatabase()
		tb.Database = d.ID
		tx.PutDatabase(d)
		return nil
	}))
	must(t, n.PlaceTable(ctx, d, tb))
	must(t, n.InstallTable(ctx, tb))
	must(t, n.ChangeCatalog(ctx, func(tx *catalog.Tx) error { tx.PutTable(tb); return nil }))
	if got, ok := n.Catalog().Table(db, "t"); !ok || got.ID != tb.ID {
		t.Fatal("the table is not in the catalog")
	}
	return tb
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func insert(ctx context.Context, n *Node, tb *schema.Table, id, v int64) error {
	return insertRows(ctx, n, tb, types.Int(id), types.Int(v))
}

// insertRows inserts pairs of an id and a number.
func insertRows(ctx context.Context, n *Node, tb *schema.Table, vals ...types.Value) error {
	w := &fragment.Write{
		Kind: fragment.Insert, Tablet: tb.Tablets[0].ID, SchemaVersion: tb.Version, Columns: []schema.ColumnID{1, 2},
		Rows: types.Batch{Width: 2, Vals: vals}, Env: &expr.Env{Mode: *types.DefaultMode()},
	}
	rs, err := n.Write(ctx, &distributed.TxnOptions{LockWait: 10 * time.Second}, w)
	if err != nil {
		return err
	}
	if rs[len(rs)-1].Err != nil {
		return rs[len(rs)-1].Err
	}
	return nil
}

// get reads one row's n.
func get(ctx context.Context, n *Node, tb *schema.Table, id int64) (int64, bool, error) {
	r := &fragment.Read{
		Tablet: tb.Tablets[0].ID, SchemaVersion: tb.Version, Index: schema.PrimaryIndex, Columns: []schema.ColumnID{1, 2},
		Keys: [][]byte{keys.AppendPrimary(nil, tb, []types.Value{types.Int(id), types.Int(0)})}, Env: &expr.Env{},
	}
	var page fragment.Page
	if err := n.ReadPoint(ctx, r, &page); err != nil || page.Batch.Len() == 0 {
		return 0, false, err
	}
	v, _ := page.Batch.Row(0)[1].ToInt(nil)
	return v, true, nil
}

// hasRows checks rows 0 to count-1, of which each says its number and one, as n's clients see them.
func hasRows(t testing.TB, n *Node, tb *schema.Table, count int64) {
	t.Helper()
	for i := range count {
		v, ok, err := get(context.Background(), n, tb, i)
		for errors.Is(err, distributed.ErrSchemaChanged) { // a large table is cut by itself
			must(t, n.RefreshCatalog(context.Background()))
			tb, _ = n.Catalog().TableByID(tb.ID)
			v, ok, err = get(context.Background(), n, tb, i)
		}
		if err != nil || !ok || v != i+1 {
			t.Fatalf("row %d is %d, %v, %v", i, v, ok, err)
		}
	}
}

func TestBootstrapAndCarryOn(t *testing.T) {
	c := newTestCluster(t)
	n := c.start(0)
	ctx := context.Background()
	tb := createTable(t, n, "shop")
	for i := range int64(50) {
		must(t, insert(ctx, n, tb, i, i*i))
	}
	if err := insert(ctx, n, tb, 7, 0); err == nil {
		t.Error("a duplicate key was inserted")
	}
	ids, err := n.NextRowIDs(context.Background(), 10)
	must(t, err)
	before, err := n.Snapshot(ctx)
	must(t, err)
	for range 3 {
		c.stop(0) // as a crash: no drain
		n = c.start(0)
		for i := range int64(50) {
			if v, ok, err := get(ctx, n, tb, i); err != nil || !ok || v != i*i {
				t.Fatalf("row %d is %d, %v, %v", i, v, ok, err)
			}
		}
		after, err := n.Snapshot(ctx)
		must(t, err)
		if after <= before {
			t.Errorf("timestamp %v after %v", after, before)
		}
		before = after
		next, err := n.NextRowIDs(context.Background(), 5)
		must(t, err)
		if next < ids+10 {
			t.Errorf("row id %d after %d", next, ids)
		} else {
			ids = next
		}
	}
	if _, ok := n.Catalog().User("root", "%"); !ok {
		t.Error("no user root")
	}
}

// Files of a data directory (package datadir).
const identityFile, replicasFile, makingFile = "node.json", "replicas.json", "making"

func TestDirectoryErrors(t *testing.T) {
	c := newTestCluster(t)
	c.start(0)
	open := func(dir string) error {
		n, err := Open(context.Background(), Config{Dir: dir, NodeAddr: "127.0.0.1:0"})
		if err == nil {
			n.Close()
		}
		return err
	}
	if err := open(c.dirs[0]); !errors.Is(err, datadir.ErrLocked) {
		t.Errorf("locked: %v", err)
	}
	foreign := t.TempDir()
	must(t, os.WriteFile(filepath.Join(foreign, "letter.txt"), nil, 0o600))
	if err := open(foreign); !errors.Is(err, datadir.ErrForeign) {
		t.Errorf("foreign: %v", err)
	}
	if _, err := Open(context.Background(), Config{Dir: t.TempDir(), NodeAddr: c.addrs[0]}); !errors.Is(err, ErrBusyPort) {
		t.Errorf("busy: %v", err)
	}
	dir := c.dirs[0]
	c.stop(0)
	data, err := os.ReadFile(filepath.Join(dir, identityFile))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, identityFile), []byte(`{"format":99}`), 0o600))
	if err := open(dir); !errors.Is(err, datadir.ErrNewerFormat) {
		t.Errorf("newer: %v", err)
	}
	must(t, os.WriteFile(filepath.Join(dir, identityFile), data, 0o600))

	// Rows that are gone are noticed before raft panics over it.
	must(t, os.RemoveAll(filepath.Join(dir, datadir.Data)))
	must(t, os.WriteFile(filepath.Join(dir, replicasFile), []byte(`{"replicas":[{"shard":1,"replica":4294967297,"started":true,"durable":5}],"peers":{}}`), 0o600))
	if err := open(dir); !errors.Is(err, datadir.ErrDataLost) {
		t.Errorf("lost rows: %v", err)
	}

	unfinished := t.TempDir()
	must(t, os.WriteFile(filepath.Join(unfinished, makingFile), []byte("abc\n"), 0o600))
	must(t, os.Mkdir(filepath.Join(unfinished, datadir.Raft), 0o700))
	if err := open(unfinished); err != nil {
		t.Errorf("an interrupted first start: %v", err)
	}
}

// TestMakingInWholeDirectory: the mark of an initialisation, left or put into a directory that has an identity, costs nothing in
// it; nor does it where the identity cannot be read, and without either nothing is begun anew.
func TestMakingInWholeDirectory(t *testing.T) {
	c := newTestCluster(t)
	n := c.start(0)
	tb := createTable(t, n, "shop")
	for i := range int64(20) {
		must(t, insert(context.Background(), n, tb, i, i+1))
	}
	c.stop(0)
	dir := c.dirs[0]
	making, identity := filepath.Join(dir, makingFile), filepath.Join(dir, identityFile)
	must(t, os.WriteFile(making, []byte("abc\n"), 0o600))
	data, err := os.ReadFile(identity)
	must(t, err)
	must(t, os.WriteFile(identity, []byte("{"), 0o600))
	if m, err := Open(context.Background(), Config{Dir: dir, NodeAddr: "127.0.0.1:0"}); !errors.Is(err, datadir.ErrForeign) {
		t.Errorf("an identity that cannot be read: %v", err)
		if err == nil {
			m.Close()
		}
	}
	must(t, errors.Join(os.Remove(identity), os.Remove(making)))
	if m, err := Open(context.Background(), Config{Dir: dir, NodeAddr: "127.0.0.1:0"}); !errors.Is(err, datadir.ErrDataLost) {
		t.Errorf("no identity: %v", err)
		if err == nil {
			m.Close()
		}
	}
	must(t, os.WriteFile(making, []byte("abc\n"), 0o600))
	must(t, os.WriteFile(identity, data, 0o600))
	hasRows(t, c.start(0), tb, 20)
	if _, err := os.Stat(making); !os.IsNotExist(err) {
		t.Errorf("the mark is still there: %v", err)
	}
}

// writer inserts rows one after the other and remembers what was acknowledged.
type writer struct {
	acked  atomic.Int64 // ids below were acknowledged
	failed atomic.Int64
	stop   chan struct{}
	once   sync.Once
	from   int64
	done   sync.WaitGroup
}

func startWriter(t testing.TB, tb *schema.Table, via func() *Node) *writer {
	return startWriterFrom(t, tb, via, 0)
}

func startWriterFrom(t testing.TB, tb *schema.Table, via func() *Node, from int64) *writer {
	w := &writer{stop: make(chan struct{}), from: from}
	w.done.Add(1)
	t.Cleanup(func() { w.end() })
	go func() {
		defer w.done.Done()
		for id := w.from; ; id++ {
			select {
			case <-w.stop:
				return
			default:
			}
			if err := insert(context.Background(), via(), tb, id, id+1); err != nil {
				t.Errorf("insert %d: %v", id, err)
				w.failed.Add(1)
				return
			}
			w.acked.Store(id + 1)
		}
	}()
	return w
}

func (w *writer) end() int64 {
	w.once.Do(func() { close(w.stop) })
	w.done.Wait()
	return w.acked.Load()
}

func (w *writer) progress(t testing.TB, by int64) {
	t.Helper()
	from := w.acked.Load()
	eventually(t, "writes go on", func() bool { return w.acked.Load() >= from+by || w.failed.Load() > 0 })
}

// grown tells whether all shards have all nodes as voters and there is a data shard a node.
func grown(n *Node, nodes int) bool {
	c := n.Catalog()
	data := 0
	for _, sh := range c.Shards() {
		if len(sh.Replicas) != nodes {
			return false
		}
		if sh.ID != schema.SystemShard {
			data++
		}
	}
	return data == nodes
}

// equal tells whether all nodes have the same hashes at the same index.
func equal(c *testCluster) bool {
	hashes := map[schema.ShardID][2]uint64{}
	for _, n := range c.nodes {
		if n == nil {
			continue
		}
		for id, ls := range *n.shards.Load() {
			i, h := ls.state.Hash()
			if old, ok := hashes[id]; ok && old != [2]uint64{i, h} {
				return false
			}
			hashes[id] = [2]uint64{i, h}
		}
	}
	return true
}

func TestOneNodeBecomesThreeWhileAClientWrites(t *testing.T) {
	c := newTestCluster(t)
	n := c.start(0)
	tb := createTable(t, n, "shop")
	w := startWriter(t, tb, func() *Node { return n })
	w.progress(t, 100)
	c.start(1, c.addrs[0])
	eventually(t, "two nodes", func() bool { return grown(n, 2) })
	w.progress(t, 100)
	c.start(2, c.addrs[1])
	eventually(t, "three nodes", func() bool { return grown(n, 3) })
	w.progress(t, 100)
	last := w.end()
	eventually(t, "equal hashes", func() bool { return equal(c) })
	for _, m := range c.nodes {
		for i := range last {
			if v, ok, err := get(context.Background(), m, tb, i); err != nil || !ok || v != i+1 {
				t.Fatalf("node %d: row %d is %d, %v, %v", m.NodeID(), i, v, ok, err)
			}
		}
	}
	eventually(t, "each node leads a data shard", func() bool {
		led := map[schema.NodeID]bool{}
		for _, sh := range n.Catalog().Shards() {
			if sh.ID != schema.SystemShard {
				led[n.Leaseholder(sh.ID)] = true
			}
		}
		return len(led) == 3 && !led[0]
	})
}

func TestKillAndRestart(t *testing.T) {
	c := newTestCluster(t)
	n := c.startThree()
	tb := createTable(t, n, "shop")
	var via atomic.Pointer[Node]
	via.Store(n)
	w := startWriter(t, tb, func() *Node { return via.Load() })
	w.progress(t, 100)
	for round := range 3 {
		victim := -1 // who serves the table, unless it is the writer's gateway
		for i, m := range c.nodes {
			if m != via.Load() && (victim < 0 || m.NodeID() == n.Leaseholder(tb.Tablets[0].Shard)) {
				victim = i
			}
		}
		t.Logf("round %d: node %d is killed", round, victim+1)
		c.stop(victim)
		w.progress(t, 50)
		c.start(victim)
		w.progress(t, 50)
		via.Store(c.nodes[(victim+round)%3])
		n = via.Load()
		w.progress(t, 2) // nothing goes through the gateway before any more
	}
	last := w.end()
	eventually(t, "equal hashes", func() bool { return equal(c) })
	for i := range c.nodes {
		c.stop(i)
	}
	var wg sync.WaitGroup
	for i := range c.nodes {
		wg.Add(1)
		go func() {
			defer wg.Done()
			c.start(i)
		}()
	}
	wg.Wait()
	hasRows(t, c.nodes[1], tb, last)
	eventually(t, "equal hashes", func() bool { return equal(c) })
}

// TestLostDataIsReplaced takes the rows from one node and the raft log from another: both are given new replicas.
func TestLostDataIsReplaced(t *testing.T) {
	c := newTestCluster(t)
	n := c.startThree()
	tb := createTable(t, n, "shop")
	ctx := context.Background()
	for i := range int64(200) {
		must(t, insert(ctx, n, tb, i, i))
	}
	for victim, lost := range map[int]string{1: datadir.Data, 2: datadir.Raft} {
		for _, ls := range *c.nodes[victim].shards.Load() { // what raft's periodic sync would do after some thousand entries
			must(t, c.nodes[victim].engine.Sync())
			must(t, c.nodes[victim].dir.Durable(ls.id, ls.replica, ls.state.AppliedIndex()))
		}
		old := c.nodes[victim].local(schema.SystemShard).replica
		c.stop(victim)
		must(t, os.RemoveAll(filepath.Join(c.dirs[victim], lost)))
		m := c.start(victim)
		eventually(t, "its replicas are replaced", func() bool {
			ls := m.local(schema.SystemShard)
			return ls != nil && ls.replica != old && grown(m, 3) && len(*m.shards.Load()) == 4
		})
		for i := range int64(200) {
			if v, ok, err := get(ctx, m, tb, i); err != nil || !ok || v != i {
				t.Fatalf("row %d is %d, %v, %v", i, v, ok, err)
			}
		}
	}
	for i := range int64(50) {
		must(t, insert(ctx, c.nodes[2], tb, 1000+i, i))
	}
	eventually(t, "equal hashes", func() bool { return equal(c) })
}

// TestDrain: a node that leaves cleanly has handed everything over before, so that a writer hardly waits.
func TestDrain(t *testing.T) {
	c := newTestCluster(t)
	n := c.startThree()
	tb := createTable(t, n, "shop")
	eventually(t, "the table is known everywhere", func() bool {
		_, ok := c.nodes[2].Catalog().TableByID(tb.ID)
		return ok
	})
	w := startWriter(t, tb, func() *Node { return c.nodes[2] })
	w.progress(t, 50)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	began := time.Now()
	n.Drain(ctx)
	t.Logf("drained in %v", time.Since(began))
	for s, ls := range *n.shards.Load() {
		if _, holds := ls.rep.Leaseholding(); holds || ls.group.IsLeader() {
			t.Errorf("shard %d is still led by the node that leaves", s)
		}
	}
	c.stop(0)
	w.progress(t, 50)
	w.end()
}

// TestPartition cuts the leaseholder off: the others go on, it stops serving, and nothing is lost when it is back.
func TestPartition(t *testing.T) {
	c := newTestCluster(t)
	c.faults = rpc.NewFaultNet(rpc.TCP)
	n := c.startThree()
	tb := createTable(t, n, "shop")
	s := tb.Tablets[0].Shard
	ctx := context.Background()
	must(t, insert(ctx, n, tb, 0, 1))
	holder := 0
	eventually(t, "somebody serves", func() bool {
		for i, m := range c.nodes {
			if rep := m.replicaOf(s); rep != nil {
				if _, ok := rep.Leaseholding(); ok {
					holder = i
					return true
				}
			}
		}
		return false
	})
	old, other := c.nodes[holder], c.nodes[(holder+1)%3]
	must(t, other.RefreshCatalog(ctx)) // a session would, when it is told to plan again
	w := startWriterFrom(t, tb, func() *Node { return other }, 1)
	w.progress(t, 20)
	c.faults.Isolate(fmt.Sprint(holder + 1))
	eventually(t, "it gives up its lease", func() bool {
		_, ok := old.replicaOf(s).Leaseholding()
		return !ok
	})
	limited, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if _, _, err := get(limited, old, tb, 0); err == nil {
		t.Error("a node that is cut off serves reads")
	}
	w.progress(t, 20)
	c.faults.Rejoin(fmt.Sprint(holder + 1))
	w.progress(t, 20)
	last := w.end()
	eventually(t, "equal hashes", func() bool { return equal(c) })
	for i := int64(1); i < last; i++ {
		if v, ok, err := get(ctx, old, tb, i); err != nil || !ok || v != i+1 {
			t.Fatalf("row %d is %d, %v, %v", i, v, ok, err)
		}
	}
}
