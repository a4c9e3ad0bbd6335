package node

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"cloudsql/distributed/datadir"
	"cloudsql/distributed/load"
	"cloudsql/distributed/moves"
	"cloudsql/distributed/raft"
	"cloudsql/distributed/replica"
	"cloudsql/distributed/rpc"
	"cloudsql/distributed/tso"
	"cloudsql/distributed/txn"
	"cloudsql/distributed/wallclock"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/version"
)

// Report is what a node knows of itself and the cluster, for /debug/replicas and tests.
type Report struct {
	Node    schema.NodeID `json:"node"`
	Cluster string        `json:"cluster"`
	Version string        `json:"version"`
	Catalog uint64        `json:"catalog"`
	// ClusterVersion may be written; MaxVersion is the newest that this program can serve.
	ClusterVersion version.Version  `json:"clusterVersion"`
	MaxVersion     version.Version  `json:"maxVersion"`
	Draining       bool             `json:"draining,omitempty"`
	Clock          wallclock.Report `json:"clock"`
	Nodes          []NodeReport     `json:"nodes"`
	Replicas       []ReplicaReport  `json:"replicas"`
}

// NodeReport is a member as this node sees it.
type NodeReport struct {
	ID       schema.NodeID `json:"id"`
	NodeAddr string        `json:"nodeAddr"`
	SQLAddr  string        `json:"sqlAddr"`
	HTTPAddr string        `json:"httpAddr"`
	Alive    bool          `json:"alive"`
}

// ReplicaReport is one of this node's replicas.
type ReplicaReport struct {
	Shard     schema.ShardID           `json:"shard"`
	Replica   uint64                   `json:"replica"`
	Running   bool                     `json:"running"`
	Broken    string                   `json:"broken,omitempty"`
	Applied   uint64                   `json:"applied"`
	HashIndex uint64                   `json:"hashIndex"`
	Hash      string                   `json:"hash"`
	HashesAt  map[uint64]string        `json:"hashesAt,omitempty"` // at the indexes that were asked for
	Leader    schema.NodeID            `json:"leader"`
	Term      uint64                   `json:"term"`
	Holder    schema.NodeID            `json:"holder"`
	Epoch     uint64                   `json:"epoch"`
	Voters    map[schema.NodeID]uint64 `json:"voters,omitempty"` // as the catalog has it
	NonVoting map[schema.NodeID]uint64 `json:"nonVoting,omitempty"`
	Watermark string                   `json:"watermark,omitempty"`
	Tablets   int                      `json:"tablets"`
	Load      load.Load                `json:"load"`               // as this replica measures it
	Marks     []shard.Mark             `json:"marks,omitempty"`    // entries of the log that it leaves out
	Disputed  string                   `json:"disputed,omitempty"` // it differs from others, and no majority says who is right
}

// Report describes this node's replicas. The hash of each is given at its newest index and, where it is still known, at
// the indexes in at: replicas are equal if they agree at one.
func (n *judging) Report(at ...uint64) *Report {
	c := n.ClusterID()
	r := &Report{
		Node: n.NodeID(), Cluster: fmt.Sprintf("%x", c[:]), Version: Version, Catalog: n.Catalog().Version(),
		Draining: n.draining.Load(), ClusterVersion: n.version.Active(), MaxVersion: n.cfg.MaxVersion, Clock: n.Clock(),
	}
	for _, m := range n.Catalog().Nodes() {
		_, alive := n.peers.Get(m.ID)
		r.Nodes = append(r.Nodes, NodeReport{ID: m.ID, NodeAddr: m.NodeAddr, SQLAddr: m.SQLAddr, HTTPAddr: m.HTTPAddr, Alive: alive})
	}
	for _, rec := range n.dir.Replicas() {
		if !rec.Retired {
			r.Replicas = append(r.Replicas, n.reportReplica(rec, at))
		}
	}
	slices.SortFunc(r.Replicas, func(a, b ReplicaReport) int { return int(a.Shard) - int(b.Shard) })
	return r
}

