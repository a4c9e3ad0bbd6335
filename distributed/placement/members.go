package placement

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/distributed/peers"
	"cloudsql/storage/schema"
	"cloudsql/storage/version"
)

// member is a node's part in a shard as it should be.
type member struct {
	node  schema.NodeID
	voter bool
}

// standing is what a node can be reckoned with for.
type standing uint8

const (
	stays   standing = iota
	silent           // it was not heard from lately, and may come back
	lost             // it was not heard from for Config.ReplaceAfter: others are given what it had
	leaving          // its replicas are to go to others
	left             // it is no member any more
)

// stands tells how a node stands.
func (r *Reconciler) stands(m *catalog.Node) standing {
	switch {
	case m.Left:
		return left
	case m.Leaving || m.Removing:
		return leaving
	}
	if _, alive := r.peers.Get(m.ID); alive {
		return stays
	}
	if _, heard := r.peers.All(r.cfg.ReplaceAfter)[m.ID]; heard || time.Since(r.since) < r.cfg.ReplaceAfter {
		return silent
	}
	return lost
}

// voters is how many voters a shard should have, of so many nodes.
func (r *Reconciler) voters(s schema.ShardID, nodes int) int {
	if s == schema.SystemShard {
		return min(nodes, r.cfg.SystemVoters)
	}
	return min(nodes, r.factor(s))
}

// SettingReplication is the cluster-wide setting that goes before Config.ReplicationFactor.
const SettingReplication = "cloudsql_replication_factor"

// factor is how many voters a data shard should have, as far as there are nodes: as many as the databases ask for that have something
// in it, or the cluster.
func (r *Reconciler) factor(s schema.ShardID) int {
	if c := r.c.Catalog(); r.factors.of != c {
		clusters := int(max(1, numberSetting(c, SettingReplication, uint32(r.cfg.ReplicationFactor)))) //nolint:gosec // a few
		r.factors = factors{c, clusters, catalog.Factors(c, clusters)}
	}
	if n, ok := r.factors.shards[s]; ok {
		return n
	}
	return r.factors.clusters
}

// factors are what a catalog makes the replication factors.
type factors struct {
	of       *catalog.Snapshot
	clusters int
	shards   map[schema.ShardID]int // that have others
}

// SettingReaders is the cluster-wide setting of how many replicas a data shard has beside its voters, which are only read.
const SettingReaders = "cloudsql_read_replicas"

// readers is how many replicas of a shard should be only read, as far as there are nodes without another. Programs of V1 would have
// them vote.
func (r *Reconciler) readers(c *catalog.Snapshot, s schema.ShardID) int {
	if s == schema.SystemShard || !c.Allows(version.V2) {
		return 0
	}
	return int(numberSetting(c, SettingReaders, 0))
}

// lasting counts the nodes that are there or will come back.
func (r *Reconciler) lasting(c *catalog.Snapshot) (n int) {
	for _, m := range c.Nodes() {
		if s := r.stands(m); s == stays || s == silent {
			n++
		}
	}
	return n
}

// members says who should have a replica of a shard: those who have, and others while there are too few that will last.
// Who is to go, dismiss says.
func (r *Reconciler) members(c *catalog.Snapshot, sh *catalog.Shard) (out []member) {
	want := r.voters(sh.ID, r.lasting(c))
	count := 0
	var rest []candidate
	for _, k := range r.candidates(c, sh) {
		lasts := k.standing == stays || k.standing == silent
		switch {
		case sh.Changing[k.id] == catalog.Removing:
		case k.rank == votes || sh.Changing[k.id] == catalog.Promoting:
			out = append(out, member{k.id, true})
			if lasts {
				count++
			}
		case lasts && count < want && (k.rank == joins || k.mayTake): // one that was only read needs no copy
			count++
			out = append(out, member{k.id, true})
		case lasts && k.rank == joins: // one of the others goes then
			out = append(out, member{k.id, true})
		default:
			rest = append(rest, k)
		}
	}
	return append(out, r.spectators(c, sh, rest)...)
}

