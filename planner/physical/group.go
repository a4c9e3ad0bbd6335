package physical

import (
	"context"
	"math"
	"slices"
	"strings"

	"cloudsql/planner/access"
	"cloudsql/planner/algebra"
	"cloudsql/planner/exec"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
)

// aggNode groups at the gateway: whole rows, or the partial results of a scan.
type aggNode struct {
	base
	in   node
	spec exec.AggSpec // resolved
	// ordered: partial results come group by group.
	ordered bool
}

func (a *aggNode) open(ctx context.Context, run *exec.Run) (exec.Operator, error) {
	in, err := open(ctx, run, a.in)
	if err != nil {
		return nil, err
	}
	if a.ordered && run.RT.Txn == nil { // under locks, a row that has moved meanwhile comes out of order
		return exec.NewOrderedAgg(run, in, a.spec), nil
	}
	return exec.NewHashAgg(run, in, a.spec), nil
}

func (a *aggNode) explain(x *explainer, depth int) {
	name := "HashAgg"
	if a.spec.Final {
		name = "FinalAgg"
	}
	var list []string
	for _, g := range a.spec.GroupBy {
		list = append(list, "group "+g.String())
	}
	for _, g := range a.spec.Aggs {
		list = append(list, g.String())
	}
	if a.spec.Rollup {
		list = append(list, "with rollup")
	}
	if a.ordered {
		list = append(list, "in order")
	}
	x.add(depth, name, &a.base, "", strings.Join(list, ", "))
	a.in.explain(x, depth+1)
}

// planGroup groups, as far as possible inside the shards; it tells how many rows, too.
func (p *planner) planGroup(g *algebra.Group) (n node, rows float64, err error) {
	in, err := p.plan(grouped(g.In), required{})
	if err != nil {
		return nil, 0, err
	}
	if n, err = p.groupBy(g, in); err != nil {
		return nil, 0, err
	}
	return n, in.rows(), nil
}

// grouped has a table that is grouped read by the indexes that are to serve for that.
func grouped(n algebra.Node) algebra.Node {
	t, conds := algebra.TableOf(n)
	if t == nil || !t.Hint.Group.Given() {
		return n
	}
	own := *t
	own.Hint.Join = t.Hint.Join.Within(t.Hint.Group)
	return algebra.NewFilter(&own, conds)
}

// groupBy groups the rows of in.
func (p *planner) groupBy(g *algebra.Group, in node) (node, error) {
	var err error
	out := append([]int(nil), g.ByIDs...)
	for i := range g.Aggs {
		out = append(out, g.Aggs[i].ID)
	}
	if g.Level != 0 {
		out = append(out, g.Level)
	}
	a := &aggNode{in: in}
	a.base = base{cols: out, est: p.groupEstimate(g, in.rows()), price: in.cost() + in.rows()*costHashAdd}
	a.spec.Rollup, a.spec.Level = g.Rollup, g.Level != 0
	if s, ok := in.(*tableScan); ok && p.pushesAggregate(g, s) {
		return p.pushAggregate(a, g, s)
	}
	apart := *a
	if a.spec.GroupBy, err = scalar.ResolveAll(g.By, in.ids()); err != nil {
		return nil, err
	}
	for i := range g.Aggs {
		agg, err := scalar.ResolveAgg(g.Aggs[i].Agg, in.ids())
		if err != nil {
			return nil, err
		}
		a.spec.Aggs = append(a.spec.Aggs, agg)
	}
	return p.groupInShards(a, &apart, g)
}

// groupFilter tests conditions on groups, which in gives, or partial results of which.
func (p *planner) groupFilter(in node, g *algebra.Group, conds []expr.Expr, grouped float64) (node, error) {
	n, err := newFilter(in, conds)
	f, ok := n.(*filterNode)
	if !ok || err != nil || len(g.By) == 0 {
		return n, err
	}
	share := 1.0
	for _, c := range conds {
		if s, ok := p.known.Share(g, c, math.Max(1, grouped/math.Max(in.rows(), 1))); ok {
			share *= s
		} else {
			share *= access.Selectivity([]expr.Expr{c})
		}
	}
	f.est = in.rows() * share
	return f, nil
}

// groupEstimate is how many groups there are: as many as the columns have values together, where that is known.
func (p *planner) groupEstimate(g *algebra.Group, rows float64) float64 {
	if len(g.By) == 0 {
		return 1
	}
	groups := 1.0
	for _, e := range g.By {
		groups *= p.distinct(e)
	}
	if groups > 0 {
		return math.Max(1, math.Min(rows, groups))
	}
	return math.Max(1, math.Min(rows, math.Pow(rows, 0.7)))
}

func (p *planner) pushesAggregate(g *algebra.Group, s *tableScan) bool {
	if !s.plain() || g.Rollup || p.plain || !p.ship.AllPushable(g.By) {
		return false
	}
	for i := range g.Aggs {
		a := g.Aggs[i].Agg
		if !a.Partial() || !p.ship.Allows(a.Since()) || !p.ship.AllPushable(a.Args) {
			return false
		}
	}
	return true
}

// pushAggregate lets each shard aggregate its rows; a merges the parts.
func (p *planner) pushAggregate(a *aggNode, g *algebra.Group, s *tableScan) (node, error) {
	ids := s.columnIDs()
	push := &fragment.Aggregate{}
	var err error
	if push.GroupBy, err = scalar.ResolveAll(g.By, ids); err != nil {
		return nil, err
	}
	var out []int
	for i, e := range g.By {
		a.spec.GroupBy = append(a.spec.GroupBy, &expr.Column{Index: i, Typ: *e.Type(), Name: e.String()})
		out = append(out, p.newIDs(1))
	}
	for i := range g.Aggs {
		agg, err := scalar.ResolveAgg(g.Aggs[i].Agg, ids)
		if err != nil {
			return nil, err
		}
		push.Aggs = append(push.Aggs, agg)
		a.spec.Aggs = append(a.spec.Aggs, agg)
		for range agg.PartialTypes() {
			out = append(out, p.newIDs(1))
		}
	}
	a.spec.Final = true
	a.ordered = s.givesGroups(push)
	a.in = s.aggregating(push, out, a.est)
	return a, nil
}

// givesGroups tells whether the index's order has the rows of each group one behind the other, so that they need not be looked for: they
// are grouped by the columns that it begins with, and there is one tablet.
func (s *tableScan) givesGroups(a *fragment.Aggregate) bool {
	if len(a.GroupBy) == 0 || len(s.joins) > 0 || len(s.table.Desc.Tablets) > 1 || s.path.Point || slices.ContainsFunc(a.Aggs, (*expr.Agg).Grows) {
		return false
	}
	places := uint64(0)
	for _, e := range a.GroupBy {
		c, ok := e.(*expr.Column)
		if !ok {
			return false
		}
		i := s.path.Index.Place(s.columns[c.Index])
		if i < 0 {
			return false
		}
		places |= 1 << i
	}
	return places&(places+1) == 0
}
