package planner

import (
	"math"
	"slices"

	"cloudsql/planner/access"
	"cloudsql/planner/exec"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
	"cloudsql/storage/types"
)

// plan makes the block's operators, from the FROM clause upwards:
//
//	tables and joins with WHERE → semi joins → grouping → HAVING → windows → select list → DISTINCT → ORDER BY → LIMIT
//
// where a single table's scan takes over as much of it as shards can do.
func (q *selectQuery) plan(push []expr.Expr) (node, error) {
	if q.values != nil {
		return q.planValues(push)
	}
	rest, err := q.takeConditions(push)
	if err != nil {
		return nil, err
	}
	n, err := q.planSource()
	if err != nil {
		return nil, err
	}
	if q.grouped {
		if n, err = q.planGroups(n); err != nil {
			return nil, err
		}
	}
	if n, err = q.planWindows(n); err != nil {
		return nil, err
	}
	if n, err = q.finish(n); err != nil {
		return nil, err
	}
	return newFilter(n, rest)
}

// takeConditions lets conditions of an outer block over this block's results become conditions of its own where that is
// the same; the rest must be tested above.
func (q *selectQuery) takeConditions(push []expr.Expr) (rest []expr.Expr, err error) {
	if len(push) == 0 {
		return nil, nil
	}
	if q.limit != nil || len(q.windows) > 0 || q.grouped && len(q.groupBy) == 0 || q.rollup {
		return push, nil
	}
	by := map[int]expr.Expr{}
	groups := scalar.SetOf(q.groupIDs)
	for i := range q.fields {
		e := q.fields[i].expr
		if expr.ClassOf(e) == expr.Volatile || q.grouped && !groups.Covers(e) {
			continue
		}
		by[q.fields[i].col.ID] = e
	}
	known := scalar.ColSet{}
	for id := range by {
		known[id] = true
	}
	for _, c := range push {
		if !known.Covers(c) || expr.ClassOf(c) == expr.Volatile {
			rest = append(rest, c)
			continue
		}
		c = scalar.Substitute(c, by)
		if q.grouped {
			c = q.beforeGroups(c)
		}
		q.where = append(q.where, scalar.Split(nil, c)...)
	}
	return rest, nil
}

// beforeGroups turns references to groups back into the expressions that are grouped by.
func (q *selectQuery) beforeGroups(c expr.Expr) expr.Expr {
	by := map[int]expr.Expr{}
	for i, id := range q.groupIDs {
		by[id] = q.groupBy[i]
	}
	return scalar.Substitute(c, by)
}

// planSource plans FROM and WHERE.
func (q *selectQuery) planSource() (node, error) {
	guards, conds := splitGuards(q.where)
	for _, g := range guards {
		if scalar.IsFalse(g) {
			return q.nothing(), nil
		}
	}
	if q.source == nil {
		n := node(&valuesNode{base: base{est: 1, cols: []int{0}}, list: [][]expr.Expr{{expr.NewNull()}}})
		return newFilter(newGuard(n, guards), conds)
	}
	w := q.wantedOrder()
	n, err := q.b.planFrom(q.source, conds, q.semis, w)
	if err != nil {
		return nil, err
	}
	return newGuard(n, guards), nil
}

// nothing is the source of a block whose condition cannot be true.
func (q *selectQuery) nothing() node {
	ids := scalar.ColSet{}
	if q.source != nil {
		q.source.columnIDs(ids)
	}
	e := &emptyNode{}
	for id := range ids {
		e.cols = append(e.cols, id)
	}
	return e
}

// splitGuards separates conditions that have the same value for all rows.
func splitGuards(list []expr.Expr) (guards, conds []expr.Expr) {
	for _, c := range list {
		switch {
		case scalar.IsTrue(c):
		case scalar.Fixed(c):
			guards = append(guards, c)
		default:
			conds = append(conds, c)
		}
	}
	return guards, conds
}

// wantedOrder is the order that the FROM clause's rows would best come in.
func (q *selectQuery) wantedOrder() wanted {
	if q.grouped || len(q.windows) > 0 {
		return wanted{}
	}
	var w wanted
	for _, o := range q.orderBy {
		c, ok := o.expr.(*expr.Column)
		if !ok {
			return wanted{}
		}
		w.order = append(w.order, scalar.OrderCol{ID: c.Index, Desc: o.desc})
	}
	if q.limit != nil && !q.distinct {
		w.limit = q.limit.estimate(math.Inf(1))
		if q.limit.offset != nil {
			if k, ok := q.limit.offset.(*expr.Const); ok {
				w.limit += k.Val.ToFloat(nil)
			}
		}
	}
	return w
}

