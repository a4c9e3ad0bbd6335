package raft

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lni/dragonboat/v4"
	"github.com/lni/dragonboat/v4/config"
	"github.com/lni/dragonboat/v4/raftio"
	pb "github.com/lni/dragonboat/v4/raftpb"
	sm "github.com/lni/dragonboat/v4/statemachine"

	"cloudsql/distributed/rpc"
	"cloudsql/storage/engine"
	"cloudsql/storage/metric"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/spawn"
)

// Config is how a Host is set up. Zero values of the timing fields mean defaults.
type Config struct {
	Dir    string // of the raft log
	WALDir string // another disk for its write-ahead part; "": in Dir
	Node   schema.NodeID
	// Cluster keeps clusters apart: raft messages of another one are dropped.
	Cluster uint64
	Server  *rpc.Server
	Client  *rpc.Client
	Log     *slog.Logger

	Tick           time.Duration // raft's clock
	ElectionTicks  uint64        // a follower waits this to twice this long for its leader
	HeartbeatTicks uint64
	// SnapshotEvery entries, the state machine is synced and the log before is dropped, but for KeepEntries.
	SnapshotEvery, KeepEntries uint64

	// Floors say how far the log of each replica that has been here reaches at least.
	Floors map[Key]uint64
	// OnDurable is told how much of a replica's state machine will survive anything.
	OnDurable func(s schema.ShardID, replica, index uint64) error
	// OnFailed is told, from the goroutine that applies, that a replica could not apply its log and does nothing any more.
	// It must be stopped, by another goroutine; with ErrLogCut (which may follow another error) also replaced.
	OnFailed func(s schema.ShardID, replica uint64, err error)
}

// The defaults give a failover in about a second: a follower waits 0.6 to 1.2 s.
const (
	DefaultTick           = 50 * time.Millisecond
	DefaultElectionTicks  = 12
	DefaultHeartbeatTicks = 2
	DefaultSnapshotEvery  = 30_000
	DefaultKeepEntries    = 5_000

	// MaxCommand bounds one log entry, in bytes.
	MaxCommand = 32 << 20
	// maxInMemLog bounds what a group keeps in memory of its log; beyond, proposals are refused for a moment.
	maxInMemLog = 128 << 20
	// execShards is baked into the directory, as is one log database for all groups: few fsyncs are what matters.
	execShards = 4
)

// Stats count what a Host did.
type Stats struct {
	Proposals     atomic.Uint64    `counter:"raft_proposals_total" help:"entries proposed to raft on this node"`
	ProposedBytes atomic.Uint64    `counter:"raft_proposed_bytes_total" help:"bytes of those entries"`
	Lost          atomic.Uint64    `counter:"raft_lost_proposals_total" help:"proposals dropped or timed out"`
	ReadIndexes   atomic.Uint64    `counter:"raft_read_index_total" help:"linearizable reads that asked the quorum"`
	LeaderChanges atomic.Uint64    `counter:"raft_leader_changes_total" help:"leadership changes seen"`
	Apply         metric.Histogram `histogram:"apply_seconds" help:"applying entries that came together"`
}

// Host runs this node's replicas.
type Host struct {
	cfg       Config
	nh        *dragonboat.NodeHost
	transport *transport
	Stats     Stats
	Transport TransportStats
	stop      chan struct{}

	mu     sync.Mutex
	groups map[schema.ShardID]*group
}

// Open opens the raft log. Nothing runs before Start. Error ErrDamagedLog: it lacks what was written to it.
func Open(cfg Config) (*Host, error) {
	useSlog()
	setDefaults(&cfg)
	if err := adoptHostname(cfg.Dir, cfg.WALDir); err != nil {
		return nil, err
	}
	if err := checkDirectory(&cfg); err != nil {
		return nil, fmt.Errorf("raft: opening the log in %s: %w", cfg.Dir, err)
	}
	h := &Host{cfg: cfg, groups: map[schema.ShardID]*group{}, stop: make(chan struct{})}
	h.transport = &transport{server: cfg.Server, client: cfg.Client, stats: &h.Transport}
	noteOpen(cfg.Dir, true) // before work in the background finds damage
	nh, err := newNodeHost(h.nodeHostConfig())
	if err != nil {
		noteOpen(cfg.Dir, false)
		return nil, fmt.Errorf("raft: opening the log in %s: %w", cfg.Dir, err)
	}
	h.nh = nh
	cfg.Server.Handle(methodCampaign, h.handleCampaign)
	return h, nil
}

// newNodeHost takes damage that the library finds, and panics over, for an error.
func newNodeHost(c config.NodeHostConfig) (nh *dragonboat.NodeHost, err error) {
	defer func() {
		r := recover()
		if cause, ok := r.(error); r != nil && ok {
			err = cause
		} else if r != nil {
			err = fmt.Errorf("%v", r)
		}
		if engine.IsDamage(err) {
			err = fmt.Errorf("%w: %w", ErrDamagedLog, err)
		}
	}()
	return dragonboat.NewNodeHost(c)
}

