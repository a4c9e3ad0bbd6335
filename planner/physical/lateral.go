package physical

import (
	"context"
	"math"
	"slices"

	"cloudsql/planner/access"
	"cloudsql/planner/algebra"
	"cloudsql/planner/exec"
	"cloudsql/planner/scalar"
	"cloudsql/planner/spill"
	"cloudsql/storage/expr"
	"cloudsql/storage/memory"
)

// lateralNode opens its right side for each row of the left one.
type lateralNode struct {
	base
	left, right node
	conds       []expr.Expr // resolved
	params      []exec.LateralParam
	kind        exec.JoinKind
	info        string
}

func (p *planner) planLateral(l *algebra.Lateral, req required) (node, error) {
	if len(req.order) > 0 && !algebra.ColumnsOf(l.Left).Has(req.order[0].ID) {
		req = required{}
	}
	n := &lateralNode{kind: l.Kind, info: l.Kind.String()}
	if len(l.On) > 0 {
		n.info += ", conditions: " + scalar.Texts(l.On)
	}
	var err error
	if n.left, err = p.plan(l.Left, req); err != nil {
		return nil, err
	}
	if n.right, err = p.plan(l.Right, required{}); err != nil {
		return nil, err
	}
	for _, r := range l.Refs {
		at, err := scalar.Resolve(r.Col, n.left.ids())
		if err != nil {
			return nil, err
		}
		if c, ok := at.(*expr.Column); ok {
			n.params = append(n.params, exec.LateralParam{Slot: r.Slot, Column: c.Index})
		}
	}
	n.cols = slices.Concat(n.left.ids(), n.right.ids())
	if n.conds, err = scalar.ResolveAll(l.On, n.cols); err != nil {
		return nil, err
	}
	rows := n.right.rows() * access.Selectivity(l.On)
	if l.Kind == exec.Left {
		rows = math.Max(rows, 1)
	}
	n.est, n.price, n.order = n.left.rows()*rows, n.left.cost()+n.left.rows()*n.right.cost(), n.left.sorted()
	return n, nil
}

func (n *lateralNode) open(ctx context.Context, run *exec.Run) (exec.Operator, error) {
	left, err := open(ctx, run, n.left)
	if err != nil {
		return nil, err
	}
	again := func(ctx context.Context) (exec.Operator, error) { return open(ctx, run, n.right) }
	spec := exec.JoinSpec{Kind: n.kind, Conds: n.conds, LeftWidth: len(n.left.ids()), RightWidth: len(n.right.ids())}
	return exec.NewLateral(run, left, again, n.params, spec), nil
}

func (n *lateralNode) explain(x *explainer, depth int) {
	x.add(depth, "LateralJoin", &n.base, "", n.info)
	n.left.explain(x, depth+1)
	n.right.explain(x, depth+1)
}

// jsonTableNode makes rows of a document.
type jsonTableNode struct {
	base
	table *algebra.JSONTable
}

// jsonTableRows is what a document is thought to have.
const jsonTableRows = 10

func planJSONTable(t *algebra.JSONTable) node {
	return &jsonTableNode{base: base{cols: t.IDs, est: jsonTableRows, price: jsonTableRows}, table: t}
}

func (n *jsonTableNode) open(_ context.Context, run *exec.Run) (exec.Operator, error) {
	rows := spill.NewRowBuffer(run.Room(), memory.Rows)
	err := n.table.Table.Rows(run.Env, n.table.Doc, rows.Add)
	if err == nil {
		err = rows.Finish()
	}
	if err != nil {
		rows.Close()
		return nil, err
	}
	return exec.NewOwned(rows.Reader(), rows.Close), nil
}

func (n *jsonTableNode) explain(x *explainer, depth int) {
	x.add(depth, "JSONTable", &n.base, "table:"+n.table.Name, n.table.Doc.String())
}