// planFrom plans a FROM clause with its conditions and semi joins.
func (b *builder) planFrom(r rel, conds []expr.Expr, semis []*semiJoin, w wanted) (node, error) {
	simplifyOuter(r, conds)
	var leaves []*leaf
	all := append([]expr.Expr(nil), conds...)
	straight := false
	flatten(r, &leaves, &all, &straight)
	var later []*semiJoin
	for _, s := range semis {
		l, err := b.drivingSemi(s, leaves)
		if err != nil {
			return nil, err
		}
		if l == nil {
			later = append(later, s)
			continue
		}
		leaves = append(leaves, l)
		for _, k := range s.keys {
			all = append(all, k.cond)
		}
	}
	n, err := b.planLeaves(leaves, all, w, straight)
	if err != nil {
		return nil, err
	}
	for _, s := range later {
		if n, err = b.planSemi(n, s); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// drivingSemi makes an inner join's relation of an IN whose subquery gives few values: they are then looked up in an
// index of the table outside. nil where that does not pay.
func (b *builder) drivingSemi(s *semiJoin, leaves []*leaf) (*leaf, error) {
	if s.kind != exec.Semi || len(s.keys) == 0 || b.ctx.naive {
		return nil, nil
	}
	var outer *tableRel
	for _, k := range s.keys {
		c, ok := k.left.(*expr.Column)
		if !ok || !k.hash.OK || k.hash.Float || !scalar.SameKey(k.left.Type(), k.right.Type()) {
			return nil, nil
		}
		for _, l := range leaves {
			if t, is := l.rel.(*tableRel); is && l.ids[c.Index] && t.leads(c) {
				outer = t
			}
		}
	}
	if outer == nil {
		return nil, nil
	}
	inner, err := b.planFrom(s.right, s.where, s.semis, wanted{})
	if err != nil {
		return nil, err
	}
	if inner.rows()*(access.CostPoint+access.CostLookupRow) > outer.Rows {
		return nil, nil
	}
	var exprs []expr.Expr
	var ids []int
	var typs []types.Type
	for i := range s.keys {
		k := &s.keys[i]
		exprs = append(exprs, k.right)
		col := &expr.Column{Index: b.newIDs(1), Typ: *k.right.Type(), Name: k.right.String()}
		ids = append(ids, col.Index)
		typs = append(typs, col.Typ)
		if k.cond, err = expr.New("=", k.left, col); err != nil {
			return nil, err
		}
	}
	n, err := newProject(inner, exprs, ids)
	if err != nil {
		return nil, err
	}
	return &leaf{rel: &nodeRel{newDistinct(n, typs)}, ids: scalar.SetOf(ids)}, nil
}

// leads tells whether an index of the table begins with the column.
func (r *tableRel) leads(c *expr.Column) bool {
	for i := range r.Desc.Indexes {
		if first := r.Desc.Indexes[i].Columns[0]; first.Column == r.Position(c) && first.Prefix == 0 {
			return true
		}
	}
	return false
}

func (b *builder) planSemi(left node, s *semiJoin) (node, error) {
	ids := scalar.ColSet{}
	s.right.columnIDs(ids)
	l := &leaf{rel: s.right, ids: ids, conds: s.where}
	var conds []expr.Expr
	for _, c := range s.conds {
		if scalar.HasColumns(c) && ids.Covers(c) {
			l.conds = append(l.conds, c)
		} else {
			conds = append(conds, c)
		}
	}
	guards, own := splitGuards(l.conds)
	l.conds = own
	var err error
	if _, plain := s.right.(*tableRel); plain && len(s.semis) == 0 && len(guards) == 0 {
		l.node, err = b.planRel(s.right, l.conds, wanted{})
	} else {
		l.node, err = b.planFrom(s.right, l.conds, s.semis, wanted{})
		if err == nil {
			l.node = newGuard(l.node, guards)
			l.rel = &nodeRel{l.node}
		}
	}
	if err != nil {
		return nil, err
	}
	return b.join(left, l, conds, s.kind)
}

// planGroups groups, and tests HAVING.
func (q *selectQuery) planGroups(n node) (node, error) {
	if want, notNull := q.extreme(); want != nil {
		if s, ok := n.(*tableScan); ok && s.plain() && !q.b.ctx.naive {
			better, err := q.planExtreme(s, want, notNull)
			if err != nil {
				return nil, err
			}
			if better != nil {
				n = better
			}
		}
	}
	n, err := q.planAggregate(n)
	if err != nil {
		return nil, err
	}
	return newFilter(n, q.having)
}

// planExtreme reads one end of an index instead of all rows, nil where none has the order.
func (q *selectQuery) planExtreme(s *tableScan, want []scalar.OrderCol, notNull expr.Expr) (node, error) {
	_, conds := splitGuards(q.where)
	if !q.b.ctx.allPushable(conds) || len(q.semis) > 0 {
		return nil, nil
	}
	conds = append(append([]expr.Expr(nil), conds...), notNull)
	p := s.rel.access().Best(conds, want, true, 1)
	if p == nil || p.Price > s.cost() {
		return nil, nil
	}
	one, err := newScan(s.rel, p, true)
	if err != nil {
		return nil, err
	}
	one.limit = fixedLimit(1)
	one.est, one.price = 1, access.CostFragment+1
	return one, nil
}

// finish computes the select list, removes repetitions, sorts and limits.
func (q *selectQuery) finish(n node) (node, error) {
	exprs := make([]expr.Expr, len(q.fields))
	out := make([]int, len(q.fields))
	for i := range q.fields {
		exprs[i], out[i] = q.fields[i].expr, q.fields[i].col.ID
	}
	keys, exprs, ids, hidden := q.sortKeys(exprs, out)
	ordered := len(keys) == 0 || q.inOrder(n) && !q.distinct
	var err error
	if n, err = q.project(n, exprs, ids, keys, ordered); err != nil {
		return nil, err
	}
	if q.distinct {
		var typs []types.Type
		for i := range q.fields {
			typs = append(typs, q.fields[i].col.Field.Type)
		}
		n = newDistinct(n, typs)
	}
	switch {
	case !ordered:
		if n, err = newSort(n, keys, q.limit); err != nil {
			return nil, err
		}
	case q.limit != nil:
		n = newLimit(n, q.limit)
	}
	if hidden > 0 {
		return newProject(n, columnsFor(exprs[:len(out)], out), out)
	}
	return n, nil
}

// sortKeys gives the terms of ORDER BY as columns of the projected row, which gets hidden ones where a term is not in
// the select list.
func (q *selectQuery) sortKeys(exprs []expr.Expr, out []int) (keys []expr.SortKey, all []expr.Expr, ids []int, hidden int) {
	all, ids = exprs, append([]int(nil), out...)
	for _, o := range q.orderBy {
		i := o.field
		if i < 0 {
			i = len(all)
			all = append(all, o.expr)
			ids = append(ids, q.b.newIDs(1))
			hidden++
		}
		keys = append(keys, expr.SortKey{Expr: &expr.Column{Index: ids[i], Typ: *all[i].Type(), Name: all[i].String()}, Desc: o.desc})
	}
	return keys, all, ids, hidden
}

func columnsFor(exprs []expr.Expr, ids []int) []expr.Expr {
	cols := make([]expr.Expr, len(ids))
	for i, id := range ids {
		cols[i] = &expr.Column{Index: id, Typ: *exprs[i].Type(), Name: exprs[i].String()}
	}
	return cols
}

// inOrder tells whether rows come from n in the order of ORDER BY already.
func (q *selectQuery) inOrder(n node) bool {
	var want []scalar.OrderCol
	for _, o := range q.orderBy {
		c, ok := o.expr.(*expr.Column)
		if !ok {
			return false
		}
		want = append(want, scalar.OrderCol{ID: c.Index, Desc: o.desc})
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

// project computes the select list (and hidden sort keys), inside the shards where a single scan allows it; then LIMIT
// and ORDER BY with LIMIT go there too.
func (q *selectQuery) project(n node, exprs []expr.Expr, ids []int, keys []expr.SortKey, ordered bool) (node, error) {
	s, ok := n.(*tableScan)
	if !ok || !s.plain() || q.grouped || len(q.windows) > 0 || q.b.ctx.naive {
		return newProject(n, exprs, ids)
	}
	if s.keep && !ordered {
		s.keep, s.order = false, nil
	}
	if q.limit != nil && ordered && !q.distinct {
		s.limit = q.limit
		s.est = q.limit.estimate(s.est)
	}
	merges := s.keep && len(s.rel.Desc.Tablets) > 1 && s.path.Index.ID != 1
	if merges || !q.b.ctx.allPushable(exprs) || slices.ContainsFunc(exprs, scalar.AsksOnce) {
		return newProject(n, exprs, ids)
	}
	r, err := scalar.ResolveAll(exprs, s.columnIDs())
	if err != nil {
		return nil, err
	}
	s.order = renamedOrder(s.order, exprs, ids)
	s.project, s.cols, s.sealed = r, ids, true
	if isIdentity(r, len(s.columns)) && !q.distinct {
		s.project = nil
	}
	if q.limit != nil && !ordered && !q.distinct {
		s.limit = q.limit
		s.est = q.limit.estimate(s.est)
		for _, k := range keys {
			e, err := scalar.Resolve(k.Expr, ids)
			if err != nil {
				return nil, err
			}
			s.topN = append(s.topN, expr.SortKey{Expr: e, Desc: k.Desc})
		}
	}
	if q.distinct && len(keys) == 0 {
		return s, q.pushDistinct(s)
	}
	return s, nil
}

// isIdentity tells whether the expressions are the input's columns, all of them in order.
func isIdentity(exprs []expr.Expr, width int) bool {
	if len(exprs) != width {
		return false
	}
	for i, e := range exprs {
		if c, ok := e.(*expr.Column); !ok || c.Index != i {
			return false
		}
	}
	return true
}

// pushDistinct lets each shard remove its own repetitions.
func (q *selectQuery) pushDistinct(s *tableScan) error {
	if s.path.Point {
		return nil
	}
	s.agg = &pushedAgg{groupBy: s.project}
	s.project, s.keep, s.order = nil, false, nil
	return nil
}
