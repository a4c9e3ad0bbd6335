package placement

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/distributed/clock"
	"cloudsql/distributed/load"
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
	// Loads asks a node what the tablets of a shard come to there.
	Loads(ctx context.Context, node schema.NodeID, s schema.ShardID) ([]load.Tablet, error)
	// Retire has a node stop a replica that the catalog gives it no more, and clear its data.
	Retire(ctx context.Context, node schema.NodeID, q StartRequest) error
}

// Config is what the cluster should be like.
type Config struct {
	ReplicationFactor int           // replicas of a data shard, as far as there are nodes, unless the cluster has the setting (SettingReplication), or databases ask for others
	DataShards        int           // as many at most, one a node until then; 0: one a node, however many
	SystemVoters      int           // nodes beyond get non-voting replicas of the system shard
	ReplaceAfter      time.Duration // so long after a node was last heard from, its replicas are given to others
	Heartbeat         time.Duration
	SteadyFor         time.Duration   // without a change of leaders and places, before loads are believed
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
	since      time.Time             // since when reconciling has been this node's task
	quietSince time.Time             // since when all nodes are there and no shard has changed its leader
	leaders    map[schema.ShardID]schema.NodeID
	work       map[schema.ShardID]float64 // that the shards' leaders do, when it was last steady
	shifts     shifting
	factors    factors
	instead    map[schema.ShardID]schema.NodeID // whose replicas others are being made instead of
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
	heardWithin    = 5 * time.Second // a node tells of what it has several times a second
	balanceEvery   = 3 * time.Second
	// caughtUpWithin entries of the leader, a replica may vote.
	caughtUpWithin = 1000
)

// New makes a Reconciler.
func New(cfg Config, c Cluster, p *peers.Peers, log *slog.Logger) *Reconciler {
	return &Reconciler{cfg: cfg, c: c, peers: p, log: log, wake: make(chan struct{}, 1), retry: map[stepKey]time.Time{}, instead: map[schema.ShardID]schema.NodeID{}}
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
			r.since = time.Now() // whoever begins looks around first
			r.quietSince, r.work, r.shifts = r.since, nil, shifting{}
			clear(r.instead)
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
	for _, fn := range []func(context.Context, *catalog.Snapshot) (bool, error){r.dismiss, r.clear, r.letGo, r.addShard} {
		if done, err := fn(ctx, c); done || err != nil {
			return done && err == nil, err
		}
	}
	return false, balancing{r}.balance(ctx, c)
}

