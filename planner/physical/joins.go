package physical

import (
	"math"
	"slices"

	"cloudsql/planner/access"
	"cloudsql/planner/algebra"
	"cloudsql/planner/exec"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
)

// required is the order that rows should come in, if that costs less than sorting them.
type required struct {
	order []scalar.OrderCol
	limit float64 // rows that will be read of it, 0 for all
}

// maxSearch is up to how many relations of one join all orders are compared, or every first relation is tried.
const maxSearch = 10

// leaf is one input of a join.
type leaf struct {
	in    algebra.Node
	cols  scalar.ColSet
	table *algebra.Table // where it is a base table with conditions on its rows
	conds []expr.Expr
	plan  node // read alone
	// rowsOf is the base table that has told the rows where a semi join has thinned them out, so that no index serves.
	rowsOf *algebra.Table
	unique scalar.ColSet // a column with another value in each row, if one is known
	also   scalar.ColSet // of tables that were joined with it already: hints of orders name them
}

func newLeaf(n algebra.Node) *leaf {
	l := &leaf{in: n, cols: algebra.ColumnsOf(n), unique: uniqueColumns(n)}
	l.table, l.conds = algebra.TableOf(n)
	return l
}

// uniqueColumns has the column that has another value in each row by the way in which rows are made: by grouping.
func uniqueColumns(n algebra.Node) (unique scalar.ColSet) {
	switch n := n.(type) {
	case *algebra.Group:
		if len(n.By) == 1 && !n.Rollup {
			unique.Put(n.ByIDs[0])
		}
	case *algebra.Filter:
		return uniqueColumns(n.In)
	case *algebra.Project:
		in := uniqueColumns(n.In)
		for i, e := range n.List {
			if c, ok := e.(*expr.Column); ok && in.Has(c.Index) {
				unique.Put(n.IDs[i])
			}
		}
	case *algebra.Distinct:
		if cols := algebra.ColumnsOf(n); cols.Len() == 1 {
			return cols
		}
	}
	return unique
}

// planLeaf is newLeaf of a node that is read alone.
func (p *planner) planLeaf(n algebra.Node) (*leaf, error) {
	l := newLeaf(n)
	var err error
	l.plan, err = p.plan(n, required{})
	return l, err
}

// planInner plans inner joins, and the semi and anti joins above them: an IN whose subquery gives few values is one of the
// inner join's inputs.
func (p *planner) planInner(n algebra.Node, req required) (node, error) {
	var semis []*algebra.Join
	for {
		j, ok := n.(*algebra.Join)
		if !ok || j.Kind != exec.Semi && j.Kind != exec.Anti {
			break
		}
		semis, n = append(semis, j), j.Left
	}
	slices.Reverse(semis)
	var leaves []*leaf
	var conds []expr.Expr
	straight := false
	algebra.EachInner(n, func(in algebra.Node) { leaves = append(leaves, newLeaf(in)) }, func(j *algebra.Join) {
		straight = straight || j.Straight
		conds = append(conds, j.On...)
	})
	leaves, conds, later, err := p.driving(semis, leaves, conds)
	if err != nil {
		return nil, err
	}
	rest := make([]semi, len(later))
	for i, s := range later {
		right, err := p.planLeaf(s.Right)
		if err != nil {
			return nil, err
		}
		rest[i] = semi{right: right, on: s.On, kind: s.Kind, ways: s.Ways &^ algebra.LooseScan}
	}
	return p.placeSemis(innerJoin{leaves: leaves, conds: conds, req: req, straight: straight}, rest)
}

func (p *planner) planLeaves(leaves []*leaf, conds []expr.Expr, req required, straight bool) (node, error) {
	if len(leaves) == 1 {
		n, err := p.plan(leaves[0].in, req)
		if err != nil {
			return nil, err
		}
		return newFilter(n, conds)
	}
	for _, l := range leaves {
		if l.plan != nil {
			continue
		}
		var err error
		if l.plan, err = p.plan(l.in, required{}); err != nil {
			return nil, err
		}
	}
	return p.searchOrder(leaves, conds, req, straight)
}

