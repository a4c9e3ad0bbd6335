package logical

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/bind"
	"cloudsql/planner/scalar"
	"cloudsql/planner/windowing"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
)

// window binds a window function: the expression becomes a reference to its result.
func (q *selectQuery) window(_ *bind.Scope, n *ast.WindowFuncExpr) (expr.Expr, error) {
	b := windowing.Binder{
		Specs: q.windowSpecs, Scope: q.scope, Env: q.b.env, Typing: q.b.ctx.Env.Typing,
		Keys: q.aggBinder("window partition by", false), Args: q.aggBinder(bind.FieldList, false), Distances: q.binder(bind.FieldList),
	}
	w, typ, err := b.Function(n)
	if err != nil {
		return nil, err
	}
	w.ID = q.IDs.New(1)
	q.Windows = append(q.Windows, w)
	return &expr.Column{Index: w.ID, Typ: typ, Name: w.Name + "() over"}, nil
}

// outsideWindows is alias for HAVING, which comes before windows: 3594.
func (q *selectQuery) outsideWindows(name *ast.ColumnName) (expr.Expr, error) {
	e, err := q.alias(name, bind.Having)
	if e == nil || err != nil {
		return e, err
	}
	if name.Table.O == "" && q.Groups(name.Name.O, e) {
		return nil, nil
	}
	for _, w := range q.Windows {
		if scalar.SetOf(w.ID).Touches(e) {
			return nil, mysqlerr.New(mysqlerr.WindowInvalidWindowFuncAliasUse, name.Name.O)
		}
	}
	return e, nil
}
