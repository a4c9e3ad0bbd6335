// Package pairs lists the pairs of connected sets that a dynamic programming over the orders of joins looks at, small sets before the
// larger ones that they are part of, as DPccp does: G. Moerkotte, T. Neumann, "Analysis of Two Existing and One New Dynamic
// Programming Algorithm for the Generation of Optimal Bushy Join Trees without Cross Products", VLDB 2006.
package pairs

import "math/bits"

// Graph has for each input of a join those that a condition connects it with. Sets of inputs are bits.
type Graph []uint64

// Neighbours are the inputs that conditions connect with a set.
func (g Graph) Neighbours(set uint64) uint64 {
	out := uint64(0)
	for rest := set; rest != 0; rest &= rest - 1 {
		out |= g[bits.TrailingZeros64(rest)]
	}
	return out &^ set
}

// most is up to how many pairs are compared: all of ten tables in a chain or a star, of seven that are all connected.
const most = 2500

// Pair is two connected sets that a condition connects.
type Pair struct{ A, B uint64 }

// Pairs lists them once each, each set's own before those that it is part of; ok is false where there are too many.
func (g Graph) Pairs() (list []Pair, ok bool) {
	e := enumeration{g: g}
	for i := len(g) - 1; i >= 0 && !e.over; i-- {
		v := uint64(1) << i
		e.complements(v)
		e.grow(v, v|(v-1), e.complements)
	}
	return e.list, !e.over
}

type enumeration struct {
	g    Graph
	list []Pair
	over bool
}

// grow gives each connected set that set can become without the excluded inputs (EnumerateCsgRec).
func (e *enumeration) grow(set, excluded uint64, emit func(uint64)) {
	n := e.g.Neighbours(set) &^ excluded
	for sub := n & -n; sub != 0 && !e.over; sub = (sub - n) & n {
		emit(set | sub)
	}
	for sub := n & -n; sub != 0 && !e.over; sub = (sub - n) & n {
		e.grow(set|sub, excluded|n, emit)
	}
}

// complements gives the pairs of which a is one (EnumerateCmp).
func (e *enumeration) complements(a uint64) {
	excluded := (a&-a - 1) | a&-a | a
	n := e.g.Neighbours(a) &^ excluded
	for rest := n; rest != 0 && !e.over; {
		v := uint64(1) << (bits.Len64(rest) - 1)
		rest &^= v
		add := func(b uint64) {
			e.list = append(e.list, Pair{a, b})
			e.over = e.over || len(e.list) > most
		}
		add(v)
		e.grow(v, excluded|(v|(v-1))&n, add)
	}
}
