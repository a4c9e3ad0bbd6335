package physical

import (
	"context"
	"fmt"
	"math"
	"strings"

	"cloudsql/planner/access"
	"cloudsql/planner/exec"
	"cloudsql/planner/explain"
	"cloudsql/planner/scalar"
	"cloudsql/planner/spill"
	"cloudsql/storage/collation"
	"cloudsql/storage/expr"
	"cloudsql/storage/types"
)

// node is a physical operator of a plan: immutable once planned, opened for each execution.
type node interface {
	// ids are the numbers of the columns of its rows.
	ids() []int
	// rows and cost are estimates; cost is in units of reading one row in order.
	rows() float64
	cost() float64
	// sorted is the order that its rows are known to come in.
	sorted() []scalar.OrderCol
	// open starts an execution; others than open below do not call it.
	open(ctx context.Context, run *exec.Run) (exec.Operator, error)
	explain(x *explainer, depth int)
	// self names the node to those who count what its operators do.
	self() *base
}

// open starts a node's operator.
func open(ctx context.Context, run *exec.Run, n node) (exec.Operator, error) {
	if a := run.RT.Analysis; a != nil {
		return a.Open(n.self(), func() (exec.Operator, error) { return n.open(ctx, run) })
	}
	return n.open(ctx, run)
}

// base is what all nodes have.
type base struct {
	cols  []int
	est   float64
	price float64
	order []scalar.OrderCol
}

func (b *base) ids() []int                { return b.cols }
func (b *base) rows() float64             { return b.est }
func (b *base) cost() float64             { return b.price }
func (b *base) sorted() []scalar.OrderCol { return b.order }
func (b *base) self() *base               { return b }

// Costs of operators for one row, in rows read in order.
const (
	costProject = 0.05
	costHashAdd = 1.0
	costProbe   = 0.4
	costSort    = 0.3 // times the logarithm
	costPair    = 0.1 // of a nested loop
)

func sortCost(rows float64) float64 { return rows * costSort * math.Log2(rows+2) }

// filterNode passes rows at the gateway.
type filterNode struct {
	base
	in    node
	conds []expr.Expr // resolved
}

func newFilter(in node, conds []expr.Expr) (node, error) {
	if len(conds) == 0 {
		return in, nil
	}
	r, err := scalar.ResolveAll(conds, in.ids())
	if err != nil {
		return nil, err
	}
	f := &filterNode{in: in, conds: r}
	f.base = base{cols: in.ids(), est: in.rows() * access.Selectivity(conds), price: in.cost() + in.rows()*access.CostFilter, order: in.sorted()}
	return f, nil
}

func (f *filterNode) open(ctx context.Context, run *exec.Run) (exec.Operator, error) {
	in, err := open(ctx, run, f.in)
	if err != nil {
		return nil, err
	}
	conds := make([]expr.Expr, len(f.conds))
	for i, c := range f.conds {
		conds[i] = run.Fold(c)
	}
	return exec.NewFilter(run, in, conds), nil
}

func (f *filterNode) explain(x *explainer, depth int) {
	x.add(depth, "Filter", &f.base, "", scalar.Texts(f.conds))
	f.in.explain(x, depth+1)
}

// guardNode gives its input's rows only while conditions without columns hold.
type guardNode struct {
	base
	in    node
	conds []expr.Expr
}

func newGuard(in node, conds []expr.Expr) node {
	if len(conds) == 0 {
		return in
	}
	return &guardNode{base: base{cols: in.ids(), est: in.rows(), price: in.cost(), order: in.sorted()}, in: in, conds: conds}
}

func (g *guardNode) open(_ context.Context, run *exec.Run) (exec.Operator, error) {
	again := func(ctx context.Context) (exec.Operator, error) { return open(ctx, run, g.in) }
	return exec.NewGuard(run, g.conds, again), nil
}

func (g *guardNode) explain(x *explainer, depth int) {
	x.add(depth, "Guard", &g.base, "", scalar.Texts(g.conds))
	g.in.explain(x, depth+1)
}

// emptyNode gives no rows: its conditions were found false when planning.
type emptyNode struct{ base }

func (e *emptyNode) open(context.Context, *exec.Run) (exec.Operator, error) {
	return spill.NewRows(nil, len(e.cols)), nil
}

func (e *emptyNode) explain(x *explainer, depth int) {
	x.add(depth, "Empty", &e.base, "", "impossible condition")
}

// projectNode computes expressions.
type projectNode struct {
	base
	in    node
	exprs []expr.Expr // resolved
}

// newProject gives out, computed from exprs, under the numbers of out.
func newProject(in node, exprs []expr.Expr, out []int) (node, error) {
	r, err := scalar.ResolveAll(exprs, in.ids())
	if err != nil {
		return nil, err
	}
	p := &projectNode{in: in, exprs: r}
	price := in.cost() + in.rows()*costProject*float64(len(exprs))
	p.base = base{cols: out, est: in.rows(), price: price, order: scalar.RenamedOrder(in.sorted(), exprs, out)}
	return p, nil
}

// identity tells whether the projection passes its input as it is.
func (p *projectNode) identity() bool { return scalar.IsIdentity(p.exprs, len(p.in.ids())) }

func (p *projectNode) open(ctx context.Context, run *exec.Run) (exec.Operator, error) {
	in, err := open(ctx, run, p.in)
	if err != nil || p.identity() {
		return in, err
	}
	return exec.NewProject(run, in, p.exprs), nil
}

