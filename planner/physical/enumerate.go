package physical

import (
	"math"
	"math/bits"

	"cloudsql/planner/exec"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
)

// The order of joins, by dynamic programming over the connected sets of inputs: the best plan of a set is made of the best plans of
// two connected sets that a condition connects (planner/pairs).

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
	list, ok := g.near.Pairs()
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
		if !g.order.Allows(x.A, x.B) && !g.order.Allows(x.B, x.A) {
			continue
		}
		into := plans[x.A|x.B]
		if into == nil {
			into = &candidates{}
			plans[x.A|x.B] = into
		}
		if err := p.joinSets(g, plans, x.A, x.B, into, w); err != nil {
			return nil, err
		}
		if err := p.joinSets(g, plans, x.B, x.A, into, w); err != nil {
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
	if !g.order.Allows(a, b) || plans[a] == nil || plans[b] == nil || plans[b].best == nil {
		return nil
	}
	right := g.right(b, plans[b].best)
	conds := g.between(a, b)
	return plans[a].each(func(left node) error {
		if len(w.order) == 0 && into.best != nil && left.cost() >= into.best.cost() {
			return nil // no way to join it can be cheaper
		}
		n, err := p.joinRows(left, right, conds, joinGoal{kind: exec.Inner, rows: g.rowsOf(a | b), req: w, fixed: g.order != nil})
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
