package scalar

import (
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mysqlerr"
)

// PureFor makes e one that a shard can evaluate: what only the gateway knows becomes constants of this execution.
func PureFor(e expr.Expr, env *expr.Env) (expr.Expr, error) {
	if e == nil || expr.ClassOf(e) == expr.Pure {
		return e, nil
	}
	if e = expr.Fold(e, env); expr.ClassOf(e) != expr.Pure {
		return nil, mysqlerr.NotSupported("a function that differs from row to row (" + e.String() + ") in this place")
	}
	return e, nil
}

// PureSet is PureFor of assignments; the given slice is not changed.
func PureSet(set []fragment.Assignment, env *expr.Env) ([]fragment.Assignment, error) {
	out := set
	for i := range set {
		e, err := PureFor(set[i].Expr, env)
		if err != nil {
			return nil, err
		}
		if e == set[i].Expr {
			continue
		}
		if &out[0] == &set[0] {
			out = append([]fragment.Assignment(nil), set...)
		}
		out[i].Expr = e
	}
	return out, nil
}

// SetsLastInsertID tells whether an expression calls LAST_INSERT_ID(expr).
func SetsLastInsertID(e expr.Expr) bool {
	found := false
	expr.Walk(e, func(x expr.Expr) bool {
		c := AsCall(x, "last_insert_id")
		found = found || c != nil && len(c.Args()) > 0
		return !found
	})
	return found
}
