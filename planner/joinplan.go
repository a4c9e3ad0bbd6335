package planner

import (
	"math"

	"cloudsql/planner/access"
	"cloudsql/planner/exec"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
)

// wanted is the order that a relation's rows are wanted in, if that costs less than sorting them.
type wanted struct {
	order []scalar.OrderCol
	limit float64 // rows that will be read of it, 0 for all
}

// maxSearch is up to how many relations of one join every first relation is tried.
const maxSearch = 10

// planRel plans a relation with the conditions that its rows must meet.
func (b *builder) planRel(r rel, conds []expr.Expr, w wanted) (node, error) {
	switch r := r.(type) {
	case *tableRel:
		return r.plan(conds, w)
	case *virtualRel:
		return r.plan(conds)
	case *queryRel:
		return r.query.plan(conds)
	case *nodeRel:
		return newFilter(r.node, conds)
	case *joinRel:
		simplifyOuter(r, conds)
		if r.kind == exec.Left {
			return b.planLeft(r, conds, w)
		}
		return b.planInner(r, conds, w)
	}
	return nil, mysqlerr.Internal("planner: a relation of an unknown kind")
}

// plan chooses an index. Conditions that shards cannot evaluate are tested at the gateway.
func (r *tableRel) plan(conds []expr.Expr, w wanted) (node, error) {
	push, rest := r.b.ctx.splitPushable(conds)
	if r.b.ctx.naive {
		push, rest, w = nil, conds, wanted{}
	}
	p := r.access().Best(push, w.order, false, 0)
	if len(w.order) > 0 && !p.Ordered {
		o := r.access().Best(push, w.order, true, 0)
		if o != nil && r.orderPays(p, o, w, len(rest) > 0) {
			p = o
		}
	}
	s, err := newScan(r, p, false)
	if err != nil {
		return nil, err
	}
	return newFilter(s, rest)
}

// orderPays compares sorting the rows of the cheapest path with reading them in order.
func (r *tableRel) orderPays(p, o *access.Path, w wanted, filtered bool) bool {
	sorting := p.Price + sortCost(p.Out)
	reading := o.Price
	if w.limit > 0 && o.Out > w.limit && !filtered {
		reading = access.CostFragment + (o.Price-access.CostFragment)*w.limit/o.Out
	}
	return reading < sorting
}

// leaf is one relation of an inner join, with the conditions on it alone.
type leaf struct {
	rel   rel
	ids   scalar.ColSet
	conds []expr.Expr
	node  node // read alone
}

// flatten collects the relations and conditions of nested inner joins.
func flatten(r rel, leaves *[]*leaf, conds *[]expr.Expr, straight *bool) {
	if j, ok := r.(*joinRel); ok && j.kind == exec.Inner {
		*straight = *straight || j.straight
		flatten(j.left, leaves, conds, straight)
		flatten(j.right, leaves, conds, straight)
		*conds = append(*conds, j.on...)
		return
	}
	ids := scalar.ColSet{}
	r.columnIDs(ids)
	*leaves = append(*leaves, &leaf{rel: r, ids: ids})
}

// planInner orders and plans an inner join.
func (b *builder) planInner(r rel, conds []expr.Expr, w wanted) (node, error) {
	var leaves []*leaf
	all := append([]expr.Expr(nil), conds...)
	straight := false
	flatten(r, &leaves, &all, &straight)
	return b.planLeaves(leaves, all, w, straight)
}

func (b *builder) planLeaves(leaves []*leaf, conds []expr.Expr, w wanted, straight bool) (node, error) {
	conds, err := scalar.Propagate(conds)
	if err != nil {
		return nil, err
	}
	var multi []expr.Expr
	for _, c := range conds {
		placed := false
		for _, l := range leaves {
			if scalar.HasColumns(c) && l.ids.Covers(c) {
				l.conds = append(l.conds, c)
				placed = true
				break
			}
		}
		if placed {
			continue
		}
		multi = append(multi, c)
		for _, l := range leaves {
			if own := scalar.ImpliedBy(c, l.ids); own != nil {
				l.conds = append(l.conds, own)
			}
		}
	}
	for _, l := range leaves {
		if l.node, err = b.planRel(l.rel, l.conds, wanted{}); err != nil {
			return nil, err
		}
	}
	if len(leaves) == 1 {
		n := leaves[0].node
		if len(w.order) > 0 {
			if n, err = b.planRel(leaves[0].rel, leaves[0].conds, w); err != nil {
				return nil, err
			}
		}
		return newFilter(n, multi)
	}
	return b.searchOrder(leaves, multi, w, straight)
}

