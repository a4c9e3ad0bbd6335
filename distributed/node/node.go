package node

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"cloudsql/distributed/autostats"
	"cloudsql/distributed/catalog"
	"cloudsql/distributed/credentials"
	"cloudsql/distributed/datadir"
	"cloudsql/distributed/flow"
	"cloudsql/distributed/leaseholder"
	"cloudsql/distributed/load"
	"cloudsql/distributed/moves"
	"cloudsql/distributed/placement"
	"cloudsql/distributed/raft"
	"cloudsql/distributed/replica"
	"cloudsql/distributed/rowids"
	"cloudsql/distributed/rpc"
	"cloudsql/distributed/tso"
	"cloudsql/storage/engine"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// Node is this process as a member of the cluster: the uppermost of its layers (layers.go), which starts and stops them.
type Node struct {
	judging

	closing sync.Once
	removal sync.Once
	removed context.CancelCauseFunc // ends Open
}

// localShard is a replica that runs here.
type localShard struct {
	id      schema.ShardID
	replica uint64
	state   *shard.Shard
	group   raft.Group
	rep     *replica.Replica

	tablets     sync.Mutex // one command about tablets at a time: their results carry no id
	watermark   watermarks
	meter       load.Meter
	quarantined atomic.Bool // serves nothing any more
	trials      trials
}

// Open starts a node on its data directory: it initialises a fresh one (or joins a cluster with it), and carries on with
// an existing one. It returns when the node can serve; ctx bounds only that.
func Open(ctx context.Context, cfg Config) (_ *Node, err error) {
	cfg.setDefaults()
	n := new(Node)
	ctx, n.removed = context.WithCancelCause(ctx)
	n.cfg, n.log, n.started = cfg, cfg.Log, time.Now()
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.shards.Store(&map[schema.ShardID]*localShard{})
	n.cluster.Store(&rpc.ClusterID{})
	n.catalog.Init(n.ctx, systemLog{n}, &n.version)
	n.clocks = n.compareClocks()
	n.commandID.Store(rand.Uint64())
	n.peers = n.meetPeers()
	n.recon = placement.New(placement.Config{
		ReplicationFactor: cfg.ReplicationFactor, DataShards: cfg.DataShards, SystemVoters: cfg.SystemVoters, Heartbeat: cfg.Heartbeat,
		MaxVersion: cfg.MaxVersion, ReplaceAfter: cfg.ReplaceAfter, SteadyFor: cfg.SteadyFor,
	}, reconciled{n}, n.peers, n.log)
	n.mover = moves.New(reconciled{n}, n.log)
	n.damage = datadir.NewDamages()
	n.rowIDs = rowids.New(n.reserveRowIDs, n.log)
	defer func() {
		if err != nil {
			if errors.Is(context.Cause(ctx), ErrRemoved) {
				err = ErrRemoved
			}
			n.Close()
		}
	}()
	if err := n.listen(); err != nil {
		return nil, err
	}
	var id *datadir.Identity
	var fresh bool
	if n.dir, id, fresh, err = datadir.Open(cfg.Dir, cfg.MaxVersion, Version); err != nil {
		return nil, err
	}
	if err := n.checkRoom(); err != nil {
		return nil, err
	}
	n.credentials.Init(credentials.Config{
		Mode: cfg.NodeTLS, Token: cfg.JoinToken, RequireToken: cfg.RequireJoinToken, Dir: n.dir, Node: n.NodeID, Wall: cfg.WallClock, Log: n.log,
	})
	n.makeRPC()
	switch {
	case !fresh:
		err = n.carryOn(ctx, id)
	case len(cfg.Join) > 0:
		err = n.join(ctx)
	default:
		err = n.bootstrap(ctx)
	}
	if err != nil {
		return nil, err
	}
	return n, n.becomeReady(ctx)
}

func (n *Node) listen() (err error) {
	if n.listener = n.cfg.Listener; n.listener != nil {
		return nil
	}
	n.listener, err = n.cfg.Network.Listen(n.cfg.NodeAddr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w: node address %s", ErrBusyPort, n.cfg.NodeAddr)
	}
	return err
}

// makeRPC makes server and client; the server serves once the replicas can be asked.
func (n *Node) makeRPC() {
	cluster := func() rpc.ClusterID { return *n.cluster.Load() }
	n.server = rpc.NewServer(rpc.ServerOptions{
		Cluster: cluster, Node: n.NodeID, Log: n.log, TLS: n.credentials.Server, PlainToo: n.cfg.NodeTLS == credentials.Optional,
		Memory: n.cfg.Memory.NewStore("requests of other nodes", 0),
	})
	n.client = rpc.NewClient(rpc.ClientOptions{
		Network: n.cfg.Network, Cluster: cluster, Node: n.NodeID, Resolve: n.book.Resolve, Log: n.log,
		TLS: n.credentials.Client, PlainToo: n.credentials.PlainToo,
	})
	n.flow = flow.New(flow.Node)
	n.inFlight, n.workspaces = n.cfg.Memory.NewStore("writes in flight", 0), n.cfg.Memory.NewStore("transactions", 0)
	n.columnar = n.cfg.Memory.NewStore("columnar copies", 0)
	n.owner = tso.NewOwner(tso.OwnerConfig{Limits: limits{n}, Holds: n.holdsSystem, Wall: n.clocks.WallTime, Mono: n.cfg.Clock.Now})
	n.stamps = tso.NewClient(n.owner, n.askTimestamps)
	n.db.init(n)
	n.locks, n.stats = n.watchLocks(), n.estimateTablets()
	n.registerHandlers()
	leaseholder.Register(n.server, n.served)
	leaseholder.RegisterNear(n.server, n.db.serveNear)
}

