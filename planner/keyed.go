package planner

import (
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/opcode"

	"cloudsql/planner/access"
	"cloudsql/planner/bind"
	"cloudsql/planner/driver"
	"cloudsql/storage/expr"
	"cloudsql/storage/keys"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// keyLookup finds rows by whole keys of a unique index: the shape of most statements of an application, recognised on
// the syntax tree so that they need no optimizer.
type keyLookup struct {
	table *schema.Table
	index *schema.Index
	parts []keyPart
	rest  []ast.ExprNode // conditions beside the key
}

// keyPart is what one column of the index is compared with: one expression, or several for IN (at most one part has
// several).
type keyPart struct {
	typ    *types.Type
	values []expr.Expr
}

// matchKey finds a unique index whose columns are all compared for equality with constants by the conjunction where.
func matchKey(b *bind.Binder, t *schema.Table, alias string, where ast.ExprNode) (*keyLookup, error) {
	eq := make(map[int]equality)
	conds := bind.Conjuncts(nil, where)
	for _, c := range conds {
		pos, values := constantEquality(t, alias, c)
		if pos < 0 {
			continue
		}
		if old, ok := eq[pos]; !ok || len(values) < len(old.values) {
			eq[pos] = equality{cond: c, values: values}
		}
	}
	for i := range t.Indexes {
		k, err := bindKey(b, t, &t.Indexes[i], eq)
		if err != nil || k == nil {
			if err != nil {
				return nil, err
			}
			continue
		}
		used := make(map[ast.ExprNode]bool)
		for _, c := range k.index.Columns {
			used[eq[c.Column].cond] = true
		}
		for _, c := range conds {
			if !used[c] {
				k.rest = append(k.rest, c)
			}
		}
		return k, nil
	}
	return nil, nil
}

// equality is a condition that a column equals one of some constants.
type equality struct {
	cond   ast.ExprNode
	values []ast.ExprNode
}

func bindKey(b *bind.Binder, t *schema.Table, ix *schema.Index, eq map[int]equality) (*keyLookup, error) {
	if !ix.Unique && ix.ID != schema.PrimaryIndex || ix.State != schema.Public {
		return nil, nil
	}
	k := &keyLookup{table: t, index: ix}
	lists := 0
	for _, c := range ix.Columns {
		e, ok := eq[c.Column]
		if !ok || c.Prefix > 0 || len(e.values) > maxKeys {
			return nil, nil
		}
		if len(e.values) > 1 {
			lists++
		}
		part := keyPart{typ: &t.Columns[c.Column].Type}
		for _, n := range e.values {
			x, err := bind.Expr(b, &bind.Scope{}, n)
			if err != nil {
				return nil, err
			}
			if x = expr.Beside(x, part.typ); !access.Keyable(part.typ, x.Type()) {
				return nil, nil
			}
			part.values = append(part.values, x)
		}
		k.parts = append(k.parts, part)
	}
	if lists > 1 {
		return nil, nil
	}
	return k, nil
}

// constantEquality recognises column = constant, constant = column and column IN (constants) and gives the column's
// position, or -1.
func constantEquality(t *schema.Table, alias string, n ast.ExprNode) (pos int, values []ast.ExprNode) {
	switch x := n.(type) {
	case *ast.BinaryOperationExpr:
		if x.Op != opcode.EQ {
			return -1, nil
		}
		if pos = columnPos(t, alias, x.L); pos >= 0 && isConstant(x.R) {
			return pos, []ast.ExprNode{x.R}
		}
		if pos = columnPos(t, alias, x.R); pos >= 0 && isConstant(x.L) {
			return pos, []ast.ExprNode{x.L}
		}
	case *ast.PatternInExpr:
		if x.Not || x.Sel != nil {
			return -1, nil
		}
		for _, v := range x.List {
			if !isConstant(v) {
				return -1, nil
			}
		}
		return columnPos(t, alias, x.Expr), x.List
	}
	return -1, nil
}

func columnPos(t *schema.Table, alias string, n ast.ExprNode) int {
	c, ok := n.(*ast.ColumnNameExpr)
	if !ok || c.Name.Schema.O != "" || c.Name.Table.O != "" && c.Name.Table.O != alias {
		return -1
	}
	return t.ColumnByName(c.Name.Name.L)
}

// isConstant accepts literals and parameters with a sign; what needs more is the optimizer's.
func isConstant(n ast.ExprNode) bool {
	switch x := n.(type) {
	case *driver.ValueExpr, *driver.ParamMarkerExpr:
		return true
	case *ast.ParenthesesExpr:
		return isConstant(x.Expr)
	case *ast.UnaryOperationExpr:
		return (x.Op == opcode.Minus || x.Op == opcode.Plus) && isConstant(x.V)
	}
	return false
}

// keys computes the encoded keys of one execution, in the order and number that the statement names them but without
// repetitions; a comparison with NULL names none. They are appended to dst, with their bytes in buf.
func (k *keyLookup) keys(env *expr.Env, dst [][]byte, buf []byte) ([][]byte, []byte, error) {
	n := 1
	for i := range k.parts {
		n = max(n, len(k.parts[i].values))
	}
	first := len(dst)
nextKey:
	for i := range n {
		start := len(buf)
		for p := range k.parts {
			part := &k.parts[p]
			v, err := part.values[min(i, len(part.values)-1)].Eval(env, nil)
			if err != nil {
				return dst, buf, err
			}
			v, ok, err := access.Key(v, part.typ, &env.Mode)
			if err != nil {
				return dst, buf, err
			}
			if !ok {
				buf = buf[:start]
				continue nextKey
			}
			buf = keys.AppendValue(buf, v, part.typ, 0, k.index.Columns[p].Desc)
		}
		key := buf[start:len(buf):len(buf)]
		if n > 1 && contains(dst[first:], key) {
			buf = buf[:start]
			continue
		}
		dst = append(dst, key)
	}
	return dst, buf, nil
}

// contains is linear for short lists; IN lists long enough for that to matter are the optimizer's.
func contains(list [][]byte, key []byte) bool {
	for _, k := range list {
		if string(k) == string(key) {
			return true
		}
	}
	return false
}

// maxKeys bounds the lists that are looked up without the optimizer.
const maxKeys = 200
