package placement

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/schema"
)

// inWorld runs fn with a cluster of one node, in a bubble where time passes only while all wait.
func inWorld(t *testing.T, seed uint64, cfg Config, fn func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		fn(newWorld(ctx, t, seed, cfg))
	})
}

// whole tells whether the cluster is as it should be: as many data shards as there should be, each with its replicas on nodes that
// live and stay, replicas and leases spread evenly, the catalog, raft and the nodes at one.
func (w *world) whole() error {
	if err := w.agrees(); err != nil {
		return err
	}
	w.mu.Lock()
	shards, staying := w.snap.Shards(), len(w.none())
	for _, m := range w.snap.Nodes() {
		if m.Removing && !m.Left {
			w.mu.Unlock()
			return fmt.Errorf("node %d has not left", m.ID)
		}
	}
	w.mu.Unlock()
	if want := w.wanted(staying) + 1; len(shards) < want {
		return fmt.Errorf("%d shards of %d", len(shards), want)
	}
	for _, sh := range shards {
		voters := min(staying, w.factor(sh.ID))
		if sh.ID == schema.SystemShard {
			voters = min(len(w.nodes), w.cfg.SystemVoters)
		}
		if len(sh.Replicas) != voters && sh.ID != schema.SystemShard || len(sh.Replicas) > voters {
			return fmt.Errorf("shard %d has %d voters of %d, and %d others", sh.ID, len(sh.Replicas), voters, len(sh.NonVoting))
		}
		if readers := min(max(staying-voters, 0), w.readers()); sh.ID != schema.SystemShard && len(sh.NonVoting) != readers {
			return fmt.Errorf("shard %d has %d other replicas of %d", sh.ID, len(sh.NonVoting), readers)
		}
		if err := w.placed(sh); err != nil {
			return err
		}
	}
	if err := even("replicas", w.replicas()); err != nil {
		return err
	}
	return even("leases", w.leases())
}

// wanted is how many data shards there should be at least.
func (w *world) wanted(nodes int) int {
	if w.cfg.DataShards > 0 {
		return min(nodes, w.cfg.DataShards)
	}
	return nodes
}

func (w *world) factor(s schema.ShardID) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	clusters := int(numberSetting(w.snap, SettingReplication, uint32(w.cfg.ReplicationFactor)))
	if n, ok := catalog.Factors(w.snap, clusters)[s]; ok {
		return n
	}
	return clusters
}

func (w *world) readers() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return int(numberSetting(w.snap, SettingReaders, 0))
}

// placed tells whether a shard's replicas are on nodes that live and stay.
func (w *world) placed(sh *catalog.Shard) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, replicas := range []map[schema.NodeID]uint64{sh.Replicas, sh.NonVoting} {
		for node := range replicas {
			m, _ := w.snap.Node(node)
			if sh.ID == schema.SystemShard && sh.Replicas[node] == 0 {
				continue
			}
			if !w.nodes[node].alive || m.Left || m.Leaving && sh.ID != schema.SystemShard {
				return fmt.Errorf("shard %d has a replica on node %d", sh.ID, node)
			}
		}
	}
	return nil
}

// even tells whether nodes have about the same number of something.
func even(what string, counts map[schema.NodeID]int) error {
	low, high := 1<<20, 0
	for _, n := range counts {
		low, high = min(low, n), max(high, n)
	}
	if high-low > 1 {
		return fmt.Errorf("%s: %v", what, counts)
	}
	return nil
}

// grown is a cluster of so many nodes that is whole.
func grown(t *testing.T, seed uint64, nodes schema.NodeID, fn func(w *world)) {
	inWorld(t, seed, Config{ReplicationFactor: 3, DataShards: 8, SystemVoters: 5}, func(w *world) {
		for id := schema.NodeID(2); id <= nodes; id++ {
			w.join(id)
		}
		w.becomes("grown", w.whole)
		fn(w)
	})
}

// becomes fails the test where a state is not reached.
func (w *world) becomes(what string, good func() error) {
	w.t.Helper()
	w.becomesIn(20*time.Minute, what, good)
}