// spectators says who of those that do not vote should have a replica all the same.
func (r *Reconciler) spectators(c *catalog.Snapshot, sh *catalog.Shard, rest []candidate) (out []member) {
	slices.SortFunc(rest, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), a.near-b.near, a.replicas-b.replicas, cmp.Compare(a.id, b.id))
	})
	readers := r.readers(c, sh.ID)
	for _, k := range rest {
		lasts := k.standing == stays || k.standing == silent
		switch {
		case lasts && readers > 0 && (k.rank != hasNone || k.mayTake):
			readers--
			out = append(out, member{k.id, false})
		case k.rank != hasNone, sh.ID == schema.SystemShard && k.standing == stays:
			out = append(out, member{k.id, false})
		}
	}
	return out
}

// rank is what a node has of a shard.
type rank uint8

const (
	votes rank = iota
	joins      // has a replica that is to vote
	reads      // has one that is not
	hasNone
)

func rankOf(sh *catalog.Shard, node schema.NodeID) rank {
	replica, voting := sh.ReplicaOn(node)
	switch {
	case voting:
		return votes
	case replica == 0:
		return hasNone
	case sh.ToVote(node):
		return joins
	}
	return reads
}

// candidate is a node as one that has a replica of a shard, or may be given one.
type candidate struct {
	id       schema.NodeID
	standing standing
	mayTake  bool // a new replica
	rank     rank
	crowd    int // how near it is to the others that vote, or are to
	near     int // … to all others that have a replica
	replicas int // of other shards
}

// candidates gives the nodes, the most fit to vote first: who does, then who has another replica, then those farthest from the others
// that vote, and from all others, and with the fewest.
func (r *Reconciler) candidates(c *catalog.Snapshot, sh *catalog.Shard) (out []candidate) {
	counts, where := replicaCounts(c), r.localities(c)
	for _, m := range c.Nodes() {
		k := candidate{id: m.ID, standing: r.stands(m), replicas: counts[m.ID], rank: rankOf(sh, m.ID)}
		if k.standing == left {
			continue
		}
		k.crowd, k.near = where.crowd(sh, m.ID, 0)
		s, _ := r.peers.Get(m.ID)
		k.mayTake = k.standing == stays && !s.Full && !s.Drain
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), a.crowd-b.crowd, a.near-b.near, a.replicas-b.replicas, cmp.Compare(a.id, b.id))
	})
	return out
}

// replicaCounts counts the replicas of data shards that each node has.
func replicaCounts(c *catalog.Snapshot) map[schema.NodeID]int {
	return countReplicas(c, func(*catalog.Shard, schema.NodeID) bool { return true })
}

// voterCounts counts the replicas of data shards that vote on each node, or are to.
func voterCounts(c *catalog.Snapshot) map[schema.NodeID]int {
	return countReplicas(c, (*catalog.Shard).ToVote)
}

func countReplicas(c *catalog.Snapshot, counts func(*catalog.Shard, schema.NodeID) bool) map[schema.NodeID]int {
	n := map[schema.NodeID]int{}
	for _, sh := range c.Shards() {
		if sh.ID == schema.SystemShard {
			continue
		}
		for _, ids := range []map[schema.NodeID]uint64{sh.Replicas, sh.NonVoting} {
			for id := range ids {
				if counts(sh, id) {
					n[id]++
				}
			}
		}
	}
	return n
}

// dismiss takes one replica out of its group that the group can do without: of a node that is leaving, of one that is lost and
// replaced, or one too many, of those that vote and of the others. False: there is none.
func (r *Reconciler) dismiss(ctx context.Context, c *catalog.Snapshot) (done bool, err error) {
	for _, sh := range c.Shards() {
		node := r.dispensable(c, sh)
		if node == 0 || time.Now().Before(r.retry[stepKey{sh.ID, node}]) {
			continue
		}
		if err := r.takeOut(ctx, sh, node); err != nil {
			r.retry[stepKey{sh.ID, node}] = time.Now().Add(retryAfter)
			return true, fmt.Errorf("taking shard %d from node %d: %w", sh.ID, node, err)
		}
		if now, ok := r.c.Catalog().Shard(sh.ID); ok && r.instead[sh.ID] == node && rankOf(now, node) == hasNone {
			delete(r.instead, sh.ID)
		}
		return true, nil
	}
	return false, nil
}