// openStores opens engine and raft log of a directory whose identity is known, and begins to serve other nodes.
func (n *Node) openStores() error {
	if err := n.chargeEngine(); err != nil {
		return err
	}
	if err := n.openOrSetAside(datadir.Data, n.openEngine); err != nil {
		return err
	}
	n.book.Replace(n.dir.Peers())
	n.db.start()
	if err := n.openOrSetAside(datadir.Raft, n.openRaft); err != nil {
		return err
	}
	n.wg.Keep(n.ctx.Done(), "serving other nodes", func() {
		if err := n.server.Serve(n.listener); err != nil {
			n.log.Error("serving other nodes ended", "err", err)
		}
	})
	return nil
}

// openOrSetAside opens a part of the data directory, a new one if the present one is damaged and others have copies.
func (n *Node) openOrSetAside(name string, open func() error) error {
	err := open()
	if !isDamage(err) {
		return err
	}
	if err := n.setAside(name, err.Error()); err != nil {
		return err
	}
	return open()
}

func (n *Node) openEngine() (err error) {
	if err := n.meetNoted(); err != nil {
		return err
	}
	n.engine, err = engine.Open(engine.Options{
		Dir: n.dir.File(datadir.Data), CacheBytes: n.cfg.CacheBytes, Logger: n.log, OnDamage: n.noteDamage,
		Disk: n.cfg.Disk,
	})
	return err
}

// chargeEngine charges the process with what the engine's caches may grow to.
func (n *Node) chargeEngine() error {
	return errors.Join(n.cfg.Memory.NewStore("block cache", 0).Grow(cmp.Or(n.cfg.CacheBytes, engine.DefaultCacheBytes)),
		n.cfg.Memory.NewStore("memtables", 0).Grow(engine.MemTablesBytes))
}

// CachedBytes is what blocks in the engine's cache take.
func (n *Node) CachedBytes() int64 { return n.engine.CachedBytes() }

func (n *Node) openRaft() (err error) {
	floors, err := n.logFloors()
	if err != nil {
		return err
	}
	c := *n.cluster.Load()
	n.raft, err = raft.Open(raft.Config{
		Dir: n.dir.File(datadir.Raft), WALDir: n.cfg.WALDir, Node: n.NodeID(),
		Cluster: binary.LittleEndian.Uint64(c[:]) | 1, Server: n.server, Client: n.client, Log: n.log,
		Tick: n.cfg.Tick, ElectionTicks: n.cfg.ElectionTicks, OnDurable: n.dir.Durable, OnFailed: n.replicaFailed, Floors: floors,
	})
	return err
}

func (n *core) setIdentity(c rpc.ClusterID, id schema.NodeID) {
	n.cluster.Store(&c)
	n.self.Store(uint64(id))
}

// carryOn starts the replicas of an existing directory.
func (n *Node) carryOn(ctx context.Context, id *datadir.Identity) error {
	c, err := id.ClusterID()
	if err != nil {
		return err
	}
	n.setIdentity(c, id.Node)
	if err := n.credentials.Load(); err != nil {
		return err
	}
	if err := n.openStores(); err != nil {
		return err
	}
	return n.startReplicas(ctx)
}

// becomeReady waits until the node can serve: its catalog is as new as the cluster's and knows this node's addresses.
func (n *Node) becomeReady(ctx context.Context) error {
	n.startLoops()
	telling, told := context.WithCancel(ctx)
	defer told()
	n.wg.Go("telling the members to join of this node's address", func() { n.peers.Tell(telling, n.cfg.Join) })
	if err := n.awaitSystemShard(ctx); err != nil {
		return err
	}
	for {
		attempt, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := n.RefreshCatalog(attempt)
		cancel()
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return fmt.Errorf("no majority of the system shard's replicas answers: %w", err)
		}
		n.log.Warn("waiting for a majority of the system shard's replicas", "err", err)
	}
	if err := n.fits(n.Catalog().ClusterVersion().Needed()); err != nil {
		return err
	}
	return n.announce(ctx)
}

