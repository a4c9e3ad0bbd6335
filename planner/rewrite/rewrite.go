package rewrite

import (
	"cloudsql/planner/algebra"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
)

// Pass is one rewriting of trees: the result gives the same rows.
type Pass struct {
	Name string
	Run  func(r *Rewriter, n algebra.Node) algebra.Node
}

// Passes are all, in their order.
var Passes = []Pass{
	{"terms", terms},
	{"constants", constants},
	{"decorrelate", decorrelate},
	{"outer to inner", outerToInner},
	{"push conditions", pushConditions},
	{"generated", generated},
	{"partition top", partitionTop},
	{"prune columns", pruneColumns},
	{"min and max", minMax},
}

// Rewriter is what passes work on besides the tree.
type Rewriter struct {
	Ship scalar.Shipping
	subs []*algebra.Subquery // that expressions call
	used scalar.ColSet       // prune columns: what has been asked for
	shut []scalar.ColSet     // push conditions: derived tables that take none in
	err  error
}

// Apply runs the passes over a query and its subqueries. The query that is given stays as it is.
func Apply(q *algebra.Query, ship scalar.Shipping, passes []Pass) (*algebra.Query, error) {
	r := &Rewriter{Ship: ship, shut: q.Hints.NoPush, subs: append([]*algebra.Subquery(nil), q.Subs...)}
	out := *q
	for _, p := range passes {
		out.Root = p.Run(r, out.Root)
		for i := 0; i < len(r.subs); i++ { // a pass may find that a subquery is one of an expression's after all
			r.subs[i] = r.subs[i].Over(p.Run(r, r.subs[i].Node))
		}
		if r.err != nil {
			return nil, r.err
		}
	}
	out.Subs = r.subs
	return &out, nil
}

func (r *Rewriter) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// call is expr.New, whose error ends the rewriting.
func (r *Rewriter) call(name string, args ...expr.Expr) expr.Expr {
	e, err := expr.New(name, args...)
	if err != nil {
		r.fail(err)
		return expr.NewNull()
	}
	return e
}
