package planner

import (
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
	"cloudsql/storage/limits"
)

// pushable tells whether a fragment can evaluate e, after folding, on every node that may serve it.
func (ctx *Context) pushable(e expr.Expr) bool {
	ok := ctx.ships(e) && !expr.MayNotAsk(e)
	expr.Walk(e, func(x expr.Expr) bool {
		c, is := x.(*expr.Call)
		if !is {
			return ok
		}
		switch c.Class() {
		case expr.Volatile:
			ok = false
		case expr.NeedsSession:
			// It becomes a constant at the gateway, the value of a subquery too. One with an argument may be left as it is, for a warning that each row has.
			ok = ok && scalar.AllConst(c.Args())
		}
		return ok
	})
	return ok
}

func (ctx *Context) allPushable(list []expr.Expr) bool {
	for _, e := range list {
		if !ctx.pushable(e) {
			return false
		}
	}
	return true
}

// ships tells whether e may go into a fragment. What not all nodes of the cluster know yet, and what is larger than their
// decoders take, stays at the gateway.
func (ctx *Context) ships(e expr.Expr) bool { return expr.Fits(e) && ctx.Catalog.Allows(expr.Since(e)) }

func (ctx *Context) splitPushable(conds []expr.Expr) (push, rest []expr.Expr) {
	room := limits.ExprNodes - 1 // the AND of them all
	for _, c := range conds {
		if n := expr.Nodes(c); n <= room && ctx.pushable(c) {
			push, room = append(push, c), room-n
		} else {
			rest = append(rest, c)
		}
	}
	return push, rest
}