// awaitSystemShard waits until this node has a replica of the system shard (a joining or rejoining node is given one).
func (n *Node) awaitSystemShard(ctx context.Context) error {
	for i := 0; ; i++ {
		changed := n.catalog.Watch()
		if n.local(schema.SystemShard) != nil {
			return nil
		}
		if i%200 == 100 {
			n.log.Info("waiting to be given a replica of the system shard")
		}
		select {
		case <-changed:
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("waiting for a replica of the system shard: %w", ctx.Err())
		}
	}
}

// announce puts this node's present addresses into the catalog.
func (n *routes) announce(ctx context.Context) error {
	return n.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		old, ok := tx.Snapshot.Node(n.NodeID())
		if !ok {
			return fmt.Errorf("the catalog does not know node %d: it was removed from the cluster", n.NodeID())
		}
		now := *old
		now.NodeAddr, now.SQLAddr, now.HTTPAddr = n.NodeAddr(), n.cfg.SQLAddr, n.cfg.HTTPAddr
		if now != *old {
			tx.PutNode(&now)
		}
		return nil
	})
}

// NodeAddr is the address that other nodes use.
func (n *core) NodeAddr() string {
	if n.cfg.AdvertiseAddr != "" {
		return n.cfg.AdvertiseAddr
	}
	if n.cfg.Listener == nil && n.cfg.NodeAddr != "" && !wildcard(n.cfg.NodeAddr) {
		return n.cfg.NodeAddr
	}
	return n.listener.Addr().String()
}

// wildcard tells an address with port 0.
func wildcard(addr string) bool {
	_, port, err := net.SplitHostPort(addr)
	return err == nil && port == "0"
}

// NodeID is this node's id.
func (n *core) NodeID() schema.NodeID { return schema.NodeID(n.self.Load()) }

// ClusterID names the cluster.
func (n *core) ClusterID() rpc.ClusterID { return *n.cluster.Load() }

// local is this node's running replica of a shard, or nil.
func (n *core) local(s schema.ShardID) *localShard { return (*n.shards.Load())[s] }

// replicaOf is what serves a shard here, or nil.
func (n *core) replicaOf(s schema.ShardID) *replica.Replica {
	if ls := n.local(s); ls != nil && !ls.quarantined.Load() {
		return ls.rep
	}
	return nil
}

// served is replicaOf for those who ask over the network.
func (n *core) served(s schema.ShardID) leaseholder.Server {
	if r := n.replicaOf(s); r != nil {
		return r
	}
	return nil
}

func (n *core) setLocal(s schema.ShardID, ls *localShard) {
	n.shardsMu.Lock()
	defer n.shardsMu.Unlock()
	m := maps.Clone(*n.shards.Load())
	if ls == nil {
		delete(m, s)
	} else {
		m[s] = ls
	}
	n.shards.Store(&m)
}

// startLoops starts what runs beside requests until Close.
func (n *Node) startLoops() {
	n.serving.Store(true)
	for part, loop := range map[string]func(context.Context){
		"heartbeats": n.peers.Loop, "the reconciler": n.recon.Loop, "moves": n.mover.Loop, "watermarks": n.watermarkLoop, "load": n.loadLoop, "addresses": n.addressLoop, "damage": n.damageLoop, "columnar copies": n.columns().Loop, "the disk": n.diskLoop,
		"the cluster's version": n.versionLoop, "row ids": n.rowIDs.Loop, "waits for locks": n.locks.Loop, "statistics": func(ctx context.Context) { autostats.Run(ctx, n, n.cfg.StatisticsEvery, n.log) },
	} {
		n.wg.Keep(n.ctx.Done(), part, func() { loop(n.ctx) })
	}
}

// addressLoop follows the nodes' addresses in the catalog.
func (n *routes) addressLoop(ctx context.Context) {
	for {
		changed := n.catalog.Watch()
		n.takeAddresses()
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

func (n *routes) takeAddresses() {
	nodes := n.Catalog().Nodes()
	if len(nodes) == 0 {
		return
	}
	book := map[schema.NodeID]string{}
	for _, m := range nodes {
		if !m.Left {
			book[m.ID] = m.NodeAddr
		}
	}
	for _, id := range n.book.Replace(book) {
		n.client.Reset(id)
	}
	if err := n.dir.SetPeers(book); err != nil {
		n.log.Error("noting the other nodes' addresses failed", "err", err)
	}
}

// Close stops everything at once, as a crash would, but releases what the process holds. Drain comes before.
func (n *Node) Close() {
	n.closing.Do(func() {
		n.shardsMu.Lock() // nothing is spawned from now on
		n.cancel()
		n.shardsMu.Unlock()
		n.db.close()
		for _, ls := range *n.shards.Load() {
			ls.rep.Close()
		}
		if n.raft != nil {
			n.raft.Close()
		}
		if n.client != nil {
			n.client.Close()
		}
		if n.server != nil {
			n.server.Close()
		}
		if n.listener != nil {
			_ = n.listener.Close()
		}
		n.wg.Wait()
		if n.engine != nil {
			if err := n.engine.Close(); err != nil {
				n.log.Error("closing the engine failed", "err", err)
			}
		}
		if n.dir != nil {
			n.dir.Close()
		}
	})
}
