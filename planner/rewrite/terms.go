package rewrite

import (
	"slices"

	"cloudsql/planner/algebra"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
)

// terms takes conditions apart as far as their rows stay the same: what all branches of an OR ask for leaves it, and
// (a, b) IN ((1, 2), (3, 4)) says something of a and of b that indexes can use.
func terms(r *Rewriter, n algebra.Node) algebra.Node {
	n = algebra.Map(n, func(in algebra.Node) algebra.Node { return terms(r, in) })
	switch n := n.(type) {
	case *algebra.Filter:
		if _, ok := n.In.(*algebra.Group); ok {
			return n // HAVING is tested over groups: no index helps it
		}
		if list, changed := termsOf(n.Conds); changed {
			return &algebra.Filter{In: n.In, Conds: list}
		}
	case *algebra.Join:
		if list, changed := termsOf(n.On); changed {
			out := *n
			out.On = list
			return &out
		}
	}
	return n
}

func termsOf(list []expr.Expr) (out []expr.Expr, changed bool) {
	if !slices.ContainsFunc(list, func(e expr.Expr) bool { return scalar.AsCall(e, "and", "or", "in") != nil }) {
		return list, false
	}
	for _, e := range list {
		first := len(out)
		if out = scalar.Terms(out, e); len(out) != first+1 || out[first] != e {
			changed = true
		}
	}
	return out, changed
}

// constants removes conditions that always hold, and what lies below one that never does.
func constants(r *Rewriter, n algebra.Node) algebra.Node {
	n = algebra.Map(n, func(in algebra.Node) algebra.Node { return constants(r, in) })
	switch n := n.(type) {
	case *algebra.Filter:
		return constantFilter(n)
	case *algebra.Apply:
		if _, empty := n.In.(*algebra.Empty); empty {
			return n.In
		}
	}
	return n
}

func constantFilter(f *algebra.Filter) algebra.Node {
	if _, having := f.In.(*algebra.Group); having {
		return f
	}
	var conds []expr.Expr
	for _, c := range f.Conds {
		switch {
		case scalar.IsFalse(c):
			return &algebra.Empty{IDs: algebra.ColumnsOf(f.In).IDs()}
		case !scalar.IsTrue(c):
			conds = append(conds, c)
		}
	}
	if len(conds) == len(f.Conds) {
		return f
	}
	return algebra.NewFilter(f.In, conds)
}
