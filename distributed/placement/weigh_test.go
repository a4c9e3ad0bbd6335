package placement

import (
	"math/rand/v2"
	"testing"

	"cloudsql/storage/schema"
)

// randomScales is a cluster of some nodes and shards, three replicas each and those even, with units that are in them at random.
func randomScales(rng *rand.Rand, nodes, shards, perShard int) (*scales, []unit) {
	places := make([]place, shards)
	var list []unit
	for i := range places {
		p := &places[i]
		p.shard, p.leader = schema.ShardID(i+2), i%nodes
		for k := range 3 {
			p.on = append(p.on, (i+k)%nodes)
		}
	}
	for i := range shards * perShard {
		w := weight{inBytes: rng.ExpFloat64() * (64 << 20), inWork: rng.ExpFloat64() * 50}
		p := &places[rng.IntN(1+rng.IntN(shards))]
		p.weight = p.weight.plus(w, 1)
		list = append(list, unit{Shift{Database: schema.DatabaseID(i + 1), From: p.shard}, w})
	}
	return weigh(nodes, places), list
}

func (m *scales) total() (sum float64) {
	for _, w := range m.nodes {
		sum += m.strain(w)
	}
	return sum
}

// Each move makes the sum smaller; of many small units all nodes come to bear the same, in a bounded number of moves; and when that
// is so, there is nothing more to move.
func TestEven(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 3))
		nodes := 3 + rng.IntN(10)
		m, list := randomScales(rng, nodes, nodes+rng.IntN(3), 30)
		before := m.total()
		moves := 0
		for range 1000 {
			next := m.even(list, 1)
			if len(next) == 0 {
				break
			}
			moves++
			if now := m.total(); now > before-leastGain {
				t.Fatalf("seed %d: the strain is %g after %g", seed, now, before)
			} else {
				before = now
			}
			for i := range list {
				if u := &list[i]; u.what.Database == next[0].Database {
					u.what.From = next[0].To
				}
			}
		}
		if off := m.off(); off > offMost {
			t.Errorf("seed %d: %d nodes, the farthest is off by %.3f after %d moves of %d units", seed, nodes, off, moves, len(list))
		}
		if moves > 2*len(list) {
			t.Errorf("seed %d: %d moves of %d units", seed, moves, len(list))
		}
		fresh := weigh(nodes, m.places)
		for i := range fresh.nodes {
			if d := fresh.nodes[i].plus(m.nodes[i], -1); d[inBytes] > 1 || d[inBytes] < -1 || d[inWork] > 1e-6 || d[inWork] < -1e-6 {
				t.Errorf("seed %d: node %d bears %v, and was thought to bear %v", seed, i, fresh.nodes[i], m.nodes[i])
			}
		}
	}
}

// What is large and hardly used does not go anywhere for the sake of work.
func TestPays(t *testing.T) {
	at := func(s schema.ShardID, node int, w weight) place {
		return place{shard: s, leader: node, on: []int{0, 1, 2}, weight: w}
	}
	cold := weight{inBytes: 100 << 30, inWork: 300}
	for _, c := range []struct {
		w     weight
		moves int
	}{{cold, 0}, {weight{inBytes: 1 << 30, inWork: 300}, 1}} {
		m := weigh(3, []place{at(2, 0, c.w.plus(c.w, 1)), at(3, 1, weight{}), at(4, 2, weight{})})
		list := []unit{{Shift{Database: 1, From: 2}, c.w}, {Shift{Database: 2, From: 2}, c.w}}
		if got := m.even(list, 8); len(got) != c.moves {
			t.Errorf("%v: %v", c.w, got)
		}
	}
}
