package placement

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/distributed/clock"
	"cloudsql/distributed/peers"
	"cloudsql/distributed/raft"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/version"
)

// Cluster is what a Reconciler works with.
type Cluster interface {
	NodeID() schema.NodeID
	Catalog() *catalog.Snapshot
	ChangeCatalog(ctx context.Context, fn func(tx *catalog.Tx) error) error
	// Leads tells whether reconciling is this node's task.
	Leads() bool
	// Marks are the entries that replicas of a shard leave out.
	Marks(s schema.ShardID) []shard.Mark

	// Start has a node run a replica. Change has the node that leads a shard change its group's configuration; nothing happens
	// if it is so already. Transfer has a node hand a shard's lease and leadership to another.
	Start(ctx context.Context, node schema.NodeID, q StartRequest) error
	Change(ctx context.Context, leader schema.NodeID, s schema.ShardID, op Op, replica uint64) error
	Transfer(ctx context.Context, s schema.ShardID, from, to schema.NodeID) error
}

// Config is what the cluster should be like.
type Config struct {
	ReplicationFactor int // replicas of a data shard, as far as there are nodes
	DataShards        int // as many at most; one a node until then
	SystemVoters      int // nodes beyond get non-voting replicas of the system shard
	Heartbeat         time.Duration
	MaxVersion        version.Version // that this program can serve
}

// Reconciler makes the cluster what it should be, step by step, while this node holds the system shard's lease.
type Reconciler struct {
	cfg   Config
	c     Cluster
	peers *peers.Peers
	log   *slog.Logger
	wake  chan struct{}

	retry      map[stepKey]time.Time // steps that failed wait
	quietSince time.Time             // since when all nodes are there and no shard has changed its leader
	leaders    map[schema.ShardID]schema.NodeID
}

// FirstDataShard is the id of a cluster's first shard with rows.
const FirstDataShard schema.ShardID = 2

// errNotYet: a step has to wait for something that will come by itself.
var errNotYet = errors.New("not yet")

// stepKey names what a step is about.
type stepKey struct {
	shard schema.ShardID
	node  schema.NodeID
}

const (
	reconcileEvery = 500 * time.Millisecond
	retryAfter     = time.Second
	balanceEvery   = 3 * time.Second
	// caughtUpWithin entries of the leader, a replica may vote.
	caughtUpWithin = 1000
)

// New makes a Reconciler.
func New(cfg Config, c Cluster, p *peers.Peers, log *slog.Logger) *Reconciler {
	return &Reconciler{cfg: cfg, c: c, peers: p, log: log, wake: make(chan struct{}, 1), retry: map[stepKey]time.Time{}}
}

// Poke makes the next look come at once.
func (r *Reconciler) Poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Loop does what is to be done, while it is this node's task.
func (r *Reconciler) Loop(ctx context.Context) {
	tick := time.NewTicker(reconcileEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-r.wake:
		}
		if !r.c.Leads() {
			r.quietSince = time.Now() // whoever begins looks around first
			continue
		}
		for r.c.Leads() && ctx.Err() == nil {
			again, err := r.step(ctx)
			if errors.Is(err, errNotYet) {
				r.log.Debug("a step of the cluster's reconciliation waits", "for", err)
			} else if err != nil && ctx.Err() == nil {
				r.log.Warn("a step of the cluster's reconciliation failed, it will be repeated", "err", err)
			}
			if !again {
				break
			}
		}
	}
}

// step looks for the first thing to do and does it; false: there was none that can be done now.
func (r *Reconciler) step(ctx context.Context) (again bool, err error) {
	c := r.c.Catalog()
	if len(c.Shards()) == 0 {
		return false, nil
	}
	if done, err := r.raiseVersion(ctx); done || err != nil {
		return done && err == nil, err
	}
	for _, sh := range c.Shards() {
		for _, m := range r.members(c, sh) {
			key := stepKey{sh.ID, m.node}
			if time.Now().Before(r.retry[key]) {
				continue
			}
			done, err := r.advance(ctx, sh, m)
			if err != nil {
				r.retry[key] = time.Now().Add(retryAfter)
				return true, fmt.Errorf("shard %d on node %d: %w", sh.ID, m.node, err)
			}
			if done {
				return true, nil
			}
		}
	}
	if done, err := r.addShard(ctx, c); done || err != nil {
		return done && err == nil, err
	}
	return false, r.balance(ctx, c)
}

