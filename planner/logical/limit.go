package logical

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/bind"
	"cloudsql/planner/scalar"
)

// bindLimit binds a LIMIT clause; nil for none.
func (b *builder) bindLimit(l *ast.Limit) (*scalar.Limit, error) {
	if l == nil {
		return nil, nil
	}
	s := &scalar.Limit{}
	var err error
	binder := &bind.Binder{Env: b.ctx.Env, Clause: "limit clause"}
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
