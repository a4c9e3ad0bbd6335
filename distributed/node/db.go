package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/calls"
	"cloudsql/distributed/catalog"
	"cloudsql/distributed/clock"
	"cloudsql/distributed/leaseholder"
	"cloudsql/distributed/peers"
	"cloudsql/distributed/placement"
	"cloudsql/distributed/replica"
	"cloudsql/distributed/txn"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/spawn"
)

var _ distributed.DB = (*Node)(nil)

// db is what a node needs for its clients' statements.
type db struct {
	n    *Node
	txns *txn.Client

	mu  sync.Mutex
	ids []uint64 // drawn from the catalog, not yet used
}

func (d *db) init(n *Node) { d.n = n }

// start makes the client when the node's id is known.
func (d *db) start() {
	d.txns = txn.New(txn.Config{
		Node: d.n.NodeID(), Router: router{d.n}, Caller: d.n.client, Timestamps: d.n.stamps, Logger: d.n.log,
		Version: &d.n.version,
	})
	d.n.RegisterCall(callCoordinating, func(_ context.Context, payload []byte) ([]byte, error) {
		if len(payload) != len(fragment.TxnID{}) {
			return nil, errors.New("a malformed question about a transaction")
		}
		return strconv.AppendBool(nil, d.txns.Coordinating(fragment.TxnID(payload))), nil
	})
}

// callCoordinating asks a gateway whether it knows a transaction; see leaseholder.Peers.
const callCoordinating = "txn/coordinating"

// participants is leaseholder.Peers: the way from leaseholder to leaseholder, and to gateways.
type participants struct{ n *gateway }

func (p participants) At(ctx context.Context, s schema.ShardID, fn func(leaseholder.Service) error) error {
	if p.n.db.txns == nil {
		return errors.New("the node is starting")
	}
	return p.n.db.txns.At(ctx, s, fn)
}

func (p participants) Coordinating(ctx context.Context, id fragment.TxnID) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	answer, err := p.n.Call(ctx, leaseholder.GatewayOf(id), callCoordinating, id[:])
	if err != nil {
		return false, err
	}
	return strconv.ParseBool(string(answer))
}

func (d *db) close() {
	if d.txns != nil {
		d.txns.Close()
	}
}

func (d *db) serveNear(ctx context.Context, q *leaseholder.ReadRequest, page *fragment.Page) error {
	if d.txns == nil {
		return &leaseholder.NotLeaseholder{Shard: q.Shard}
	}
	return d.txns.ServeNear(ctx, q, page)
}

// observe takes in a timestamp that another node has seen.
func (d *db) observe(ts mvcc.Timestamp) {
	if d.txns != nil {
		d.txns.Observe(ts)
	}
}

func (d *db) oldestSnapshot() mvcc.Timestamp {
	if d.txns == nil {
		return 0
	}
	return d.txns.OldestSnapshot()
}

// router tells transactions where shards are.
type router struct{ n *Node }

func (r router) ShardOf(t schema.TabletID) (schema.ShardID, bool) { return r.n.Catalog().ShardOf(t) }
func (r router) Copied(t schema.TabletID) bool {
	m := catalog.MoveFrom(r.n.Catalog(), t)
	return m != nil && m.State == catalog.MoveCopying
}
func (r router) Table(id schema.TableID) *schema.Table {
	t, _ := r.n.Catalog().TableByID(id)
	return t
}
func (r router) Refresh(ctx context.Context) error         { return r.n.RefreshCatalog(ctx) }
func (r router) CatalogChanged() <-chan struct{}           { return r.n.CatalogChanged() }
func (r router) Local(s schema.ShardID) *replica.Replica   { return r.n.replicaOf(s) }
func (r router) Replicas(s schema.ShardID) []schema.NodeID { return r.n.replicaNodes(s) }
func (r router) Nearest(s schema.ShardID) schema.NodeID    { return r.n.PastReader(s) }
func (r router) Full(s schema.ShardID) error               { return r.n.full(s) }
func (r router) Lost(s schema.ShardID) error               { return r.n.lost(s) }

// replicaNodes gives the nodes with a replica of a shard, the likelier ones to serve it first.
func (n *routes) replicaNodes(s schema.ShardID) []schema.NodeID {
	if info, ok := n.Catalog().Shard(s); ok {
		return placement.Servers(info, n.peers.Holder(s), n.NodeAlive)
	}
	if n.local(s) != nil { // there is no catalog yet
		return []schema.NodeID{n.NodeID()}
	}
	return n.book.Nodes()
}

