package bind

import (
	"cloudsql/planner/syntax"
	"cloudsql/storage/collation"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// jsonValue binds JSON_VALUE.
func (b *Binder) jsonValue(sc *Scope, n *syntax.JSONValueCall) (expr.Expr, error) {
	doc, err := Expr(b, sc, n.Doc)
	if err != nil {
		return nil, err
	}
	path, err := Expr(b, sc, n.Path)
	if err != nil {
		return nil, err
	}
	t := expr.JSONValueType
	if n.Type != nil {
		if t, err = b.castType(n.Type.Tp, n.Type.ExplicitCharSet); err != nil {
			return nil, err
		}
		if t.Class() == types.ClassString && !n.Type.ExplicitCharSet && t.Collation != collation.Binary {
			t.Collation = expr.JSONValueType.Collation
		}
	}
	onEmpty, err := b.jsonResponse(sc, n.OnEmpty)
	if err != nil {
		return nil, err
	}
	onError, err := b.jsonResponse(sc, n.OnError)
	if err != nil {
		return nil, err
	}
	return expr.NewJSONValue(doc, path, t, onEmpty, onError)
}

func (b *Binder) jsonResponse(sc *Scope, r syntax.JSONValueResponse) (expr.JSONResponse, error) {
	out := expr.JSONResponse{Error: r.Error}
	if r.Default == nil {
		return out, nil
	}
	e, err := Expr(b, sc, r.Default)
	if err != nil {
		return out, err
	}
	if k, ok := expr.Fold(e, &expr.Env{}).(*expr.Const); ok { // -1 is a call
		out.Default = k
		return out, nil
	}
	return out, mysqlerr.NotSupported("a DEFAULT of JSON_VALUE that is no literal")
}
