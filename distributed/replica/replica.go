package replica

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/clock"
	"cloudsql/distributed/raft"
	"cloudsql/distributed/rpc"
	"cloudsql/distributed/tso"
	"cloudsql/storage/memory"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/spawn"
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
	PageBytes         int           // 256 KiB: pages of reads that do not say

	// Flow bounds what large writes the node's replicas have on their way at once; nil: only each shard's are bounded.
	Flow *Flow
	// InFlight is charged with large writes on their way, and Workspaces with what transactions have buffered and locked; nil: nobody.
	InFlight, Workspaces *memory.Account

	// Version is the cluster's; nil: V1.
	Version *version.Gate
	// Caller is how a planned hand-over passes open transactions along; nil: it does not.
	Caller rpc.Caller
	// GatewayAlive tells whether a gateway is a live member; transactions of others are rolled back. nil: only TxnTTL.
	GatewayAlive func(schema.NodeID) bool
	// Peers reaches the other participants of transactions over several shards. nil: no recovery.
	Peers Peers
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
	set(&c.PageBytes, 256<<10)
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

// recoveryNotifier is what a raft.Group may offer besides: to tell when a snapshot has replaced the shard's state. Such a
// state may contain renewals that OnApplied never told about; without the notice a new leader waits a whole lease from
// the start of its leadership.
type recoveryNotifier interface{ OnRecovered(fn func()) }

// ErrClosed is returned by a Replica after Close. Whether a write that was under way takes effect is unknown.
var ErrClosed = errors.New("replica: closed")

// Replica serves one shard on this node, as its leaseholder or by telling who is. It implements Service.
type Replica struct {
	cfg    Config
	shard  schema.ShardID
	group  raft.Group
	state  shard.API
	clock  clock.Clock
	log    *slog.Logger
	stats  Stats
	writes sync.Pool     // of *write
	waitID atomic.Uint64 // the newest wait for a lock
	prop   *proposer
	flow   Flow
	waits  resultWaits
	follow follower
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	done   spawn.Group

	tenure atomic.Pointer[tenure] // nil: not the holder
	// prepares rises whenever transactions become prepared, after their locks are marked and before a reader can see it.
	prepares atomic.Uint64
	applied  atomic.Uint64 // rises with every entry that may have changed rows, before its locks are released

	mu      sync.Mutex
	machine leaseMachine
	changed chan struct{} // closed and replaced when the machine's state changed
	closed  bool
	moving  sync.Mutex // held by a planned hand-over

	wake   chan struct{} // to the lease loop
	events leaseEvents

	shipped *shipment // transactions that wait for the lease to come here
}

// New makes a replica of the group's shard. Start it before use.
func New(cfg Config) *Replica {
	cfg.setDefaults()
	r := &Replica{
		cfg: cfg, shard: cfg.Group.Shard(), group: cfg.Group, state: cfg.Group.State(), clock: cfg.Clock,
		log:     cfg.Logger.With("shard", uint64(cfg.Group.Shard())),
		changed: make(chan struct{}), wake: make(chan struct{}, 1),
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.prop, r.flow.most = newProposer(r, randomID()), shardLoad
	r.machine = leaseMachine{
		self: cfg.Node, duration: cfg.LeaseDuration, margin: cfg.LeaseMargin, idle: cfg.IdleAfter, keep: cfg.KeepLease,
		demandAt: -1, nonce: randomID(),
	}
	return r
}

// Start begins to listen to the group.
func (r *Replica) Start() {
	notifier, ok := r.group.(recoveryNotifier)
	r.mu.Lock()
	r.machine.slowTake = !ok
	r.mu.Unlock()
	if ok {
		notifier.OnRecovered(r.onRecovered)
	}
	r.state.OnPrepared(r.onPrepared)
	r.group.OnApplied(r.onApplied)
	r.group.OnLeader(r.onLeader)

	// What was applied before somebody listened is in the state.
	r.mu.Lock()
	now := r.clock.Now()
	r.machine.recovered(now, r.state.Lease())
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
		t.close(&NotLeaseholder{Shard: r.shard})
	}
	r.prop.close(ErrClosed)
	r.done.Wait()
}

// Shard is the shard's id, State what it applied, Stats what this replica did.
func (r *Replica) Shard() schema.ShardID { return r.shard }
func (r *Replica) State() shard.API      { return r.state }
func (r *Replica) Stats() *Stats         { return &r.stats }

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
			if res.Kind == shard.CommandTablet {
				r.applied.Add(1)
			}
			r.waits.deliver(res)
			if r.cfg.OnResult != nil {
				r.cfg.OnResult(*res)
			}
		}
	}
	r.follow.advance(r.state.AppliedIndex())
}

// reportDamage logs what could not be executed although it was proposed: a fault of the program that proposed it.
func (r *Replica) reportDamage(res *shard.Result) {
	if res.Err != nil && res.Kind != shard.CommandSystem && res.Kind != shard.CommandTablet {
		r.log.Error("a log entry is no good and was not executed", "kind", uint8(res.Kind), "err", res.Err)
	}
	for i := range res.Results {
		if p := &res.Results[i]; p.Damage != "" {
			r.log.Error("a proposal is no good and has failed", "txn", hex.EncodeToString(p.Txn[:]), "err", p.Damage)
		}
	}
}
