package physical

import (
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
)

// What a scan takes over from the operators above it. Each gives another scan; the one that it is asked of stays.

// unordered is the scan whose rows may come in any order.
func (s *tableScan) unordered() *tableScan {
	out := *s
	out.keep, out.order = false, nil
	return &out
}

// limited is the scan that stops after so many rows of each tablet.
func (s *tableScan) limited(l *scalar.Limit) *tableScan {
	out := *s
	out.limit = l
	out.est = l.Estimate(s.est)
	return &out
}

// projecting is the scan that computes a list of expressions.
func (s *tableScan) projecting(list []expr.Expr, ids []int, distinct bool) (*tableScan, error) {
	r, err := scalar.ResolveAll(list, s.columnIDs())
	if err != nil {
		return nil, err
	}
	out := *s
	out.order = scalar.RenamedOrder(s.order, list, ids)
	out.project, out.cols, out.sealed = r, ids, true
	if scalar.IsIdentity(r, len(s.columns)) && !distinct {
		out.project = nil
	}
	return &out, nil
}

// first is the scan that gives the first rows by an order of its own.
func (s *tableScan) first(keys []expr.SortKey, l *scalar.Limit) (*tableScan, error) {
	out := s.limited(l)
	for _, k := range keys {
		e, err := scalar.Resolve(k.Expr, s.cols)
		if err != nil {
			return nil, err
		}
		out.topN = append(out.topN, expr.SortKey{Expr: e, Desc: k.Desc})
	}
	return out, nil
}

// distinct lets each shard remove its own repetitions.
func (s *tableScan) distinct() *tableScan {
	if s.path.Point {
		return s
	}
	out := s.unordered()
	out.agg, out.project = &fragment.Aggregate{GroupBy: s.project}, nil
	return out
}

// aggregating lets each shard aggregate its rows.
func (s *tableScan) aggregating(a *fragment.Aggregate, ids []int, groups float64) *tableScan {
	out := s.unordered()
	out.agg, out.cols, out.est = a, ids, groups
	return out
}
