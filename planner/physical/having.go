package physical

import (
	"math"

	"cloudsql/planner/access"
	"cloudsql/planner/algebra"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
)

// What a HAVING lets through. A group is thought of as a sample of the rows that are grouped: as large as the groups are on
// average, give or take what is left to chance, with values as the column's histogram has them. A sum or a mean of such values
// lies about its expectation as a normal distribution does.

// Bounds of a share of groups, for the groups of real data differ more than samples do.
const (
	leastGroups = 0.005
	mostGroups  = 0.95
)

// groupFilter tests conditions on groups, which in gives, or partial results of which.
func (p *planner) groupFilter(in node, g *algebra.Group, conds []expr.Expr, grouped float64) (node, error) {
	n, err := newFilter(in, conds)
	f, ok := n.(*filterNode)
	if !ok || err != nil || len(g.By) == 0 {
		return n, err
	}
	share := 1.0
	for _, c := range conds {
		if s, ok := p.havingShare(g, c, math.Max(1, grouped/math.Max(in.rows(), 1))); ok {
			share *= s
		} else {
			share *= access.Selectivity([]expr.Expr{c})
		}
	}
	f.est = in.rows() * share
	return f, nil
}

// havingShare is the share of groups of size rows, on average, that a comparison of an aggregate lets through; ok is false
// where nothing is known of it.
func (p *planner) havingShare(g *algebra.Group, c expr.Expr, size float64) (share float64, ok bool) {
	cmp := scalar.AsCall(c, "<", "<=", ">", ">=")
	if cmp == nil {
		return 0, false
	}
	left, right, op := cmp.Args()[0], cmp.Args()[1], cmp.Name()
	if scalar.HasColumns(right) {
		left, right, op = right, left, mirrored[op]
	}
	agg := aggOf(g, left)
	if agg == nil || agg.Distinct {
		return 0, false
	}
	below, at, ok := p.aggBelow(agg, right, size)
	if !ok {
		return 0, false
	}
	switch op {
	case "<":
		share = below
	case "<=":
		share = below + at
	case ">":
		share = 1 - below - at
	case ">=":
		share = 1 - below
	}
	return math.Max(leastGroups, math.Min(share, mostGroups)), true
}

// mirrored is the comparison with its sides exchanged.
var mirrored = map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<="}

// aggOf is the aggregate that an expression is; nil where it is none.
func aggOf(g *algebra.Group, e expr.Expr) *expr.Agg {
	c, ok := e.(*expr.Column)
	if !ok {
		return nil
	}
	for i := range g.Aggs {
		if g.Aggs[i].ID == c.Index {
			return g.Aggs[i].Agg
		}
	}
	return nil
}

// aggBelow is the share of groups whose aggregate is below a bound, and at it.
func (p *planner) aggBelow(a *expr.Agg, bound expr.Expr, size float64) (below, at float64, ok bool) {
	if a.Name == "count" {
		n, ok := p.constant(bound)
		if !ok {
			return 0, 0, false
		}
		// A group has a row; more of them come by chance.
		deviation := math.Sqrt(math.Max(size-1, 0))
		below = normalBelow(n-0.5, size, deviation)
		return below, normalBelow(n+0.5, size, deviation) - below, true
	}
	if len(a.Args) != 1 {
		return 0, 0, false
	}
	t, pos := p.tableOf(a.Args[0])
	if t == nil {
		return 0, 0, false
	}
	switch a.Name {
	case "min", "max":
		if below, _, ok = t.Below(pos, bound); !ok {
			return 0, 0, false
		}
		if a.Name == "max" { // it is below where all rows are
			return math.Pow(below, size), 0, true
		}
		return 1 - math.Pow(1-below, size), 0, true
	case "sum", "avg":
		mean, variance, nulls, ok := t.Moments(pos)
		n, known := p.constant(bound)
		if !ok || !known {
			return 0, 0, false
		}
		size = math.Max(size*(1-nulls), 1)
		if a.Name == "avg" {
			return normalBelow(n, mean, math.Sqrt(variance/size)), 0, true
		}
		return normalBelow(n, size*mean, math.Sqrt(size*variance+(size-1)*mean*mean)), 0, true
	}
	return 0, 0, false
}

// constant is the number that an expression without columns comes to.
func (p *planner) constant(e expr.Expr) (float64, bool) {
	if k, ok := e.(*expr.Const); ok {
		return k.Val.ToFloat(nil), !k.Val.IsNull()
	}
	if len(p.known) == 0 {
		return 0, false
	}
	v, ok := p.known[0].Known.Eval(e) // all tables' are of the same execution
	return v.ToFloat(nil), ok && !v.IsNull()
}

// tableOf finds the table, of which something is known, that a column is of.
func (p *planner) tableOf(e expr.Expr) (*algebra.Table, int) {
	if c, ok := e.(*expr.Column); ok {
		for _, t := range p.known {
			if pos := t.Position(c); pos >= 0 {
				return t, pos
			}
		}
	}
	return nil, -1
}

// normalBelow is the share of a normal distribution below x.
func normalBelow(x, mean, deviation float64) float64 {
	if deviation == 0 {
		if x > mean {
			return 1
		}
		return 0
	}
	return math.Erfc((mean-x)/(deviation*math.Sqrt2)) / 2
}
