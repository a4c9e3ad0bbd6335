package placement

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/distributed/load"
	"cloudsql/distributed/peers"
	"cloudsql/distributed/raft"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/version"
)

// world is a cluster without processes: nodes that live and die, groups with the rules of raft's configurations, a catalog, and a
// Reconciler on each node. Times are those of a synctest bubble.
type world struct {
	t   *testing.T
	cfg Config
	ctx context.Context

	mu     sync.Mutex
	rng    *rand.Rand
	faults float64 // the share of requests whose outcome is another, or unknown
	snap   *catalog.Snapshot
	nodes  map[schema.NodeID]*simNode
	groups map[schema.ShardID]*simGroup
	used   map[uint64]schema.ShardID // all replica ids that a group ever had
	// started are the replicas that ever were: who has lost one's data must not be given it again, which its leader takes to have what it had.
	started map[uint64]bool

	weights map[schema.TabletID]weight
	noise   float64                // by which share, at most, the work that a leader tells of is off
	moved   map[schema.TableID]int // tablets of a table
	uncut   bool                   // no tablet can be cut
	failed  int                    // how often that was tried
	weighed *catalog.Snapshot      // that sums are of
	sums    map[schema.ShardID]weight
}

type simNode struct {
	id    schema.NodeID
	alive bool
	drain bool
	full  bool
	where string
	reps  map[schema.ShardID]*simReplica
}

type simReplica struct {
	id        uint64
	nonVoting bool
	applied   uint64
	broken    string
}

type simGroup struct {
	voters, nonVoting, removed map[uint64]bool
	leader                     uint64
	applied                    uint64
}

var errLost = errors.New("the answer was lost")

// newWorld begins a cluster of node 1 with its two shards.
func newWorld(ctx context.Context, t *testing.T, seed uint64, cfg Config) *world {
	cfg.ReplaceAfter, cfg.SteadyFor, cfg.MaxVersion = time.Minute, 40*time.Second, version.Max
	cfg.Heartbeat = cmp.Or(cfg.Heartbeat, 250*time.Millisecond)
	w := &world{
		t: t, cfg: cfg, ctx: ctx, rng: rand.New(rand.NewPCG(seed, 1)), snap: catalog.Empty(),
		nodes: map[schema.NodeID]*simNode{}, groups: map[schema.ShardID]*simGroup{}, used: map[uint64]schema.ShardID{}, started: map[uint64]bool{},
		weights: map[schema.TabletID]weight{}, moved: map[schema.TableID]int{},
	}
	w.mustChange(func(tx *catalog.Tx) error {
		tx.PutClusterVersion(catalog.ClusterVersion{Active: version.Max})
		for _, s := range []schema.ShardID{schema.SystemShard, FirstDataShard} {
			tx.PutShard(&catalog.Shard{ID: s, Replicas: map[schema.NodeID]uint64{1: raft.ReplicaID(1, 1)}, NextReplica: 2})
		}
		return nil
	})
	w.join(1)
	for _, s := range []schema.ShardID{schema.SystemShard, FirstDataShard} {
		if err := w.begin(s, w.nodes[1], StartRequest{Shard: s, Replica: raft.ReplicaID(1, 1), Members: []uint64{raft.ReplicaID(1, 1)}}); err != nil {
			t.Fatal(err)
		}
	}
	go w.live(ctx)
	go w.carryOut(ctx)
	return w
}

