package locate

import (
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/opcode"

	"cloudsql/planner/access"
	"cloudsql/planner/bind"
	"cloudsql/planner/driver"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
	"cloudsql/storage/keys"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Lookup finds rows by whole keys of a unique index: the shape of most statements of an application, recognised on
// the syntax tree so that they need no optimizer.
type Lookup struct {
	Table *schema.Table
	Index *schema.Index
	Parts []Part
	Rest  []ast.ExprNode // conditions beside the key
}

// Part is what one column of the index is compared with: one expression, or several for IN (at most one part has
// several).
type Part struct {
	typ    *types.Type
	Values []expr.Expr
}

// MatchKey finds a unique index whose columns are all compared for equality with constants by the conjunction where.
func MatchKey(b *bind.Binder, t *schema.Table, alias string, where ast.ExprNode) (*Lookup, error) {
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
		for _, c := range k.Index.Columns {
			used[eq[c.Column].cond] = true
		}
		for _, c := range conds {
			if !used[c] {
				k.Rest = append(k.Rest, c)
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

func bindKey(b *bind.Binder, t *schema.Table, ix *schema.Index, eq map[int]equality) (*Lookup, error) {
	if !ix.Unique && ix.ID != schema.PrimaryIndex || ix.State != schema.Public {
		return nil, nil
	}
	k := &Lookup{Table: t, Index: ix}
	lists := 0
	for _, c := range ix.Columns {
		e, ok := eq[c.Column]
		if !ok || c.Prefix > 0 || len(e.values) > maxKeys {
			return nil, nil
		}
		if len(e.values) > 1 {
			lists++
		}
		part := Part{typ: &t.Columns[c.Column].Type}
		for _, n := range e.values {
			x, err := bind.Expr(b, &bind.Scope{}, n)
			if err != nil {
				return nil, err
			}
			if x = expr.Beside(x, part.typ); !access.Keyable(part.typ, x.Type()) || len(e.values) > 1 && mayBeNoDate(x, part.typ) {
				return nil, nil
			}
			part.Values = append(part.Values, x)
		}
		k.Parts = append(k.Parts, part)
	}
	if lists > 1 {
		return nil, nil
	}
	return k, nil
}

// mayBeNoDate tells of text beside a date, which is an error (1525) where it is none, but not in a list.
func mayBeNoDate(x expr.Expr, column *types.Type) bool {
	return scalar.IsDate(column.Class()) && x.Type().Class() == types.ClassString
}

// constantEquality recognises column = constant, constant = column and column IN (constants) and gives the column's
// position, or -1.
func constantEquality(t *schema.Table, alias string, n ast.ExprNode) (pos int, values []ast.ExprNode) {
	switch x := n.(type) {
	case *ast.BinaryOperationExpr:
		if x.Op != opcode.EQ {
			return -1, nil
		}
		if pos = ColumnPos(t, alias, x.L); pos >= 0 && isConstant(x.R) {
			return pos, []ast.ExprNode{x.R}
		}
		if pos = ColumnPos(t, alias, x.R); pos >= 0 && isConstant(x.L) {
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
		return ColumnPos(t, alias, x.Expr), x.List
	}
	return -1, nil
}

// ColumnPos gives the position of the column that an expression is, -1 for another one.
func ColumnPos(t *schema.Table, alias string, n ast.ExprNode) int {
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

// Keys computes the encoded keys of one execution, in the order and number that the statement names them but without
// repetitions; a comparison with NULL names none. They are appended to dst, with their bytes in buf.
func (k *Lookup) Keys(env *expr.Env, dst [][]byte, buf []byte) ([][]byte, []byte, error) {
	n, first := k.Most(), len(dst)
	for i := range n {
		start := len(buf)
		var ok bool
		var err error
		if buf, ok, err = k.key(env, i, buf, nil); err != nil {
			return dst, buf, err
		}
		if !ok {
			buf = buf[:start]
			continue
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

// Most is how many keys there may be.
func (k *Lookup) Most() int {
	n := 1
	for i := range k.Parts {
		n = max(n, len(k.Parts[i].Values))
	}
	return n
}

// key appends the i-th key; ok is false where nothing can have it. each, if any, is told the values of its parts.
func (k *Lookup) key(env *expr.Env, i int, buf []byte, each func(part int, v types.Value)) (key []byte, ok bool, err error) {
	for p := range k.Parts {
		part := &k.Parts[p]
		v, err := part.Values[min(i, len(part.Values)-1)].Eval(env, nil)
		if err != nil {
			return buf, false, err
		}
		v, ok, err := access.Key(v, part.typ, &env.Mode)
		if err != nil || !ok {
			return buf, false, err
		}
		buf = keys.AppendValue(buf, v, part.typ, 0, k.Index.Columns[p].Desc)
		if each != nil {
			each(p, v)
		}
	}
	return buf, true, nil
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