// member is a node's part in a shard as it should be.
type member struct {
	node  schema.NodeID
	voter bool
}

// members says who should have a replica of a shard: those who have, and more while there are too few. (Nobody is taken
// away yet.)
func (r *Reconciler) members(c *catalog.Snapshot, sh *catalog.Shard) (out []member) {
	voters := r.cfg.ReplicationFactor
	if sh.ID == schema.SystemShard {
		voters = r.cfg.SystemVoters
	}
	nodes := r.placeable(c, sh)
	for _, id := range nodes {
		if _, voting := sh.ReplicaOn(id); voting {
			out = append(out, member{id, true})
		}
	}
	count := len(sh.Replicas)
	for _, id := range nodes {
		replica, voting := sh.ReplicaOn(id)
		if voting {
			continue
		}
		switch {
		case count < voters:
			count++
			out = append(out, member{id, true})
		case replica != 0 || sh.ID == schema.SystemShard:
			out = append(out, member{id, false})
		}
	}
	return out
}

// placeable gives the nodes that have a replica or may be given one: those first that already have one, then the alive
// with the fewest.
func (r *Reconciler) placeable(c *catalog.Snapshot, sh *catalog.Shard) (out []schema.NodeID) {
	type candidate struct {
		id     schema.NodeID
		has    int
		others int
	}
	var cs []candidate
	for _, m := range c.Nodes() {
		if m.Left {
			continue
		}
		k := candidate{id: m.ID}
		if replica, _ := sh.ReplicaOn(m.ID); replica != 0 {
			k.has = 1
		} else if s, alive := r.peers.Get(m.ID); !alive || s.Full {
			continue
		}
		for _, other := range c.Shards() {
			if replica, _ := other.ReplicaOn(m.ID); replica != 0 {
				k.others++
			}
		}
		cs = append(cs, k)
	}
	slices.SortFunc(cs, func(a, b candidate) int {
		return cmp.Or(b.has-a.has, a.others-b.others, cmp.Compare(a.id, b.id))
	})
	for _, k := range cs {
		out = append(out, k.id)
	}
	return out
}

// advance does the next step for one node's replica of one shard; false: nothing to do, or to wait for.
func (r *Reconciler) advance(ctx context.Context, sh *catalog.Shard, m member) (done bool, err error) {
	replica, voting := sh.ReplicaOn(m.node)
	s, alive := r.peers.Get(m.node)
	if replica == 0 {
		return true, r.allot(ctx, sh.ID, m.node)
	}
	if !alive {
		return false, nil
	}
	rs := s.Replica(sh.ID)
	switch {
	case rs != nil && rs.Replica == replica && rs.Held:
		return false, nil
	case rs != nil && rs.Replica == replica && rs.Broken != "":
		return true, r.replace(ctx, sh, m.node, replica, voting)
	case rs == nil || rs.Replica != replica:
		return true, r.start(ctx, sh, m.node, replica, voting)
	case m.voter && !voting && r.caughtUp(sh.ID, rs):
		return true, r.promote(ctx, sh, m.node, replica)
	}
	return false, nil
}

// allot gives a node a replica id in the catalog.
func (r *Reconciler) allot(ctx context.Context, s schema.ShardID, node schema.NodeID) error {
	return r.changeShard(ctx, s, func(sh *catalog.Shard) bool {
		if replica, _ := sh.ReplicaOn(node); replica != 0 {
			return false
		}
		sh.NonVoting[node] = raft.ReplicaID(node, sh.NextReplica)
		sh.NextReplica++
		return true
	})
}

// changeShard changes a shard's record; fn reports whether it changed its copy.
func (r *Reconciler) changeShard(ctx context.Context, s schema.ShardID, fn func(*catalog.Shard) bool) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return r.c.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		old, ok := tx.Snapshot.Shard(s)
		if !ok {
			return fmt.Errorf("shard %d is gone", s)
		}
		if c := old.Clone(); fn(c) {
			tx.PutShard(c)
		}
		return nil
	})
}

