package session

import (
	"context"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/sql"
	"cloudsql/sql/condition"
	"cloudsql/sql/status"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// diagnosed is a session as the statements about its conditions see it (sql/condition).
type diagnosed Session

var _ condition.Host = (*diagnosed)(nil)

func (d *diagnosed) Conditions() *condition.List { return &d.conds }
func (d *diagnosed) MaxConditions() int          { return d.vars.MaxConditions }
func (d *diagnosed) RowCount() int64             { return d.rowCount }
func (d *diagnosed) Strict() bool                { return d.vars.Mode.Strict }

func (d *diagnosed) SetUserVar(name string, v types.Value, t types.Type) error {
	return d.answers.SetUserVar(name, v, t)
}

// Simple implements condition.Host.
func (d *diagnosed) Simple(ctx context.Context, list []string) ([]types.Value, error) {
	if len(list) == 0 {
		return nil, nil
	}
	s := (*Session)(d)
	st, err := texts{s}.read("SELECT " + strings.Join(list, ", "))
	if err != nil {
		return nil, err
	}
	sel, ok := st.node.(*ast.SelectStmt)
	if !ok || len(sel.Fields.Fields) != len(list) {
		return nil, mysqlerr.Syntax(list[0], 1)
	}
	exprs := make([]ast.ExprNode, len(list))
	for i, f := range sel.Fields.Fields {
		exprs[i] = f.Expr
	}
	return execution{s}.evaluate(ctx, exprs, nil)
}

// diagnosing is a statement about conditions. keeps: it leaves those that are there.
func diagnosing(c status.Kind, keeps bool, run func(ctx context.Context, h condition.Host) error) *parsed {
	return &parsed{kind: c, needs: noNeeds, keepConds: keeps, noPrepare: true, run: func(ctx context.Context, s *Session, w sql.ResultWriter) error {
		if !keeps {
			s.rowCount = 0
		}
		if err := run(ctx, (*diagnosed)(s)); err != nil {
			return err
		}
		return s.done(w)
	}}
}
