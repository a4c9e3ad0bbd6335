package physical

import (
	"context"

	"cloudsql/planner/algebra"
	"cloudsql/planner/exec"
	"cloudsql/storage/collation"
)

func (p *planner) planSet(s *algebra.SetOp) (node, error) {
	n := &setNode{kind: s.Kind, all: s.All, colls: s.Colls}
	n.cols = s.IDs
	for _, part := range s.Parts {
		in, err := p.plan(part, required{})
		if err != nil {
			return nil, err
		}
		n.parts = append(n.parts, in)
		n.est += in.rows()
		n.price += in.cost()
	}
	return n, nil
}

// setNode concatenates, intersects or subtracts its inputs.
type setNode struct {
	base
	kind  algebra.SetKind
	all   bool
	parts []node
	colls []collation.ID
}

func (s *setNode) open(ctx context.Context, run *exec.Run) (exec.Operator, error) {
	if s.kind == algebra.Union {
		var parts []func(context.Context) (exec.Operator, error)
		for _, p := range s.parts {
			parts = append(parts, func(ctx context.Context) (exec.Operator, error) { return open(ctx, run, p) })
		}
		return exec.NewConcat(parts), nil
	}
	left, err := open(ctx, run, s.parts[0])
	if err != nil {
		return nil, err
	}
	right, err := open(ctx, run, s.parts[1])
	if err != nil {
		left.Close()
		return nil, err
	}
	return exec.NewSetOp(run, left, right, s.kind == algebra.Except, s.all, s.colls), nil
}

func (s *setNode) explain(x *explainer, depth int) {
	info := ""
	if s.all {
		info = "all"
	}
	x.add(depth, s.kind.String(), &s.base, "", info)
	for _, p := range s.parts {
		p.explain(x, depth+1)
	}
}
