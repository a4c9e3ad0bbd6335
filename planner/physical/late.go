package physical

import (
	"context"

	"cloudsql/planner/exec"
	"cloudsql/planner/inshard"
	"cloudsql/planner/scalar"
	"cloudsql/planner/spill"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
)

// Errors of subqueries that a fragment needs the values of. Shards get constants, so such a value is computed before any row is
// seen; an error of it is none of the statement's until a row asks for the value (no row of an empty table does).

// failing reads a row that asks for the value whose error is err: one that passes the conditions that need no such value.
func (s *tableScan) failing(ctx context.Context, run *exec.Run, spans []fragment.Span, points bool, err error) (exec.Operator, error) {
	probe := *s
	probe.project, probe.agg, probe.topN, probe.filter, probe.written, probe.limit = nil, nil, nil, nil, nil, scalar.FixedLimit(1)
	filter := s.filter
	if s.written != nil {
		filter = s.written
	}
	var conds []expr.Expr
	if filter != nil {
		for _, c := range scalar.Split(nil, filter) {
			if _, err := run.Ship(c); err == nil {
				conds = append(conds, c)
			}
		}
	}
	late := &exec.LateError{Err: err, Rest: func() (exec.Operator, error) {
		if !s.aggregatesAll() {
			return spill.NewRows(nil, len(s.cols)), nil
		}
		nothing := *s
		nothing.filter, nothing.written, nothing.agg = nil, nil, inshard.OfNothing(s.agg)
		return nothing.read(ctx, run, nil, false)
	}}
	var e error
	if probe.filter, e = scalar.And(conds); e != nil {
		return nil, e
	}
	if len(spans) == 0 {
		late.Probe = spill.NewRows(nil, len(s.cols))
		return late, nil
	}
	if late.Probe, e = probe.read(ctx, run, spans, points); e != nil {
		return nil, e
	}
	return late, nil
}
