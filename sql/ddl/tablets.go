package ddl

import (
	"bytes"
	"slices"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/bind"
	"cloudsql/storage/conversion"
	"cloudsql/storage/expr"
	"cloudsql/storage/keys"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// TabletBounds are the keys that a tablet is to be cut at, rising: each begins as a list of constants says, for the first columns of the primary key.
// 1136, 1048, and what storing the constants in the columns gives.
func TabletBounds(env *Env, t *schema.Table, lists [][]ast.ExprNode) ([][]byte, error) {
	mode := env.Mode
	mode.Strict = true
	bounds := make([][]byte, len(lists))
	for i, list := range lists {
		parts := t.Primary().Columns
		if len(list) == 0 || len(list) > len(parts) {
			return nil, mysqlerr.New(mysqlerr.WrongValueCountOnRow, i+1)
		}
		for k, n := range list {
			c := &t.Columns[parts[k].Column]
			v, err := boundValue(c, n, i+1, &mode)
			if err != nil {
				return nil, err
			}
			bounds[i] = keys.AppendValue(bounds[i], v, &c.Type, parts[k].Prefix, parts[k].Desc)
		}
	}
	slices.SortFunc(bounds, bytes.Compare)
	return bounds, nil
}

// boundValue computes a constant of the number-th list, as the column stores it.
func boundValue(c *schema.Column, n ast.ExprNode, number int, mode *types.Mode) (types.Value, error) {
	e, err := bind.Expr(&bind.Binder{Clause: bind.FieldList}, &bind.Scope{}, n)
	if err != nil {
		return types.Null, err
	}
	if expr.ClassOf(e) != expr.Pure {
		return types.Null, mysqlerr.NotSupported("SPLIT TABLET at what is no constant")
	}
	v, err := e.Eval(&expr.Env{Mode: *mode}, nil)
	if err == nil && v.IsNull() {
		err = mysqlerr.New(mysqlerr.BadNull, c.Name)
	}
	if err != nil {
		return types.Null, err
	}
	return conversion.Assign(v, &c.Type, c.Name, number, mode, nil)
}
