package txn

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cloudsql/distributed/leaseholder"
	"cloudsql/distributed/replica"
	"cloudsql/distributed/replica/replicatest"
	"cloudsql/distributed/rpc"
	"cloudsql/storage/collation"
	"cloudsql/storage/engine"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// A cluster in this process: real shards on engines in memory, logs that agree at once, and calls between nodes that go
// through the codecs but not through sockets.

const (
	firstShard  schema.ShardID = 2
	secondShard schema.ShardID = 3
)

// tabletOf is the one tablet that a shard has here.
func tabletOf(s schema.ShardID) schema.TabletID { return schema.TabletID(s) * 10 }

type testCluster struct {
	t      testing.TB
	logs   map[schema.ShardID]*replicatest.Log
	nodes  []*testNode
	source *testSource
	net    *testNet
	table  atomic.Pointer[schema.Table] // the first shard's, if its tablets are others than at first
}

type testNode struct {
	c        *testCluster
	id       schema.NodeID
	replicas map[schema.ShardID]*replica.Replica
	groups   map[schema.ShardID]*replicatest.Group
	client   *Client
	bare     bool          // its own replicas are not to be used
	nearest  schema.NodeID // where it has none
}

func newTestCluster(t testing.TB, n int, change func(*replica.Config)) *testCluster {
	t.Helper()
	c := &testCluster{t: t, logs: map[schema.ShardID]*replicatest.Log{}, source: &testSource{}, net: newTestNet()}
	c.source.next.Store(uint64(mvcc.At(time.Unix(1_700_000_000, 0))))
	for _, s := range []schema.ShardID{firstShard, secondShard} {
		c.logs[s] = replicatest.NewLog(s)
	}
	for i := range n {
		c.addNode(schema.NodeID(i+1), change)
	}
	for s, l := range c.logs {
		l.Elect(1)
		cmd, err := shard.EncodeTablet(nil, &shard.TabletCommand{Tablet: tabletOf(s), Table: testTable(s)})
		if err != nil {
			t.Fatal(err)
		}
		l.Append(cmd)
	}
	for _, x := range c.nodes {
		for s, r := range x.replicas {
			r.Start()
			for _, ok := r.State().Table(tabletOf(s)); !ok; _, ok = r.State().Table(tabletOf(s)) {
				time.Sleep(time.Millisecond)
			}
		}
	}
	t.Cleanup(c.close)
	return c
}

func (c *testCluster) addNode(id schema.NodeID, change func(*replica.Config)) {
	quiet := slog.New(slog.DiscardHandler)
	e, err := engine.Open(engine.Options{Dir: fmt.Sprint("data", id), FS: vfs.NewMem(), MemTableBytes: 4 << 20, Logger: quiet})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = e.Close() })
	x := &testNode{c: c, id: id, replicas: map[schema.ShardID]*replica.Replica{}, groups: map[schema.ShardID]*replicatest.Group{}}
	for s, l := range c.logs {
		state, err := shard.Open(e, s)
		if err != nil {
			c.t.Fatal(err)
		}
		g := l.Add(id, state)
		cfg := replica.Config{
			Node: id, Group: g, Timestamps: c.source, Logger: quiet, Peers: x, Caller: &testCaller{c.net, id},
			Version:       version.At(version.Max),
			LeaseDuration: time.Minute, // outlasts any pause of a busy machine, unless the test is about that
		}
		if change != nil {
			change(&cfg)
		}
		x.replicas[s], x.groups[s] = replica.New(cfg), g
	}
	leaseholder.Register(c.net.registrar(id), func(s schema.ShardID) leaseholder.Server {
		if r := x.replicas[s]; r != nil {
			return r
		}
		return nil
	})
	x.client = New(Config{Node: id, Router: x, Caller: &testCaller{c.net, id}, Timestamps: c.source, Logger: quiet, Version: version.At(version.Max)})
	leaseholder.RegisterNear(testRegistrar(c.net.handlers[id]), x.client.ServeNear)
	c.nodes = append(c.nodes, x)
}

