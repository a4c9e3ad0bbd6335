package physical

import (
	"math"
	"slices"

	"cloudsql/planner/access"
	"cloudsql/planner/algebra"
	"cloudsql/planner/exec"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
	"cloudsql/storage/types"
)

// Semi and anti joins above an inner join: their right sides become inputs of it that are read first (driving), thin out the
// one input that they are about (placeSemis), or test the rows that have been joined.

// driving makes inputs of an inner join of those semi joins whose right side is best read first: its values are then looked
// up in an index of a table on the left. The others come later.
func (p *planner) driving(semis []*algebra.Join, leaves []*leaf, conds []expr.Expr) ([]*leaf, []expr.Expr, []*algebra.Join, error) {
	var later []*algebra.Join
	n := len(leaves)
	for _, s := range semis {
		l, own, err := p.drivingLeaf(s, leaves[:n])
		if err != nil {
			return nil, nil, nil, err
		}
		if l == nil {
			later = append(later, s)
			continue
		}
		leaves = append(leaves, l)
		if conds, err = scalar.Propagate(append(conds, own...)); err != nil {
			return nil, nil, nil, err
		}
	}
	return leaves, conds, later, nil
}

// drivingLeaf plans the different values of a semi join's right side as an inner join's input, with the conditions that
// join it; nil where that does not pay.
func (p *planner) drivingLeaf(s *algebra.Join, leaves []*leaf) (*leaf, []expr.Expr, error) {
	if s.Kind != exec.Semi || !s.Driving || p.plain || !s.Ways.Allow(algebra.LooseScan|algebra.Materialization) {
		return nil, nil, nil
	}
	keys, rest := scalar.JoinKeys(s.On, algebra.ColumnsOf(s.Left), algebra.ColumnsOf(s.Right))
	outer := ledBy(keys, leaves)
	if outer == nil || len(rest) > 0 {
		return nil, nil, nil
	}
	inner, err := p.plan(s.Right, required{})
	if err != nil {
		return nil, nil, err
	}
	sides := p.precedence([]*leaf{{cols: algebra.ColumnsOf(s.Right)}, {cols: algebra.ColumnsOf(s.Left)}})
	if sides == nil && s.Ways != algebra.LooseScan && inner.rows()*(access.CostPoint+access.CostLookupRow) > outer.Rows || !sides.Allows(1, 2) {
		return nil, nil, nil
	}
	var exprs, conds []expr.Expr
	var ids []int
	var typs []types.Type
	for _, k := range keys {
		exprs = append(exprs, k.Right)
		col := &expr.Column{Index: p.newIDs(1), Typ: *k.Right.Type(), Name: k.Right.String()}
		ids = append(ids, col.Index)
		typs = append(typs, col.Typ)
		eq, err := expr.New("=", k.Left, col)
		if err != nil {
			return nil, nil, err
		}
		conds = append(conds, eq)
	}
	n, err := newProject(inner, exprs, ids)
	if err != nil {
		return nil, nil, err
	}
	l := &leaf{plan: newDistinct(n, typs), cols: scalar.SetOf(ids...), also: algebra.ColumnsOf(s.Right)}
	if len(ids) == 1 {
		l.unique = l.cols
	}
	return l, conds, nil
}

// ledBy finds the table with an index that begins with a key's column; nil where a key is of no use to an index.
func ledBy(keys []scalar.JoinKey, leaves []*leaf) *algebra.Table {
	var outer *algebra.Table
	for _, k := range keys {
		c, ok := k.Left.(*expr.Column)
		if !ok || k.Hash.Float || !scalar.SameKey(k.Left.Type(), k.Right.Type()) {
			return nil
		}
		for _, l := range leaves {
			if t := baseTable(l.in); t != nil && l.cols.Has(c.Index) && leads(t, c) {
				outer = t
			}
		}
	}
	return outer
}

// baseTable is the table that a node reads, with whatever conditions.
func baseTable(n algebra.Node) *algebra.Table {
	if f, ok := n.(*algebra.Filter); ok {
		n = f.In
	}
	t, _ := n.(*algebra.Table)
	return t
}