// takeOut removes a node's replica from its group, which another replica leads.
func (r *Reconciler) takeOut(ctx context.Context, sh *catalog.Shard, node schema.NodeID) error {
	if leader := r.leaderOf(sh.ID); leader == node {
		for _, to := range SortedNodes(sh.Replicas) {
			if to != node && r.mayLead(sh, to) {
				r.log.Info("moving a lease away from a replica that is to go", "shard", sh.ID, "from", node, "to", to)
				return r.c.Transfer(ctx, sh.ID, node, to)
			}
		}
		return fmt.Errorf("%w: no other replica can lead", errNotYet)
	}
	replica, _ := sh.ReplicaOn(node)
	return r.drop(ctx, sh, node, replica, "a replica that is not needed was taken out of its group")
}

// dispensable is the node whose replica of a shard should go now, 0 if none should: one whose removal was begun, or where the voters
// on other nodes are there, have caught up, and are as many as the shard should have; so no step makes a group weaker.
func (r *Reconciler) dispensable(c *catalog.Snapshot, sh *catalog.Shard) schema.NodeID {
	var good, going, gone []candidate
	var read readers
	for _, k := range r.candidates(c, sh) {
		switch {
		case k.rank == hasNone:
		case sh.Changing[k.id] == catalog.Removing:
			return k.id
		case k.standing == leaving && r.mayLose(c, sh, k.id):
			going = append(going, k)
		case k.rank == reads && sh.ID != schema.SystemShard:
			read.add(k, k.standing == stays && r.fit(sh, k.id))
		case k.standing == lost && sh.ID != schema.SystemShard, k.standing == lost && k.rank == votes:
			gone = append(gone, k)
		case k.standing == stays && k.rank == votes && r.fit(sh, k.id):
			good = append(good, k)
		}
	}
	lasting := r.lasting(c)
	want := r.voters(sh.ID, lasting)
	switch {
	case len(good) == 0 || len(good) < want:
		return 0
	case len(going) > 0:
		return going[0].id
	case len(gone) > 0 && len(good) >= r.voters(sh.ID, lasting+len(gone)): // it is replaced, not only missing
		return gone[0].id
	case len(good) > want:
		return r.surplus(sh, good)
	}
	return read.surplus(r.readers(c, sh.ID), r.instead[sh.ID])
}

// readers are the replicas of a shard that are only read: those that run and have caught up, and the rest.
type readers struct{ fit, unfit []candidate }

func (r *readers) add(k candidate, fit bool) {
	if fit {
		r.fit = append(r.fit, k)
	} else {
		r.unfit = append(r.unfit, k)
	}
}

// surplus is whose replica is not needed where so many are wanted, 0 if all are: of those that run, the one that another was made instead of,
// or the one nearest to others, on the node with the most; or that of a lost node, once it is replaced.
func (r *readers) surplus(want int, instead schema.NodeID) schema.NodeID {
	if len(r.fit) > want {
		if among(r.fit, instead) {
			return instead
		}
		return slices.MaxFunc(r.fit, func(a, b candidate) int { return cmp.Or(a.near-b.near, a.replicas-b.replicas) }).id
	}
	for _, k := range r.unfit {
		if k.standing == lost && len(r.fit) == want || k.standing == stays && want == 0 {
			return k.id
		}
	}
	return 0
}

func among(list []candidate, node schema.NodeID) bool {
	return slices.ContainsFunc(list, func(k candidate) bool { return k.id == node })
}