// planLeft plans a LEFT JOIN.
func (p *planner) planLeft(j *algebra.Join, req required) (node, error) {
	if len(req.order) > 0 && !algebra.ColumnsOf(j.Left).Has(req.order[0].ID) {
		req = required{}
	}
	left, err := p.plan(j.Left, req)
	if err != nil {
		return nil, err
	}
	right, err := p.planLeaf(j.Right)
	if err != nil {
		return nil, err
	}
	return p.join(left, right, j.On, exec.Left)
}

// join joins a planned left side with a relation in the cheapest way.
func (p *planner) join(left node, right *leaf, conds []expr.Expr, kind exec.JoinKind) (node, error) {
	return p.joinRows(left, right, conds, joinGoal{kind: kind})
}

// hashes tells whether hints leave it to a join to go by hash.
func (p *planner) hashes(right *leaf, ways algebra.SemiWays) bool {
	return ways.Allow(algebra.Materialization) && (p.hints == nil || !p.hints.NoHash.Meets(right.cols))
}

// joinGoal is what a join is for, and what is known of it.
type joinGoal struct {
	kind  exec.JoinKind
	rows  float64  // that it gives; 0: nobody knows
	req   required // the order that its rows, and how many of them, are wanted in
	ways  algebra.SemiWays
	fixed bool // what is on the left stays there
}

// joinRows joins in the way that is cheapest for a goal.
func (p *planner) joinRows(left node, right *leaf, conds []expr.Expr, goal joinGoal) (node, error) {
	kind := goal.kind
	leftIDs := scalar.SetOf(left.ids()...)
	keys, rest := scalar.JoinKeys(conds, leftIDs, right.cols)
	if p.plain {
		keys, rest = nil, conds
	}
	share := 1.0
	for _, k := range keys {
		share *= keyShare(right, k)
	}
	if len(keys) > 0 {
		share = math.Max(share, 1/math.Max(totalRows(right), 1))
	}
	out := left.rows() * right.plan.rows() * share * access.Selectivity(rest)
	switch kind {
	case exec.Left:
		out = math.Max(out, left.rows())
	case exec.Semi, exec.Anti:
		out = left.rows() * p.partnered(left, right, keys, rest, out, kind)
	}
	if goal.rows > 0 {
		out = goal.rows
	}
	spec := joinSpec{kind: kind, conds: conds, keys: keys, rest: rest, out: math.Max(out, 1), fixed: goal.fixed, tells: !p.plain && p.ship.Allows(expr.KeySetSince)}
	other := spec
	if !p.hashes(right, goal.ways) {
		other.keys, other.rest = nil, conds
	}
	best, err := newLoopOrHash(left, right.plan, other)
	if err != nil || right.table == nil || len(keys) == 0 || p.plain || !goal.ways.Allow(algebra.FirstMatch) {
		return best, err
	}
	l, err := p.newLookup(left, right.table, right, spec)
	if err != nil || l == nil {
		return best, err
	}
	if right.table.Hint.Join.Force || cheaper(l, best, goal.req) {
		return l, nil
	}
	best.(*joinNode).lookup = l.(*lookupNode)
	return best, nil
}

type joinSpec struct {
	kind  exec.JoinKind
	conds []expr.Expr // all
	keys  []scalar.JoinKey
	rest  []expr.Expr // conds without keys
	out   float64
	tells bool // keys may travel
	fixed bool // the sides are not exchanged
}

func totalRows(l *leaf) float64 {
	if l.table != nil {
		return l.table.Rows
	}
	return l.plan.rows()
}

// keyShare is the share of the right side's rows that one left row's key selects.
func keyShare(l *leaf, k scalar.JoinKey) float64 {
	if c, ok := k.Right.(*expr.Column); ok && (l.table != nil || l.rowsOf != nil || l.unique.Has(c.Index)) {
		return 1 / distinctIn(l, c)
	}
	return math.Max(1/math.Max(l.plan.rows(), 1), 1.0/access.EqDistinct)
}
