package rewrite

import (
	"slices"

	"cloudsql/planner/algebra"
	"cloudsql/planner/exec"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
)

// pushConditions brings conditions to the tables whose columns they have: through joins, along equalities, into derived
// tables and the members of unions. What none of them takes is tested where it stood, or at the innermost join that knows
// all its columns.
func pushConditions(r *Rewriter, n algebra.Node) algebra.Node { return r.push(n, nil) }

// push is n with only the rows that meet conds.
func (r *Rewriter) push(n algebra.Node, conds []expr.Expr) algebra.Node {
	if len(conds) > 0 && r.isShut(n) {
		return algebra.NewFilter(r.push(n, nil), conds)
	}
	switch n := n.(type) {
	case *algebra.Filter:
		if _, having := n.In.(*algebra.Group); having {
			return merged(r.push(n.In, conds), n.Conds)
		}
		return r.push(n.In, append(n.Conds[:len(n.Conds):len(n.Conds)], conds...))
	case *algebra.Join:
		switch n.Kind {
		case exec.Inner:
			return r.pushInner(n, conds)
		case exec.Left:
			return r.pushLeft(n, conds)
		}
		return r.pushSemi(n, conds)
	case *algebra.Lateral:
		return r.pushLateral(n, conds)
	case *algebra.Project:
		below, above := throughProject(n, conds)
		return algebra.NewFilter(r.pushInto(n, below), above)
	case *algebra.Group:
		below, above := throughGroup(n, conds)
		return algebra.NewFilter(r.pushInto(n, below), above)
	case *algebra.Distinct, *algebra.Sort:
		return r.pushInto(n, conds)
	case *algebra.SetOp:
		if n.Kind == algebra.Union {
			return r.pushInto(n, conds)
		}
	case *algebra.Table, *algebra.Virtual, *algebra.Values, *algebra.Empty, *algebra.Working, *algebra.JSONTable:
		return algebra.NewFilter(n, conds)
	}
	return algebra.NewFilter(r.pushInto(n, nil), conds)
}

// isShut tells whether n is a derived table that a hint keeps conditions out of.
func (r *Rewriter) isShut(n algebra.Node) bool {
	if len(r.shut) == 0 {
		return false
	}
	if _, above := n.(*algebra.Filter); above {
		return false
	}
	cols := algebra.ColumnsOf(n)
	return slices.ContainsFunc(r.shut, cols.Equal)
}

// pushInto pushes the same conditions into each input.
func (r *Rewriter) pushInto(n algebra.Node, conds []expr.Expr) algebra.Node {
	return algebra.Map(n, func(in algebra.Node) algebra.Node { return r.push(in, conds) })
}

// merged puts conditions before those that a node begins with.
func merged(n algebra.Node, conds []expr.Expr) algebra.Node {
	if f, ok := n.(*algebra.Filter); ok {
		return &algebra.Filter{In: f.In, Conds: append(conds[:len(conds):len(conds)], f.Conds...)}
	}
	return algebra.NewFilter(n, conds)
}

// throughProject turns conditions over computed columns into conditions over what they are computed from.
func throughProject(p *algebra.Project, conds []expr.Expr) (below, above []expr.Expr) {
	if len(conds) == 0 {
		return nil, nil
	}
	by := map[int]expr.Expr{}
	var known scalar.ColSet
	for i, e := range p.List {
		if expr.ClassOf(e) != expr.Volatile {
			by[p.IDs[i]] = e
			known.Put(p.IDs[i])
		}
	}
	return through(conds, by, known)
}

// throughGroup does the same for conditions over the groups' columns alone.
func throughGroup(g *algebra.Group, conds []expr.Expr) (below, above []expr.Expr) {
	if len(conds) == 0 || g.Rollup || len(g.By) == 0 {
		return nil, conds
	}
	by := map[int]expr.Expr{}
	for i, id := range g.ByIDs {
		by[id] = g.By[i]
	}
	return through(conds, by, scalar.SetOf(g.ByIDs...))
}

func through(conds []expr.Expr, by map[int]expr.Expr, known scalar.ColSet) (below, above []expr.Expr) {
	for _, c := range conds {
		if !known.Covers(c) || expr.ClassOf(c) == expr.Volatile {
			above = append(above, c)
			continue
		}
		below = scalar.Split(below, scalar.Substitute(c, by))
	}
	return below, above
}

// joinLeaf is one input of nested inner joins, with the conditions on it alone.
type joinLeaf struct {
	node  algebra.Node
	cols  scalar.ColSet
	conds []expr.Expr
}