// start sees to it that a replica is in its group's configuration and runs.
func (r *Reconciler) start(ctx context.Context, sh *catalog.Shard, node schema.NodeID, replica uint64, voting bool) error {
	q := StartRequest{Shard: sh.ID, Replica: replica, NonVoting: !voting, Marks: r.c.Marks(sh.ID)}
	if voting {
		if len(sh.Replicas) != 1 || len(sh.NonVoting) != 0 || sh.NextReplica != 2 {
			// A voter that its node does not know: it was allotted, promoted, and its node has forgotten it.
			return r.replace(ctx, sh, node, replica, voting)
		}
		q.Members = []uint64{replica} // a shard that begins
	} else if err := r.member(ctx, sh.ID, Add, replica); err != nil {
		return err
	}
	r.log.Info("giving a node a replica", "shard", sh.ID, "node", node, "replica", replica)
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := r.c.Start(ctx, node, q); err != nil || node == r.c.NodeID() {
		return err
	}
	return r.heard(ctx, node, sh.ID, replica)
}

// heard waits until a node's status tells of its new replica, so that it is not told twice.
func (r *Reconciler) heard(ctx context.Context, node schema.NodeID, s schema.ShardID, replica uint64) error {
	for {
		if st, _ := r.peers.Get(node); st != nil {
			if rs := st.Replica(s); rs != nil && rs.Replica == replica {
				return nil
			}
		}
		if err := clock.Sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

// caughtUp tells whether a replica is about as far as its leader.
func (r *Reconciler) caughtUp(s schema.ShardID, rs *peers.Replica) bool {
	for _, st := range r.peers.All(peers.AliveFor) {
		if l := st.Replica(s); l != nil && l.Leader {
			return (rs.Applied > 0 || l.Applied == 0) && rs.Applied+caughtUpWithin >= l.Applied
		}
	}
	return false
}

func (r *Reconciler) promote(ctx context.Context, sh *catalog.Shard, node schema.NodeID, replica uint64) error {
	if err := r.member(ctx, sh.ID, Promote, replica); err != nil {
		return err
	}
	r.log.Info("a replica has caught up and votes", "shard", sh.ID, "node", node, "replica", replica)
	return r.changeShard(ctx, sh.ID, func(c *catalog.Shard) bool {
		if c.NonVoting[node] != replica {
			return false
		}
		delete(c.NonVoting, node)
		c.Replicas[node] = replica
		return true
	})
}

// replace takes a replica whose data is gone out of its group; the next step gives its node a new one.
func (r *Reconciler) replace(ctx context.Context, sh *catalog.Shard, node schema.NodeID, replica uint64, voting bool) error {
	if voting && len(sh.Replicas) == 1 {
		return fmt.Errorf("%w: its only replica is unusable", errNotYet)
	}
	if err := r.member(ctx, sh.ID, Remove, replica); err != nil {
		return err
	}
	r.log.Warn("an unusable replica was taken out of its group", "shard", sh.ID, "node", node, "replica", replica)
	return r.changeShard(ctx, sh.ID, func(c *catalog.Shard) bool {
		if got, _ := c.ReplicaOn(node); got != replica {
			return false
		}
		delete(c.Replicas, node)
		delete(c.NonVoting, node)
		return true
	})
}

// addShard begins a further data shard when there are more nodes than data shards.
func (r *Reconciler) addShard(ctx context.Context, c *catalog.Snapshot) (bool, error) {
	var nodes int
	leads := map[schema.NodeID]int{} // data shards that began on a node, by who has voters
	for _, m := range c.Nodes() {
		if _, alive := r.peers.Get(m.ID); !m.Left && alive {
			nodes++
			leads[m.ID] = 0
		}
	}
	data := 0
	for _, sh := range c.Shards() {
		if sh.ID == schema.SystemShard {
			continue
		}
		data++
		if len(sh.Replicas) < min(nodes, r.cfg.ReplicationFactor) {
			return false, nil // one thing after the other
		}
		if h := r.leaderOf(sh.ID); h != 0 {
			leads[h]++
		}
	}
	if data >= min(nodes, r.cfg.DataShards) {
		return false, nil
	}
	home := slices.MinFunc(SortedNodes(leads), func(a, b schema.NodeID) int { return leads[a] - leads[b] })
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return true, r.c.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		id := FirstDataShard
		for _, sh := range tx.Snapshot.Shards() {
			id = max(id, sh.ID+1)
		}
		r.log.Info("adding a data shard", "shard", id, "node", home)
		tx.PutShard(&catalog.Shard{
			ID: id, Replicas: map[schema.NodeID]uint64{home: raft.ReplicaID(home, 1)}, NextReplica: 2,
		})
		return nil
	})
}