func setDefaults(c *Config) {
	set := func(v *uint64, def uint64) {
		if *v == 0 {
			*v = def
		}
	}
	if c.Tick == 0 {
		c.Tick = DefaultTick
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	set(&c.ElectionTicks, DefaultElectionTicks)
	set(&c.HeartbeatTicks, DefaultHeartbeatTicks)
	set(&c.SnapshotEvery, DefaultSnapshotEvery)
	set(&c.KeepEntries, DefaultKeepEntries)
	if c.OnDurable == nil {
		c.OnDurable = func(schema.ShardID, uint64, uint64) error { return nil }
	}
	if c.OnFailed == nil {
		c.OnFailed = func(schema.ShardID, uint64, error) {}
	}
}

func (h *Host) nodeHostConfig() config.NodeHostConfig {
	logDB := config.GetTinyMemLogDBConfig()
	logDB.Shards = 1
	logDB.KVWriteBufferSize = 8 << 20
	logDB.KVMaxWriteBufferNumber = 4
	logDB.SaveBufferSize = 32 << 10
	logDB.MaxSaveBufferSize = 8 << 20
	return config.NodeHostConfig{
		DeploymentID:        h.cfg.Cluster,
		NodeHostDir:         h.cfg.Dir,
		WALDir:              h.cfg.WALDir,
		RTTMillisecond:      uint64(h.cfg.Tick.Milliseconds()),
		RaftAddress:         target(h.cfg.Node),
		RaftEventListener:   h,
		MaxSendQueueSize:    256 << 20,
		MaxReceiveQueueSize: 256 << 20,
		Expert: config.ExpertConfig{
			LogDB:            logDB,
			TransportFactory: h.transport,
			Engine: config.EngineConfig{
				ExecShards: execShards, CommitShards: 2, ApplyShards: execShards, SnapshotShards: 4, CloseShards: 2,
			},
		},
	}
}

// Close stops all replicas and closes the log.
func (h *Host) Close() {
	close(h.stop)
	h.nh.Close()
	noteOpen(h.cfg.Dir, false)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, g := range h.groups {
		g.sweepOnce()
	}
}

// StartConfig names a replica to start.
type StartConfig struct {
	Shard   schema.ShardID
	Replica uint64
	State   shard.API
	Sync    func() error // makes State durable
	// NonVoting: it joined (or joins) as one, whatever it has become.
	NonVoting bool
	// Members are the voters of a new group, by replica id; all of them are given the same. Nil otherwise.
	Members []uint64
	// Join: a first start as a member that the group has added.
	Join bool
}

// Start starts a replica. Its data must have been found complete (HasData, OnDurable).
func (h *Host) Start(c StartConfig) (Group, error) {
	g := &group{h: h, shard: c.Shard, replica: c.Replica, state: c.State}
	changed := make(chan struct{})
	g.changed.Store(&changed)
	m := &machine{
		shard: c.Shard, replica: c.Replica, state: c.State, sync: c.Sync, took: &h.Stats.Apply,
		onDurable: h.cfg.OnDurable, applied: &g.applied, recovered: &g.recovered, onFailed: h.cfg.OnFailed, log: h.cfg.Log,
	}
	h.mu.Lock()
	if h.groups[c.Shard] != nil {
		h.mu.Unlock()
		return nil, fmt.Errorf("raft: shard %d runs already", c.Shard)
	}
	h.groups[c.Shard] = g // before the start: events come at once
	h.mu.Unlock()

	members := map[uint64]dragonboat.Target{}
	for _, r := range c.Members {
		members[r] = target(NodeOf(r))
	}
	create := func(uint64, uint64) sm.IOnDiskStateMachine { return m }
	conf := config.Config{
		ShardID: uint64(c.Shard), ReplicaID: c.Replica, IsNonVoting: c.NonVoting,
		CheckQuorum: true, PreVote: true, OrderedConfigChange: true,
		ElectionRTT: h.cfg.ElectionTicks, HeartbeatRTT: h.cfg.HeartbeatTicks,
		SnapshotEntries: h.cfg.SnapshotEvery, CompactionOverhead: h.cfg.KeepEntries,
		MaxInMemLogSize: maxInMemLog, WaitReady: true,
	}
	// The library panics over what it finds wrong with the replica's log.
	err := spawn.Do("starting a replica", func() error { return h.nh.StartOnDiskReplica(members, c.Join, create, conf) })
	if err == nil {
		g.user, err = h.nh.GetNodeUser(uint64(c.Shard))
	}
	if err != nil {
		h.mu.Lock()
		delete(h.groups, c.Shard)
		h.mu.Unlock()
		return nil, fmt.Errorf("raft: starting replica %d of shard %d: %w", c.Replica, c.Shard, err)
	}
	g.session = h.nh.GetNoOPSession(uint64(c.Shard))
	return g, nil
}

// methodCampaign asks a node to stand for election in a group whose leader wants it to take over.
const methodCampaign = rpc.MethodsNode + 20

func (h *Host) handleCampaign(_ context.Context, from schema.NodeID, req []byte) ([]byte, error) {
	if len(req) != 8 {
		return nil, errBadMessage
	}
	s := schema.ShardID(binary.LittleEndian.Uint64(req))
	h.mu.Lock()
	g := h.groups[s]
	h.mu.Unlock()
	if g != nil {
		if leader, _ := g.Leader(); leader == from {
			h.Campaign(s)
		}
	}
	return nil, nil
}

// Campaign makes the replica here stand for election at once. It is meant for groups whose only voter it is and for a
// leader that hands over: otherwise it disturbs a living leader.
func (h *Host) Campaign(s schema.ShardID) {
	h.mu.Lock()
	g := h.groups[s]
	h.mu.Unlock()
	if g == nil || g.IsLeader() {
		return
	}
	h.transport.messages(pb.MessageBatch{
		DeploymentId: h.cfg.Cluster, BinVer: raftio.TransportBinVersion,
		Requests: []pb.Message{{Type: pb.TimeoutNow, ShardID: uint64(s), To: g.replica, From: g.replica}},
	})
}

// Stop stops the shard's replica here.
func (h *Host) Stop(s schema.ShardID) error {
	h.mu.Lock()
	g := h.groups[s]
	delete(h.groups, s)
	h.mu.Unlock()
	if g == nil {
		return nil
	}
	err := h.nh.StopReplica(uint64(s), g.replica)
	g.sweepOnce()
	if errors.Is(err, dragonboat.ErrShardNotFound) {
		return nil
	}
	return err
}

// HasData tells whether the log knows the replica.
func (h *Host) HasData(s schema.ShardID, replica uint64) bool {
	return h.nh.HasNodeInfo(uint64(s), replica)
}

// RemoveData forgets the log of a stopped replica that the group has removed.
func (h *Host) RemoveData(ctx context.Context, s schema.ShardID, replica uint64) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return h.nh.SyncRemoveData(ctx, uint64(s), replica)
}

