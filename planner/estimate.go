package planner

import (
	"math"

	"cloudsql/storage/expr"
)

// Estimates. There are no histograms yet: a table's row count and the shape of a condition are all that is known.

const (
	minTableRows = 100 // small tables count as this many, so that plans do not change while they are filled
	selEqual     = 0.02
	selRange     = 1.0 / 3
	selBetween   = 0.1
	selLike      = 0.1
	selOther     = 0.5
	eqDistinct   = 200 // values that a leading index column is thought to have, at least
)

// selectivity is the share of rows that meet all of conds.
func selectivity(conds []expr.Expr) float64 {
	s := 1.0
	for _, c := range conds {
		s *= condSelectivity(c)
	}
	return math.Max(s, 1e-9)
}

func condSelectivity(e expr.Expr) float64 {
	c, ok := e.(*expr.Call)
	if !ok {
		if isFalse(e) {
			return 0
		}
		if isTrue(e) {
			return 1
		}
		return selOther
	}
	switch c.Name() {
	case "=", "<=>", "is null":
		return selEqual
	case "<", "<=", ">", ">=":
		return selRange
	case "between":
		return selBetween
	case "like":
		return selLike
	case "in":
		return math.Min(selEqual*float64(len(c.Args())-1), selOther)
	case "is not null", "<>":
		return 0.9
	case "or":
		miss := 1.0
		for _, a := range c.Args() {
			miss *= 1 - condSelectivity(a)
		}
		return 1 - miss
	case "and":
		return selectivity(c.Args())
	case "not":
		return 1 - math.Min(condSelectivity(c.Args()[0]), 0.9)
	}
	return selOther
}

func sortCost(rows float64) float64 { return rows * costSort * math.Log2(rows+2) }