// leaderOf is the node that leads a shard, as the nodes tell.
func (r *Reconciler) leaderOf(s schema.ShardID) schema.NodeID {
	for id, st := range r.peers.All(peers.AliveFor) {
		if rs := st.Replica(s); rs != nil && rs.Leader {
			return id
		}
	}
	return 0
}

// balance moves one lease from the node that leads most data shards to the one that leads fewest, when everything has
// been quiet for a while.
func (r *Reconciler) balance(ctx context.Context, c *catalog.Snapshot) error {
	leads := map[schema.NodeID][]*catalog.Shard{}
	for id, st := range r.peers.All(4 * r.cfg.Heartbeat) {
		if m, ok := c.Node(id); ok && !m.Left && !st.Drain {
			leads[id] = nil
		}
	}
	for _, m := range c.Nodes() {
		if _, there := leads[m.ID]; !there && !m.Left && !r.gone(m.ID) {
			r.quietSince = time.Now()
		}
	}
	leaders := map[schema.ShardID]schema.NodeID{}
	for _, sh := range c.Shards() {
		leaders[sh.ID] = r.leaderOf(sh.ID)
	}
	if !maps.Equal(leaders, r.leaders) {
		r.quietSince, r.leaders = time.Now(), leaders
	}
	if time.Since(r.quietSince) < balanceEvery {
		return nil
	}
	for _, sh := range c.Shards() {
		leader := leaders[sh.ID]
		if _, ok := leads[leader]; !ok {
			return nil // an election, or a drain that moves leases by itself
		}
		if sh.ID != schema.SystemShard {
			leads[leader] = append(leads[leader], sh)
		}
	}
	ids := SortedNodes(leads)
	most := slices.MaxFunc(ids, func(a, b schema.NodeID) int { return len(leads[a]) - len(leads[b]) })
	for _, sh := range leads[most] {
		to := r.lighter(leads, sh, len(leads[most])-1)
		if to == 0 {
			continue
		}
		r.quietSince = time.Now()
		r.log.Info("moving a lease to a node with fewer", "shard", sh.ID, "from", most, "to", to)
		return r.c.Transfer(ctx, sh.ID, most, to)
	}
	return nil
}

// gone tells a node that has been away for so long that it is not waited for.
func (r *Reconciler) gone(id schema.NodeID) bool {
	_, there := r.peers.All(10 * balanceEvery)[id]
	return !there
}

// lighter is the node with the fewest leases, fewer than limit, whose replica of the shard may take over.
func (r *Reconciler) lighter(leads map[schema.NodeID][]*catalog.Shard, sh *catalog.Shard, limit int) (best schema.NodeID) {
	for _, id := range SortedNodes(leads) {
		_, voting := sh.ReplicaOn(id)
		st, _ := r.peers.Get(id)
		rs := st.Replica(sh.ID)
		if !voting || rs == nil || st.Full || rs.Broken != "" || len(leads[id]) >= limit || !r.caughtUp(sh.ID, rs) {
			continue
		}
		if best == 0 || len(leads[id]) < len(leads[best]) {
			best = id
		}
	}
	return best
}

// member changes a group's configuration through the node that leads it.
func (r *Reconciler) member(ctx context.Context, s schema.ShardID, op Op, replica uint64) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	leader := r.leaderOf(s)
	if leader == 0 {
		return fmt.Errorf("%w: shard %d has no leader", errNotYet, s)
	}
	return r.c.Change(ctx, leader, s, op, replica)
}

// SortedNodes are the keys of m, in order.
func SortedNodes[V any](m map[schema.NodeID]V) []schema.NodeID {
	ids := make([]schema.NodeID, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}