// join makes a node a member, with a Reconciler of its own.
func (w *world) join(id schema.NodeID) {
	w.mustChange(func(tx *catalog.Tx) error {
		tx.PutNode(&catalog.Node{ID: id, NodeAddr: fmt.Sprint("n", id)})
		return nil
	})
	n := &simNode{id: id, alive: true, reps: map[schema.ShardID]*simReplica{}}
	w.mu.Lock()
	w.nodes[id] = n
	w.mu.Unlock()
	p := peers.New(peers.Config{
		Node:  func() schema.NodeID { return id },
		Own:   func() *peers.Status { return w.status(n) },
		Heard: func(*peers.Status, bool) {}, At: func(schema.NodeID, string) {},
	})
	r := New(w.cfg, &simCluster{w, n}, p, slog.New(slog.DiscardHandler))
	go r.Loop(w.ctx)
	go func() { // the others' heartbeats
		for sleep(w.ctx, w.cfg.Heartbeat) {
			for _, other := range w.others(id) {
				data, err := json.Marshal(w.status(other))
				if err != nil {
					w.t.Error(err)
				}
				p.Take(data, other.id)
			}
		}
	}()
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// others are the nodes that a node hears from.
func (w *world) others(id schema.NodeID) (out []*simNode) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.nodes {
		if n.id != id && n.alive && w.nodes[id].alive {
			out = append(out, n)
		}
	}
	return out
}

func (w *world) status(n *simNode) *peers.Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := &peers.Status{Node: n.id, Can: version.Max, Bound: version.Max, Drain: n.drain, Full: n.full, Locality: n.where}
	for id, rep := range n.reps {
		leads := w.groups[id].leader == rep.id && rep.broken == ""
		in := w.shardWeight(id)
		r := peers.Replica{
			Shard: id, Replica: rep.id, Applied: rep.applied, Broken: rep.broken, Leader: leads, Holder: leads, Bytes: uint64(in[inBytes]),
		}
		if leads {
			r.Reads = uint64(in[inWork] * (1 + w.noise*(2*w.rng.Float64()-1)))
		}
		s.Reps = append(s.Reps, r)
	}
	return s
}

// shardWeight is what the tablets of a shard weigh. Called with mu held.
func (w *world) shardWeight(s schema.ShardID) weight {
	if w.weighed != w.snap {
		w.weighed, w.sums = w.snap, map[schema.ShardID]weight{}
		for _, d := range w.snap.Databases() {
			for _, t := range w.snap.Tables(d.Name) {
				for _, tb := range t.Tablets {
					w.sums[tb.Shard] = w.sums[tb.Shard].plus(w.weights[tb.ID], 1)
				}
			}
		}
	}
	return w.sums[s]
}

// carryOut carries out moves of tablets, each in some seconds.
func (w *world) carryOut(ctx context.Context) {
	for sleep(ctx, 2*time.Second) {
		w.mu.Lock()
		some := len(catalog.Moves(w.snap)) > 0
		w.mu.Unlock()
		if !some {
			continue
		}
		w.mustChange(func(tx *catalog.Tx) error {
			for _, m := range catalog.Moves(tx.Snapshot) {
				t, ok := tx.Snapshot.TableByID(m.Table)
				if m.State == catalog.MoveFailed {
					continue
				}
				if ok && m.Into > 0 && len(m.Targets) == 0 { // it will go over next time
					next := *m
					if w.uncut {
						next.State = catalog.MoveFailed
						w.failed++
					} else if err := cutEvenly(tx, &next, t); err != nil {
						return err
					}
					tx.PutMove(&next)
					continue
				}
				if m.State == catalog.MoveLeaving || m.Cancel || !ok || !tx.Flip(m, t.Version+1) {
					tx.DeleteMove(m.Tablet)
					continue
				}
				var all weight
				for _, from := range m.Sources() {
					all = all.plus(w.weights[from.Tablet], 1)
				}
				results := m.Results()
				for i := range results {
					w.weights[results[i].ID] = weight{}.plus(all, 1/float64(len(results)))
				}
				w.moved[m.Table]++
			}
			return nil
		})
	}
}

