package placement

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/schema"
)

// balancing is a Reconciler once everything has its replicas: it evens out what nodes have and do.
type balancing struct{ *Reconciler }

// balance moves one replica, one lease or some tablets from a node that has more to one that has fewer, when everything has been quiet
// for a while.
func (r balancing) balance(ctx context.Context, c *catalog.Snapshot) error {
	leads, ok := r.quiet(c)
	if !ok {
		return nil
	}
	if done, err := r.spread(ctx, c); done || err != nil {
		return err
	}
	r.noteWork(leads)
	h := r.handover(leads)
	if h == nil {
		h = r.exchange(leads)
	}
	if h == nil {
		return r.shift(ctx, c, leads)
	}
	r.quietSince = time.Now()
	r.log.Info("moving a lease towards a node with fewer, or with less to do", "shard", h.shard, "from", h.from, "to", h.to)
	return r.c.Transfer(ctx, h.shard, h.from, h.to)
}

// noteWork notes what the shards' leaders do, unless they have begun lately: then what was noted before is nearer the truth.
func (r balancing) noteWork(leads map[schema.NodeID][]*catalog.Shard) {
	if r.work != nil && time.Since(r.quietSince) < r.cfg.SteadyFor {
		return
	}
	r.work = map[schema.ShardID]float64{}
	for leader, shards := range leads {
		for _, sh := range shards {
			r.work[sh.ID] = r.weightOf(sh.ID, leader)[inWork]
		}
	}
}