func (p *projectNode) explain(x *explainer, depth int) {
	if !p.identity() {
		x.add(depth, "Project", &p.base, "", scalar.Texts(p.exprs))
		depth++
	}
	p.in.explain(x, depth)
}

// valuesNode computes rows from constant expressions.
type valuesNode struct {
	base
	list [][]expr.Expr
}

func (v *valuesNode) open(_ context.Context, run *exec.Run) (exec.Operator, error) {
	return exec.NewValues(run, v.list), nil
}

func (v *valuesNode) explain(x *explainer, depth int) {
	x.add(depth, "Values", &v.base, "", fmt.Sprintf("%d row(s)", len(v.list)))
}

// sortNode sorts, or keeps the first rows where limit is set.
type sortNode struct {
	base
	in    node
	keys  []expr.SortKey // resolved
	cmp   *spill.Order
	limit *scalar.Limit
}

func newSort(in node, keys []expr.SortKey, limit *scalar.Limit) (node, error) {
	s := &sortNode{in: in, limit: limit}
	for _, k := range keys {
		e, err := scalar.Resolve(k.Expr, in.ids())
		if err != nil {
			return nil, err
		}
		s.keys = append(s.keys, expr.SortKey{Expr: e, Desc: k.Desc})
	}
	s.cmp = spill.NewOrder(s.keys)
	s.base = base{cols: in.ids(), est: in.rows(), price: in.cost() + sortCost(in.rows())}
	if limit != nil {
		s.est = limit.Estimate(s.est)
	}
	for _, k := range keys {
		c, ok := k.Expr.(*expr.Column)
		if !ok {
			break
		}
		s.order = append(s.order, scalar.OrderCol{ID: c.Index, Desc: k.Desc})
	}
	return s, nil
}

// maxTopN is the largest LIMIT that a heap serves.
const maxTopN = 1 << 16

func (s *sortNode) open(ctx context.Context, run *exec.Run) (exec.Operator, error) {
	in, err := open(ctx, run, s.in)
	if err != nil {
		return nil, err
	}
	if s.limit == nil {
		return spill.NewSort(run.Room(), run.Env, in, s.cmp), nil
	}
	offset, count, err := s.limit.Eval(run.Env)
	if err != nil {
		in.Close()
		return nil, err
	}
	if offset+count < offset || offset+count > maxTopN {
		return spill.NewLimit(spill.NewSort(run.Room(), run.Env, in, s.cmp), offset, count), nil
	}
	return exec.NewTopN(run, in, s.cmp, offset, count), nil
}

func (s *sortNode) explain(x *explainer, depth int) {
	name, info := "Sort", scalar.SortTexts(s.keys)
	if s.limit != nil {
		name, info = "TopN", info+" "+s.limit.String()
	}
	x.add(depth, name, &s.base, "", info)
	s.in.explain(x, depth+1)
}

// limitNode limits.
type limitNode struct {
	base
	in    node
	limit *scalar.Limit
}

func newLimit(in node, limit *scalar.Limit) node {
	est := limit.Estimate(in.rows())
	price := in.cost()
	if in.rows() > 0 {
		price *= est / in.rows()
	}
	return &limitNode{base: base{cols: in.ids(), est: est, price: price, order: in.sorted()}, in: in, limit: limit}
}

func (l *limitNode) open(ctx context.Context, run *exec.Run) (exec.Operator, error) {
	offset, count, err := l.limit.Eval(run.Env)
	if err != nil {
		return nil, err
	}
	if count == 0 {
		return spill.NewRows(nil, len(l.cols)), nil
	}
	in, err := open(ctx, run, l.in)
	if err != nil {
		return nil, err
	}
	return spill.NewLimit(in, offset, count), nil
}

func (l *limitNode) explain(x *explainer, depth int) {
	x.add(depth, "Limit", &l.base, "", l.limit.String())
	l.in.explain(x, depth+1)
}

// distinctNode removes repeated rows.
type distinctNode struct {
	base
	in    node
	colls []collation.ID
}

func newDistinct(in node, typs []types.Type) node {
	d := &distinctNode{base: base{cols: in.ids(), est: in.rows() * 0.5, price: in.cost() + in.rows()*costHashAdd, order: in.sorted()}, in: in}
	for i := range typs {
		d.colls = append(d.colls, typs[i].Collation)
	}
	return d
}

func (d *distinctNode) open(ctx context.Context, run *exec.Run) (exec.Operator, error) {
	in, err := open(ctx, run, d.in)
	if err != nil {
		return nil, err
	}
	return exec.NewDistinct(run, in, d.colls), nil
}

func (d *distinctNode) explain(x *explainer, depth int) {
	x.add(depth, "Distinct", &d.base, "", "")
	d.in.explain(x, depth+1)
}

// explainer collects EXPLAIN's lines.
type explainer struct {
	lines []explain.Line
	where func(t *tableScan) string
}

func (x *explainer) add(depth int, operator string, b *base, object, info string) *explain.Line {
	x.lines = append(x.lines, explain.Line{
		Depth: depth, Operator: operator, EstRows: b.est, Cost: b.price, Where: explain.Gateway, Object: object, Info: strings.TrimSpace(info),
		Node: b,
	})
	return &x.lines[len(x.lines)-1]
}

// addScan adds what reads a table.
func (x *explainer) addScan(depth int, operator string, s *tableScan, est, cost float64, object string) *explain.Line {
	x.lines = append(x.lines, explain.Line{
		Depth: depth, Operator: operator, EstRows: est, Cost: cost, Where: x.where(s), Object: object, Info: s.info(), Table: s.explainTable(), Node: s.self(),
	})
	return &x.lines[len(x.lines)-1]
}
