package physical

import (
	"context"
	"fmt"
	"math"
	"slices"

	"cloudsql/planner/access"
	"cloudsql/planner/algebra"
	"cloudsql/planner/exec"
	"cloudsql/planner/explain"
	"cloudsql/planner/having"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// Plan is a query's operators: immutable, opened for each execution.
type Plan struct {
	root         node
	once, perRow []*subplan
}

// Options say how to plan.
type Options struct {
	Ship scalar.Shipping
	// Plain is for tests: every table is read whole, and nothing runs inside the shards.
	Plain bool
	// InShards says who joins.
	InShards algebra.Joining
}

// New plans a query.
func New(q *algebra.Query, o Options) (*Plan, error) {
	p := &planner{ship: o.Ship, plain: o.Plain, inShards: o.InShards, next: q.NextID, hints: &q.Hints}
	for _, s := range q.Subs {
		if err := p.planSubquery(s); err != nil {
			return nil, err
		}
	}
	root, err := p.plan(q.Root, required{})
	if err != nil {
		return nil, err
	}
	return &Plan{root: root, once: p.once, perRow: p.perRow}, nil
}

// Subqueries tells whether expressions of the plan run others: they find their execution through the environment.
func (p *Plan) Subqueries() bool { return len(p.once)+len(p.perRow) > 0 }

// Open starts an execution.
func (p *Plan) Open(ctx context.Context, run *exec.Run) (exec.Operator, error) {
	return open(ctx, run, p.root)
}

// Explain shows the operators, outermost first, then the subqueries.
func (p *Plan) Explain() []explain.Line {
	x := &explainer{where: scanPlace}
	p.root.explain(x, 0)
	return append(x.lines, p.ExplainSubqueries()...)
}

// ExplainSubqueries shows the subqueries alone.
func (p *Plan) ExplainSubqueries() []explain.Line {
	x := &explainer{where: scanPlace}
	for _, s := range slices.Concat(p.once, p.perRow) {
		s.explain(x)
	}
	return x.lines
}

// scanPlace names the shards that a scan's fragments run in.
func scanPlace(s *tableScan) string {
	t := s.table.Desc
	if len(t.Tablets) == 1 {
		return explain.ShardName(&t.Tablets[0])
	}
	shards := map[schema.ShardID]bool{}
	for i := range t.Tablets {
		shards[t.Tablets[i].Shard] = true
	}
	if len(shards) == 1 {
		return fmt.Sprintf("%s, %d tablets", explain.ShardName(&t.Tablets[0]), len(t.Tablets))
	}
	return fmt.Sprintf("%d shards, %d tablets", len(shards), len(t.Tablets))
}

// planner makes the operators of one query.
type planner struct {
	ship         scalar.Shipping
	plain        bool
	inShards     algebra.Joining
	next         int // the first column number that is free
	hints        *algebra.Hints
	known        having.Tables // those read so far of which something is known
	once, perRow []*subplan
}

// newIDs draws n column numbers and gives the first.
func (p *planner) newIDs(n int) int {
	first := p.next
	p.next += n
	return first
}

// plan makes the operators of a tree. Rows in the required order are welcome.
func (p *planner) plan(n algebra.Node, req required) (node, error) {
	switch n := n.(type) {
	case *algebra.Table:
		return p.planTable(n, nil, req)
	case *algebra.Filter:
		return p.planFilter(n, req)
	case *algebra.Join:
		if n.Kind == exec.Left {
			return p.planLeft(n, req)
		}
		return p.planInner(n, req)
	case *algebra.Lateral:
		return p.planLateral(n, req)
	case *algebra.JSONTable:
		return planJSONTable(n), nil
	case *algebra.Project, *algebra.Distinct, *algebra.Sort, *algebra.Limit:
		return p.planTop(n)
	case *algebra.Group:
		out, _, err := p.planGroup(n)
		return out, err
	case *algebra.Window:
		return p.planWindows(n)
	case *algebra.PartitionTop:
		in, err := p.plan(n.In, required{})
		if err != nil {
			return nil, err
		}
		return newPartitionTop(in, n)
	case *algebra.Apply:
		if err := p.planSubquery(n.Sub); err != nil {
			return nil, err
		}
		return p.planFilter(&algebra.Filter{In: n.In, Conds: []expr.Expr{n.Cond}}, req)
	case *algebra.SetOp:
		return p.planSet(n)
	case *algebra.Recursive:
		return p.planRecursive(n)
	case *algebra.Working:
		return planWorking(n), nil
	case *algebra.Virtual:
		return planVirtual(n, nil)
	case *algebra.Values:
		rows := float64(len(n.Rows))
		return &valuesNode{base: base{est: rows, price: rows, cols: n.IDs}, list: n.Rows}, nil
	case *algebra.Empty:
		return &emptyNode{base{cols: n.IDs}}, nil
	}
	return nil, mysqlerr.Internal("planner: a node of an unknown kind")
}

// planFilter tests conditions: at a table's scan, or above. Those that are the same for all rows are tested first.
func (p *planner) planFilter(f *algebra.Filter, req required) (node, error) {
	guards, conds := scalar.SplitFixed(f.Conds)
	var n node
	var err error
	switch in := f.In.(type) {
	case *algebra.Table:
		n, err = p.planTable(in, conds, req)
	case *algebra.Virtual:
		n, err = planVirtual(in, conds)
	case *algebra.Group:
		var grouped float64
		if n, grouped, err = p.planGroup(in); err == nil {
			n, err = p.groupFilter(n, in, conds, grouped)
		}
	default:
		if n, err = p.plan(in, req); err == nil {
			n, err = newFilter(n, conds)
		}
	}
	if err != nil {
		return nil, err
	}
	return newGuard(n, guards), nil
}

// planTable chooses an index. Conditions that shards cannot evaluate are tested at the gateway.
func (p *planner) planTable(t *algebra.Table, conds []expr.Expr, req required) (node, error) {
	push, rest := p.ship.Split(conds)
	if p.plain {
		push, rest, req = nil, conds, required{}
	}
	t = withColumns(t)
	if t.Known != nil {
		p.known = append(p.known, t)
	}
	best := t.Best(push, req.order, false, 0)
	if len(req.order) > 0 && !best.Ordered {
		o := t.Best(push, req.order, true, 0)
		if o != nil && (t.Hint.Order.Force || orderPays(best, o, req, len(rest) > 0)) {
			best = o
		}
	}
	s, err := newScan(t, best, false)
	if err != nil {
		return nil, err
	}
	return newFilter(s, rest)
}

// distinct is how many values an expression has; 0: nobody knows.
func (p *planner) distinct(e expr.Expr) float64 {
	if t, pos := p.known.Of(e); t != nil {
		return t.Distinct(pos)
	}
	return 0
}

// withColumns is t with all its columns where nobody has found out which are read.
func withColumns(t *algebra.Table) *algebra.Table {
	if t.Used != nil {
		return t
	}
	all := *t
	for pos := range t.Desc.Columns {
		all.Used = append(all.Used, pos)
	}
	return &all
}

// orderedScan reads the table in the required order, nil where no index has it.
func (p *planner) orderedScan(t *algebra.Table, conds []expr.Expr, req required) (node, error) {
	push, rest := p.ship.Split(conds)
	path := t.Best(push, req.order, true, 0)
	if path == nil || p.plain {
		return nil, nil
	}
	s, err := newScan(t, path, true)
	if err != nil {
		return nil, err
	}
	return newFilter(s, rest)
}

// orderPays compares sorting the rows of the cheapest path with reading them in order.
func orderPays(p, o *access.Path, req required, filtered bool) bool {
	sorting := p.Price + sortCost(p.Out)
	reading := o.Price
	if req.limit > 0 && o.Out > req.limit && !filtered {
		reading = access.CostFragment + (o.Price-access.CostFragment)*req.limit/o.Out
	}
	return reading < sorting
}

// limitOf is how many rows a LIMIT is thought to read.
func limitOf(l *scalar.Limit) float64 {
	n := l.Estimate(math.Inf(1))
	if k, ok := l.Offset.(*expr.Const); ok {
		n += k.Val.ToFloat(nil)
	}
	return n
}
