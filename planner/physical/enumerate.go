package physical

import (
	"math"
	"math/bits"

	"cloudsql/planner/exec"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
)

// The order of joins, by dynamic programming over the connected sets of inputs: the best plan of a set is made of the best plans of
// two connected sets that a condition connects. The pairs are enumerated once each, small sets before the larger ones that
// they are part of, as DPccp does: G. Moerkotte, T. Neumann, "Analysis of Two Existing and One New Dynamic Programming Algorithm
// for the Generation of Optimal Bushy Join Trees without Cross Products", VLDB 2006.

// maxPairs is up to how many pairs are compared: all of ten tables in a chain or a star, of seven that are all connected.
const maxPairs = 2500

// pair is two connected sets that a condition connects.
type pair struct{ a, b uint64 }

// pairs lists them, each set's own before those that it is part of; ok is false where there are too many.
func (g *joinGraph) pairs() (list []pair, ok bool) {
	e := enumeration{g: g}
	for i := len(g.leaves) - 1; i >= 0 && !e.over; i-- {
		v := uint64(1) << i
		e.complements(v)
		e.grow(v, v|(v-1), e.complements)
	}
	return e.list, !e.over
}

type enumeration struct {
	g    *joinGraph
	list []pair
	over bool
}

// grow gives each connected set that set can become without the excluded inputs (EnumerateCsgRec).
func (e *enumeration) grow(set, excluded uint64, emit func(uint64)) {
	n := e.g.neighbours(set) &^ excluded
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
	n := e.g.neighbours(a) &^ excluded
	for rest := n; rest != 0 && !e.over; {
		v := uint64(1) << (bits.Len64(rest) - 1)
		rest &^= v
		add := func(b uint64) {
			e.list = append(e.list, pair{a, b})
			e.over = e.over || len(e.list) > maxPairs
		}
		add(v)
		e.grow(v, excluded|(v|(v-1))&n, add)
	}
}

// candidates are the plans of a set that are worth keeping: the cheapest, and the cheapest in the wanted order.
type candidates struct{ best, ordered node }

func (c *candidates) add(n node, w required) {
	if c.best == nil || n.cost() < c.best.cost() {
		c.best = n
	}
	if len(w.order) > 0 && scalar.CoversOrder(n.sorted(), w.order) && (c.ordered == nil || costInOrder(n, w) < costInOrder(c.ordered, w)) {
		c.ordered = n
	}
}

// each gives the different plans.
func (c *candidates) each(fn func(node) error) error {
	if c.best == nil {
		return nil
	}
	if err := fn(c.best); err != nil || c.ordered == nil || c.ordered == c.best {
		return err
	}
	return fn(c.ordered)
}

// enumerate finds the cheapest join of connected inputs; nil where that would take too long.
func (p *planner) enumerate(g *joinGraph, conds []expr.Expr, w required) (node, error) {
	list, ok := g.pairs()
	if !ok {
		return nil, nil
	}
	plans := map[uint64]*candidates{}
	for i, l := range g.leaves {
		c := &candidates{}
		c.add(l.plan, w)
		if len(w.order) > 0 && l.cols.Has(w.order[0].ID) && l.table != nil {
			s, err := p.orderedScan(l.table, l.conds, w)
			if err != nil {
				return nil, err
			}
			if s != nil {
				c.add(s, w)
			}
		}
		plans[1<<i] = c
	}
	for _, x := range list {
		into := plans[x.a|x.b]
		if into == nil {
			into = &candidates{}
			plans[x.a|x.b] = into
		}
		if err := p.joinSets(g, plans, x.a, x.b, into, w); err != nil {
			return nil, err
		}
		if err := p.joinSets(g, plans, x.b, x.a, into, w); err != nil {
			return nil, err
		}
	}
	all := plans[1<<len(g.leaves)-1]
	if all == nil || all.best == nil {
		return nil, nil
	}
	out, cost := all.best, math.Inf(1)
	_ = all.each(func(n node) error {
		if c := costInOrder(n, w); c < cost {
			out, cost = n, c
		}
		return nil
	})
	var rest []expr.Expr
	for k, s := range g.sets {
		if s == 0 {
			rest = append(rest, conds[k])
		}
	}
	return newFilter(out, rest)
}

// joinSets adds the joins of the plans of a with b, read as the right side.
func (p *planner) joinSets(g *joinGraph, plans map[uint64]*candidates, a, b uint64, into *candidates, w required) error {
	right := g.right(b, plans[b].best)
	conds := g.between(a, b)
	return plans[a].each(func(left node) error {
		if len(w.order) == 0 && into.best != nil && left.cost() >= into.best.cost() {
			return nil // no way to join it can be cheaper
		}
		n, err := p.joinRows(left, right, conds, joinGoal{kind: exec.Inner, rows: g.rowsOf(a | b), req: w})
		if err == nil {
			into.add(n, w)
		}
		return err
	})
}

// right is a set as the right side of a join.
func (g *joinGraph) right(set uint64, plan node) *leaf {
	if bits.OnesCount64(set) == 1 {
		return g.leaves[bits.TrailingZeros64(set)]
	}
	l := &leaf{plan: plan}
	for rest := set; rest != 0; rest &= rest - 1 {
		l.cols.Add(g.leaves[bits.TrailingZeros64(rest)].cols)
	}
	return l
}

// cheaper compares two plans whose rows come in the same order: by what they cost as far as they are run, where it is the wanted one.
func cheaper(a, b node, w required) bool {
	if len(w.order) > 0 && scalar.CoversOrder(a.sorted(), w.order) && scalar.CoversOrder(b.sorted(), w.order) {
		return costInOrder(a, w) < costInOrder(b, w)
	}
	return a.cost() < b.cost()
}

// startup is what a plan costs before its first row: the tables that hash joins make.
func startup(n node) float64 {
	switch n := n.(type) {
	case *joinNode:
		return startup(n.left) + n.right.cost() + n.right.rows()*costHashAdd
	case *lookupNode:
		return startup(n.left)
	case *filterNode:
		return startup(n.in)
	case *guardNode:
		return startup(n.in)
	}
	return 0
}

// costInOrder is what a plan costs with its rows in the wanted order, or, where a LIMIT ends it early, as far as it is run.
func costInOrder(n node, w required) float64 {
	cost := n.cost()
	if len(w.order) == 0 {
		return cost
	}
	if !scalar.CoversOrder(n.sorted(), w.order) {
		return cost + sortCost(n.rows())
	}
	if w.limit > 0 && n.rows() > w.limit {
		first := startup(n)
		cost = first + (cost-first)*w.limit/n.rows()
	}
	return cost
}