func (n *judging) reportReplica(rec datadir.Record, at []uint64) ReplicaReport {
	r := ReplicaReport{Shard: rec.Shard, Replica: rec.Replica, Broken: rec.Broken}
	if info, ok := n.Catalog().Shard(rec.Shard); ok {
		r.Voters, r.NonVoting = info.Replicas, info.NonVoting
	}
	ls := n.local(rec.Shard)
	if ls == nil {
		return r
	}
	r.Running = true
	r.Applied = ls.state.AppliedIndex()
	var hash uint64
	r.HashIndex, hash = ls.state.Hash()
	r.Hash = fmt.Sprintf("%016x", hash)
	for _, i := range at {
		if h, ok := ls.state.HashAt(i); ok {
			if r.HashesAt == nil {
				r.HashesAt = map[uint64]string{}
			}
			r.HashesAt[i] = fmt.Sprintf("%016x", h)
		}
	}
	r.Leader, r.Term = ls.group.Leader()
	r.Holder = ls.rep.Holder()
	r.Epoch = ls.state.Lease().Epoch
	if w := ls.state.Watermark(); w != 0 {
		r.Watermark = w.String()
	}
	r.Tablets, r.Load = len(ls.state.Tablets()), ls.meter.Total()
	r.Disputed, r.Marks = n.dispute(ls), ls.state.Marks()
	return r
}

func (n *judging) handleReport(_ context.Context, _ schema.NodeID, req []byte) ([]byte, error) {
	var at []uint64
	if len(req) > 0 {
		if err := json.Unmarshal(req, &at); err != nil {
			return nil, err
		}
	}
	return json.Marshal(n.Report(at...))
}

// ReportOf asks another node for its report.
func (n *judging) ReportOf(ctx context.Context, node schema.NodeID, at ...uint64) (*Report, error) {
	if node == n.NodeID() {
		return n.Report(at...), nil
	}
	resp, err := n.ask(ctx, node, methodReport, at)
	if err != nil {
		return nil, err
	}
	r := &Report{}
	return r, json.Unmarshal(resp, r)
}

// Counters gives access to what the parts of a node count.
type Counters struct {
	RPC       map[string]*rpc.Stats // of the client and the server
	Raft      *raft.Stats
	Transport *raft.TransportStats
	Owner     *tso.OwnerStats
	Stamps    *tso.ClientStats
	Txns      *txn.Stats
	Moves     *moves.Stats
	Replicas  map[schema.ShardID]*replica.Stats
	Figures
}

// Figures are what nobody counts: how a node stands.
type Figures struct {
	Compared       uint64          `counter:"hashes_compared_total" help:"comparisons of the hash of a replica with that of another"`
	Condemned      uint64          `counter:"replicas_condemned_total" help:"replicas of this node that differed from a majority and were replaced" status:"Cloudsql_replicas_condemned"`
	Disputed       int             `gauge:"shards_disputed" help:"shards whose replicas differ while no majority agrees" status:"Cloudsql_shards_disputed"`
	ClusterVersion version.Version `gauge:"cluster_version" help:"the version of the cluster, as this node knows it" status:"Cloudsql_cluster_version"`
	ClockOffset    time.Duration   `gauge:"clock_offset_seconds" help:"the wall clock of this node less that of the majority"`
	ClockOffsetMS  int64           `status:"Cloudsql_clock_offset_ms"`
	ClockOff       bool            `gauge:"clock_off" help:"1 if it is off by more than --max-clock-offset" status:"Cloudsql_clock_off"`
	ClocksAgree    bool            `gauge:"clocks_agree" help:"1 if the clocks of a majority of the members agree" status:"Cloudsql_clocks_agree"`
	Lead           time.Duration   `gauge:"tso_lead_seconds" help:"timestamps less the wall clock, at the node that owns them"`
	DiskFree       uint64          `gauge:"disk_free_bytes" help:"what is free on the disk of this node that has least above its reserve" status:"Cloudsql_disk_free_bytes"`
	DiskFull       bool            `gauge:"disk_full" help:"1 while less than --disk-reserve-mb is free" status:"Cloudsql_disk_full"`
	DiskUsed       uint64          `gauge:"engine_disk_bytes" help:"disk space that the rows take"`
	LockWaiters    int             `gauge:"lock_waiters" help:"requests that wait for row locks at the leaseholders of this node"`
	Open           int             `gauge:"txn_open" help:"interactive transactions of the clients of this node"`
	CatalogVersion uint64          `gauge:"catalog_version" help:"log index of the catalog that this node has applied"`
}

