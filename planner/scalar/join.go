package scalar

import (
	"slices"

	"cloudsql/storage/expr"
)

// JoinKey is an equality between the two sides of a join.
type JoinKey struct {
	Left, Right expr.Expr
	Cond        expr.Expr
	Hash        Hashing
	NullSafe    bool
}

// JoinKeys finds the equalities between both sides that values can be hashed for.
func JoinKeys(conds []expr.Expr, left, right ColSet) (keys []JoinKey, rest []expr.Expr) {
	for _, c := range conds {
		eq := AsCall(c, "=", "<=>")
		if eq == nil {
			rest = append(rest, c)
			continue
		}
		a, z := eq.Args()[0], eq.Args()[1]
		if !left.Covers(a) || !right.Covers(z) {
			a, z = z, a
		}
		h := HashOf(a.Type(), z.Type(), eq)
		if !HasColumns(a) || !HasColumns(z) || !left.Covers(a) || !right.Covers(z) || !h.OK || expr.ClassOf(c) == expr.Volatile {
			rest = append(rest, c)
			continue
		}
		keys = append(keys, JoinKey{Left: a, Right: z, Cond: c, Hash: h, NullSafe: eq.Name() == "<=>"})
	}
	return keys, rest
}

// Moved are expressions over rows with the columns from, over rows that have them in another order.
func Moved(list []expr.Expr, from, to []int) []expr.Expr {
	if slices.Equal(from, to) {
		return list
	}
	out := make([]expr.Expr, len(list))
	for i, e := range list {
		out[i] = expr.Rewrite(e, func(x expr.Expr) expr.Expr {
			if c, ok := x.(*expr.Column); ok {
				return c.At(slices.Index(to, from[c.Index]))
			}
			return x
		})
	}
	return out
}

// RenamedOrder follows an order through a projection.
func RenamedOrder(order []OrderCol, exprs []expr.Expr, out []int) []OrderCol {
	var list []OrderCol
	for _, o := range order {
		found := false
		for i, e := range exprs {
			if c, ok := e.(*expr.Column); ok && c.Index == o.ID {
				list = append(list, OrderCol{ID: out[i], Desc: o.Desc})
				found = true
				break
			}
		}
		if !found {
			break
		}
	}
	return list
}

// IsIdentity tells whether the expressions are the input's columns, all of them in order.
func IsIdentity(exprs []expr.Expr, width int) bool {
	if len(exprs) != width {
		return false
	}
	for i, e := range exprs {
		if c, ok := e.(*expr.Column); !ok || c.Index != i {
			return false
		}
	}
	return true
}