func (w *world) becomesIn(limit time.Duration, what string, good func() error) {
	w.t.Helper()
	if err := w.settle(limit, good); err != nil {
		w.t.Fatalf("%s: %v", what, err)
	}
}

// ask changes a node's record, as ALTER CLUSTER does.
func (w *world) ask(id schema.NodeID, fn func(m *catalog.Node)) {
	w.mustChange(func(tx *catalog.Tx) error {
		m, _ := tx.Snapshot.Node(id)
		c := *m
		fn(&c)
		tx.PutNode(&c)
		return nil
	})
}

func (w *world) set(id schema.NodeID, alive bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nodes[id].alive = alive
}

// What a dead node had is given to others, when it has been away for long enough; when it comes back, it gets its share again.
func TestLostNodeIsReplaced(t *testing.T) {
	grown(t, 2, 7, func(w *world) {
		for _, id := range []schema.NodeID{7, 1} { // one without, and one with a vote in the system shard
			w.set(id, false)
			before := w.replicas()[id]
			time.Sleep(w.cfg.ReplaceAfter / 2)
			if now := w.replicas()[id]; now != before || before == 0 {
				w.t.Errorf("node %d had %d replicas, and %d after a moment", id, before, now)
			}
			w.becomes("replaced", w.whole)
			w.set(id, true)
			w.becomes("back again", w.whole)
			if w.replicas()[id] == 0 {
				w.t.Errorf("node %d has got no replicas again", id)
			}
		}
	})
}

// With three nodes nobody can take what a dead one had: it keeps its place.
func TestLostNodeKeepsItsPlace(t *testing.T) {
	grown(t, 3, 3, func(w *world) {
		w.set(3, false)
		before := w.replicas()[3]
		time.Sleep(5 * w.cfg.ReplaceAfter)
		if now := w.replicas()[3]; now != before || before != 3 {
			w.t.Errorf("%d replicas, then %d", before, now)
		}
		w.set(3, true)
		w.becomes("back again", w.whole)
	})
}

// A node that is asked to leave gives up its replicas and stays a member; asked to stay, it gets its share again.
func TestLeaving(t *testing.T) {
	grown(t, 4, 5, func(w *world) {
		w.ask(2, func(m *catalog.Node) { m.Leaving = true })
		w.becomes("drained", func() error {
			if n := w.replicas()[2]; n > 0 {
				return fmt.Errorf("%d replicas are left", n)
			}
			return w.agrees()
		})
		if replica, _ := shardOf(w, schema.SystemShard).ReplicaOn(2); replica == 0 {
			w.t.Error("it has no catalog any more")
		}
		w.ask(2, func(m *catalog.Node) { m.Leaving = false })
		w.becomes("stays", w.whole)
		if w.replicas()[2] == 0 {
			w.t.Error("it has got no replicas again")
		}
	})
}

func shardOf(w *world, id schema.ShardID) *catalog.Shard {
	w.mu.Lock()
	defer w.mu.Unlock()
	sh, _ := w.snap.Shard(id)
	return sh
}

// Nodes are removed, dead and alive ones, the leader of all too, until one is left.
func TestRemoving(t *testing.T) {
	for seed := range uint64(6) {
		grown(t, seed, 6, func(w *world) {
			w.lose(0.2 * float64(seed%2))
			for _, id := range []schema.NodeID{6, 1, 4, 3, 5} {
				if id == 6 || id == 4 {
					w.set(id, false)
				}
				w.ask(id, func(m *catalog.Node) { m.Removing = true })
				w.becomes(fmt.Sprint("without node ", id), w.whole)
				w.mu.Lock()
				if m, _ := w.snap.Node(id); !m.Left || has(w.snap, id) {
					w.t.Errorf("node %d is still a member", id)
				}
				w.nodes[id].alive = false // its process ends
				w.mu.Unlock()
			}
		})
	}
}

// Nodes that join one after the other all get replicas and leases.
func TestGrowing(t *testing.T) {
	inWorld(t, 1, Config{ReplicationFactor: 3, SystemVoters: 5}, func(w *world) {
		for id := schema.NodeID(2); id <= 12; id++ {
			w.join(id)
			w.becomes(fmt.Sprint("with ", id), w.whole)
		}
		replicas, leases := w.replicas(), w.leases()
		for id := schema.NodeID(1); id <= 12; id++ {
			if replicas[id] != 3 || leases[id] != 1 {
				w.t.Errorf("node %d has %d replicas of data shards, and leads %d", id, replicas[id], leases[id])
			}
		}
	})
}

