package probe

import (
	"context"

	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
)

// told is a condition for a read of a plan, and those that were told before.
type told struct {
	read   any
	cond   expr.Expr
	before *told
}

type contextKey struct{}

// With tells a condition on the rows of a read, which is named by its node in the plan, to what is opened under the context.
func With(ctx context.Context, read any, cond expr.Expr) context.Context {
	before, _ := ctx.Value(contextKey{}).(*told)
	return context.WithValue(ctx, contextKey{}, &told{read: read, cond: cond, before: before})
}

// Narrow gives a read's filter, which may be nil, with what it was told. Its own conditions come first, so that what they warn of, or fail
// with, does not depend on joins.
func Narrow(ctx context.Context, read any, filter expr.Expr) (expr.Expr, error) {
	t, _ := ctx.Value(contextKey{}).(*told)
	var more []expr.Expr
	for ; t != nil; t = t.before {
		if t.read == read {
			more = append(more, t.cond)
		}
	}
	if more == nil {
		return filter, nil
	}
	var own []expr.Expr
	if filter != nil {
		own = scalar.Split(nil, filter)
	}
	all, err := scalar.And(append(own, more...))
	if err != nil || !expr.Fits(all) {
		return filter, err
	}
	return all, nil
}
