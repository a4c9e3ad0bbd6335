package rewrite

import (
	"cloudsql/planner/algebra"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
	"cloudsql/storage/types"
)

// minMax lets one end of an index answer SELECT MIN(c) or MAX(c) over one table without groups, where that is cheaper than
// reading all rows.
func minMax(r *Rewriter, n algebra.Node) algebra.Node {
	n = algebra.Map(n, func(in algebra.Node) algebra.Node { return minMax(r, in) })
	g, ok := n.(*algebra.Group)
	if !ok {
		return n
	}
	c, desc := extreme(g)
	if c == nil {
		return n
	}
	t, conds := algebra.TableOf(g.In)
	if t == nil || !r.Ship.AllPushable(conds) {
		return n
	}
	whole := t.Best(conds, nil, false, 0)
	conds = append(conds[:len(conds):len(conds)], r.call("is not null", c))
	end := t.Best(conds, []scalar.OrderCol{{ID: c.Index, Desc: desc}}, true, 1)
	if end == nil || end.Price > whole.Price {
		return n
	}
	in := algebra.NewFilter(t, conds)
	in = &algebra.Project{In: in, List: []expr.Expr{c}, IDs: []int{c.Index}}
	in = &algebra.Sort{In: in, Keys: []expr.SortKey{{Expr: c, Desc: desc}}}
	return g.With([]algebra.Node{&algebra.Limit{In: in, Limit: scalar.FixedLimit(1), Loose: true}})
}

// extreme recognises the group of one MIN or MAX of a column.
func extreme(g *algebra.Group) (c *expr.Column, desc bool) {
	if len(g.By) > 0 || len(g.Aggs) != 1 || len(g.Aggs[0].Agg.Args) != 1 {
		return nil, false
	}
	a := g.Aggs[0].Agg
	c, ok := a.Args[0].(*expr.Column)
	if !ok || a.Name != "min" && a.Name != "max" {
		return nil, false
	}
	switch c.Typ.Class() {
	case types.ClassEnum, types.ClassSet, types.ClassJSON: // ordered by number, compared as text
		return nil, false
	}
	return c, a.Name == "max"
}