// advance does the next step for one node's replica of one shard; false: nothing to do, or to wait for.
func (r *Reconciler) advance(ctx context.Context, sh *catalog.Shard, m member) (done bool, err error) {
	replica, voting := sh.ReplicaOn(m.node)
	s, alive := r.peers.Get(m.node)
	if replica == 0 {
		if r.leaderOf(sh.ID) == 0 {
			return false, nil // a group that has not begun would take a second member for a sign that its first was forgotten
		}
		return true, r.allot(ctx, sh.ID, m)
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

// allot gives a node a replica id in the catalog; where it has one that is only read, that is to vote from now on, if m does.
func (r *Reconciler) allot(ctx context.Context, s schema.ShardID, m member) error {
	return r.changeShard(ctx, s, func(sh *catalog.Shard) (changed bool) {
		if replica, _ := sh.ReplicaOn(m.node); replica == 0 {
			sh.NonVoting[m.node] = raft.ReplicaID(m.node, sh.NextReplica)
			sh.NextReplica++
			changed = true
		}
		if m.voter && s != schema.SystemShard && !sh.ToVote(m.node) && sh.Changing[m.node] == "" {
			sh.Changing[m.node] = catalog.Joining
			changed = true
		}
		return changed
	})
}

// change changes the catalog, or fails within a time.
func (r *Reconciler) change(ctx context.Context, fn func(tx *catalog.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return r.c.ChangeCatalog(ctx, fn)
}

// changeShard changes a shard's record; fn reports whether it changed its copy.
func (r *Reconciler) changeShard(ctx context.Context, s schema.ShardID, fn func(*catalog.Shard) bool) error {
	return r.change(ctx, func(tx *catalog.Tx) error {
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
	if now, ok := r.c.Catalog().Shard(sh.ID); ok && now.Changing[node] == catalog.Removing {
		return fmt.Errorf("%w: the node has come back without it", errNotYet) // it had it already, perhaps
	}
	r.log.Info("giving a node a replica", "shard", sh.ID, "node", node, "replica", replica)
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := r.c.Start(ctx, node, q); err != nil || node == r.c.NodeID() {
		return err
	}
	return r.heard(ctx, node, sh.ID, replica)
}

// heard waits until a node's status tells of its new replica, so that it is not told twice: not for long, since the node may have lost it by now, and
// wait for what comes after this step.
func (r *Reconciler) heard(ctx context.Context, node schema.NodeID, s schema.ShardID, replica uint64) error {
	ctx, cancel := context.WithTimeout(ctx, heardWithin)
	defer cancel()
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
	if err := r.intend(ctx, sh, node, replica, catalog.Promoting); err != nil {
		return err
	}
	if err := r.member(ctx, sh.ID, Promote, replica); err != nil {
		return err
	}
	r.log.Info("a replica has caught up and votes", "shard", sh.ID, "node", node, "replica", replica)
	return r.changeShard(ctx, sh.ID, func(c *catalog.Shard) bool {
		if c.NonVoting[node] != replica {
			return false
		}
		delete(c.NonVoting, node)
		if c.Changing[node] != catalog.Removing { // its node came back without it meanwhile
			delete(c.Changing, node)
		}
		c.Replicas[node] = replica
		return true
	})
}

// intend notes a change in the catalog before raft is asked for it: its answer may be lost, and then the change is what must be
// completed, whatever has come meanwhile. errNotYet: sh is not what the catalog has by now; who is to be removed is, whatever else was to become of him.
func (r *Reconciler) intend(ctx context.Context, sh *catalog.Shard, node schema.NodeID, replica uint64, change catalog.Change) error {
	other := false
	err := r.changeShard(ctx, sh.ID, func(c *catalog.Shard) bool {
		now, _ := c.ReplicaOn(node)
		if other = now != replica || c.Changing[node] == catalog.Removing && change != catalog.Removing; other || c.Changing[node] == change {
			return false
		}
		c.Changing[node] = change
		return true
	})
	if err == nil && other {
		err = fmt.Errorf("%w: replica %d is to be another's, or none", errNotYet, replica)
	}
	return err
}

// replace takes a replica whose data is gone out of its group; the next step gives its node a new one.
func (r *Reconciler) replace(ctx context.Context, sh *catalog.Shard, node schema.NodeID, replica uint64, voting bool) error {
	if voting && len(sh.Replicas) == 1 {
		return fmt.Errorf("%w: its only replica is unusable", errNotYet)
	}
	return r.drop(ctx, sh, node, replica, "an unusable replica was taken out of its group")
}

// drop takes a replica out of its group, then out of the catalog.
func (r *Reconciler) drop(ctx context.Context, sh *catalog.Shard, node schema.NodeID, replica uint64, why string) error {
	if err := r.intend(ctx, sh, node, replica, catalog.Removing); err != nil {
		return err
	}
	if !r.majorityWithout(sh, node) {
		return fmt.Errorf("%w: too few others of shard %d are there", errNotYet, sh.ID)
	}
	if err := r.member(ctx, sh.ID, Remove, replica); err != nil {
		return err
	}
	r.log.Warn(why, "shard", sh.ID, "node", node, "replica", replica)
	return r.changeShard(ctx, sh.ID, func(c *catalog.Shard) bool {
		if got, _ := c.ReplicaOn(node); got != replica {
			return false
		}
		delete(c.Replicas, node)
		delete(c.NonVoting, node)
		delete(c.Changing, node)
		return true
	})
}

// majorityWithout tells whether most of a shard's other voters run, as far as was heard: one may have gone since the removal was noted.
func (r *Reconciler) majorityWithout(sh *catalog.Shard, node schema.NodeID) bool {
	others, running := 0, 0
	for id, replica := range sh.Replicas {
		if id == node {
			continue
		}
		others++
		st, alive := r.peers.Get(id)
		if rs := st.Replica(sh.ID); alive && rs != nil && rs.Replica == replica && rs.Broken == "" {
			running++
		}
	}
	return running > others/2
}

// addShard begins a further data shard when there are more nodes than data shards. Those of nodes that have left stay.
func (r *Reconciler) addShard(ctx context.Context, c *catalog.Snapshot) (bool, error) {
	var nodes int
	leads := map[schema.NodeID]int{} // data shards that began on a node, by who has voters
	for _, m := range c.Nodes() {
		if r.stands(m) == stays {
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
		if len(sh.Replicas) < r.voters(sh.ID, nodes) {
			return false, nil // one thing after the other
		}
		if h := r.leaderOf(sh.ID); h != 0 {
			leads[h]++
		}
	}
	if most := r.cfg.DataShards; data >= nodes || most > 0 && data >= most {
		return false, nil
	}
	home := slices.MinFunc(SortedNodes(leads), func(a, b schema.NodeID) int { return leads[a] - leads[b] })
	return true, r.change(ctx, func(tx *catalog.Tx) error {
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
