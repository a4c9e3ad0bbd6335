package physical

import (
	"context"
	"math"

	"cloudsql/planner/access"
	"cloudsql/planner/algebra"
	"cloudsql/planner/exec"
	"cloudsql/planner/scalar"
	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
)

func (p *planner) planRecursive(r *algebra.Recursive) (node, error) {
	n := &recursiveNode{working: r.Recursion, distinct: r.Distinct, limit: r.Limit, depth: r.Depth, colls: r.Colls}
	n.cols = r.IDs
	var err error
	if n.seed, err = p.plan(r.Seed, required{}); err != nil {
		return nil, err
	}
	for _, m := range r.Members {
		in, err := p.plan(m, required{})
		if err != nil {
			return nil, err
		}
		n.members = append(n.members, in)
	}
	n.est, n.price = n.seed.rows()*10, n.seed.cost()*10
	return n, nil
}

func planWorking(w *algebra.Working) node {
	n := &workingNode{recursion: w.Recursion}
	n.base = base{cols: w.IDs, est: access.MinTableRows, price: access.MinTableRows}
	return n
}

// workingNode gives the rows of the round before.
type workingNode struct {
	base
	recursion *algebra.Recursion
}

// workingRows is the recursion of an execution.
type workingRows struct{ recursion *exec.Recursion }

func (w *workingNode) open(_ context.Context, run *exec.Run) (exec.Operator, error) {
	state := run.Memo(w.recursion, func() any { return &workingRows{} }).(*workingRows)
	return state.recursion.Working(), nil
}

func (w *workingNode) explain(x *explainer, depth int) {
	x.add(depth, "WorkingTable", &w.base, "", "rows of the round before")
}

// recursiveNode computes a recursive common table expression when it is opened.
type recursiveNode struct {
	base
	seed     node
	members  []node
	working  *algebra.Recursion
	distinct bool
	colls    []collation.ID
	limit    *scalar.Limit // the rounds end when it is reached
	depth    int
}

func (r *recursiveNode) open(ctx context.Context, run *exec.Run) (exec.Operator, error) {
	offset, enough := uint64(0), uint64(math.MaxUint64)
	if r.limit != nil {
		var err error
		if offset, _, err = r.limit.Eval(run.Env); err != nil {
			return nil, err
		}
		if enough, err = r.limit.Within(run.Env); err != nil {
			return nil, err
		}
	}
	state := run.Memo(r.working, func() any { return &workingRows{} }).(*workingRows)
	rows := exec.NewRecursion(run, r.distinct, r.colls)
	outer := state.recursion // of an execution that this one is a part of
	state.recursion = rows
	err := r.rounds(ctx, run, rows, enough)
	state.recursion = outer
	if err != nil {
		rows.Close()
		return nil, err
	}
	return rows.Rows(offset, enough), nil
}

// rounds takes the seed's rows, and those of the members for as long as there are new ones, and not enough.
func (r *recursiveNode) rounds(ctx context.Context, run *exec.Run, rows *exec.Recursion, enough uint64) error {
	members := []node{r.seed}
	for round := 0; ; round++ {
		for _, m := range members {
			op, err := open(ctx, run, m)
			if err != nil {
				return err
			}
			if err := rows.Take(ctx, op); err != nil {
				return err
			}
		}
		more, err := rows.EndRound()
		if err != nil || !more || rows.Len() >= enough {
			return err
		}
		if round > r.depth {
			return mysqlerr.New(mysqlerr.CTEMaxRecursionDepth, r.depth+1)
		}
		members = r.members
	}
}

func (r *recursiveNode) explain(x *explainer, depth int) {
	info := "all"
	if r.distinct {
		info = "distinct"
	}
	if r.limit != nil {
		info += ", " + r.limit.String()
	}
	x.add(depth, "Recursive", &r.base, "", info)
	r.seed.explain(x, depth+1)
	for _, m := range r.members {
		m.explain(x, depth+1)
	}
}
