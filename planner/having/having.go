package having

import (
	"math"

	"cloudsql/planner/algebra"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
)

// Tables are those of a query that something is known of.
type Tables []*algebra.Table

// Bounds of a share of groups, for the groups of real data differ more than samples do.
const (
	leastGroups = 0.005
	mostGroups  = 0.95
)

// Share is the share of groups of size rows, on average, that a comparison of an aggregate lets through; ok is false
// where nothing is known of it.
func (k Tables) Share(g *algebra.Group, c expr.Expr, size float64) (share float64, ok bool) {
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
	below, at, ok := k.aggBelow(agg, right, size)
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
func (k Tables) aggBelow(a *expr.Agg, bound expr.Expr, size float64) (below, at float64, ok bool) {
	if a.Name == "count" {
		n, ok := k.constant(bound)
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
	t, pos := k.Of(a.Args[0])
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
		n, known := k.constant(bound)
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
func (k Tables) constant(e expr.Expr) (float64, bool) {
	if c, ok := e.(*expr.Const); ok {
		return c.Val.ToFloat(nil), !c.Val.IsNull()
	}
	if len(k) == 0 {
		return 0, false
	}
	v, ok := k[0].Known.Eval(e) // all tables' are of the same execution
	return v.ToFloat(nil), ok && !v.IsNull()
}

// Of finds the table, of which something is known, that a column is of.
func (k Tables) Of(e expr.Expr) (*algebra.Table, int) {
	if c, ok := e.(*expr.Column); ok {
		for _, t := range k {
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
