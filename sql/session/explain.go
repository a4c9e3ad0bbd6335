package session

import (
	"context"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/sql"
	"cloudsql/sql/explain"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// explain shows a statement's plan. DESCRIBE t is SHOW COLUMNS.
func (s commands) explain(ctx context.Context, n *ast.ExplainStmt, params []types.Value, w sql.ResultWriter) error {
	if sh, ok := n.Stmt.(*ast.ShowStmt); ok {
		return s.runShow(ctx, sh, w)
	}
	if n.Analyze {
		return mysqlerr.NotSupported("EXPLAIN ANALYZE")
	}
	if !planable(n.Stmt) {
		return mysqlerr.NotSupported("EXPLAIN of this statement")
	}
	p, err := execution(s).makePlan(n.Stmt, s.db, params)
	if missing(err) {
		if e := s.freshCatalog(ctx); e != nil {
			return e
		}
		p, err = execution(s).makePlan(n.Stmt, s.db, params)
	}
	if err != nil {
		return err
	}
	lines := p.plan.Explain()
	for i := range lines {
		lines[i].Where = explain.Place(s.eng.db, lines[i].Where, execution(s).readsPast(p))
	}
	res, ok, err := explain.Result(n.Format, lines)
	if err == nil && !ok {
		err = mysqlerr.New(mysqlerr.UnknownExplainFormat, n.Format)
	}
	if err != nil {
		return err
	}
	return s.writeResult(res, w)
}
