package scalar

import (
	"slices"

	"cloudsql/storage/expr"
	"cloudsql/storage/types"
)

// Unify finds the type of a column that comes from values of type a and from e, as the session has it.
func Unify(typing *expr.Typing, a types.Type, e expr.Expr) (types.Type, error) {
	if SameType(&a, e.Type()) {
		return a, nil
	}
	c, err := typing.New("coalesce", &expr.Column{Typ: a}, e)
	if err != nil {
		return a, err
	}
	return *c.Type(), nil
}

// Convert converts e to a type that Unify found.
func Convert(e expr.Expr, t types.Type) expr.Expr {
	from := e.Type()
	if SameType(from, &t) || from.Class() == types.ClassNull || sameForm(from, &t) {
		return e
	}
	return expr.NewCast(e, t)
}

// sameForm tells whether values of one type are values of the other as they are.
func sameForm(from, to *types.Type) bool {
	switch {
	case from.Class() != to.Class() || from.Unsigned != to.Unsigned:
		return false
	case to.Class() == types.ClassString:
		return from.IsBinary() == to.IsBinary()
	}
	return to.Class() == types.ClassInt
}

// SameAgg tells whether two aggregates are one.
func SameAgg(a, b *expr.Agg) bool {
	if a.Name != b.Name || a.Distinct != b.Distinct || a.Separator != b.Separator ||
		len(a.Args) != len(b.Args) || len(a.OrderBy) != len(b.OrderBy) {
		return false
	}
	for i := range a.Args {
		if !Same(a.Args[i], b.Args[i]) {
			return false
		}
	}
	for i := range a.OrderBy {
		if a.OrderBy[i].Desc != b.OrderBy[i].Desc || !Same(a.OrderBy[i].Expr, b.OrderBy[i].Expr) {
			return false
		}
	}
	return true
}

// BySize gives the places of the expressions, those of most nodes first.
func BySize(list []expr.Expr) []int {
	size := make([]int, len(list))
	order := make([]int, len(list))
	for i, e := range list {
		order[i] = i
		expr.Walk(e, func(expr.Expr) bool { size[i]++; return true })
	}
	slices.SortStableFunc(order, func(a, b int) int { return size[b] - size[a] })
	return order
}