// cutEvenly finds keys to cut a tablet at; all have eight bytes.
func cutEvenly(tx *catalog.Tx, m *catalog.Move, t *schema.Table) error {
	i := slices.IndexFunc(t.Tablets, func(tb schema.Tablet) bool { return tb.ID == m.Tablet })
	low, high := uint64(0), uint64(math.MaxUint64)
	if b := t.Tablets[i].Start; b != nil {
		low = binary.BigEndian.Uint64(b)
	}
	if b := t.Tablets[i].End; b != nil {
		high = binary.BigEndian.Uint64(b)
	}
	var keys [][]byte
	for k := 1; k < m.Into; k++ {
		keys = append(keys, binary.BigEndian.AppendUint64(nil, low+(high-low)/uint64(m.Into)*uint64(k))) //nolint:gosec // small
	}
	return tx.Cut(m, t.Tablets[i], keys)
}

// live lets groups elect leaders, grow, and be caught up with.
func (w *world) live(ctx context.Context) {
	for sleep(ctx, 100*time.Millisecond) {
		w.mu.Lock()
		for s, g := range w.groups {
			w.elect(s, g)
			if g.leader == 0 {
				continue
			}
			g.applied += 10
			for _, n := range w.nodes {
				rep := n.reps[s]
				if n.alive && rep != nil && rep.broken == "" && (g.voters[rep.id] || g.nonVoting[rep.id]) {
					rep.applied = min(g.applied, rep.applied+5000)
				}
			}
		}
		w.mu.Unlock()
	}
}

// elect gives a group a leader if a majority of its voters runs. Called with mu held.
func (w *world) elect(s schema.ShardID, g *simGroup) {
	if g.leader != 0 && g.voters[g.leader] && w.runs(s, g.leader) && w.majority(s, g) {
		return
	}
	g.leader = 0
	if !w.majority(s, g) {
		return
	}
	for id := range g.voters {
		if w.runs(s, id) && (g.leader == 0 || id < g.leader) {
			g.leader = id
		}
	}
}

func (w *world) runs(s schema.ShardID, replica uint64) bool {
	n := w.nodes[raft.NodeOf(replica)]
	return n.alive && n.reps[s] != nil && n.reps[s].id == replica && n.reps[s].broken == ""
}

func (w *world) majority(s schema.ShardID, g *simGroup) bool {
	running := 0
	for id := range g.voters {
		if w.runs(s, id) {
			running++
		}
	}
	return running > len(g.voters)/2
}

func (w *world) mustChange(fn func(tx *catalog.Tx) error) {
	if err := w.change(fn); err != nil {
		w.t.Error(err)
	}
}

func (w *world) change(fn func(tx *catalog.Tx) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	tx := w.snap.Begin()
	if err := fn(tx); err != nil {
		return err
	}
	next, err := w.snap.Apply(w.snap.Version()+1, tx.Command(1, w.snap.Version()+1).Sets)
	if err == nil {
		w.snap = next
	}
	return err
}

// begin runs a replica on a node. Called with mu held, or before anything runs.
func (w *world) begin(s schema.ShardID, n *simNode, q StartRequest) error {
	old := n.reps[s]
	if old != nil && old.id == q.Replica && old.broken == "" {
		return nil
	}
	if old != nil && old.id >= q.Replica {
		return errors.New("it is or was here")
	}
	if g := w.groups[s]; g != nil && old != nil && !g.removed[old.id] {
		w.t.Errorf("shard %d: node %d is to clear replica %d, which is a member", s, n.id, old.id)
	}
	if len(q.Members) > 0 {
		if w.groups[s] != nil {
			w.t.Errorf("shard %d begins a second time", s)
		}
		w.groups[s] = &simGroup{voters: map[uint64]bool{q.Members[0]: true}, nonVoting: map[uint64]bool{}, removed: map[uint64]bool{}}
		w.note(s, q.Replica)
	}
	if key := q.Replica ^ uint64(s)<<56; w.started[key] {
		w.t.Errorf("shard %d: replica %x is started again without its log", s, q.Replica)
	} else {
		w.started[key] = true
	}
	n.reps[s] = &simReplica{id: q.Replica, nonVoting: q.NonVoting}
	return nil
}