// leads tells whether an index of the table begins with the column.
func leads(t *algebra.Table, c *expr.Column) bool {
	for i := range t.Desc.Indexes {
		if first := t.Desc.Indexes[i].Columns[0]; first.Column == t.Position(c) && first.Prefix == 0 && t.Hint.Join.Allows(t.Desc.Indexes[i].Name) {
			return true
		}
	}
	return false
}

// semi is a semi or anti join with a planned right side.
type semi struct {
	right *leaf
	on    []expr.Expr
	kind  exec.JoinKind
	ways  algebra.SemiWays
}

// innerJoin is what planLeaves plans.
type innerJoin struct {
	leaves   []*leaf
	conds    []expr.Expr
	req      required
	straight bool
}

// placeSemis plans an inner join and the semi joins of its rows. Each of these may be tested on the one input that it is about
// before that is joined with others: where there are fewer rows, or fewer rows then remain to be joined.
func (p *planner) placeSemis(j innerJoin, semis []semi) (node, error) {
	best, err := p.planSemis(j, semis)
	if err != nil || len(j.leaves) == 1 || p.plain {
		return best, err
	}
	for i := 0; i < len(semis); {
		at := semis[i].about(j.leaves)
		if at < 0 {
			i++
			continue
		}
		l, err := p.thinned(j.leaves[at], semis[i])
		if err != nil {
			return nil, err
		}
		early := j
		early.leaves = slices.Clone(j.leaves)
		early.leaves[at] = l
		others := slices.Delete(slices.Clone(semis), i, i+1)
		n, err := p.planSemis(early, others)
		if err != nil {
			return nil, err
		}
		if costInOrder(n, j.req) >= costInOrder(best, j.req) {
			i++
			continue
		}
		best, j, semis = n, early, others
	}
	return best, nil
}

// planSemis plans an inner join, and the semi joins of its rows after it.
func (p *planner) planSemis(j innerJoin, semis []semi) (node, error) {
	out, err := p.planLeaves(j.leaves, j.conds, j.req, j.straight)
	for _, s := range semis {
		if err != nil {
			return nil, err
		}
		out, err = p.joinRows(out, s.right, s.on, joinGoal{kind: s.kind, ways: s.ways})
	}
	return out, err
}

// about is the only input that a semi join looks at; -1 where there are several.
func (s *semi) about(leaves []*leaf) int {
	at := -1
	for i, l := range leaves {
		if slices.ContainsFunc(s.on, l.cols.Touches) {
			if at >= 0 {
				return -1
			}
			at = i
		}
	}
	return at
}

// thinned is an input with a semi join of its rows.
func (p *planner) thinned(l *leaf, s semi) (*leaf, error) {
	n, err := p.joinRows(l.plan, s.right, s.on, joinGoal{kind: s.kind, ways: s.ways})
	if err != nil {
		return nil, err
	}
	out := &leaf{in: l.in, cols: l.cols, plan: n, rowsOf: l.rowsOf, unique: l.unique, also: slices.Clone(l.also)}
	out.also.Add(s.right.cols)
	if l.table != nil {
		out.rowsOf = l.table
	}
	return out, nil
}

// leastPartnered keeps a semi or anti join from being thought to leave nothing.
const leastPartnered = 0.01

// partnered is the share of left rows that a semi or anti join leaves: of those that find a row on the right, or do not. pairs
// is how many pairs of rows an inner join would give. The values of the side that has fewer are thought to be among those of the other.
func (p *planner) partnered(left node, right *leaf, keys []scalar.JoinKey, rest []expr.Expr, pairs float64, kind exec.JoinKind) float64 {
	found, known := 1.0, false
	for _, k := range keys {
		values := p.distinct(k.Left)
		if values == 0 {
			continue
		}
		known = true
		there := right.plan.rows()
		if c, ok := k.Right.(*expr.Column); ok {
			there = math.Min(there, distinctIn(right, c))
		}
		each := math.Max(right.plan.rows(), 1) / math.Max(there, 1)
		share := math.Min(1, there/math.Min(values, math.Max(left.rows(), 1)))
		found = math.Min(found, share*(1-math.Pow(1-access.Selectivity(rest), each)))
	}
	switch {
	case known && kind == exec.Anti:
		return math.Max(1-found, leastPartnered)
	case known:
		return math.Max(found, leastPartnered)
	case kind == exec.Anti:
		return access.SelOther
	}
	return math.Min(pairs/math.Max(left.rows(), 1), access.SelOther)
}