// PastReader is the node that serves reads of a shard's past to this node's clients; 0: the leaseholder.
func (n *routes) PastReader(s schema.ShardID) schema.NodeID {
	if n.local(s) != nil {
		return n.NodeID()
	}
	info, ok := n.Catalog().Shard(s)
	if !ok || n.cfg.Locality == "" {
		return 0
	}
	return placement.Nearest(info, n.cfg.Locality, n.Leaseholder(s), n.peers.Localities(s))
}

// Leaseholder is the node that serves a shard now as far as this node knows (0: unknown).
func (n *routes) Leaseholder(s schema.ShardID) schema.NodeID {
	if ls := n.local(s); ls != nil {
		if h := ls.rep.Holder(); h != 0 {
			return h
		}
	}
	if h := n.peers.Holder(s); h != 0 {
		return h
	}
	if n.db.txns == nil {
		return 0
	}
	return n.db.txns.Leaseholder(s)
}

// NodeAlive tells whether a node was heard from lately.
func (n *core) NodeAlive(id schema.NodeID) bool {
	_, alive := n.peers.Get(id)
	return alive
}

// GatewayGone tells whether nothing was heard from a node for so long that what its clients hold is taken from them:
// the same judgement that ends their transactions. A node that has just started itself judges nobody.
func (n *core) GatewayGone(id schema.NodeID) bool { return !n.peers.GatewayAlive(id) }

// HasReplica tells whether this node has a replica of a shard.
func (n *core) HasReplica(s schema.ShardID) bool { return n.local(s) != nil }

// Write runs autocommit write fragments of one shard as one transaction.
func (n *gateway) Write(ctx context.Context, o *distributed.TxnOptions, w ...*fragment.Write) ([]fragment.WriteResult, error) {
	return n.db.txns.Write(ctx, o, w...)
}

// Read runs an autocommit read of one tablet on the newest state.
func (n *gateway) Read(ctx context.Context, r *fragment.Read) (distributed.Rows, error) {
	return n.db.txns.Read(ctx, r)
}

// ReadPoint reads all rows of a fragment with Keys at once.
func (n *gateway) ReadPoint(ctx context.Context, r *fragment.Read, page *fragment.Page) error {
	return n.db.txns.ReadPoint(ctx, r, page)
}

// Snapshot is a timestamp for consistent reads over several tablets.
func (n *gateway) Snapshot(ctx context.Context) (mvcc.Timestamp, error) {
	return n.db.txns.Snapshot(ctx)
}

// ReadAt reads one tablet at a snapshot.
func (n *gateway) ReadAt(ctx context.Context, r *fragment.Read, at mvcc.Timestamp) (distributed.Rows, error) {
	return n.db.txns.ReadAt(ctx, r, at)
}

// Begin starts a transaction.
func (n *gateway) Begin(o distributed.TxnOptions) distributed.Txn {
	return n.open.Track(n.Catalog().Version(), n.db.txns.Begin(o))
}

// InstallTable gives t's descriptor to the shards of its tablets through their logs.
func (n *gateway) InstallTable(ctx context.Context, t *schema.Table) error {
	if len(t.Tablets) == 0 {
		return fmt.Errorf("table %s has no tablets", t.Name)
	}
	if err := shard.CheckTable(t); err != nil {
		return err
	}
	return n.eachTablet(ctx, t.Tablets, func(tb *schema.Tablet) *schema.Table { return t.ForTablet(tb) })
}

// DropTablets removes tablets with their rows.
func (n *gateway) DropTablets(ctx context.Context, tablets []schema.Tablet) error {
	return n.eachTablet(ctx, tablets, func(*schema.Tablet) *schema.Table { return nil })
}

// eachTablet tells tablets their descriptors: many of them, a partitioned table's, some at a time.
func (n *gateway) eachTablet(ctx context.Context, tablets []schema.Tablet, descriptor func(*schema.Tablet) *schema.Table) error {
	return spawn.Each(len(tablets), 16, "installing tablets", func(i int) error {
		return n.tablet(ctx, tablets[i], descriptor(&tablets[i]))
	})
}

func (n *gateway) tablet(ctx context.Context, tb schema.Tablet, t *schema.Table) error {
	cmd, err := shard.EncodeTablet(nil, &shard.TabletCommand{Tablet: tb.ID, Table: t})
	if err != nil {
		return err
	}
	q := &commandRequest{Shard: tb.Shard, Kind: shard.CommandTablet, Command: cmd, Tablet: tb.ID}
	if t != nil {
		q.Version = t.Version
	}
	reply, err := n.request(ctx, q)
	if err == nil && !reply.OK {
		err = errors.New(reply.Err)
	}
	if err != nil {
		return fmt.Errorf("tablet %d of shard %d: %w", tb.ID, tb.Shard, err)
	}
	return nil
}