// note records that a group has a replica id, which no group may have had before.
func (w *world) note(s schema.ShardID, replica uint64) {
	if of, seen := w.used[replica^uint64(s)<<56]; seen {
		w.t.Errorf("replica id %x of shard %d is used again", replica, of)
	}
	w.used[replica^uint64(s)<<56] = s
}

// configure changes a group's configuration, as its leader would. Called with mu held.
func (w *world) configure(s schema.ShardID, g *simGroup, op Op, replica uint64) error {
	switch op {
	case Add:
		if g.removed[replica] {
			w.t.Errorf("shard %d: replica %x was removed and is added again", s, replica)
		}
		if !g.voters[replica] && !g.nonVoting[replica] {
			w.note(s, replica)
			g.nonVoting[replica] = true
		}
	case Promote:
		if g.voters[replica] {
			return nil
		}
		if !g.nonVoting[replica] {
			return errors.New("only a non-voting replica can be promoted")
		}
		delete(g.nonVoting, replica)
		g.voters[replica] = true
	case Remove:
		delete(g.voters, replica)
		delete(g.nonVoting, replica)
		g.removed[replica] = true
	}
	if op == Remove && !w.majority(s, g) { // whoever is promoted may have died a moment ago
		w.t.Errorf("shard %d has no majority after %s of replica %x: %v", s, op, replica, g.voters)
	}
	return nil
}

// simCluster is the world as the Reconciler of one node works with it.
type simCluster struct {
	*world
	node *simNode
}

func (c *simCluster) NodeID() schema.NodeID             { return c.node.id }
func (c *simCluster) Marks(schema.ShardID) []shard.Mark { return nil }

func (c *simCluster) Catalog() *catalog.Snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.snap
}

func (c *simCluster) Leads() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	rep, g := c.node.reps[schema.SystemShard], c.groups[schema.SystemShard]
	return c.node.alive && rep != nil && g.leader == rep.id
}

func (c *simCluster) ChangeCatalog(_ context.Context, fn func(tx *catalog.Tx) error) error {
	if !c.Leads() {
		return errors.New("no leader")
	}
	return c.unsure(func() error { return c.change(fn) })
}

// unsure makes a request, which may be lost on its way, or its answer.
func (c *simCluster) unsure(fn func() error) error {
	c.mu.Lock()
	luck, faults := c.rng.Float64(), c.faults
	c.mu.Unlock()
	time.Sleep(10 * time.Millisecond)
	if luck < faults/2 {
		return errLost
	}
	err := fn()
	if luck < faults {
		return errLost
	}
	return err
}

func (c *simCluster) Start(_ context.Context, node schema.NodeID, q StartRequest) error {
	return c.unsure(func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if n := c.nodes[node]; n.alive {
			return c.begin(q.Shard, n, q)
		}
		return errors.New("no such node")
	})
}

func (c *simCluster) Change(_ context.Context, leader schema.NodeID, s schema.ShardID, op Op, replica uint64) error {
	return c.unsure(func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		g, rep := c.groups[s], c.nodes[leader].reps[s]
		if rep == nil || g.leader != rep.id || !c.runs(s, rep.id) || !c.majority(s, g) {
			return errors.New("not the leader")
		}
		return c.configure(s, g, op, replica)
	})
}

func (c *simCluster) Transfer(_ context.Context, s schema.ShardID, from, to schema.NodeID) error {
	return c.unsure(func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		g, rep, next := c.groups[s], c.nodes[from].reps[s], c.nodes[to].reps[s]
		if rep == nil || next == nil || g.leader != rep.id || !g.voters[next.id] || !c.runs(s, next.id) {
			return errors.New("it can't be transferred")
		}
		g.leader = next.id
		return nil
	})
}

