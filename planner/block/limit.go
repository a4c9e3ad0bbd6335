package block

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/bind"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
)

// Limit binds a LIMIT clause; nil for none.
func Limit(env *expr.Env, l *ast.Limit) (*scalar.Limit, error) {
	if l == nil {
		return nil, nil
	}
	s := &scalar.Limit{}
	var err error
	binder := &bind.Binder{Env: env, Clause: "limit clause"}
	if s.Count, err = bind.Expr(binder, &bind.Scope{}, l.Count); err != nil {
		return nil, err
	}
	if l.Offset != nil {
		if s.Offset, err = bind.Expr(binder, &bind.Scope{}, l.Offset); err != nil {
			return nil, err
		}
	}
	return s, nil
}
