package scalar

import (
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Bound expressions name columns by numbers that are unique in the statement; operators need positions in their input.

// HasColumns tells whether e depends on a row.
func HasColumns(e expr.Expr) bool {
	found := false
	expr.Walk(e, func(x expr.Expr) bool {
		if _, is := x.(*expr.Column); is {
			found = true
		}
		return !found
	})
	return found
}

// Fixed tells whether e has the same value for all rows of an execution.
func Fixed(e expr.Expr) bool { return !HasColumns(e) && expr.ClassOf(e) != expr.Volatile }

// AsksOnce tells whether a value of e needs a subquery's that is computed once: nobody asks for it before there is a row.
func AsksOnce(e expr.Expr) bool {
	found := false
	expr.Walk(e, func(x expr.Expr) bool {
		c := AsCall(x, "custom")
		found = found || c != nil && c.Class() == expr.NeedsSession
		return !found
	})
	return found
}

// Resolve replaces column numbers by their positions in ids.
func Resolve(e expr.Expr, ids []int) (expr.Expr, error) {
	if e == nil {
		return nil, nil
	}
	var err error
	out := expr.Rewrite(e, func(x expr.Expr) expr.Expr {
		c, is := x.(*expr.Column)
		if !is {
			return x
		}
		for pos, id := range ids {
			if id == c.Index {
				return c.At(pos)
			}
		}
		err = mysqlerr.Internal("planner: column %s (#%d) is not in its operator's input", c.Name, c.Index)
		return x
	})
	return out, err
}

func ResolveAll(list []expr.Expr, ids []int) ([]expr.Expr, error) {
	out := make([]expr.Expr, len(list))
	for i, e := range list {
		r, err := Resolve(e, ids)
		if err != nil {
			return nil, err
		}
		out[i] = r
	}
	return out, nil
}

// Substitute replaces columns by expressions.
func Substitute(e expr.Expr, by map[int]expr.Expr) expr.Expr {
	return expr.Rewrite(e, func(x expr.Expr) expr.Expr {
		if c, is := x.(*expr.Column); is {
			if r, ok := by[c.Index]; ok {
				return r
			}
		}
		return x
	})
}

// Same tells whether two bound expressions are the same.
func Same(a, b expr.Expr) bool {
	switch a := a.(type) {
	case *expr.Column:
		b, ok := b.(*expr.Column)
		return ok && a.Index == b.Index
	case *expr.Param:
		b, ok := b.(*expr.Param)
		return ok && a.Index == b.Index
	case *expr.Const:
		b, ok := b.(*expr.Const)
		return ok && a.Typ.ID == b.Typ.ID && a.Typ.Collation == b.Typ.Collation && types.Identical(a.Val, b.Val)
	case *expr.Call:
		b, ok := b.(*expr.Call)
		if !ok || a.Name() != b.Name() || a.Class() == expr.Volatile || len(a.Args()) != len(b.Args()) || !SameType(a.Type(), b.Type()) {
			return a == b
		}
		if a == b {
			return true
		}
		for i := range a.Args() {
			if !Same(a.Args()[i], b.Args()[i]) {
				return false
			}
		}
		return a.Name() != "custom"
	}
	return false
}

func SameType(a, b *types.Type) bool {
	return a.ID == b.ID && a.Unsigned == b.Unsigned && a.Length == b.Length && a.Decimals == b.Decimals && a.Collation == b.Collation
}

// Texts renders conditions for EXPLAIN.
func Texts(list []expr.Expr) string {
	s := ""
	for i, e := range list {
		if i > 0 {
			s += ", "
		}
		s += e.String()
	}
	return s
}

func SortTexts(keys []expr.SortKey) string {
	s := ""
	for i, k := range keys {
		if i > 0 {
			s += ", "
		}
		s += k.Expr.String()
		if k.Desc {
			s += " desc"
		}
	}
	return s
}

// AsCall gives e as a call of one of the names.
func AsCall(e expr.Expr, names ...string) *expr.Call {
	c, ok := e.(*expr.Call)
	if !ok {
		return nil
	}
	for _, n := range names {
		if c.Name() == n {
			return c
		}
	}
	return nil
}

// IsFalse tells whether a condition is known never to hold.
func IsFalse(e expr.Expr) bool {
	k, ok := e.(*expr.Const)
	return ok && (k.Val.IsNull() || isZero(k.Val))
}

// IsTrue tells whether a condition is known always to hold.
func IsTrue(e expr.Expr) bool {
	k, ok := e.(*expr.Const)
	return ok && !k.Val.IsNull() && !isZero(k.Val)
}

func isZero(v types.Value) bool {
	switch v.Kind() {
	case types.KindInt:
		return v.Int() == 0
	case types.KindUint:
		return v.Uint() == 0
	}
	return !v.ToBool(nil)
}

func UsesParam(e expr.Expr, slots map[int]bool) bool {
	found := false
	expr.Walk(e, func(x expr.Expr) bool {
		if p, ok := x.(*expr.Param); ok && slots[p.Index] {
			found = true
		}
		return !found
	})
	return found
}

func ResolveAgg(a *expr.Agg, ids []int) (*expr.Agg, error) {
	out := *a
	var err error
	if out.Args, err = ResolveAll(a.Args, ids); err != nil {
		return nil, err
	}
	out.OrderBy = nil
	for _, k := range a.OrderBy {
		e, err := Resolve(k.Expr, ids)
		if err != nil {
			return nil, err
		}
		out.OrderBy = append(out.OrderBy, expr.SortKey{Expr: e, Desc: k.Desc})
	}
	return &out, nil
}