func (c *simCluster) Loads(_ context.Context, node schema.NodeID, s schema.ShardID) (list []load.Tablet, err error) {
	err = c.unsure(func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.nodes[node].alive {
			return errors.New("no such node")
		}
		list = nil
		for _, d := range c.snap.Databases() {
			for _, t := range c.snap.Tables(d.Name) {
				for _, tb := range t.Tablets {
					if wt := c.weights[tb.ID]; tb.Shard == s {
						list = append(list, load.Tablet{ID: tb.ID, Load: load.Load{Bytes: wt[inBytes], Reads: wt[inWork]}})
					}
				}
			}
		}
		return nil
	})
	return list, err
}

func (c *simCluster) Retire(_ context.Context, node schema.NodeID, q StartRequest) error {
	return c.unsure(func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		n, g := c.nodes[node], c.groups[q.Shard]
		if own := n.reps[schema.SystemShard]; n.alive && (own == nil || c.groups[schema.SystemShard].removed[own.id]) {
			return errors.New("it has no catalog to look into")
		}
		if n.alive && n.reps[q.Shard] != nil && n.reps[q.Shard].id == q.Replica {
			if !g.removed[q.Replica] {
				c.t.Errorf("shard %d: node %d is to clear replica %x, which is a member", q.Shard, node, q.Replica)
			}
			delete(n.reps, q.Shard)
		}
		return nil
	})
}

// lose sets the share of requests that are lost, or whose answers are.
func (w *world) lose(share float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = share
}

// settle lets faults end and time pass, until the cluster is as it should be for a while; an error tells what is wrong at the end.
func (w *world) settle(limit time.Duration, good func() error) (err error) {
	w.lose(0)
	still := 0
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(time.Second) {
		if err = good(); err != nil {
			still = 0
		} else if still++; still == 10 {
			return nil
		}
	}
	return err
}

// agrees tells whether the catalog, the configurations and the nodes say the same.
func (w *world) agrees() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, sh := range w.snap.Shards() {
		g := w.groups[sh.ID]
		if g == nil {
			return fmt.Errorf("shard %d has not begun", sh.ID)
		}
		for _, list := range []struct {
			catalog map[schema.NodeID]uint64
			raft    map[uint64]bool
		}{{sh.Replicas, g.voters}, {sh.NonVoting, g.nonVoting}} {
			if len(list.catalog) != len(list.raft) {
				return fmt.Errorf("shard %d: the catalog says %+v, raft %v and %v, led by %x", sh.ID, *sh, g.voters, g.nonVoting, g.leader)
			}
			for node, replica := range list.catalog {
				if rep := w.nodes[node].reps[sh.ID]; !list.raft[replica] || w.nodes[node].alive && (rep == nil || rep.id != replica || rep.broken != "") {
					return fmt.Errorf("shard %d: replica %x of node %d is not as the catalog says", sh.ID, replica, node)
				}
			}
		}
		if g.leader == 0 {
			return fmt.Errorf("shard %d has no leader", sh.ID)
		}
		for _, n := range w.nodes {
			if rep := n.reps[sh.ID]; rep != nil && n.alive && g.removed[rep.id] && sh.ID != schema.SystemShard {
				return fmt.Errorf("shard %d: node %d still has replica %x, which was removed", sh.ID, n.id, rep.id)
			}
		}
	}
	return nil
}

// none counts nothing for each node that lives and stays. Called with mu held.
func (w *world) none() map[schema.NodeID]int {
	out := map[schema.NodeID]int{}
	for _, m := range w.snap.Nodes() {
		if w.nodes[m.ID].alive && !m.Left && !m.Leaving && !m.Removing {
			out[m.ID] = 0
		}
	}
	return out
}

// leases counts the data shards that each node leads.
func (w *world) leases() map[schema.NodeID]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.none()
	for s, g := range w.groups {
		if s != schema.SystemShard && g.leader != 0 {
			out[raft.NodeOf(g.leader)]++
		}
	}
	return out
}

// replicas counts the replicas of data shards that each node has, by the catalog.
func (w *world) replicas() map[schema.NodeID]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.none()
	for node, n := range replicaCounts(w.snap) {
		out[node] = n
	}
	return out
}