func (r *Rewriter) pushInner(j *algebra.Join, conds []expr.Expr) algebra.Node {
	fixed, conds := scalar.SplitFixed(conds)
	var leaves []*joinLeaf
	all := append([]expr.Expr(nil), conds...)
	algebra.EachInner(j, func(in algebra.Node) {
		leaves = append(leaves, &joinLeaf{node: in, cols: algebra.ColumnsOf(in)})
	}, func(inner *algebra.Join) { all = append(all, inner.On...) })
	all, err := scalar.Propagate(all)
	if err != nil {
		r.fail(err)
		return j
	}
	var several []expr.Expr
	for _, c := range all {
		if l := leafOf(leaves, c); l != nil {
			l.conds = append(l.conds, c)
			continue
		}
		several = append(several, c)
		for _, l := range leaves {
			if own := scalar.ImpliedBy(c, l.cols); own != nil {
				l.conds = append(l.conds, own)
			}
		}
	}
	next := 0
	out := r.rejoin(j, leaves, &next).(*algebra.Join)
	out.On = several
	return algebra.NewFilter(out, fixed)
}

// leafOf is the input that has all columns of a condition.
func leafOf(leaves []*joinLeaf, c expr.Expr) *joinLeaf {
	if !scalar.HasColumns(c) {
		return nil
	}
	for _, l := range leaves {
		if l.cols.Covers(c) {
			return l
		}
	}
	return nil
}

// rejoin is the tree of inner joins over its inputs with their own conditions, and without any of its own.
func (r *Rewriter) rejoin(n algebra.Node, leaves []*joinLeaf, next *int) algebra.Node {
	j, ok := n.(*algebra.Join)
	if !ok || j.Kind != exec.Inner {
		l := leaves[*next]
		*next++
		return r.push(l.node, l.conds)
	}
	left := r.rejoin(j.Left, leaves, next)
	return &algebra.Join{Kind: exec.Inner, Left: left, Right: r.rejoin(j.Right, leaves, next), Straight: j.Straight}
}

// pushLeft tests conditions on the left side before the join, and what ON says of the right side alone, or implies for it,
// when that is read.
func (r *Rewriter) pushLeft(j *algebra.Join, conds []expr.Expr) algebra.Node {
	if discardsLonely(j, conds) { // what was pushed here tells
		inner := *j
		inner.Kind = exec.Inner
		return r.pushInner(&inner, conds)
	}
	left, right := algebra.ColumnsOf(j.Left), algebra.ColumnsOf(j.Right)
	var below, above []expr.Expr
	inside, on := onAlone(j.On, right)
	for _, c := range conds {
		if scalar.HasColumns(c) && left.Covers(c) && expr.ClassOf(c) != expr.Volatile {
			below = append(below, c)
		} else {
			above = append(above, c)
		}
	}
	// What the left side's constants imply for the right side bounds it too.
	implied, err := scalar.Propagate(append(append([]expr.Expr(nil), j.On...), below...))
	if err != nil {
		r.fail(err)
		return j
	}
	for _, c := range implied {
		if scalar.HasColumns(c) && right.Covers(c) && !scalar.Contains(inside, c) {
			inside = append(inside, c)
		}
	}
	out := *j
	out.Left, out.Right, out.On = r.push(j.Left, below), r.push(j.Right, inside), on
	return algebra.NewFilter(&out, above)
}

// onAlone parts conditions into those on the columns of one side alone, and the rest.
func onAlone(conds []expr.Expr, side scalar.ColSet) (alone, rest []expr.Expr) {
	for _, c := range conds {
		if scalar.HasColumns(c) && side.Covers(c) {
			alone = append(alone, c)
		} else {
			rest = append(rest, c)
		}
	}
	return alone, rest
}

// pushLateral tests conditions on the left side before its rows' right sides are read, and those on the right side alone there.
func (r *Rewriter) pushLateral(l *algebra.Lateral, conds []expr.Expr) algebra.Node {
	left, right := algebra.ColumnsOf(l.Left), algebra.ColumnsOf(l.Right)
	out := *l
	if l.Kind == exec.Left && discards(conds, right) {
		out.Kind = exec.Inner
	}
	inside, on := onAlone(l.On, right)
	var below, above []expr.Expr
	for _, c := range conds {
		switch {
		case !scalar.HasColumns(c) || expr.ClassOf(c) == expr.Volatile:
			above = append(above, c)
		case left.Covers(c):
			below = append(below, c)
		case out.Kind == exec.Inner && right.Covers(c):
			inside = append(inside, c)
		default:
			above = append(above, c)
		}
	}
	out.Left, out.Right, out.On = r.push(l.Left, below), r.push(l.Right, inside), on
	return algebra.NewFilter(&out, above)
}

// pushSemi tests conditions before a semi or anti join.
func (r *Rewriter) pushSemi(j *algebra.Join, conds []expr.Expr) algebra.Node {
	fixed, conds := scalar.SplitFixed(conds)
	inside, on := onAlone(j.On, algebra.ColumnsOf(j.Right))
	out := *j
	out.Left, out.Right, out.On = r.push(j.Left, conds), r.push(j.Right, inside), on
	return algebra.NewFilter(&out, fixed)
}
