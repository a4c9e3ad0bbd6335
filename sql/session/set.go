package session

import (
	"context"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/sql/assign"
	"cloudsql/sql/sysvar"
	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// assigner is a session as SET sees it (sql/assign).
type assigner Session

var _ assign.Host = (*assigner)(nil)

func (s commands) set() *assign.Statement {
	return &assign.Statement{DB: s.eng.db, Vars: &s.vars, Tx: &s.tx, Host: (*assigner)(s.Session)}
}

// Evaluate implements assign.Host.
func (a *assigner) Evaluate(ctx context.Context, exprs []ast.ExprNode, params []types.Value) ([]types.Value, []types.Type, error) {
	return execution{(*Session)(a)}.evaluateTyped(ctx, exprs, params)
}

// SetUserVar implements assign.Host.
func (a *assigner) SetUserVar(name string, v types.Value, t types.Type) error {
	return (*Session)(a).answers.SetUserVar(name, v, t)
}

// SetVar implements assign.Host.
func (a *assigner) SetVar(v *sysvar.Variable, text string) { variables{(*Session)(a)}.setVar(v, text) }

// Warn implements assign.Host.
func (a *assigner) Warn(err *mysqlerr.Error) { a.conds.Warn(err) }

// DatabaseCollation implements assign.Host.
func (a *assigner) DatabaseCollation() collation.ID {
	return variables{(*Session)(a)}.databaseCollation()
}

// hinted gives variables the values of SET_VAR for this statement, until end is called.
func (s commands) hinted(hints []ast.HintSetVar) (end func()) {
	undo := s.set().Hint(hints)
	variables(s).follow()
	return func() { undo(); variables(s).follow() }
}
