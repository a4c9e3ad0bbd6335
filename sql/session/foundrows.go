package session

import (
	"context"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/sql"
	"cloudsql/sql/planned"
	"cloudsql/sql/tree"
	"cloudsql/storage/types"
)

// runCounted runs a query without its LIMIT, sends the rows that the LIMIT would leave, and counts all of them.
func (s texts) runCounted(ctx context.Context, whole ast.StmtNode, l *ast.Limit, st *parsed, params []types.Value,
	w sql.ResultWriter) error {
	offset, ok1 := tree.LimitValue(l.Offset, params, 0)
	count, ok2 := tree.LimitValue(l.Count, params, 0)
	if !ok1 || !ok2 {
		plan := func() (*planned.Plan, error) { return s.planText(st, params) }
		return execution(s).runLimited(ctx, true, st.maxExecution, plan, params, w)
	}
	window := &sql.Window{ResultWriter: w, Skip: offset, Left: count}
	limit := s.vars.SelectLimit
	s.vars.SelectLimit = 1<<64 - 1 // it does not bound what FOUND_ROWS() counts
	defer func() { s.vars.SelectLimit = limit }()
	plan := func() (*planned.Plan, error) { return execution(s).makePlan(whole, s.db, params) }
	return execution(s).runLimited(ctx, true, st.maxExecution, plan, params, window)
}
