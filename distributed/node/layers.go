package node

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"cloudsql/distributed/calls"
	"cloudsql/distributed/catalogs"
	"cloudsql/distributed/credentials"
	"cloudsql/distributed/datadir"
	"cloudsql/distributed/estimates"
	"cloudsql/distributed/flow"
	"cloudsql/distributed/lockwatch"
	"cloudsql/distributed/moves"
	"cloudsql/distributed/peers"
	"cloudsql/distributed/placement"
	"cloudsql/distributed/raft"
	"cloudsql/distributed/rowids"
	"cloudsql/distributed/rpc"
	"cloudsql/distributed/tso"
	"cloudsql/distributed/txn"
	"cloudsql/distributed/wallclock"
	"cloudsql/storage/engine"
	"cloudsql/storage/memory"
	"cloudsql/storage/schema"
	"cloudsql/storage/spawn"
	"cloudsql/storage/version"
)

// A Node is built in layers. Each embeds the one below, uses it as its own, and does not know those above.
//
//	Node      start, join, close, loops                                    node.go, bootstrap.go, join.go, peers.go
//	judging   replicas that differ, and what nodes report of theirs        judge.go, report.go
//	leading   who leads what: members, transfers, the disk, watermarks     members.go, disk.go, clocks.go, upkeep.go
//	replicas  that run here, and what makes them unusable                  shards.go, broken.go
//	gateway   distributed.DB                                               db.go, tablestats.go, locks.go
//	routes    to leaseholders: commands, the catalog, timestamps           commands.go, catalogs.go, timestamps.go, rowids.go
//	core      what all of them work with

// core is what all layers work with.
type core struct {
	cfg     Config
	log     *slog.Logger
	dir     *datadir.Dir
	self    atomic.Uint64 // schema.NodeID; 0 while joining
	cluster atomic.Pointer[rpc.ClusterID]
	started time.Time

	credentials credentials.Keeper

	listener net.Listener
	server   *rpc.Server
	client   *rpc.Client
	engine   *engine.Engine
	raft     *raft.Host

	shards   atomic.Pointer[map[schema.ShardID]*localShard] // replaced as a whole under shardsMu
	shardsMu sync.Mutex

	catalog   catalogs.Changes
	version   version.Gate
	commandID atomic.Uint64

	peers  *peers.Peers
	clocks *wallclock.Clocks
	book   peers.Book
	recon  *placement.Reconciler
	mover  *moves.Driver

	serving  atomic.Bool // all replicas that can be were started
	draining atomic.Bool
	ctx      context.Context
	cancel   context.CancelFunc
	wg       spawn.Group
}

// ask calls another node with a question as JSON.
func (n *core) ask(ctx context.Context, node schema.NodeID, method rpc.Method, q any) ([]byte, error) {
	req, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	return n.client.Call(ctx, node, method, req)
}

type routes struct {
	core

	owner  *tso.Owner
	stamps *tso.Client
	rowIDs *rowids.IDs
	db     db
}

type gateway struct {
	routes

	calls calls.Table
	open  txn.OpenTxns
	stats *estimates.Estimates
	locks *lockwatch.Watch
}

type replicas struct {
	gateway

	flow                 *flow.Flow      // of large writes to raft
	inFlight, workspaces *memory.Account // that replicas charge; nil: nobody counts
	columnar             *memory.Account // of columnar copies
	starting             sync.Mutex      // one replica of this node is started or retired at a time
	damage               *datadir.Damages
	refused              atomic.Pointer[map[schema.ShardID]error] // shards that take no writes
}

type leading struct {
	replicas

	relieved atomic.Int64 // when the timestamps were last handed on because of the clock, on Config.Clock
	diskFull atomic.Bool
	diskFree atomic.Uint64
}

type judging struct {
	leading

	compared      atomic.Uint64                // hashes
	condemnations atomic.Uint64                // of replicas of this node
	trialsMu      sync.Mutex                   // of all replicas' trials
	condemned     map[schema.ShardID]condemned // guarded by trialsMu
}
