package placement

import (
	"context"
	"maps"
	"slices"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/schema"
)

// balance moves one replica or one lease from a node that has more to one that has fewer, when everything has been quiet for a
// while.
func (r *Reconciler) balance(ctx context.Context, c *catalog.Snapshot) error {
	leads, ok := r.quiet(c)
	if !ok {
		return nil
	}
	if done, err := r.spread(ctx, c); done || err != nil {
		return err
	}
	h := r.handover(leads)
	if h == nil {
		return nil
	}
	r.quietSince = time.Now()
	r.log.Info("moving a lease towards a node with fewer", "shard", h.shard, "from", h.from, "to", h.to)
	return r.c.Transfer(ctx, h.shard, h.from, h.to)
}

// quiet tells which data shards the nodes lead; false: a node that may come back is away, or a shard has changed its leader lately.
func (r *Reconciler) quiet(c *catalog.Snapshot) (leads map[schema.NodeID][]*catalog.Shard, ok bool) {
	leads = map[schema.NodeID][]*catalog.Shard{}
	there := r.peers.All(4 * r.cfg.Heartbeat)
	for _, m := range c.Nodes() {
		switch st, heard := there[m.ID]; {
		case m.Left:
		case heard && !st.Drain:
			leads[m.ID] = nil
		case !heard && !r.gone(m.ID):
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
		return nil, false
	}
	for _, sh := range c.Shards() {
		leader := leaders[sh.ID]
		if _, known := leads[leader]; !known {
			return nil, false // an election, or a drain that moves leases by itself
		}
		if sh.ID != schema.SystemShard {
			leads[leader] = append(leads[leader], sh)
		}
	}
	return leads, true
}

// gone tells a node that has been away for so long that it is not waited for.
func (r *Reconciler) gone(id schema.NodeID) bool {
	_, there := r.peers.All(10 * balanceEvery)[id]
	return !there
}

// spread gives a node with few replicas one more of a shard, whose node with the most then loses its own. False: they are spread evenly.
func (r *Reconciler) spread(ctx context.Context, c *catalog.Snapshot) (done bool, err error) {
	counts := replicaCounts(c)
	for _, sh := range c.Shards() {
		if sh.ID == schema.SystemShard {
			continue
		}
		all := r.candidates(c, sh)
		most, least := -1, -1
		for i, k := range all {
			switch {
			case k.rank == 0 && (most < 0 || counts[k.id] > counts[all[most].id]):
				most = i
			case k.rank == 2 && k.mayTake && (least < 0 || counts[k.id] < counts[all[least].id]):
				least = i
			}
		}
		if most < 0 || least < 0 || counts[all[most].id] < counts[all[least].id]+2 {
			continue
		}
		r.quietSince = time.Now()
		r.log.Info("moving a replica to a node with fewer", "shard", sh.ID, "from", all[most].id, "to", all[least].id)
		return true, r.allot(ctx, sh.ID, all[least].id)
	}
	return false, nil
}

// handover is a lease that one node gives to another.
type handover struct {
	shard    schema.ShardID
	from, to schema.NodeID
}

// handover finds the next lease to move, nil where they are spread as evenly as replicas allow: the last step of a shortest way by
// which leases can move on from a node to one that has at least two fewer. The first may have no replica of what the last leads, nor
// the last of what the first leads; nodes between them take one and give one.
func (r *Reconciler) handover(leads map[schema.NodeID][]*catalog.Shard) *handover {
	ids := SortedNodes(leads)
	slices.SortStableFunc(ids, func(a, b schema.NodeID) int { return len(leads[a]) - len(leads[b]) })
	for _, source := range slices.Backward(ids) {
		if len(leads[source]) < len(leads[ids[0]])+2 {
			return nil // nor has any other node at least two more than another
		}
		reached := map[schema.NodeID]*handover{source: nil}
		for queue := []schema.NodeID{source}; len(queue) > 0; queue = queue[1:] {
			from := queue[0]
			if len(leads[from])+2 <= len(leads[source]) {
				return reached[from]
			}
			for _, sh := range leads[from] {
				for _, to := range ids {
					if _, seen := reached[to]; !seen && r.mayLead(sh, to) {
						reached[to] = &handover{sh.ID, from, to}
						queue = append(queue, to)
					}
				}
			}
		}
	}
	return nil
}

// mayLead tells whether a node's replica of a shard may take its lease.
func (r *Reconciler) mayLead(sh *catalog.Shard, node schema.NodeID) bool {
	_, voting := sh.ReplicaOn(node)
	m, known := r.c.Catalog().Node(node)
	st, _ := r.peers.Get(node)
	return known && r.stands(m) == stays && voting && !st.Full && !st.Drain && r.fit(sh, node)
}