func (c *testCluster) close() {
	for _, x := range c.nodes {
		x.client.Close()
		for _, r := range x.replicas {
			r.Close()
		}
	}
	for _, l := range c.logs {
		l.Close()
	}
}

// waiters is how many requests wait for locks anywhere.
func (c *testCluster) waiters() (n int) {
	for _, x := range c.nodes {
		for _, r := range x.replicas {
			n += r.Gauges().LockWaiters
		}
	}
	return n
}

// At and Coordinating make a node the leaseholder.Peers of its replicas.
func (x *testNode) At(ctx context.Context, s schema.ShardID, fn func(leaseholder.Service) error) error {
	return x.client.At(ctx, s, fn)
}

func (x *testNode) Coordinating(_ context.Context, id fragment.TxnID) (bool, error) {
	return x.c.nodes[leaseholder.GatewayOf(id)-1].client.Coordinating(id), nil
}

func (x *testNode) ShardOf(t schema.TabletID) (schema.ShardID, bool) {
	s := schema.ShardID(t / 10)
	return s, s == firstShard || s == secondShard
}
func (x *testNode) Copied(schema.TabletID) bool        { return false }
func (x *testNode) Table(schema.TableID) *schema.Table { return x.c.table.Load() }
func (x *testNode) Refresh(context.Context) error      { return nil }
func (x *testNode) CatalogChanged() <-chan struct{}    { return nil }
func (x *testNode) Local(s schema.ShardID) *replica.Replica {
	if x.bare {
		return nil
	}
	return x.replicas[s]
}
func (x *testNode) Lost(schema.ShardID) error            { return nil }
func (x *testNode) Nearest(schema.ShardID) schema.NodeID { return x.nearest }

func (x *testNode) Full(schema.ShardID) error { return nil }

func (x *testNode) Replicas(schema.ShardID) (ids []schema.NodeID) {
	for _, y := range x.c.nodes {
		ids = append(ids, y.id)
	}
	return ids
}

type testSource struct{ next atomic.Uint64 }

func (s *testSource) Next(_ context.Context, n int) (mvcc.Timestamp, error) {
	return mvcc.Timestamp(s.next.Add(uint64(n)) - uint64(n) + 1), nil
}

// testNet carries calls; what goes wrong is switched.
type testNet struct {
	mu       sync.Mutex
	handlers map[schema.NodeID]map[rpc.Method]rpc.Handler
	down     map[schema.NodeID]bool
	mute     map[schema.NodeID]int // so many answers are lost after the call was executed
	onMute   func()                // runs then, once
	calls    atomic.Int64
}

func newTestNet() *testNet {
	return &testNet{handlers: map[schema.NodeID]map[rpc.Method]rpc.Handler{}, down: map[schema.NodeID]bool{}, mute: map[schema.NodeID]int{}}
}

type testRegistrar map[rpc.Method]rpc.Handler

func (r testRegistrar) Handle(m rpc.Method, h rpc.Handler) { r[m] = h }

func (n *testNet) registrar(id schema.NodeID) rpc.Registrar {
	r := testRegistrar{}
	n.handlers[id] = r
	return r
}

type testCaller struct {
	net  *testNet
	from schema.NodeID
}

func (c *testCaller) Call(ctx context.Context, node schema.NodeID, m rpc.Method, req []byte) ([]byte, error) {
	n := c.net
	n.mu.Lock()
	h := n.handlers[node][m]
	down := n.down[node] || n.down[c.from]
	mute := n.mute[node] > 0
	onMute := n.onMute
	if mute {
		n.mute[node]--
		n.onMute = nil
	}
	n.mu.Unlock()
	if down || h == nil {
		return nil, rpc.ErrNotSent
	}
	n.calls.Add(1)
	kept := append([]byte(nil), req...)
	resp, err := h(ctx, c.from, kept)
	for i := range kept {
		kept[i] = 0xee // a handler may not keep its request
	}
	if mute {
		if onMute != nil {
			onMute()
		}
		return nil, rpc.ErrClosed
	}
	return resp, err
}