// clear has a node clear a replica that it was to give up: it may have been away when its group went on without it. False: there
// is none.
func (r *Reconciler) clear(ctx context.Context, c *catalog.Snapshot) (done bool, err error) {
	system, _ := c.Shard(schema.SystemShard)
	for _, m := range c.Nodes() {
		s, alive := r.peers.Get(m.ID)
		if m.Left || !alive || !r.fit(system, m.ID) { // it looks into the catalog itself
			continue
		}
		for i := range s.Reps {
			rs := &s.Reps[i]
			sh, known := c.Shard(rs.Shard)
			if !known || rs.Shard == schema.SystemShard || rs.Replica == 0 || time.Now().Before(r.retry[stepKey{rs.Shard, m.ID}]) {
				continue
			}
			if replica, _ := sh.ReplicaOn(m.ID); replica != 0 { // or its successor clears it
				continue
			}
			r.retry[stepKey{rs.Shard, m.ID}] = time.Now().Add(retryAfter)
			r.log.Info("a node is told to clear a replica that it has no more", "shard", rs.Shard, "node", m.ID, "replica", rs.Replica)
			ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
			defer cancel()
			return true, r.c.Retire(ctx, m.ID, StartRequest{Shard: rs.Shard, Replica: rs.Replica})
		}
	}
	return false, nil
}

// mayLose tells whether a leaving node can do without a replica: of the system shard, only one that is to be removed and has no other.
func (r *Reconciler) mayLose(c *catalog.Snapshot, sh *catalog.Shard, node schema.NodeID) bool {
	if sh.ID != schema.SystemShard {
		return true
	}
	m, _ := c.Node(node)
	if !m.Removing || replicaCounts(c)[node] > 0 {
		return false
	}
	s, alive := r.peers.Get(node)
	return !alive || !slices.ContainsFunc(s.Reps, func(rs peers.Replica) bool { return rs.Shard != schema.SystemShard }) // it clears them first
}

// fit tells whether a replica runs and has caught up.
func (r *Reconciler) fit(sh *catalog.Shard, node schema.NodeID) bool {
	replica, _ := sh.ReplicaOn(node)
	s, _ := r.peers.Get(node)
	rs := s.Replica(sh.ID)
	return rs != nil && rs.Replica == replica && rs.Broken == "" && r.caughtUp(sh.ID, rs)
}

// surplus chooses whose replica is one too many: the one that another was made instead of, or else of those nearest to others, on the node
// with the most, and of those rather not the leader.
func (r *Reconciler) surplus(sh *catalog.Shard, voters []candidate) schema.NodeID {
	if instead := r.instead[sh.ID]; among(voters, instead) {
		return instead
	}
	leader := r.leaderOf(sh.ID)
	leads := func(k candidate) int {
		if k.id == leader {
			return 1
		}
		return 0
	}
	return slices.MaxFunc(voters, func(a, b candidate) int {
		return cmp.Or(a.crowd-b.crowd, a.near-b.near, a.replicas-b.replicas, leads(b)-leads(a))
	}).id
}

// letGo ends the membership of a node that was to be removed and has nothing left. False: there is none.
func (r *Reconciler) letGo(ctx context.Context, c *catalog.Snapshot) (done bool, err error) {
	for _, m := range c.Nodes() {
		if !m.Removing || m.Left || has(c, m.ID) {
			continue
		}
		return true, r.change(ctx, func(tx *catalog.Tx) error {
			now, ok := tx.Snapshot.Node(m.ID)
			if !ok || !now.Removing || has(tx.Snapshot, m.ID) {
				return nil
			}
			r.log.Info("a node has left the cluster", "node", m.ID)
			gone := *now
			gone.Left = true
			tx.PutNode(&gone)
			return nil
		})
	}
	return false, nil
}

// has tells whether a node has a replica, by the catalog.
func has(c *catalog.Snapshot, node schema.NodeID) bool {
	return slices.ContainsFunc(c.Shards(), func(sh *catalog.Shard) bool {
		replica, _ := sh.ReplicaOn(node)
		return replica != 0
	})
}
