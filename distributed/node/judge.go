package node

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"cloudsql/distributed/clock"
	"cloudsql/distributed/peers"
	"cloudsql/distributed/raft"
	"cloudsql/storage/mutant"
	"cloudsql/storage/schema"
	"cloudsql/storage/spawn"
)

// Replicas judge each other by the chained hashes of what they have applied (decision 0009):
//
//	heartbeat: a node's newest hash ─→ others that have applied as much compare their own
//	   differs ─→ trial: all voters' hashes at one log index
//	                ├─ a majority agrees, with mine       nothing: those who differ find out by themselves
//	                ├─ a majority agrees, without me      fence, hand the lease over, break this replica
//	                └─ no majority agrees, or answers     nobody goes: the shard is disputed, and says so
//
// Who goes is never part of a majority, so that the others are always a quorum and have what is needed to rebuild it.

const (
	// trialEvery bounds how often a shard's voters are asked while two replicas differ.
	trialEvery = time.Second
	trialCall  = 2 * time.Second
	// abdicateWait is how long a wrong leaseholder tries to hand its lease over. It serves nothing meanwhile, and afterwards
	// the others wait for the lease's end.
	abdicateWait = 2 * time.Second
	// A replica that differs again soon after it was replaced waits before the next copy is made of it, longer each time:
	// what makes it differ may be the machine.
	condemnPause    = time.Minute
	condemnPauseMax = time.Hour
)

// condemned is when a shard's replica here was last condemned, and how often in a row.
type condemned struct {
	at    time.Time
	times int
}

// trials is what a node knows of the differences of one replica.
type trials struct {
	running bool // guarded by Node.trialsMu, as are the others
	last    time.Time
	dispute string // "": none
}

// checkHashes compares the hashes that other nodes told with this node's own, where both have applied the same index.
func (n *judging) checkHashes() {
	told := n.peers.All(peers.AliveFor)
	delete(told, n.NodeID())
	for _, ls := range *n.shards.Load() {
		if ls.quarantined.Load() {
			continue
		}
		compared, differs := 0, false
		for _, s := range told {
			r := s.Replica(ls.id)
			if r == nil || r.HashAt == 0 || r.Broken != "" {
				continue
			}
			if hash, ok := ls.state.HashAt(r.HashAt); ok {
				compared++
				differs = differs || hash != r.Hash
			}
		}
		n.compared.Add(uint64(compared)) // small
		switch {
		case differs:
			n.suspect(ls)
		case compared == len(told):
			n.acquit(ls)
		}
	}
}

// suspect begins a trial, unless one is under way or has just been.
func (n *judging) suspect(ls *localShard) {
	n.trialsMu.Lock()
	defer n.trialsMu.Unlock()
	if t := &ls.trials; !t.running && time.Since(t.last) >= trialEvery {
		t.running = true
		n.spawn(func() {
			defer func() {
				n.trialsMu.Lock()
				defer n.trialsMu.Unlock()
				t.running, t.last = false, time.Now()
			}()
			n.try(n.ctx, ls)
		})
	}
}

// acquit ends a dispute: the replica agrees with all others.
func (n *judging) acquit(ls *localShard) {
	n.trialsMu.Lock()
	defer n.trialsMu.Unlock()
	if ls.trials.dispute != "" {
		n.log.Info("the replicas of a shard agree again", "shard", ls.id)
		ls.trials.dispute = ""
	}
}

// disputed notes that replicas differ and nobody can say which are right.
func (n *judging) disputed(ls *localShard, why string) {
	n.trialsMu.Lock()
	defer n.trialsMu.Unlock()
	if ls.trials.dispute != why {
		n.log.Error("REPLICAS OF A SHARD DIFFER AND NO MAJORITY AGREES: some of its answers may be wrong", "shard", ls.id, "why", why)
		ls.trials.dispute = why
	}
}

// dispute is why a shard is disputed, as far as this node knows; "": it is not.
func (n *judging) dispute(ls *localShard) string {
	n.trialsMu.Lock()
	defer n.trialsMu.Unlock()
	return ls.trials.dispute
}

// try asks all voters of a shard for their hashes at one index, and does what follows for this node's replica.
func (n *judging) try(ctx context.Context, ls *localShard) {
	voters, err := n.voters(ctx, ls.id)
	if err != nil {
		n.disputed(ls, "its voters are not in reach")
		return
	}
	for _, index := range n.commonIndexes(ctx, ls, voters) {
		hashes := n.hashesAt(ctx, ls, voters, index)
		mine, known := ls.state.HashAt(index)
		if !known {
			continue
		}
		right, agree := majority(hashes, len(voters))
		switch {
		case agree == nil && len(hashes) < len(voters):
			n.disputed(ls, fmt.Sprintf("%d of %d voters answered, too few that agree", len(hashes), len(voters)))
		case agree == nil:
			n.disputed(ls, "every one of its voters could be the right one")
		case right == mine:
			n.logDifferent(ls, index, hashes, right)
			n.acquit(ls)
			return
		default:
			n.condemn(ctx, ls, agree, fmt.Sprintf("at log index %d its hash is %016x; nodes %v, a majority, have %016x", index, mine, agree, right))
			return
		}
	}
}

// majority is the hash on which more than half of so many voters agree, and who does; nil: there is none.
func majority(hashes map[schema.NodeID]uint64, voters int) (hash uint64, agree []schema.NodeID) {
	by := map[uint64][]schema.NodeID{}
	for id, h := range hashes {
		by[h] = append(by[h], id)
	}
	for h, ids := range by {
		if 2*len(ids) > voters || mutant.SkipMajority && 2*len(ids) > len(hashes) {
			slices.Sort(ids)
			return h, ids
		}
	}
	return 0, nil
}

