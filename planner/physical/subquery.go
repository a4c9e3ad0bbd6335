package physical

import (
	"context"

	"cloudsql/planner/algebra"
	"cloudsql/planner/exec"
	"cloudsql/planner/scalar"
	"cloudsql/planner/subquery"
)

// Subqueries. One that depends on no outer row is computed once, when its value is first asked for: by a row, or where the
// plan is opened to bound an index range or to be a constant of a fragment. One that does is a function of the outer columns
// that it names; the function puts their values into parameters, runs the inner plan and remembers results by arguments.

// planSubquery gives a subquery's expressions their code.
func (p *planner) planSubquery(s *algebra.Subquery) error {
	root, err := p.plan(s.Node, required{})
	if err != nil {
		return err
	}
	if s.Kind == algebra.Exists {
		root = newLimit(root, scalar.FixedLimit(1))
	}
	sub := &subplan{root: root, refs: s.Refs, what: s.What}
	if s.Once {
		p.once = append(p.once, sub)
	} else {
		p.perRow = append(p.perRow, sub)
	}
	result := subquery.Result(subquery.One)
	switch s.Kind {
	case algebra.Quantified:
		s.Code().Eval = newQuantifier(sub, s).Eval
		return nil
	case algebra.Row:
		row := &subquery.Row{Plan: sub.run(), Width: len(s.Members)}
		for i, c := range s.Members {
			c.Eval = row.Member(i)
		}
		return nil
	case algebra.Exists:
		result = subquery.Some(s.Negate)
	}
	if s.Once {
		s.Code().Eval = (&subquery.Once{Plan: sub.run(), Result: result}).Eval
	} else {
		s.Code().Eval = (&subquery.Correlated{Plan: sub.run(), Result: result}).Eval
	}
	return nil
}

func newQuantifier(sub *subplan, s *algebra.Subquery) *subquery.Quantifier {
	f := &subquery.Quantifier{
		Plan: sub.run(), Compare: s.Compare, N: len(s.Parts), Width: len(s.Types), All: s.All, Negate: s.Negate, Equal: s.Equal,
	}
	for i, p := range s.Parts {
		f.Hash = append(f.Hash, scalar.HashOf(p.Type(), &s.Types[i], s.Compare[i]))
	}
	return f
}

// subplan is a planned subquery.
type subplan struct {
	root node
	refs []algebra.OuterRef
	what string
}

// run is what its evaluation needs of it.
func (s *subplan) run() subquery.Plan {
	return subquery.Plan{Refs: s.refs, Open: func(ctx context.Context, run *exec.Run) (exec.Operator, error) { return open(ctx, run, s.root) }}
}

// explain shows a subquery that runs while rows are computed: once for each set of outer values.
func (s *subplan) explain(x *explainer) {
	x.add(0, "Subquery", s.root.self(), "", s.what).Correlated = len(s.refs) > 0
	s.root.explain(x, 1)
}