// Whatever is lost, breaks or stands still meanwhile: the cluster becomes what it should be, no replica id is used twice, and no
// step takes a group's majority away (world looks at that).
func TestReconcilingAmidFaults(t *testing.T) {
	seeds := uint64(10)
	if testing.Short() {
		seeds = 4
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inWorld(t, seed, Config{ReplicationFactor: 3, DataShards: 6, SystemVoters: 5}, func(w *world) {
				w.lose(0.3)
				w.setting(SettingReaders, fmt.Sprint(seed%3))
				for id := schema.NodeID(2); id <= 6; id++ {
					w.join(id)
					w.disturb(20)
				}
				w.mu.Lock()
				for _, n := range w.nodes {
					n.alive, n.full = true, false
				}
				w.mu.Unlock()
				w.becomes("after faults", w.whole)
			})
		})
	}
}

// disturb does so many things to nodes, seconds apart: one at a time is down, and one replica of a group at a time breaks
// (breakOne).
func (w *world) disturb(times int) {
	for range times {
		w.mu.Lock()
		pause := time.Duration(w.rng.IntN(4000)) * time.Millisecond
		w.mu.Unlock()
		time.Sleep(pause)
		w.mu.Lock()
		n := w.nodes[schema.NodeID(1+w.rng.IntN(len(w.nodes)))]
		switch w.rng.IntN(4) {
		case 0:
			for _, other := range w.nodes {
				other.alive = true
			}
			n.alive = false
		case 1:
			n.alive = true
		case 2:
			n.full = !n.full
		case 3:
			w.breakOne(n)
		}
		w.mu.Unlock()
	}
}

// breakOne takes the data of a node's replica, if its group has a majority without it, and no other without its data: the request
// that gives that one a vote may be on its way, and two of four would end the group for good. Called with mu held.
func (w *world) breakOne(n *simNode) {
	for s, rep := range n.reps {
		g := w.groups[s]
		if len(g.voters) < 3 || w.hasBroken(s, g) {
			continue
		}
		rep.broken = "its data is gone"
		if w.majority(s, g) {
			return
		}
		rep.broken = ""
	}
}

// hasBroken tells whether a member of a group has lost its data. Called with mu held.
func (w *world) hasBroken(s schema.ShardID, g *simGroup) bool {
	for _, n := range w.nodes {
		if rep := n.reps[s]; rep != nil && rep.broken != "" && !g.removed[rep.id] {
			return true
		}
	}
	return false
}

// The replication factor can be changed while the cluster runs.
func TestReplicationFactor(t *testing.T) {
	grown(t, 6, 5, func(w *world) {
		for _, factor := range []string{"5", "1", "4", "3"} {
			w.setting(SettingReplication, factor)
			w.becomes("with "+factor, w.whole)
		}
	})
}

// Replicas are spread over zones, also where nodes tell of theirs only when everything has its place.
func TestReplicasAreSpreadOverZones(t *testing.T) {
	grown(t, 12, 6, func(w *world) {
		w.mu.Lock()
		for id, n := range w.nodes {
			n.where = fmt.Sprintf("region=r,zone=%d", id%3)
		}
		w.mu.Unlock()
		apart := func() error {
			for s := FirstDataShard; s < FirstDataShard+6; s++ {
				zones := map[string]bool{}
				for node := range shardOf(w, s).Replicas {
					zones[w.nodes[node].where] = true
				}
				if len(zones) != 3 {
					return fmt.Errorf("shard %d is in zones %v", s, zones)
				}
			}
			return w.whole()
		}
		w.becomes("apart", apart)
		w.set(4, false)
		w.becomes("without one", func() error {
			if n := w.replicas()[4]; n > 0 {
				return fmt.Errorf("%d replicas are left", n)
			}
			return w.agrees()
		})
		w.set(4, true)
		w.becomes("apart again", apart)
	})
}
