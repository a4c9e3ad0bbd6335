package physical

import (
	"math"

	"cloudsql/planner/algebra"
	"cloudsql/planner/exec"
	"cloudsql/planner/pairs"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
)

// searchOrder finds the order of an inner join: the best one of all where that is possible. Otherwise it tries each relation as the
// first and joins the cheapest next one each time.
func (p *planner) searchOrder(leaves []*leaf, conds []expr.Expr, w required, straight bool) (node, error) {
	order := p.precedence(leaves)
	if straight {
		order = nil // FROM's order goes before all others
	}
	if !straight && !p.plain && len(leaves) <= maxSearch {
		g := newJoinGraph(leaves, conds)
		g.order = order
		if n, err := p.enumerate(g, conds, w); n != nil || err != nil {
			return n, err
		}
	}
	first := len(leaves)
	if straight || first > maxSearch && order == nil {
		first = 1
	}
	var best node
	bestCost := math.Inf(1)
	try := func(start node, i int) error {
		n, err := p.joinAll(start, leaves, i, conds, straight, order)
		if err != nil {
			return err
		}
		if cost := costInOrder(n, w); cost < bestCost {
			best, bestCost = n, cost
		}
		return nil
	}
	none := make([]bool, len(leaves))
	for i := range first {
		if !order.Ready(i, none) {
			continue
		}
		if err := try(leaves[i].plan, i); err != nil {
			return nil, err
		}
		if first > maxSearch {
			break
		}
		if len(w.order) == 0 || !leaves[i].cols.Has(w.order[0].ID) {
			continue
		}
		if leaves[i].table == nil {
			continue
		}
		if s, err := p.orderedScan(leaves[i].table, leaves[i].conds, w); err != nil {
			return nil, err
		} else if s != nil {
			if err := try(s, i); err != nil {
				return nil, err
			}
		}
	}
	return best, nil
}

// precedence is the order of a join's inputs that hints ask for.
func (p *planner) precedence(leaves []*leaf) (order pairs.Precedence) {
	if p.hints == nil || len(leaves) > 64 {
		return nil
	}
	for _, h := range p.hints.Orders {
		var list []int
		for _, t := range h.Tables {
			for i, l := range leaves {
				if l.cols.Meets(t) || l.also.Meets(t) {
					list = append(list, i)
				}
			}
		}
		order = order.With(len(leaves), list, h.Kind == algebra.First, h.Kind == algebra.Last)
	}
	return order
}

// joinAll joins all relations, beginning with the given one.
func (p *planner) joinAll(start node, leaves []*leaf, first int, conds []expr.Expr, straight bool, order pairs.Precedence) (node, error) {
	s := &joinSearch{
		p: p, cur: start, leaves: leaves, conds: conds, straight: straight, order: order,
		done: make([]bool, len(leaves)), used: make([]bool, len(conds)),
	}
	s.take(first, nil)
	for range len(leaves) - 1 {
		next, err := s.cheapest()
		if err != nil {
			return nil, err
		}
		s.cur = next.node
		s.take(next.leaf, next.conds)
	}
	var rest []expr.Expr
	for i, c := range conds {
		if !s.used[i] {
			rest = append(rest, c)
		}
	}
	return newFilter(s.cur, rest)
}

// joinSearch is one way through a join's relations.
type joinSearch struct {
	p        *planner
	cur      node          // what has been joined
	have     scalar.ColSet // its columns
	leaves   []*leaf
	done     []bool // by leaf
	conds    []expr.Expr
	used     []bool // by condition
	straight bool
	order    pairs.Precedence
}

func (s *joinSearch) take(leaf int, conds []int) {
	s.done[leaf] = true
	s.have.Add(s.leaves[leaf].cols)
	for _, c := range conds {
		s.used[c] = true
	}
}

type joinChoice struct {
	node  node
	leaf  int
	conds []int
}

// cheapest finds the relation to join next: one that conditions connect with what is joined, if there is any.
func (s *joinSearch) cheapest() (*joinChoice, error) {
	var best *joinChoice
	bestConnected, bestScore := false, math.Inf(1)
	for i, l := range s.leaves {
		if s.done[i] || !s.order.Ready(i, s.done) {
			continue
		}
		choice, list := s.choice(i)
		connected := len(list) > 0
		if bestConnected && !connected && !s.straight {
			continue
		}
		var err error
		if choice.node, err = s.p.joinRows(s.cur, l, list, joinGoal{kind: exec.Inner, fixed: s.order != nil}); err != nil {
			return nil, err
		}
		score := choice.node.cost() + choice.node.rows()
		if best == nil || connected && !bestConnected || score < bestScore {
			best, bestConnected, bestScore = choice, connected, score
		}
		if s.straight {
			break
		}
	}
	return best, nil
}

// choice collects the conditions that can be tested once relation i is joined.
func (s *joinSearch) choice(i int) (*joinChoice, []expr.Expr) {
	var both scalar.ColSet
	both.Add(s.have)
	both.Add(s.leaves[i].cols)
	c := &joinChoice{leaf: i}
	var list []expr.Expr
	for k, e := range s.conds {
		if !s.used[k] && both.Covers(e) && scalar.HasColumns(e) {
			c.conds = append(c.conds, k)
			list = append(list, e)
		}
	}
	return c, list
}