// testTable is t(id BIGINT PRIMARY KEY AUTO_INCREMENT, k BIGINT, name VARCHAR(20), UNIQUE u(name)).
func testTable(s schema.ShardID) *schema.Table {
	return &schema.Table{
		ID: schema.TableID(s), Name: "t", Version: 1, NextColumnID: 4, NextIndexID: 3, Collation: collation.Default,
		Columns: []schema.Column{
			{ID: 1, Name: "id", Type: types.TypeInt, NotNull: true, AutoIncrement: true},
			{ID: 2, Name: "k", Type: types.TypeInt},
			{ID: 3, Name: "name", Type: types.TypeString},
		},
		Indexes: []schema.Index{
			{ID: schema.PrimaryIndex, Name: "PRIMARY", Unique: true, Columns: []schema.IndexColumn{{Column: 0}}},
			{ID: 2, Name: "u", Unique: true, Columns: []schema.IndexColumn{{Column: 2}}},
		},
		Tablets: []schema.Tablet{{ID: tabletOf(s), Shard: s}},
	}
}

func intKey(id int64) []byte { return keys.AppendValue(nil, types.Int(id), &types.TypeInt, 0, false) }

func insertRow(s schema.ShardID, id, k int64) *fragment.Write {
	w := &fragment.Write{Kind: fragment.Insert, Tablet: tabletOf(s), SchemaVersion: 1, Columns: []schema.ColumnID{1, 2, 3}, FirstRow: 1}
	w.Rows.Reset(3)
	w.Rows.Append([]types.Value{types.Int(id), types.Int(k), types.Str(fmt.Sprint("n", id))})
	return w
}

// addTo is UPDATE t SET k = k + n WHERE id = …
func addTo(s schema.ShardID, n, id int64) *fragment.Write {
	sum, err := expr.New("+", &expr.Column{Index: 1, Typ: types.TypeInt}, expr.NewInt(n))
	if err != nil {
		panic(err)
	}
	return &fragment.Write{
		Kind: fragment.Update, Tablet: tabletOf(s), SchemaVersion: 1, FirstRow: 1, Env: &expr.Env{},
		Keys: [][]byte{intKey(id)}, Set: []fragment.Assignment{{Column: 2, Expr: sum}},
	}
}

func deleteRow(s schema.ShardID, id int64) *fragment.Write {
	return &fragment.Write{Kind: fragment.Delete, Tablet: tabletOf(s), SchemaVersion: 1, FirstRow: 1, Keys: [][]byte{intKey(id)}}
}

// readRows is SELECT id, k of some keys, or of all rows.
func readRows(s schema.ShardID, ids ...int64) *fragment.Read {
	r := &fragment.Read{Tablet: tabletOf(s), SchemaVersion: 1, Index: schema.PrimaryIndex, Columns: []schema.ColumnID{1, 2}}
	for _, id := range ids {
		r.Keys = append(r.Keys, intKey(id))
	}
	return r
}

func show(page *fragment.Page) string {
	var rows []string
	for i := range page.Batch.Len() {
		row := page.Batch.Row(i)
		rows = append(rows, fmt.Sprintf("%d=%d", row[0].Int(), row[1].Int()))
	}
	return strings.Join(rows, " ")
}

// all reads a stream to its end.
func all(ctx context.Context, rows interface {
	Next(context.Context, *fragment.Page) (bool, error)
	Close()
}, err error) (*fragment.Page, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out, page fragment.Page
	out.Batch.Reset(2)
	for {
		ok, err := rows.Next(ctx, &page)
		if err != nil || !ok {
			return &out, err
		}
		for i := range page.Batch.Len() {
			row := page.Batch.Row(i)
			out.Batch.Append([]types.Value{row[0].Clone(), row[1].Clone()})
		}
	}
}