// voters are the group's, as raft has them now, by node. That they can be told proves that a quorum lives.
func (n *judging) voters(ctx context.Context, s schema.ShardID) (map[schema.NodeID]uint64, error) {
	m, err := n.raft.Membership(ctx, s)
	if err != nil {
		return nil, err
	}
	out := map[schema.NodeID]uint64{}
	for replica := range m.Voters {
		out[raft.NodeOf(replica)] = replica
	}
	return out, nil
}

// commonIndexes are log indexes at which a decision is likely: the newest that a majority and this replica have applied,
// and the newest that all have who answer.
func (n *judging) commonIndexes(ctx context.Context, ls *localShard, voters map[schema.NodeID]uint64) (indexes []uint64) {
	applied := []uint64{}
	for _, r := range n.reportsOf(ctx, ls.id, voters) {
		applied = append(applied, r.Applied)
	}
	slices.Sort(applied)
	slices.Reverse(applied)
	mine := ls.state.AppliedIndex()
	if quorum := len(voters)/2 + 1; len(applied) >= quorum {
		indexes = append(indexes, min(mine, applied[quorum-1]))
	}
	if len(applied) > 0 {
		if least := min(mine, applied[len(applied)-1]); !slices.Contains(indexes, least) {
			indexes = append(indexes, least)
		}
	}
	return indexes
}

// hashesAt are the voters' hashes at an index, of those who answer and know it.
func (n *judging) hashesAt(ctx context.Context, ls *localShard, voters map[schema.NodeID]uint64, index uint64) map[schema.NodeID]uint64 {
	hashes := map[schema.NodeID]uint64{}
	for id, r := range n.reportsOf(ctx, ls.id, voters, index) {
		var hash uint64
		if _, err := fmt.Sscanf(r.HashesAt[index], "%x", &hash); err == nil {
			hashes[id] = hash
		}
	}
	return hashes
}

// reportsOf asks the voters' nodes for reports of their replicas, this node's among them, and gives those that run.
func (n *judging) reportsOf(ctx context.Context, s schema.ShardID, voters map[schema.NodeID]uint64, at ...uint64) map[schema.NodeID]ReplicaReport {
	ctx, cancel := context.WithTimeout(ctx, trialCall)
	defer cancel()
	ids := slices.Collect(maps.Keys(voters))
	reports := make([]*Report, len(ids))
	var wg spawn.Group
	for i, id := range ids {
		wg.Go("asking for hashes", func() {
			if r, err := n.ReportOf(ctx, id, at...); err == nil {
				reports[i] = r
			}
		})
	}
	wg.Wait()
	out := map[schema.NodeID]ReplicaReport{}
	for i, id := range ids {
		if reports[i] == nil {
			continue
		}
		for _, r := range reports[i].Replicas {
			if r.Shard == s && r.Replica == voters[id] && r.Running && r.Broken == "" {
				out[id] = r
			}
		}
	}
	return out
}

func (n *judging) logDifferent(ls *localShard, index uint64, hashes map[schema.NodeID]uint64, right uint64) {
	for id, h := range hashes {
		if h != right {
			n.log.Warn("a replica differs from the majority, and is expected to go", "shard", ls.id, "node", id, "index", index)
		}
	}
}

// condemn takes this node's replica out of service: it serves nothing from here on, one of those who agree gets the lease, and
// a copy takes its place.
func (n *judging) condemn(ctx context.Context, ls *localShard, agree []schema.NodeID, why string) {
	if !ls.quarantined.CompareAndSwap(false, true) {
		return
	}
	n.condemnations.Add(1)
	n.log.Error("A REPLICA DIFFERS FROM THE MAJORITY", "shard", ls.id, "replica", ls.replica, "why", why)
	limit, cancel := context.WithTimeout(ctx, abdicateWait)
	defer cancel()
	if err := ls.rep.Abdicate(limit, n.heir(ls, agree)); err != nil {
		n.log.Warn("a wrong leaseholder could not hand its lease over; it ends by itself", "shard", ls.id, "err", err)
	}
	if pause := n.pauseBefore(ls.id); pause > 0 {
		n.log.Error("a replica differs again: this machine may be at fault", "shard", ls.id, "nextCopyAfter", pause)
		if clock.Sleep(ctx, pause) != nil {
			return
		}
	}
	n.breakReplica(ls.id, ls.replica, why)
}

// pauseBefore is how long to wait with a condemned replica's successor.
func (n *judging) pauseBefore(s schema.ShardID) time.Duration {
	n.trialsMu.Lock()
	defer n.trialsMu.Unlock()
	c := n.condemned[s]
	if time.Since(c.at) > 2*condemnPauseMax {
		c.times = 0
	}
	pause := time.Duration(0)
	if c.times > 0 {
		pause = min(condemnPause<<min(c.times-1, 10), condemnPauseMax)
	}
	if n.condemned == nil {
		n.condemned = map[schema.ShardID]condemned{}
	}
	n.condemned[s] = condemned{time.Now(), c.times + 1}
	return pause
}

// heir is who of some nodes is to get a lease: raft's leader, or whoever leads least.
func (n *judging) heir(ls *localShard, among []schema.NodeID) schema.NodeID {
	if leader, _ := ls.group.Leader(); slices.Contains(among, leader) {
		return leader
	}
	if id := n.successor(ls.id); slices.Contains(among, id) {
		return id
	}
	return among[0]
}
