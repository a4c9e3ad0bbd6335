package bind

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/storage/expr"
)

// Limit binds a LIMIT clause; a nil offset is none.
func Limit(env *expr.Env, l *ast.Limit) (count, offset expr.Expr, err error) {
	b := &Binder{Env: env, Clause: "limit clause"}
	if count, err = Expr(b, &Scope{}, l.Count); err != nil || l.Offset == nil {
		return count, nil, err
	}
	offset, err = Expr(b, &Scope{}, l.Offset)
	return count, offset, err
}
