package physical

import (
	"slices"

	"cloudsql/planner/algebra"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
)

// top is what stands above the rows of a block: LIMIT over ORDER BY over DISTINCT over the select list, each of which may be
// missing.
type top struct {
	limit    *scalar.Limit
	loose    bool
	keys     []expr.SortKey
	distinct *algebra.Distinct
	project  *algebra.Project
	body     algebra.Node
}

func topOf(n algebra.Node) (t top) {
	if l, ok := n.(*algebra.Limit); ok {
		t.limit, t.loose, n = l.Limit, l.Loose, l.In
	}
	if s, ok := n.(*algebra.Sort); ok {
		t.keys, n = s.Keys, s.In
	}
	if d, ok := n.(*algebra.Distinct); ok {
		t.distinct, n = d, d.In
	}
	if p, ok := n.(*algebra.Project); ok {
		t.project, n = p, p.In
	}
	t.body = n
	return t
}

// planTop computes a select list, removes repetitions, sorts and limits; a single table's scan takes over as much of it as
// shards can do.
func (p *planner) planTop(n algebra.Node) (node, error) {
	t := topOf(n)
	want := t.required()
	in, err := p.plan(t.body, want)
	if err != nil {
		return nil, err
	}
	ordered := len(t.keys) == 0 || t.distinct == nil && t.inOrder(in)
	if t.project != nil {
		if in, err = p.project(&t, in, ordered); err != nil {
			return nil, err
		}
	}
	if t.distinct != nil {
		in = newDistinct(in, t.distinct.Types)
	}
	switch {
	case !ordered:
		return newSort(in, t.keys, t.limit)
	case t.limit != nil:
		if s, ok := in.(*tableScan); ok && t.loose && s.limit != nil {
			return s, nil // each tablet's first rows will do
		}
		return newLimit(in, t.limit), nil
	}
	return in, nil
}

// order is the order of the body's rows that ORDER BY asks for; nil where it does not go by columns of theirs.
func (t *top) order() []scalar.OrderCol {
	var list []scalar.OrderCol
	for _, k := range t.keys {
		c, ok := k.Expr.(*expr.Column)
		if ok && t.project != nil {
			if i := slices.Index(t.project.IDs, c.Index); i >= 0 {
				c, ok = t.project.List[i].(*expr.Column)
			}
		}
		if !ok {
			return nil
		}
		list = append(list, scalar.OrderCol{ID: c.Index, Desc: k.Desc})
	}
	return list
}

// required is the order that the body's rows would best come in, and how many of them are read.
func (t *top) required() required {
	req := required{order: t.order()}
	if len(t.keys) > 0 && req.order == nil {
		return required{}
	}
	if t.limit != nil && t.distinct == nil {
		req.limit = limitOf(t.limit)
	}
	return req
}

// inOrder tells whether rows come from n in the order of ORDER BY already.
func (t *top) inOrder(n node) bool {
	want := t.order()
	if want == nil {
		return false
	}
	if s := scanBelow(n); s != nil && s.path.Ordered {
		return true // asked for this very order; columns with one value do not show in it
	}
	return scalar.CoversOrder(n.sorted(), want)
}

// scanBelow finds the scan whose order reaches the top of n through filters and the left sides of joins.
func scanBelow(n node) *tableScan {
	for {
		switch x := n.(type) {
		case *tableScan:
			if x.sealed {
				return nil // of a block within: its order was asked for there
			}
			return x
		case *filterNode:
			n = x.in
		case *guardNode:
			n = x.in
		case *joinNode:
			n = x.left
		case *lookupNode:
			n = x.left
		default:
			return nil
		}
	}
}

// project computes the select list (and hidden sort keys), inside the shards where a single scan allows it; then LIMIT and
// ORDER BY with LIMIT go there too.
func (p *planner) project(t *top, n node, ordered bool) (node, error) {
	list, ids := t.project.List, t.project.IDs
	s, ok := n.(*tableScan)
	if !ok || !s.plain() || p.plain {
		return newProject(n, list, ids)
	}
	if s.keep && !ordered {
		s = s.unordered()
	}
	if t.limit != nil && ordered && t.distinct == nil {
		s = s.limited(t.limit)
	}
	merges := s.keep && len(s.table.Desc.Tablets) > 1 && !s.table.Desc.InOrder(s.path.Index)
	if merges || !p.ship.AllPushable(list) || slices.ContainsFunc(list, scalar.AsksOnce) {
		return newProject(s, list, ids)
	}
	s, err := s.projecting(list, ids, t.distinct != nil)
	if err != nil {
		return nil, err
	}
	if t.limit != nil && !ordered && t.distinct == nil {
		return s.first(t.keys, t.limit)
	}
	if t.distinct != nil && len(t.keys) == 0 {
		return s.distinct(), nil
	}
	return s, nil
}