// searchOrder tries each relation as the first and joins the cheapest next one each time.
func (b *builder) searchOrder(leaves []*leaf, conds []expr.Expr, w wanted, straight bool) (node, error) {
	first := len(leaves)
	if straight || first > maxSearch {
		first = 1
	}
	var best node
	bestCost := math.Inf(1)
	try := func(start node, i int) error {
		n, err := b.joinAll(start, leaves, i, conds, straight)
		if err != nil {
			return err
		}
		cost := n.cost()
		if len(w.order) > 0 {
			if !scalar.CoversOrder(n.sorted(), w.order) {
				cost += sortCost(n.rows())
			} else if w.limit > 0 && n.rows() > w.limit {
				cost *= w.limit / n.rows()
			}
		}
		if cost < bestCost {
			best, bestCost = n, cost
		}
		return nil
	}
	for i := range first {
		if err := try(leaves[i].node, i); err != nil {
			return nil, err
		}
		if len(w.order) == 0 || !leaves[i].ids[w.order[0].ID] {
			continue
		}
		t, ok := leaves[i].rel.(*tableRel)
		if !ok {
			continue
		}
		if s, err := t.orderedScan(leaves[i].conds, w); err != nil {
			return nil, err
		} else if s != nil {
			if err := try(s, i); err != nil {
				return nil, err
			}
		}
	}
	return best, nil
}

// orderedScan reads the table in the wanted order, nil where no index has it.
func (r *tableRel) orderedScan(conds []expr.Expr, w wanted) (node, error) {
	push, rest := r.b.ctx.splitPushable(conds)
	p := r.access().Best(push, w.order, true, 0)
	if p == nil || r.b.ctx.naive {
		return nil, nil
	}
	s, err := newScan(r, p, true)
	if err != nil {
		return nil, err
	}
	return newFilter(s, rest)
}

// joinAll joins all relations, beginning with the given one.
func (b *builder) joinAll(start node, leaves []*leaf, first int, conds []expr.Expr, straight bool) (node, error) {
	s := &joinSearch{
		b: b, cur: start, have: scalar.ColSet{}, leaves: leaves, conds: conds, straight: straight,
		done: make([]bool, len(leaves)), used: make([]bool, len(conds)),
	}
	s.take(first, nil)
	for range len(leaves) - 1 {
		next, err := s.cheapest()
		if err != nil {
			return nil, err
		}
		s.cur = next.node
		s.take(next.leaf, next.conds)
	}
	var rest []expr.Expr
	for i, c := range conds {
		if !s.used[i] {
			rest = append(rest, c)
		}
	}
	return newFilter(s.cur, rest)
}

// joinSearch is one way through a join's relations.
type joinSearch struct {
	b        *builder
	cur      node          // what has been joined
	have     scalar.ColSet // its columns
	leaves   []*leaf
	done     []bool // by leaf
	conds    []expr.Expr
	used     []bool // by condition
	straight bool
}

func (s *joinSearch) take(leaf int, conds []int) {
	s.done[leaf] = true
	s.have.Add(s.leaves[leaf].ids)
	for _, c := range conds {
		s.used[c] = true
	}
}

type joinChoice struct {
	node  node
	leaf  int
	conds []int
}

// cheapest finds the relation to join next: one that conditions connect with what is joined, if there is any.
func (s *joinSearch) cheapest() (*joinChoice, error) {
	var best *joinChoice
	bestConnected, bestScore := false, math.Inf(1)
	for i, l := range s.leaves {
		if s.done[i] {
			continue
		}
		choice, list := s.choice(i)
		connected := len(list) > 0
		if bestConnected && !connected && !s.straight {
			continue
		}
		var err error
		if choice.node, err = s.b.join(s.cur, l, list, exec.Inner); err != nil {
			return nil, err
		}
		score := choice.node.cost() + choice.node.rows()
		if best == nil || connected && !bestConnected || score < bestScore {
			best, bestConnected, bestScore = choice, connected, score
		}
		if s.straight {
			break
		}
	}
	return best, nil
}

// choice collects the conditions that can be tested once relation i is joined.
func (s *joinSearch) choice(i int) (*joinChoice, []expr.Expr) {
	both := scalar.ColSet{}
	both.Add(s.have)
	both.Add(s.leaves[i].ids)
	c := &joinChoice{leaf: i}
	var list []expr.Expr
	for k, e := range s.conds {
		if !s.used[k] && both.Covers(e) && scalar.HasColumns(e) {
			c.conds = append(c.conds, k)
			list = append(list, e)
		}
	}
	return c, list
}

