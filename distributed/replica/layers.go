package replica

import (
	"context"
	"encoding/hex"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"cloudsql/distributed/clock"
	"cloudsql/distributed/closedts"
	"cloudsql/distributed/flow"
	"cloudsql/distributed/lease"
	"cloudsql/distributed/leaseholder"
	"cloudsql/distributed/raft"
	"cloudsql/distributed/shipment"
	"cloudsql/storage/engine"
	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/spawn"
)

// A Replica is built in layers. Each embeds the one below, uses it as its own, and knows nothing of those above, which it
// tells of events (layersAbove).
//
//	Replica       start, close, results of apply, commands, views
//	transfers     the lease goes to another node, with what is open          transfer.go, shipment.go
//	              tablets to another shard                                   moves.go
//	commits       a transaction's end, over several shards, too              commit.go, recover.go
//	transactions  what interactive ones have written and locked              txn.go
//	writes        proposals, from their keys to their outcomes               write.go, doubt.go, admit.go, proposer.go
//	reads         under the lease and at closed timestamps                   read.go, closed.go, follower.go
//	leases        who may serve                                              lease_loop.go
//	core          what all of them work with

// core is what all layers work with.
type core struct {
	cfg    Config
	shard  schema.ShardID
	group  raft.Group
	state  shard.API
	clock  clock.Clock
	log    *slog.Logger
	stats  Stats
	above  layersAbove
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	done   spawn.Group

	tenure  atomic.Pointer[tenure] // nil: not the holder
	applied atomic.Uint64          // rises with every entry that may have changed rows, before its locks are released
}

type leases struct {
	core

	mu      sync.Mutex
	machine *lease.Machine
	changed chan struct{} // closed and replaced when the machine's state changed
	closed  bool
	wake    chan struct{} // to the lease loop
	waitID  atomic.Uint64 // the newest wait for a lock
	events  leaseEvents
}

type reads struct {
	leases

	follow closedts.Tracker
	// prepares rises whenever transactions become prepared, after their locks are marked and before a reader can see it.
	prepares atomic.Uint64
}

type writes struct {
	reads

	pool sync.Pool // of *write
	prop *proposer
	flow *flow.Flow // of heavy writes in this shard

	looks atomic.Int32 // at writes before they are logged, that are to come (isVain)
}

type transactions struct{ writes }

type commits struct{ transactions }

type transfers struct {
	commits

	moving  sync.Mutex         // held by a planned transfer
	shipped *shipment.Shipment // transactions that wait for the lease to come here; guarded by mu
	waits   leaseholder.Results
}

// layersAbove is what a layer tells those above it.
type layersAbove interface {
	// newLeader: raft's leader has changed, and what the old one had not committed may be lost.
	newLeader()
	// leaseApplied: a lease command was applied. mu is held.
	leaseApplied(res *shard.Result)
	// begin fills a new tenure, before anybody is served. mu is held.
	begin(t *tenure)
	// end tells everybody in a tenure that it is over.
	end(t *tenure, why error)
	// recovered: the shard's state has come as a snapshot.
	recovered()
	// decide: a step of w's transaction has ended, with its outcome or, where there is none, err.
	decide(w *write, err error)
	// gone: a transaction was rolled back while nobody serves here.
	gone(id fragment.TxnID)
}

func (r *Replica) newLeader()                     { spawn.Go("proposals of an old leader", r.prop.dropAll) }
func (r *Replica) leaseApplied(res *shard.Result) { r.expectShipment(res) }
func (r *Replica) recovered()                     { r.follow.Advance(r.state.AppliedIndex()) }
func (r *Replica) gone(id fragment.TxnID)         { r.unship(id) }

func (r *Replica) begin(t *tenure) {
	r.adopt(t)
	r.unpack(t)
}

func (r *Replica) end(t *tenure, why error) {
	t.close(why)
	r.prop.abandon(t, why)
}

// Shard is the shard's id, State what it applied, Stats what this replica did.
func (r *core) Shard() schema.ShardID { return r.shard }
func (r *core) State() shard.API      { return r.state }
func (r *core) Stats() *Stats         { return &r.stats }

// notHere says that holder (0: unknown) is who to ask, not this replica.
func (r *core) notHere(holder schema.NodeID, epoch uint64) *leaseholder.NotLeaseholder {
	r.stats.NotLeaseholder.Add(1)
	if holder == r.cfg.Node {
		holder = 0
	}
	return &leaseholder.NotLeaseholder{Shard: r.shard, Holder: holder, Epoch: epoch}
}

// sleep waits on the replica's clock.
func (r *core) sleep(ctx context.Context, d time.Duration) error {
	timer := r.clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-r.ctx.Done():
		return leaseholder.ErrClosed
	}
}

// background runs fn in a goroutine that Close waits for.
func (r *core) background(fn func()) {
	r.done.Go("a replica", fn)
}

// readable takes damage that was met here for a reason to go elsewhere: the node takes this replica out of service.
func (r *core) readable(err error) error {
	if err != nil && engine.IsDamage(err) {
		return r.notHere(0, 0)
	}
	return err
}

// reportDamage logs what could not be executed although it was proposed: a fault of the program that proposed it.
func (r *core) reportDamage(res *shard.Result) {
	if res.Err != nil && res.Kind != shard.CommandSystem && res.Kind != shard.CommandTablet && res.Kind != shard.CommandMove {
		r.log.Error("a log entry is no good and was not executed", "kind", uint8(res.Kind), "err", res.Err)
	}
	for i := range res.Results {
		if p := &res.Results[i]; p.Damage != "" {
			r.log.Error("a proposal is no good and has failed", "txn", hex.EncodeToString(p.Txn[:]), "err", p.Damage)
		}
	}
}
