package rewrite

import (
	"slices"

	"cloudsql/planner/algebra"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
)

// partitionTop lets only the first rows of each partition be sorted where a condition on ROW_NUMBER() or RANK() wants no others: the
// newest orders of each customer.
func partitionTop(r *Rewriter, n algebra.Node) algebra.Node {
	n = algebra.Map(n, func(in algebra.Node) algebra.Node { return partitionTop(r, in) })
	f, ok := n.(*algebra.Filter)
	if !ok {
		return n
	}
	w, ok := f.In.(*algebra.Window)
	if !ok || !ranksOnly(w) {
		return n
	}
	most := mostWanted(w, f.Conds)
	if most == nil {
		return n
	}
	top := &algebra.PartitionTop{In: w.In, Partition: w.Items[0].Partition, Order: w.Items[0].Order, Most: most}
	return f.With([]algebra.Node{w.With([]algebra.Node{top})})
}

// ranksOnly tells whether the functions of w only count the rows that come before theirs, all in one order. Its keys are columns: what
// else could warn, and would do so once more.
func ranksOnly(w *algebra.Window) bool {
	first := w.Items[0]
	for _, x := range w.Items {
		if !slices.Contains([]string{"row_number", "rank", "dense_rank"}, x.Fn.Name) || !x.IsOver(first) {
			return false
		}
	}
	for _, p := range first.Partition {
		if _, ok := p.(*expr.Column); !ok {
			return false
		}
	}
	for _, k := range first.Order {
		if _, ok := k.Expr.(*expr.Column); !ok {
			return false
		}
	}
	return len(first.Order) > 0
}

// mostWanted is a bound on the number or rank of the rows that pass the conditions, nil where there is none. A dense rank is none: any
// number of rows may have it.
func mostWanted(w *algebra.Window, conds []expr.Expr) expr.Expr {
	counts := func(e expr.Expr) bool {
		c, ok := e.(*expr.Column)
		return ok && slices.ContainsFunc(w.Items, func(x *algebra.WindowItem) bool { return x.ID == c.Index && x.Fn.Name != "dense_rank" })
	}
	for _, cond := range conds {
		var most expr.Expr
		if c := scalar.AsCall(cond, "<", "<=", "="); c != nil && counts(c.Args()[0]) {
			most = c.Args()[1]
		}
		if c := scalar.AsCall(cond, ">", ">=", "="); c != nil && counts(c.Args()[1]) {
			most = c.Args()[0]
		}
		if c := scalar.AsCall(cond, "between"); c != nil && counts(c.Args()[0]) {
			most = c.Args()[2]
		}
		switch most.(type) {
		case *expr.Const, *expr.Param:
			return most
		}
	}
	return nil
}
