package algebra

import (
	"cloudsql/storage/collation"
	"cloudsql/storage/expr"
)

// CheckOrder refuses (1235) a query that would sort, group or tell apart rows by a collation that is known by name only.
func CheckOrder(n Node) error {
	var colls []collation.ID
	var keys []expr.Expr
	switch n := n.(type) {
	case *Sort:
		keys = keyExprs(nil, n.Keys)
	case *Group:
		keys = append(keys, n.By...)
		for _, a := range n.Aggs {
			if a.Agg.Distinct || a.Agg.Name == "min" || a.Agg.Name == "max" {
				keys = append(keys, a.Agg.Args...)
			}
			keys = keyExprs(keys, a.Agg.OrderBy)
		}
	case *Window:
		for _, w := range n.Items {
			keys = keyExprs(append(keys, w.Partition...), w.Order)
		}
	case *Distinct:
		for _, t := range n.Types {
			colls = append(colls, t.Collation)
		}
	case *SetOp:
		if n.Kind != Union || !n.All {
			colls = n.Colls
		}
	case *Recursive:
		if n.Distinct {
			colls = n.Colls
		}
	}
	for _, c := range colls {
		if c.Unsorted() {
			return expr.Unsorted(c)
		}
	}
	for _, k := range keys {
		if err := expr.Sortable(k); err != nil {
			return err
		}
	}
	for _, in := range n.Inputs() {
		if err := CheckOrder(in); err != nil {
			return err
		}
	}
	return nil
}

func keyExprs(dst []expr.Expr, keys []expr.SortKey) []expr.Expr {
	for _, k := range keys {
		dst = append(dst, k.Expr)
	}
	return dst
}
