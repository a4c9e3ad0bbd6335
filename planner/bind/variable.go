package bind

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// variable binds @x, @x := e and @@scope.x.
func (b *Binder) variable(sc *Scope, n *ast.VariableExpr) (expr.Expr, error) {
	if !n.IsSystem {
		return b.userVariable(sc, n)
	}
	scope := ""
	switch {
	case n.IsGlobal:
		scope = "global"
	case n.ExplicitScope:
		scope = "session"
	}
	if b.Env == nil || b.Env.Session == nil {
		return nil, mysqlerr.NotSupported("a system variable in this place")
	}
	name := strings.ToLower(n.Name)
	_, t, err := b.Env.Session.SysVar(scope, name)
	if err != nil {
		return nil, err
	}
	return expr.NewSysVar(scope, name, t), nil
}

func (b *Binder) userVariable(sc *Scope, n *ast.VariableExpr) (expr.Expr, error) {
	name := strings.ToLower(n.Name)
	if n.Value != nil {
		e, err := Expr(b, sc, n.Value)
		if err != nil {
			return nil, err
		}
		return expr.New(":=", expr.NewStr(name), e)
	}
	t := types.TypeNull
	if b.Env != nil && b.Env.Session != nil {
		_, t = b.Env.Session.UserVar(name)
	}
	return expr.NewUserVar(name, t), nil
}
