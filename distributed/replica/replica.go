package replica

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"log/slog"
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/clock"
	"cloudsql/distributed/flow"
	"cloudsql/distributed/lease"
	"cloudsql/distributed/leaseholder"
	"cloudsql/distributed/raft"
	"cloudsql/distributed/rpc"
	"cloudsql/distributed/tso"
	"cloudsql/storage/memory"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/version"
)

// Config says what a Replica works with. Zero values of the settings mean the defaults named beside them.
type Config struct {
	Node       schema.NodeID
	Group      raft.Group
	Timestamps tso.Source
	Clock      clock.Clock // clock.System
	Logger     *slog.Logger

	LeaseDuration time.Duration // 2 s
	LeaseMargin   time.Duration // a twentieth of LeaseDuration: serve that much less than others must wait
	IdleAfter     time.Duration // 10 s without use: let the lease lapse
	KeepLease     bool          // never let it lapse, and take it without being asked (the system shard)
	// UntrustedClock has raft confirm every read (a message round) instead of trusting the lease's time.
	UntrustedClock bool

	MaxEntryBytes     int           // 1 MiB: close a batch entry beyond it
	MaxEntryProposals int           // 512
	MaxEntryRows      int           // 4096: likewise, of rows that its proposals name
	MaxTxnBytes       int           // 24 MiB: refuse a larger transaction (1197); must be well below raft's entry limit
	MaxWorkspaceBytes int           // 64 MiB: memory of one transaction's buffered writes (1197)
	Pipeline          int           // 3: batch entries on their way at once
	TxnTTL            time.Duration // 60 s: roll back a transaction of which nothing was heard for so long

	// Flow bounds what large writes the node's replicas have on their way at once; nil: only each shard's are bounded.
	Flow *flow.Flow
	// InFlight is charged with large writes on their way, and Workspaces with what transactions have buffered and locked; nil: nobody.
	InFlight, Workspaces *memory.Account

	// Version is the cluster's; nil: V1.
	Version *version.Gate
	// Caller is how a planned transfer passes open transactions along; nil: it does not.
	Caller rpc.Caller
	// GatewayAlive tells whether a gateway is a live member; transactions of others are rolled back. nil: only TxnTTL.
	GatewayAlive func(schema.NodeID) bool
	// Gone tells whether a tablet that was once published is in no table any more. nil: that is not known.
	Gone func(schema.TabletID) bool
	// Peers reaches the other participants of transactions over several shards. nil: no recovery.
	Peers leaseholder.Peers
	// OnLease is told, in order, when this process begins (held) and ends holding the lease under an epoch.
	OnLease func(epoch uint64, held bool)
	// OnWait is told when a request begins to wait for a lock; be quick, and don't block. See Replica.AppendWaits.
	OnWait func()
	// OnDeadlock is told of each deadlock that was broken in this shard alone, under the lock table's mutex: be quick.
	OnDeadlock func(*distributed.Deadlock)
	// OnResult gets the results of commands that did not come from this Replica's proposer or lease, in log order, from
	// the apply goroutine: be quick.
	OnResult func(shard.Result)
}

func (c *Config) setDefaults() {
	set(&c.LeaseDuration, 2*time.Second)
	set(&c.LeaseMargin, c.LeaseDuration/20)
	set(&c.IdleAfter, 10*time.Second)
	set(&c.TxnTTL, 60*time.Second)
	set(&c.MaxEntryBytes, 1<<20)
	set(&c.MaxEntryProposals, 512)
	set(&c.MaxEntryRows, 4096)
	set(&c.MaxTxnBytes, 24<<20)
	set(&c.MaxWorkspaceBytes, shard.DefaultWorkspaceBytes)
	set(&c.Pipeline, 3)
	if c.Clock == nil {
		c.Clock = clock.System
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
}

func set[T int | time.Duration](p *T, def T) {
	if *p == 0 {
		*p = def
	}
}

// Replica serves one shard on this node, as its leaseholder or by telling who is. It implements Service. See layers.go.
type Replica struct{ transfers }

// New makes a replica of the group's shard. Start it before use.
func New(cfg Config) *Replica {
	cfg.setDefaults()
	r := new(Replica)
	c := &r.core
	c.cfg, c.shard, c.group, c.state, c.clock = cfg, cfg.Group.Shard(), cfg.Group, cfg.Group.State(), cfg.Clock
	c.log, c.above = cfg.Logger.With("shard", uint64(c.shard)), r
	c.ctx, c.cancel = context.WithCancel(context.Background())
	r.changed, r.wake = make(chan struct{}), make(chan struct{}, 1)
	r.prop, r.flow = newProposer(&r.writes, randomID()), flow.New(flow.Shard)
	r.machine = lease.New(lease.Config{
		Self: cfg.Node, Duration: cfg.LeaseDuration, Margin: cfg.LeaseMargin, Idle: cfg.IdleAfter, Keep: cfg.KeepLease, Nonce: randomID(),
	})
	return r
}

// Start begins to listen to the group.
func (r *Replica) Start() {
	r.group.OnRecovered(r.onRecovered)
	r.state.OnPrepared(r.onPrepared)
	r.group.OnApplied(r.onApplied)
	r.group.OnLeader(r.onLeader)

	// What was applied before somebody listened is in the state.
	r.mu.Lock()
	now := r.clock.Now()
	r.machine.Recovered(now, r.state.Lease())
	r.pollLeader(now)
	r.mu.Unlock()
	stop := r.ctx.Done()
	r.done.Keep(stop, "a lease", r.leaseLoop)
	r.done.Keep(stop, "a proposer", r.prop.loop)
	r.done.Keep(stop, "looking after transactions", r.sweepLoop)
}

// Close stops serving without handing over (see Transfer) and ends everything that waits.
func (r *Replica) Close() {
	r.mu.Lock()
	r.closed = true
	t := r.tenure.Swap(nil)
	if t != nil {
		r.events.queue = append(r.events.queue, leaseEvent{t.epoch, false})
	}
	r.mu.Unlock()
	r.cancel()
	if t != nil {
		t.close(&leaseholder.NotLeaseholder{Shard: r.shard})
	}
	r.prop.close(leaseholder.ErrClosed)
	r.done.Wait()
}

// randomID starts a sequence of ids that no other process uses.
func randomID() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:])
}

// onApplied takes the results of entries, in log order, from the apply goroutine.
func (r *Replica) onApplied(results []shard.Result) {
	for i := range results {
		res := &results[i]
		r.reportDamage(res)
		switch res.Kind {
		case shard.CommandBatch:
			r.applied.Add(1)
			r.prop.applied(res)
		case shard.CommandLease:
			r.onLeaseApplied(res)
		default:
			if res.Kind == shard.CommandTablet || res.Kind == shard.CommandMove {
				r.applied.Add(1)
			}
			r.waits.Deliver(res)
			if r.cfg.OnResult != nil {
				r.cfg.OnResult(*res)
			}
		}
	}
	r.follow.Advance(r.state.AppliedIndex())
}