// PlaceTable chooses the shard of a new table of database d and gives it its tablets, one for each partition: beside the database's
// other tables, or where there are the fewest. The tablets of one that is cut are where they were. Ids are of those that are at hand.
func (n *gateway) PlaceTable(ctx context.Context, d *schema.Database, t *schema.Table) error {
	leaves := []*schema.Partition{{}}
	if t.Partitioning != nil {
		leaves = t.Partitioning.Leaves()
	}
	cut := t.Cut()
	count := len(leaves)
	if cut {
		count = len(t.Tablets)
	}
	ids, err := n.newIDs(ctx, 1+count)
	if err != nil {
		return err
	}
	if t.ID == 0 {
		t.ID = schema.TableID(ids[count])
	}
	if !cut {
		t.Tablets, err = placement.Tablets(n.Catalog(), d, leaves, ids, n.spreadTables())
	} else {
		t.Tablets = slices.Clone(t.Tablets)
		for i := range t.Tablets {
			t.Tablets[i].ID = schema.TabletID(ids[i])
		}
	}
	if err != nil {
		return err
	}
	since, err := n.Snapshot(ctx)
	t.RowsSince = uint64(since)
	return err
}

// settingSpread is the cluster-wide setting that spreads every new table.
const settingSpread = "cloudsql_spread_tables"

func (n *gateway) spreadTables() bool {
	if v, ok := n.Catalog().Setting(settingSpread); ok {
		return v == "1" || v == "ON" || v == "on"
	}
	return n.cfg.SpreadTables
}

// PlaceDatabase suggests the shard of a new database: the one with the fewest databases and tables.
func (n *gateway) PlaceDatabase() schema.ShardID { return placement.Emptiest(n.Catalog()) }

// newIDs draws ids from the catalog's sequence, some at a time.
func (n *routes) newIDs(ctx context.Context, count int) ([]uint64, error) {
	const ahead = 16
	n.db.mu.Lock()
	defer n.db.mu.Unlock()
	if len(n.db.ids) < count {
		var drawn []uint64
		err := n.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
			drawn = drawn[:0]
			for range count + ahead {
				drawn = append(drawn, tx.NewID())
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		n.db.ids = drawn
	}
	out := n.db.ids[:count:count]
	n.db.ids = n.db.ids[count:]
	return out, nil
}

// AwaitSchema waits until no gateway plans with a version of t older than t.Version. Nodes that were silent for long are not
// waited for: their transactions are rolled back.
func (n *gateway) AwaitSchema(ctx context.Context, t *schema.Table) error {
	if now, ok := n.Catalog().TableByID(t.ID); ok && now.Version < t.Version {
		return fmt.Errorf("version %d of table %s is not in the catalog yet", t.Version, t.Name)
	}
	want := n.Catalog().Version()
	for {
		waiting := schema.NodeID(0)
		for id, s := range n.peers.All(peers.GoneAfter + 2*time.Second) {
			if s.Catalog < want {
				waiting = id
			}
		}
		if waiting == 0 {
			return nil
		}
		if err := clock.Sleep(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("waiting for node %d to see the new version of table %s: %w", waiting, t.Name, err)
		}
	}
}

// ReserveAutoInc hands out consecutive AUTO_INCREMENT values of a table, AutoInc reads the next one, SetAutoInc raises it.
func (n *gateway) ReserveAutoInc(ctx context.Context, t *schema.Table, count uint64) (first uint64, err error) {
	return n.db.txns.ReserveTable(ctx, t, count)
}

// AutoInc implements distributed.DB.
func (n *gateway) AutoInc(ctx context.Context, t *schema.Table) (next uint64, err error) {
	return n.db.txns.AutoInc(ctx, t)
}

// SetAutoInc implements distributed.DB.
func (n *gateway) SetAutoInc(ctx context.Context, t *schema.Table, next uint64) error {
	return n.db.txns.SetAutoInc(ctx, t, next)
}

// Call runs a named call on a node.
func (n *gateway) Call(ctx context.Context, node schema.NodeID, method string, payload []byte) ([]byte, error) {
	if node == n.NodeID() {
		return n.calls.Run(ctx, method, payload)
	}
	return n.client.Call(ctx, node, methodCall, calls.Request(method, payload))
}

// RegisterCall registers a call by name.
func (n *gateway) RegisterCall(method string, fn func(ctx context.Context, payload []byte) ([]byte, error)) {
	n.calls.Register(method, fn)
}
