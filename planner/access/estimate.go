package access

import (
	"math"

	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
)

// Estimates. There are no histograms yet: a table's row count and the shape of a condition are all that is known.

const (
	MinTableRows = 100 // small tables count as this many, so that plans do not change while they are filled
	SelEqual     = 0.02
	selRange     = 1.0 / 3
	selBetween   = 0.1
	selLike      = 0.1
	SelOther     = 0.5
	EqDistinct   = 200 // values that a leading index column is thought to have, at least
)

// Selectivity is the share of rows that meet all of conds.
func Selectivity(conds []expr.Expr) float64 {
	s := 1.0
	for _, c := range conds {
		s *= condSelectivity(c)
	}
	return math.Max(s, 1e-9)
}

func condSelectivity(e expr.Expr) float64 {
	c, ok := e.(*expr.Call)
	if !ok {
		if scalar.IsFalse(e) {
			return 0
		}
		if scalar.IsTrue(e) {
			return 1
		}
		return SelOther
	}
	switch c.Name() {
	case "=", "<=>", "is null":
		return SelEqual
	case "<", "<=", ">", ">=":
		return selRange
	case "between":
		return selBetween
	case "like":
		return selLike
	case "in":
		return math.Min(SelEqual*float64(len(c.Args())-1), SelOther)
	case "is not null", "<>":
		return 0.9
	case "or":
		miss := 1.0
		for _, a := range c.Args() {
			miss *= 1 - condSelectivity(a)
		}
		return 1 - miss
	case "and":
		return Selectivity(c.Args())
	case "not":
		return 1 - math.Min(condSelectivity(c.Args()[0]), 0.9)
	}
	return SelOther
}
