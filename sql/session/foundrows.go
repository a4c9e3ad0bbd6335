package session

import (
	"context"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/driver"
	"cloudsql/sql"
	"cloudsql/storage/types"
)

// calcFoundRows gives the query of SELECT SQL_CALC_FOUND_ROWS … LIMIT, whose rows beyond the limit are to be counted.
func calcFoundRows(n ast.StmtNode) *ast.SelectStmt {
	sel, ok := n.(*ast.SelectStmt)
	if !ok || sel.SelectStmtOpts == nil || !sel.CalcFoundRows || sel.Limit == nil {
		return nil
	}
	return sel
}

// runCounted runs a query without its LIMIT, sends the rows that the LIMIT would leave, and counts all of them.
func (s texts) runCounted(ctx context.Context, sel *ast.SelectStmt, st *parsed, params []types.Value,
	w sql.ResultWriter) error {
	offset, ok1 := limitValue(sel.Limit.Offset, params, 0)
	count, ok2 := limitValue(sel.Limit.Count, params, 0)
	if !ok1 || !ok2 {
		plan := func() (*planned, error) { return s.planText(st, params) }
		return execution(s).runLimited(ctx, true, st.maxExecution, plan, params, w)
	}
	whole := *sel
	whole.Limit = nil
	window := &windowWriter{ResultWriter: w, skip: offset, left: count}
	limit := s.vars.SelectLimit
	s.vars.SelectLimit = 1<<64 - 1 // it does not bound what FOUND_ROWS() counts
	defer func() { s.vars.SelectLimit = limit }()
	plan := func() (*planned, error) { return execution(s).makePlan(&whole, s.db, params) }
	return execution(s).runLimited(ctx, true, st.maxExecution, plan, params, window)
}

func limitValue(n ast.ExprNode, params []types.Value, unset uint64) (uint64, bool) {
	switch v := n.(type) {
	case nil:
		return unset, true
	case *driver.ParamMarkerExpr:
		if v.Order >= len(params) || params[v.Order].IsNull() {
			return 0, false
		}
		u, over := params[v.Order].ToUint(nil)
		return u, !over
	case *driver.ValueExpr:
		switch v.Kind() {
		case driver.KindInt64:
			return uint64(v.Int64()), v.Int64() >= 0
		case driver.KindUint64:
			return v.Uint64(), true
		}
	}
	return 0, false
}

// windowWriter passes on the rows of a LIMIT.
type windowWriter struct {
	sql.ResultWriter
	skip, left uint64
}

func (w *windowWriter) Row(vals []types.Value) error {
	switch {
	case w.skip > 0:
		w.skip--
	case w.left > 0:
		w.left--
		return w.ResultWriter.Row(vals)
	}
	return nil
}
