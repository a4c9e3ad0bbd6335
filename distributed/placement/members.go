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
	return min(nodes, r.factor())
}

// SettingReplication is the cluster-wide setting that goes before Config.ReplicationFactor.
const SettingReplication = "cloudsql_replication_factor"

// factor is how many replicas a data shard should have, as far as there are nodes.
func (r *Reconciler) factor() int {
	return int(max(1, numberSetting(r.c.Catalog(), SettingReplication, uint32(r.cfg.ReplicationFactor)))) //nolint:gosec // a few
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
	for _, k := range r.candidates(c, sh) {
		replica, voting := sh.ReplicaOn(k.id)
		lasts := k.standing == stays || k.standing == silent
		switch {
		case sh.Changing[k.id] == catalog.Removing:
		case voting || sh.Changing[k.id] == catalog.Promoting:
			out = append(out, member{k.id, true})
			if lasts {
				count++
			}
		case lasts && count < want && (replica != 0 || k.mayTake):
			count++
			out = append(out, member{k.id, true})
		case lasts && replica != 0 && sh.ID != schema.SystemShard: // it is on its way here; one of the others goes then
			out = append(out, member{k.id, true})
		case replica != 0, sh.ID == schema.SystemShard && k.standing == stays:
			out = append(out, member{k.id, false})
		}
	}
	return out
}

// candidate is a node as one that has a replica of a shard, or may be given one.
type candidate struct {
	id       schema.NodeID
	standing standing
	mayTake  bool // a new replica
	rank     int  // voters before others, and those before nodes without a replica
	crowd    int  // how near it is to the others that have one
	replicas int  // of other shards
}

// candidates gives the nodes: voters first, then who has another replica, then those farthest from the others that have one, and with
// the fewest.
func (r *Reconciler) candidates(c *catalog.Snapshot, sh *catalog.Shard) (out []candidate) {
	counts, where := replicaCounts(c), r.localities(c)
	for _, m := range c.Nodes() {
		k := candidate{id: m.ID, standing: r.stands(m), replicas: counts[m.ID], rank: 2, crowd: where.crowd(sh, m.ID, 0)}
		if k.standing == left {
			continue
		}
		if replica, voting := sh.ReplicaOn(m.ID); voting {
			k.rank = 0
		} else if replica != 0 {
			k.rank = 1
		}
		s, _ := r.peers.Get(m.ID)
		k.mayTake = k.standing == stays && !s.Full && !s.Drain
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b candidate) int {
		return cmp.Or(a.rank-b.rank, a.crowd-b.crowd, a.replicas-b.replicas, cmp.Compare(a.id, b.id))
	})
	return out
}

// replicaCounts counts the replicas of data shards that each node has.
func replicaCounts(c *catalog.Snapshot) map[schema.NodeID]int {
	counts := map[schema.NodeID]int{}
	for _, sh := range c.Shards() {
		if sh.ID == schema.SystemShard {
			continue
		}
		for _, ids := range []map[schema.NodeID]uint64{sh.Replicas, sh.NonVoting} {
			for id := range ids {
				counts[id]++
			}
		}
	}
	return counts
}

// dismiss takes one replica out of its group that the group can do without: of a node that is leaving, of one that is lost and
// replaced, or one too many. False: there is none.
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
	for _, k := range r.candidates(c, sh) {
		replica, voting := sh.ReplicaOn(k.id)
		switch {
		case replica == 0:
		case sh.Changing[k.id] == catalog.Removing:
			return k.id
		case k.standing == leaving && r.mayLose(c, sh, k.id):
			going = append(going, k)
		case k.standing == lost && (voting || sh.ID != schema.SystemShard):
			gone = append(gone, k)
		case k.standing == stays && voting && r.fit(sh, k.id):
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
	return 0
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

// surplus chooses whose replica is one too many: of those nearest to others, on the node with the most, and of those rather not the
// leader.
func (r *Reconciler) surplus(sh *catalog.Shard, voters []candidate) schema.NodeID {
	leader := r.leaderOf(sh.ID)
	leads := func(k candidate) int {
		if k.id == leader {
			return 1
		}
		return 0
	}
	return slices.MaxFunc(voters, func(a, b candidate) int {
		return cmp.Or(a.crowd-b.crowd, a.replicas-b.replicas, leads(b)-leads(a))
	}).id
}

// letGo ends the membership of a node that was to be removed and has nothing left. False: there is none.
func (r *Reconciler) letGo(ctx context.Context, c *catalog.Snapshot) (done bool, err error) {
	for _, m := range c.Nodes() {
		if !m.Removing || m.Left || has(c, m.ID) {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		return true, r.c.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
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