// LeaderUpdated implements dragonboat's listener.
func (h *Host) LeaderUpdated(i raftio.LeaderInfo) {
	defer spawn.Recover("a change of leadership") // the library's goroutine
	h.Stats.LeaderChanges.Add(1)
	h.mu.Lock()
	g := h.groups[schema.ShardID(i.ShardID)]
	h.mu.Unlock()
	if g != nil && g.replica == i.ReplicaID {
		g.leaderChanged(NodeOf(i.LeaderID), i.Term)
	}
}

// Membership is a group's configuration.
type Membership struct {
	ChangeID  uint64 // names this configuration in a change of it
	Voters    map[uint64]schema.NodeID
	NonVoting map[uint64]schema.NodeID
	Removed   map[uint64]bool
}

// Membership reads a group's configuration as of now, through its leader.
func (h *Host) Membership(ctx context.Context, s schema.ShardID) (*Membership, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	m, err := h.nh.SyncGetShardMembership(ctx, uint64(s))
	if err != nil {
		return nil, mapError(err)
	}
	out := &Membership{
		ChangeID: m.ConfigChangeID, Voters: nodesOf(m.Nodes), NonVoting: nodesOf(m.NonVotings), Removed: map[uint64]bool{},
	}
	for r := range m.Removed {
		out.Removed[r] = true
	}
	return out, nil
}

// localMembership is what this node has applied of it.
func (h *Host) localMembership(s schema.ShardID) (*Membership, error) {
	info := h.nh.GetNodeHostInfo(dragonboat.NodeHostInfoOption{SkipLogInfo: true})
	if info == nil {
		return nil, ErrStopped
	}
	for _, si := range info.ShardInfoList {
		if si.ShardID == uint64(s) {
			return &Membership{ChangeID: si.ConfigChangeIndex, Voters: nodesOf(si.Replicas)}, nil
		}
	}
	return nil, ErrStopped
}

func nodesOf(m map[uint64]string) map[uint64]schema.NodeID {
	out := make(map[uint64]schema.NodeID, len(m))
	for id := range m {
		out[id] = NodeOf(id)
	}
	return out
}

// AddNonVoting adds a replica that gets the log but does not count. The change is refused (dragonboat.ErrRejected) if
// the configuration is no longer the one that changeID names; so are the others.
func (h *Host) AddNonVoting(ctx context.Context, s schema.ShardID, replica, changeID uint64) error {
	return h.change(ctx, func(ctx context.Context) error {
		return h.nh.SyncRequestAddNonVoting(ctx, uint64(s), replica, target(NodeOf(replica)), changeID)
	})
}

// Promote makes a non-voting replica a voter.
func (h *Host) Promote(ctx context.Context, s schema.ShardID, replica, changeID uint64) error {
	return h.change(ctx, func(ctx context.Context) error {
		return h.nh.SyncRequestAddReplica(ctx, uint64(s), replica, target(NodeOf(replica)), changeID)
	})
}

// Remove takes a replica out of its group for good.
func (h *Host) Remove(ctx context.Context, s schema.ShardID, replica, changeID uint64) error {
	return h.change(ctx, func(ctx context.Context) error {
		return h.nh.SyncRequestDeleteReplica(ctx, uint64(s), replica, changeID)
	})
}

func (h *Host) change(ctx context.Context, fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second+rand.N(time.Second))
	defer cancel()
	return mapError(fn(ctx))
}
