package rewrite

import (
	"cloudsql/planner/algebra"
	"cloudsql/planner/exec"
	"cloudsql/storage/expr"
)

// decorrelate makes semi and anti joins of EXISTS and IN where that is the same; the rest become conditions that run
// their subquery for each row.
func decorrelate(r *Rewriter, n algebra.Node) algebra.Node {
	n = algebra.Map(n, func(in algebra.Node) algebra.Node { return decorrelate(r, in) })
	a, ok := n.(*algebra.Apply)
	if !ok {
		return n
	}
	if j := r.semiJoin(a); j != nil {
		return j
	}
	r.subs = append(r.subs, a.Sub)
	if f, ok := a.In.(*algebra.Filter); ok {
		return &algebra.Filter{In: f.In, Conds: append(append([]expr.Expr(nil), f.Conds...), a.Cond)}
	}
	return algebra.NewFilter(a.In, []expr.Expr{a.Cond})
}

func (r *Rewriter) semiJoin(a *algebra.Apply) algebra.Node {
	if a.Sub.Apart {
		return nil
	}
	for _, p := range a.Parts {
		if expr.ClassOf(p) == expr.Volatile {
			return nil
		}
	}
	if a.Kind == exec.Anti && !a.NoNulls {
		return nil // NOT IN of NULLs is neither true nor false: no join does that
	}
	left := algebra.ColumnsOf(a.In)
	outer := map[int]expr.Expr{}
	for _, ref := range a.Sub.Refs {
		if !left.Has(ref.Col.Index) {
			return nil // of a block further out
		}
		outer[ref.Slot] = ref.Col
	}
	j := &algebra.Join{Kind: a.Kind, Left: a.In, Driving: len(outer) == 0, Ways: a.Sub.Ways}
	m := merging{outer: outer}
	list, from, ok := m.block(a.Sub.Node, len(a.Parts) == 0)
	switch {
	case ok:
		// The inner tables themselves can be joined, by their indexes too.
		j.Right, j.On = from, m.both
	case len(outer) > 0:
		return nil
	default:
		j.Right = a.Sub.Node
		for i, id := range algebra.Outputs(a.Sub.Node) {
			list = append(list, compared(a.Sub, i, id))
		}
	}
	for i, p := range a.Parts {
		j.On = append(j.On, r.call("=", p, m.columns(list[i])))
	}
	return j
}

// compared is the i-th column of a subquery, as it is compared with the parts, at another place.
func compared(sub *algebra.Subquery, i, index int) expr.Expr {
	c := expr.Column{Typ: sub.Types[i]}
	expr.Walk(sub.Compare[i], func(e expr.Expr) bool {
		if x, ok := e.(*expr.Column); ok && x.Index == len(sub.Parts)+i {
			c = *x
		}
		return true
	})
	c.Index = index
	return &c
}

// merging takes a subquery apart whose tables are to be joined with those outside.
type merging struct {
	outer map[int]expr.Expr // parameter → column outside
	both  []expr.Expr       // conditions with columns of both sides
}

// block gives the select list and the FROM clause of a block that is nothing but tables, conditions and expressions over
// rows, and that names outer columns in its WHERE and its select list only. Order, repetitions, and for EXISTS a LIMIT that
// leaves a row, do not matter.
func (m *merging) block(n algebra.Node, exists bool) (list []expr.Expr, from algebra.Node, ok bool) {
	var outermost *algebra.Project // strips columns that were there to sort by
	if p, is := n.(*algebra.Project); is {
		switch p.In.(type) {
		case *algebra.Limit, *algebra.Sort, *algebra.Distinct:
			outermost, n = p, p.In
		}
	}
	if l, is := n.(*algebra.Limit); is {
		k, fixed := l.Limit.Count.(*expr.Const)
		if !exists || l.Limit.Offset != nil || !fixed || k.Val.ToFloat(nil) < 1 {
			return nil, nil, false
		}
		n = l.In
	}
	if s, is := n.(*algebra.Sort); is {
		n = s.In
	}
	if d, is := n.(*algebra.Distinct); is {
		n = d.In
	}
	p, is := n.(*algebra.Project)
	if !is {
		return nil, nil, false
	}
	for _, e := range p.List {
		if expr.ClassOf(e) == expr.Volatile {
			return nil, nil, false
		}
	}
	if from, ok = m.from(p.In); !ok {
		return nil, nil, false
	}
	list = p.List
	if outermost != nil {
		list = list[:len(outermost.List)]
	}
	return list, from, true
}

// from takes the conditions with outer columns out of a FROM clause with its WHERE.
func (m *merging) from(n algebra.Node) (algebra.Node, bool) {
	switch n := n.(type) {
	case *algebra.Filter:
		in, ok := m.from(n.In)
		if !ok {
			return nil, false
		}
		var own []expr.Expr
		for _, c := range n.Conds {
			switch {
			case expr.ClassOf(c) == expr.Volatile:
				return nil, false
			case m.uses(c):
				m.both = append(m.both, m.columns(c))
			default:
				own = append(own, c)
			}
		}
		return algebra.NewFilter(in, own), true
	case *algebra.Join:
		if n.Kind != exec.Semi && n.Kind != exec.Anti {
			break
		}
		for _, c := range n.On {
			if m.uses(c) {
				return nil, false
			}
		}
		left, ok := m.from(n.Left)
		if !ok || m.usedIn(n.Right) {
			return nil, false
		}
		return n.With([]algebra.Node{left, n.Right}), true
	case *algebra.Group, *algebra.Window, *algebra.Apply, *algebra.Values, *algebra.Empty:
		return nil, false
	}
	return n, !m.usedIn(n)
}

// uses tells whether e has a column of the block outside.
func (m *merging) uses(e expr.Expr) bool {
	if len(m.outer) == 0 {
		return false
	}
	found := false
	expr.Walk(e, func(x expr.Expr) bool {
		if p, ok := x.(*expr.Param); ok && m.outer[p.Index] != nil {
			found = true
		}
		return !found
	})
	return found
}

// usedIn tells whether anything in a tree has such a column, or locks rows.
func (m *merging) usedIn(n algebra.Node) bool {
	found := false
	if t, ok := n.(*algebra.Table); ok && t.Lock.IsExplicit() {
		return true
	}
	n.Exprs(func(e expr.Expr) { found = found || m.uses(e) })
	for _, in := range n.Inputs() {
		found = found || m.usedIn(in)
	}
	return found
}

// columns turns the parameters that stand for outer columns back into columns.
func (m *merging) columns(e expr.Expr) expr.Expr {
	if len(m.outer) == 0 {
		return e
	}
	return expr.Rewrite(e, func(x expr.Expr) expr.Expr {
		if p, ok := x.(*expr.Param); ok {
			if c := m.outer[p.Index]; c != nil {
				return c
			}
		}
		return x
	})
}