// Counters of the running parts; the maps are the caller's.
func (n *Node) Counters() Counters {
	clock := n.Clock()
	c := Counters{
		RPC: map[string]*rpc.Stats{"server": &n.server.Stats, "client": &n.client.Stats}, Raft: &n.raft.Stats, Transport: &n.raft.Transport,
		Owner: &n.owner.Stats, Stamps: &n.stamps.Stats, Txns: &n.db.txns.Stats, Moves: &n.mover.Stats, Replicas: map[schema.ShardID]*replica.Stats{},
		Figures: Figures{
			Compared: n.compared.Load(), Condemned: n.condemnations.Load(), ClusterVersion: n.version.Active(),
			ClockOffset: clock.Offset, ClockOffsetMS: clock.Offset.Abs().Milliseconds(), ClockOff: clock.Off, ClocksAgree: clock.Agreed,
			Lead: clock.Lead, DiskFree: n.diskFree.Load(), DiskFull: n.diskFull.Load(), DiskUsed: n.engine.DB().Metrics().DiskSpaceUsage(),
			LockWaiters: n.LockStats().Waiting, CatalogVersion: n.Catalog().Version(),
		},
	}
	for s, ls := range *n.shards.Load() {
		c.Replicas[s] = ls.rep.Stats()
		if n.dispute(ls) != "" {
			c.Disputed++
		}
	}
	c.Open = n.open.Count()
	return c
}

// ReplicaFigures are how a replica of this node stands.
type ReplicaFigures struct {
	Applied uint64 `gauge:"replica_applied_index" help:"log index that the replica has applied"`
	Holds   bool   `gauge:"replica_holds_lease" help:"1 on the leaseholder"`
	Leads   bool   `gauge:"replica_leads" help:"1 on the leader of raft"`
	Votes   bool   `gauge:"replica_votes" help:"1 if the replica votes, 0 if it is only read or on its way"`
	Broken  bool   `gauge:"replica_broken" help:"1 if the replica cannot be used"`

	DataBytes uint64  `gauge:"replica_data_bytes" help:"estimated bytes of the tablets of the replica"`
	Reads     float64 `gauge:"replica_reads_per_second" help:"reads that the replica serves, those of many rows several times, over about half a minute"`
	RowWrites float64 `gauge:"replica_row_writes_per_second" help:"rows that the replica applies, over about half a minute"`
}

// EachReplica calls fn with the figures of this node's replicas.
func (n *Node) EachReplica(fn func(s schema.ShardID, f *ReplicaFigures)) {
	self := n.NodeID()
	list := n.Report().Replicas
	for i := range list {
		r := &list[i]
		fn(r.Shard, &ReplicaFigures{
			Applied: r.Applied, Holds: r.Holder == self, Leads: r.Leader == self, Broken: r.Broken != "", Votes: r.Voters[self] != 0,
			DataBytes: uint64(r.Load.Bytes), Reads: r.Load.Reads, RowWrites: r.Load.Writes,
		})
	}
}

// Healthy tells whether this node can serve: it has applied the catalog, runs its replicas and reaches a leader of the
// system shard.
func (n *Node) Healthy() error {
	ls := n.local(schema.SystemShard)
	if ls == nil {
		return errNoSystemReplica
	}
	if leader, _ := ls.group.Leader(); leader == 0 {
		return fmt.Errorf("the system shard: %w", raft.ErrNoLeader)
	}
	if n.draining.Load() {
		return fmt.Errorf("the node is draining")
	}
	return nil
}
