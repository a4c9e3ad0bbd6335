package rewrite

import (
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/algebra"
	"cloudsql/planner/bind"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// generated puts columns in the places of the expressions that they are generated from, where an index has them: functional key
// parts, and generated columns whose type is the expression's. It does so in the conditions on a table's rows, in their order and in
// what is computed of them, below all joins: a row that an outer join has made up of NULLs follows no rule.
func generated(r *Rewriter, n algebra.Node) algebra.Node {
	n = algebra.Map(n, func(in algebra.Node) algebra.Node { return generated(r, in) })
	switch n := n.(type) {
	case *algebra.Filter:
		if list := generatedOf(n.In); len(list) > 0 {
			if conds, changed := allNamed(n.Conds, list); changed {
				return &algebra.Filter{In: n.In, Conds: conds}
			}
		}
	case *algebra.Project:
		if list := generatedOf(n.In); len(list) > 0 {
			if exprs, changed := allNamed(n.List, list); changed {
				return &algebra.Project{In: n.In, List: exprs, IDs: n.IDs}
			}
		}
	case *algebra.Sort:
		if list := generatedOf(n.In); len(list) > 0 {
			keys, changed := append([]expr.SortKey(nil), n.Keys...), false
			for i := range keys {
				keys[i].Expr = named(n.Keys[i].Expr, list)
				changed = changed || keys[i].Expr != n.Keys[i].Expr
			}
			if changed {
				return &algebra.Sort{In: n.In, Keys: keys}
			}
		}
	}
	return n
}

// allNamed is named for several expressions; it tells whether any changed.
func allNamed(in []expr.Expr, list []generatedColumn) (out []expr.Expr, changed bool) {
	out = make([]expr.Expr, len(in))
	for i, e := range in {
		out[i] = named(e, list)
		changed = changed || out[i] != e
	}
	return out, changed
}

// generatedColumn is a column that an index has, and what it is generated from.
type generatedColumn struct {
	expr   expr.Expr
	column *expr.Column
}

// generatedOf lists such columns of the table whose rows a node passes, none for others.
func generatedOf(n algebra.Node) (list []generatedColumn) {
	t, ok := n.(*algebra.Table)
	for !ok {
		switch x := n.(type) {
		case *algebra.Filter:
			n = x.In
		case *algebra.Limit:
			n = x.In
		default:
			return nil
		}
		t, ok = n.(*algebra.Table)
	}
	for pos := range t.Desc.Columns {
		c := &t.Desc.Columns[pos]
		if c.Generated == "" || !indexed(t.Desc, pos) {
			continue
		}
		e, err := bind.Generated(nil, "", t.Desc, pos)
		if err != nil {
			continue // whoever writes rows is told
		}
		e = expr.Fold(expr.Rewrite(e, func(x expr.Expr) expr.Expr {
			if col, ok := x.(*expr.Column); ok {
				return col.At(t.First + col.Index)
			}
			return x
		}), &expr.Env{})
		typ := bind.OperandType(c.Type)
		if _, call := e.(*expr.Call); call && holds(&typ, e.Type()) {
			name := t.Alias + "." + c.Name
			if c.Hidden {
				name = e.String()
			}
			list = append(list, generatedColumn{e, &expr.Column{Index: t.First + pos, Typ: typ, Name: name}})
		}
	}
	return list
}

func indexed(t *schema.Table, pos int) bool {
	for i := range t.Indexes {
		if ix := &t.Indexes[i]; ix.Place(pos) >= 0 && !ix.Hidden && ix.State == schema.Public {
			return true
		}
	}
	return false
}

// holds tells whether a column has the values of an expression as they are.
func holds(c, e *types.Type) bool {
	if c.Class() != e.Class() || c.Unsigned != e.Unsigned {
		return false
	}
	switch c.Class() {
	case types.ClassInt:
		return c.ID != mysql.TypeYear || e.ID == mysql.TypeYear // what does not fit is no row
	case types.ClassFloat:
		return c.ID == mysql.TypeDouble && c.Decimals == e.Decimals
	case types.ClassString:
		return c.ID == mysql.TypeVarchar && c.Collation == e.Collation && e.Length >= 0 && e.Length <= c.Length
	case types.ClassDecimal, types.ClassDatetime, types.ClassTime:
		return c.Decimals == e.Decimals
	}
	return c.Class() == types.ClassDate
}

// named is e with the columns in place.
func named(e expr.Expr, list []generatedColumn) expr.Expr {
	return expr.Rewrite(e, func(x expr.Expr) expr.Expr {
		for i := range list {
			if alike(x, list[i].expr) {
				return list[i].column
			}
		}
		return x
	})
}

// alike is scalar.Same, but for the collations of literals: a definition has those of its character sets, a statement the
// connection's. What they mean to a call shows in its type.
func alike(a, b expr.Expr) bool {
	switch a := a.(type) {
	case *expr.Const:
		b, ok := b.(*expr.Const)
		return ok && a.Typ.ID == b.Typ.ID && a.Typ.Collation.Charset() == b.Typ.Collation.Charset() && types.Identical(a.Val, b.Val)
	case *expr.Call:
		b, ok := b.(*expr.Call)
		if !ok || a.Custom() || a.Name() != b.Name() || len(a.Args()) != len(b.Args()) || a.Collation() != b.Collation() ||
			!scalar.SameType(a.Type(), b.Type()) {
			return false
		}
		for i := range a.Args() {
			if !alike(a.Args()[i], b.Args()[i]) {
				return false
			}
		}
		return a.Class() == expr.Pure
	}
	return scalar.Same(a, b)
}