// quiet tells which data shards the nodes lead; false: a node that may come back is away, or a shard has changed its leader lately.
func (r balancing) quiet(c *catalog.Snapshot) (leads map[schema.NodeID][]*catalog.Shard, ok bool) {
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
func (r balancing) gone(id schema.NodeID) bool {
	_, there := r.peers.All(10 * balanceEvery)[id]
	return !there
}

// spread gives a node with few replicas, or one that is farther from the others, one more of a shard, whose node with the most, or nearest
// to others, then loses its own. False: they are spread evenly.
func (r balancing) spread(ctx context.Context, c *catalog.Snapshot) (done bool, err error) {
	for _, sh := range c.Shards() {
		if sh.ID == schema.SystemShard {
			continue
		}
		from, to := r.swap(c, sh)
		if to.node == 0 {
			continue
		}
		r.quietSince, r.instead[sh.ID] = time.Now(), from
		r.log.Info("moving a replica to a node with fewer, or farther from the others", "shard", sh.ID, "from", from, "to", to.node, "votes", to.voter)
		return true, r.allot(ctx, sh.ID, to)
	}
	return false, nil
}

// swap finds a node that should have a replica of a shard in another's place: one that is less crowded, or as crowded and has fewer.
func (r balancing) swap(c *catalog.Snapshot, sh *catalog.Shard) (from schema.NodeID, to member) {
	all, counts, voters, where := r.candidates(c, sh), replicaCounts(c), voterCounts(c), r.localities(c)
	leader, best := r.leaderOf(sh.ID), gain{}
	for _, has := range all {
		if has.rank != votes && has.rank != reads {
			continue
		}
		for _, takes := range all {
			crowd, near := where.crowd(sh, takes.id, has.id)
			g := gain{has.crowd - crowd, has.near - near, counts[has.id] - counts[takes.id] - 1, voters[has.id] - voters[takes.id] - 1, has.id != leader}
			switch {
			case !takes.mayTake:
				continue
			case has.rank == votes && takes.rank == hasNone:
			case has.rank == votes && takes.rank == reads: // it votes, and another node is given one to read
				g.near, g.fewer = 0, 0
			case has.rank == reads && takes.rank == hasNone:
				g.crowd, g.votes = 0, 0
			default:
				continue
			}
			if g.exceeds(best) {
				from, to, best = has.id, member{takes.id, has.rank == votes}, g
			}
		}
	}
	return from, to
}

// gain is what it helps if a replica is on another node: how much farther it is from those that vote, and from all others, and how many
// fewer replicas that node has, and votes, beyond one, which would be only the other way round. A move is one only if nothing before what
// it gains becomes worse, so that moves come to an end. Of equals, follows is one of a replica that does not lead.
type gain struct {
	crowd, near, fewer, votes int
	follows                   bool
}

func (g gain) exceeds(o gain) bool {
	by := cmp.Or(cmp.Compare(g.crowd, o.crowd), cmp.Compare(g.near, o.near), cmp.Compare(g.fewer, o.fewer), cmp.Compare(g.votes, o.votes))
	return by > 0 || by == 0 && o.worth() && g.follows && !o.follows
}

// worth tells a gain from none.
func (g gain) worth() bool { return g != gain{follows: g.follows} }

// handover is a lease that one node gives to another.
type handover struct {
	shard    schema.ShardID
	from, to schema.NodeID
}

// handover finds the next lease to move, nil where they are spread as evenly as replicas allow: the last step of a shortest way by
// which leases can move on from a node to one that has at least two fewer. The first may have no replica of what the last leads, nor
// the last of what the first leads; nodes between them take one and give one.
func (r balancing) handover(leads map[schema.NodeID][]*catalog.Shard) *handover {
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
				return r.fittest(leads, reached[from])
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

// fittest is h with the shard that leaves the two nodes most alike in what they do.
func (r balancing) fittest(leads map[schema.NodeID][]*catalog.Shard, h *handover) *handover {
	more := r.workOf(leads[h.from]) - r.workOf(leads[h.to])
	unlike := func(s schema.ShardID) float64 { return math.Abs(more - 2*r.work[s]) }
	best := *h
	for _, sh := range leads[h.from] {
		if unlike(sh.ID) < unlike(best.shard) && r.mayLead(sh, h.to) {
			best.shard = sh.ID
		}
	}
	return &best
}

func (r balancing) workOf(shards []*catalog.Shard) (sum float64) {
	for _, sh := range shards {
		if sh != nil {
			sum += r.work[sh.ID]
		}
	}
	return sum
}

// exchange finds a lease to move though nodes have as many as each other, nil where none would make what they do more even. Where it
// leaves one node with two more, handover sends another one back, since that is then the fittest.
func (r balancing) exchange(leads map[schema.NodeID][]*catalog.Shard) (best *handover) {
	total := 0.0
	for _, shards := range leads {
		total += r.workOf(shards)
	}
	mean := total / float64(len(leads))
	if mean < least[inWork] || time.Since(r.quietSince) < r.cfg.SteadyFor {
		return nil
	}
	most := 0.0
	for _, from := range SortedNodes(leads) {
		for _, to := range SortedNodes(leads) {
			more := r.workOf(leads[from]) - r.workOf(leads[to])
			if from == to || more < offMost*mean || len(leads[from]) < len(leads[to]) {
				continue
			}
			for _, sh := range leads[from] {
				for _, back := range append(slices.Clone(leads[to]), nil) {
					if back == nil && len(leads[from]) == len(leads[to]) {
						continue // one would have two more
					}
					less := r.work[sh.ID] - r.workOf([]*catalog.Shard{back})
					if min(less, more-less) < leastExchange*mean {
						continue // the two would change places, about
					}
					if gain := 2 * less * (more - less); gain > most && r.mayLead(sh, to) && (back == nil || r.mayLead(back, from)) {
						best, most = &handover{sh.ID, from, to}, gain
					}
				}
			}
		}
	}
	return best
}

// leastExchange is by how much an exchange of leases must bring each of the two nearer to the other, as a share of what a node does on average.
// (A bound on the square that the gain is would let a large shard go to and fro for the sake of what is measured now a little more, now a little less.)
const leastExchange = 0.10

// mayLead tells whether a node's replica of a shard may take its lease.
func (r *Reconciler) mayLead(sh *catalog.Shard, node schema.NodeID) bool {
	_, voting := sh.ReplicaOn(node)
	m, known := r.c.Catalog().Node(node)
	st, _ := r.peers.Get(node)
	return known && r.stands(m) == stays && voting && !st.Full && !st.Drain && r.fit(sh, node)
}