// planLeft plans a LEFT JOIN. Conditions on the left side alone are tested before it; others above it.
func (b *builder) planLeft(j *joinRel, conds []expr.Expr, w wanted) (node, error) {
	left, right := scalar.ColSet{}, scalar.ColSet{}
	j.left.columnIDs(left)
	j.right.columnIDs(right)
	var below, above []expr.Expr
	for _, c := range conds {
		if scalar.HasColumns(c) && left.Covers(c) && expr.ClassOf(c) != expr.Volatile {
			below = append(below, c)
		} else {
			above = append(above, c)
		}
	}
	if len(w.order) > 0 && !left[w.order[0].ID] {
		w = wanted{}
	}
	l, err := b.planRel(j.left, below, w)
	if err != nil {
		return nil, err
	}
	in := &leaf{rel: j.right, ids: right}
	var on []expr.Expr
	for _, c := range j.on {
		if scalar.HasColumns(c) && right.Covers(c) {
			in.conds = append(in.conds, c)
		} else {
			on = append(on, c)
		}
	}
	// What the left side's constants imply for the right side bounds it too.
	implied, err := scalar.Propagate(append(append([]expr.Expr(nil), j.on...), below...))
	if err != nil {
		return nil, err
	}
	for _, c := range implied {
		if right.Covers(c) && scalar.HasColumns(c) && !scalar.Contains(in.conds, c) {
			in.conds = append(in.conds, c)
		}
	}
	if in.node, err = b.planRel(j.right, in.conds, wanted{}); err != nil {
		return nil, err
	}
	n, err := b.join(l, in, on, exec.Left)
	if err != nil {
		return nil, err
	}
	return newFilter(n, above)
}

// join joins a planned left side with a relation in the cheapest way.
func (b *builder) join(left node, right *leaf, conds []expr.Expr, kind exec.JoinKind) (node, error) {
	leftIDs := scalar.SetOf(left.ids())
	keys, rest := joinKeys(conds, leftIDs, right.ids)
	if b.ctx.naive {
		keys, rest = nil, conds
	}
	share := 1.0
	for _, k := range keys {
		share *= keyShare(right, k)
	}
	if len(keys) > 0 {
		share = math.Max(share, 1/math.Max(totalRows(right), 1))
	}
	out := left.rows() * right.node.rows() * share * access.Selectivity(rest)
	switch kind {
	case exec.Left:
		out = math.Max(out, left.rows())
	case exec.Semi:
		out = math.Min(out, left.rows()*access.SelOther)
	case exec.Anti:
		out = left.rows() * access.SelOther
	}
	spec := joinSpec{kind: kind, conds: conds, keys: keys, rest: rest, out: math.Max(out, 1)}
	best, err := newLoopOrHash(left, right.node, spec)
	if err != nil {
		return nil, err
	}
	if t, ok := right.rel.(*tableRel); ok && len(keys) > 0 && !b.ctx.naive {
		l, err := newLookup(left, t, right, spec)
		if err != nil {
			return nil, err
		}
		if l != nil && l.cost() < best.cost() {
			best = l
		}
	}
	return best, nil
}

type joinSpec struct {
	kind  exec.JoinKind
	conds []expr.Expr // all
	keys  []joinKey
	rest  []expr.Expr // conds without keys
	out   float64
}

func totalRows(l *leaf) float64 {
	if t, ok := l.rel.(*tableRel); ok {
		return t.Rows
	}
	return l.node.rows()
}

// keyShare is the share of the right side's rows that one left row's key selects.
func keyShare(l *leaf, k joinKey) float64 {
	t, ok := l.rel.(*tableRel)
	c, isColumn := k.right.(*expr.Column)
	if !ok || !isColumn {
		return math.Max(1/math.Max(l.node.rows(), 1), 1.0/access.EqDistinct)
	}
	best := access.SelEqual
	for i := range t.Desc.Indexes {
		ix := &t.Desc.Indexes[i]
		if t.Position(c) != ix.Columns[0].Column {
			continue
		}
		best = math.Min(best, access.RangeShare(nil, 1, 0, ix, t.Rows))
	}
	return best
}

// joinKeys finds the equalities between both sides that values can be hashed for.
func joinKeys(conds []expr.Expr, left, right scalar.ColSet) (keys []joinKey, rest []expr.Expr) {
	for _, c := range conds {
		eq := scalar.AsCall(c, "=", "<=>")
		if eq == nil {
			rest = append(rest, c)
			continue
		}
		a, z := eq.Args()[0], eq.Args()[1]
		if !left.Covers(a) || !right.Covers(z) {
			a, z = z, a
		}
		h := scalar.HashOf(a.Type(), z.Type(), eq)
		if !scalar.HasColumns(a) || !scalar.HasColumns(z) || !left.Covers(a) || !right.Covers(z) || !h.OK || expr.ClassOf(c) == expr.Volatile {
			rest = append(rest, c)
			continue
		}
		keys = append(keys, joinKey{left: a, right: z, cond: c, hash: h, nullSafe: eq.Name() == "<=>"})
	}
	return keys, rest
}
