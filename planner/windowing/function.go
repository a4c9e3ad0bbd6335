package windowing

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/algebra"
	"cloudsql/planner/bind"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Binder holds what binding one window function depends on.
type Binder struct {
	Specs     []ast.WindowSpec // WINDOW w AS (…)
	Scope     *bind.Scope
	Env       *expr.Env    // by which constants are folded
	Typing    *expr.Typing // how the session types calls
	Keys      *bind.Binder // of PARTITION BY and ORDER BY
	Args      *bind.Binder // of the function's arguments
	Distances *bind.Binder // of the frame's bounds
}

// fold computes what is constant whatever the execution.
func (b *Binder) fold(e expr.Expr) expr.Expr { return expr.Fold(e, b.Env) }

// Function binds a window function, and gives its type.
func (b *Binder) Function(n *ast.WindowFuncExpr) (*algebra.WindowItem, types.Type, error) {
	switch {
	case n.IgnoreNull:
		return nil, types.Type{}, mysqlerr.NotSupported("IGNORE NULLS")
	case n.FromLast:
		return nil, types.Type{}, mysqlerr.NotSupported("FROM LAST")
	}
	w := &algebra.WindowItem{Name: strings.ToLower(n.Name)}
	s, err := b.resolve(&n.Spec, 0)
	if err == nil {
		err = b.window(w, s)
	}
	if err != nil {
		return nil, types.Type{}, err
	}
	var args []expr.Expr
	for _, a := range n.Args {
		e, err := bind.Expr(b.Args, b.Scope, a)
		if err != nil {
			return nil, types.Type{}, err
		}
		args = append(args, b.fold(e))
	}
	if i := w.CountArg(); i < len(args) && !isCount(args[i]) {
		return nil, types.Type{}, mysqlerr.New(mysqlerr.WrongArguments, w.Name)
	}
	typ, err := setFunction(w, w.Name, args, n, b.Typing)
	return w, typ, err
}

// isCount tells whether e may count rows: a constant, a parameter or a user variable.
func isCount(e expr.Expr) bool {
	switch e.(type) {
	case *expr.Const, *expr.Param:
		return true
	}
	return scalar.AsCall(e, "@") != nil
}

func setFunction(w *algebra.WindowItem, name string, args []expr.Expr, n *ast.WindowFuncExpr, typing *expr.Typing) (types.Type, error) {
	count := types.TypeUint
	count.Length = 21
	switch name {
	case "row_number", "rank", "dense_rank", "ntile":
		w.Fn.Name, w.Fn.Args = name, args
		return count, nil
	case "percent_rank", "cume_dist":
		w.Fn.Name = name
		return types.TypeDouble, nil
	case "lag", "lead", "first_value", "last_value", "nth_value":
		w.Fn.Name, w.Fn.Args = name, args
		typ := *args[0].Type()
		if len(args) > 2 {
			t, err := scalar.Unify(typing, typ, args[2])
			if err != nil {
				return typ, err
			}
			typ = t
			w.Fn.Args[0], w.Fn.Args[2] = scalar.Convert(args[0], typ), scalar.Convert(args[2], typ)
		}
		return typ, nil
	}
	if n.Distinct {
		return types.Type{}, mysqlerr.NotSupported("<window function>(DISTINCT ..)")
	}
	if _, literal := n.Args[0].(ast.ValueExpr); literal && name == "count" && len(args) == 1 && scalar.IsTrue(args[0]) {
		args = nil
	}
	if name == "group_concat" {
		return types.Type{}, mysqlerr.NotSupported("group_concat as window function")
	}
	agg, err := expr.NewAgg(name, false, args)
	if err == nil {
		err = typing.Agg(agg)
	}
	if err != nil {
		return types.Type{}, err
	}
	w.Fn.Agg = agg
	return agg.Typ, nil
}
