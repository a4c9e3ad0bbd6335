package placement

import (
	"math"
	"slices"

	"cloudsql/storage/schema"
)

// weight is what is to be even: bytes, which each replica of a shard has, and work, which its leader does.
type weight [2]float64

const (
	inBytes = iota
	inWork
)

func (w weight) plus(o weight, times float64) weight {
	return weight{w[inBytes] + times*o[inBytes], w[inWork] + times*o[inWork]}
}

// least is what the nodes must bear on average for it to be worth evening out.
var least = weight{inBytes: 32 << 20, inWork: 50}

// scales weigh what the nodes bear, and what they would if tablets moved. Nodes and shards are numbered.
type scales struct {
	nodes  []weight
	mean   weight // of the nodes
	places []place
}

// place is a shard on the scales.
type place struct {
	shard  schema.ShardID
	leader int
	on     []int // the leader among them
	weight weight
}

// weigh puts shards on so many nodes.
func weigh(nodes int, places []place) *scales {
	m := &scales{nodes: make([]weight, nodes), places: places}
	for i := range places {
		p := &places[i]
		for _, n := range p.on {
			m.nodes[n] = m.nodes[n].plus(m.share(n, p, p.weight), 1)
		}
	}
	for _, w := range m.nodes {
		m.mean = m.mean.plus(w, 1/float64(nodes))
	}
	return m
}

// share is what a node bears of a weight in a shard.
func (m *scales) share(node int, p *place, w weight) (s weight) {
	if slices.Contains(p.on, node) {
		s[inBytes] = w[inBytes]
	}
	if node == p.leader {
		s[inWork] = w[inWork]
	}
	return s
}

// counts tells whether there is enough of something for it to be evened out.
func (m *scales) counts(kind int) bool { return m.mean[kind] >= least[kind] }

// off is how far the node that is farthest from the mean is from it, as a share of the mean.
func (m *scales) off() (most float64) {
	for kind := range m.mean {
		if !m.counts(kind) {
			continue
		}
		for _, w := range m.nodes {
			most = max(most, math.Abs(w[kind]/m.mean[kind]-1))
		}
	}
	return most
}

// strain is how far a node with a weight would be from the mean: the squares of the shares, so that the sum over nodes falls with each step
// towards evenness, and only then.
func (m *scales) strain(w weight) (sum float64) {
	for kind := range w {
		if m.counts(kind) {
			d := w[kind]/m.mean[kind] - 1
			sum += d * d
		}
	}
	return sum
}

// gain is how much less strain there would be if a weight moved from a shard to another.
func (m *scales) gain(w weight, from, to *place) (less float64) {
	each := func(node int) {
		now := m.nodes[node]
		then := now.plus(m.share(node, from, w), -1).plus(m.share(node, to, w), 1)
		less += m.strain(now) - m.strain(then)
	}
	for _, node := range from.on {
		each(node)
	}
	for _, node := range to.on {
		if !slices.Contains(from.on, node) {
			each(node)
		}
	}
	return less
}

// move moves a weight.
func (m *scales) move(w weight, from, to *place) {
	for _, node := range from.on {
		m.nodes[node] = m.nodes[node].plus(m.share(node, from, w), -1)
	}
	for _, node := range to.on {
		m.nodes[node] = m.nodes[node].plus(m.share(node, to, w), 1)
	}
	from.weight, to.weight = from.weight.plus(w, -1), to.weight.plus(w, 1)
}

func (m *scales) place(s schema.ShardID) *place {
	for i := range m.places {
		if m.places[i].shard == s {
			return &m.places[i]
		}
	}
	return nil
}

const (
	// offMost is how far off a node must be for tablets to be moved, offGoal how near all are to be then: within a tenth of the mean, all
	// are within a fifth of one another.
	offMost       = 0.10
	offGoal       = 0.05
	leastProgress = 0.01
	// leastGain is what a move must gain of strain. Two nodes that are a twentieth off, one above and one below, are at 0.005.
	leastGain = 0.0005
	// moveBytes is what a move costs beside its bytes, in bytes; workBytes what is copied at the cost of a read, and workHorizon for how many
	// seconds of work elsewhere a copy must pay.
	moveBytes   = 64 << 20
	workBytes   = 16 << 10
	workHorizon = 600
)

// unit is tablets of a shard that move together.
type unit struct {
	what   Shift // without To
	weight weight
}

// even finds moves that make nodes more even, at most so many, each the one that gains most for what it costs.
func (m *scales) even(units []unit, most int) (out []Shift) {
	units = slices.Clone(units)
	for len(out) < most && m.off() > offGoal {
		at, to := m.best(units)
		if to == nil {
			break
		}
		u := units[at]
		m.move(u.weight, m.place(u.what.From), to)
		u.what.To = to.shard
		out = append(out, u.what)
		units = slices.Delete(units, at, at+1)
	}
	return out
}

// best finds the unit to move, and where to; nil: none is worth it.
func (m *scales) best(units []unit) (at int, to *place) {
	score := 0.0
	for i := range units {
		u := &units[i]
		from := m.place(u.what.From)
		if from == nil {
			continue
		}
		for k := range m.places {
			p := &m.places[k]
			if p == from {
				continue
			}
			gain := m.gain(u.weight, from, p)
			if gain < leastGain || !m.pays(u.weight, from, p) {
				continue
			}
			if s := gain / (u.weight[inBytes] + moveBytes); s > score {
				at, to, score = i, p, s
			}
		}
	}
	return at, to
}

// pays tells whether a move is worth its copying: for the sake of the bytes, or of the work that goes elsewhere.
func (m *scales) pays(w weight, from, to *place) bool {
	if w[inWork]*workHorizon >= w[inBytes]/workBytes {
		return true
	}
	return m.counts(inBytes) && m.gain(weight{inBytes: w[inBytes]}, from, to) >= leastGain
}
