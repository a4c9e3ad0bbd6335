package scalar

import (
	"cloudsql/storage/expr"
	"cloudsql/storage/limits"
	"cloudsql/storage/version"
)

// Shipping tells what may go into fragments: what every node of a cluster at this version can evaluate.
type Shipping struct{ Version version.Version }

// Allows tells whether all nodes know what came with a version.
func (s Shipping) Allows(v version.Version) bool { return v <= s.Version.Or1() }

// Ships tells whether e may go into a fragment as it is. What not all nodes of the cluster know yet, and what is larger than
// their decoders take, stays at the gateway.
func (s Shipping) Ships(e expr.Expr) bool { return expr.Fits(e) && s.Allows(expr.Since(e)) }

// Pushable tells whether a fragment can evaluate e, after folding, on every node that may serve it.
func (s Shipping) Pushable(e expr.Expr) bool {
	ok := s.Ships(e) && !expr.MayNotAsk(e)
	expr.Walk(e, func(x expr.Expr) bool {
		c, is := x.(*expr.Call)
		if !is {
			return ok
		}
		switch c.Class() {
		case expr.Volatile:
			ok = false
		case expr.NeedsSession:
			ok = ok && becomesConstant(c)
		}
		return ok
	})
	return ok
}

// becomesConstant tells of what the gateway puts a value in the place of: a variable, the value of a subquery, DATABASE(). Folding
// leaves another call with arguments alone where it fails or warns, as each row does.
func becomesConstant(c *expr.Call) bool {
	return len(c.Args()) == 0 || c.Name() == "@" || c.Name() == "@@"
}

// AllPushable is Pushable of each.
func (s Shipping) AllPushable(list []expr.Expr) bool {
	for _, e := range list {
		if !s.Pushable(e) {
			return false
		}
	}
	return true
}

// Split separates the conditions that a fragment can test, as many as there is room for, from the rest.
func (s Shipping) Split(conds []expr.Expr) (push, rest []expr.Expr) {
	room := limits.ExprNodes - 1 // the AND of them all
	for _, c := range conds {
		if n := expr.Nodes(c); n <= room && s.Pushable(c) {
			push, room = append(push, c), room-n
		} else {
			rest = append(rest, c)
		}
	}
	return push, rest
}
