package inshard

import (
	"slices"

	"cloudsql/planner/exec"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
)

// ShipAggregate is a partial aggregation for the fragments of an execution.
func ShipAggregate(run *exec.Run, a *fragment.Aggregate) (*fragment.Aggregate, error) {
	out := &fragment.Aggregate{Aggs: a.Aggs}
	for _, g := range a.GroupBy {
		g, err := run.Ship(g)
		if err != nil {
			return nil, err
		}
		out.GroupBy = append(out.GroupBy, g)
	}
	for i, g := range a.Aggs {
		folded := *g
		folded.Args = make([]expr.Expr, len(g.Args))
		changed := false
		for j, e := range g.Args {
			var err error
			if folded.Args[j], err = run.Ship(e); err != nil {
				return nil, err
			}
			changed = changed || folded.Args[j] != e
		}
		if changed {
			if &out.Aggs[0] == &a.Aggs[0] {
				out.Aggs = slices.Clone(a.Aggs)
			}
			out.Aggs[i] = &folded
		}
	}
	return out, nil
}

// OfNothing is a without arguments that can't be had, for an aggregation of no rows.
func OfNothing(a *fragment.Aggregate) *fragment.Aggregate {
	out := &fragment.Aggregate{}
	for _, g := range a.Aggs {
		none := *g
		none.Args = make([]expr.Expr, len(g.Args))
		for i, e := range g.Args {
			none.Args[i] = &expr.Const{Typ: *e.Type()}
		}
		out.Aggs = append(out.Aggs, &none)
	}
	return out
}
