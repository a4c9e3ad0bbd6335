package physical

import (
	"context"
	"math"
	"slices"

	"cloudsql/distributed"
	"cloudsql/planner/access"
	"cloudsql/planner/algebra"
	"cloudsql/planner/exec"
	"cloudsql/planner/inshard"
	"cloudsql/planner/scalar"
	"cloudsql/planner/termorder"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
)

// Joins below an aggregation that the shards can do: the plan has both, and turns to the gateway's where an execution has to.

// eitherNode groups in the shards what they join, or at the gateway.
type eitherNode struct {
	base
	inShards, gateway node
}

func (e *eitherNode) open(ctx context.Context, run *exec.Run) (exec.Operator, error) {
	return inshard.Open(
		func() (exec.Operator, error) { return open(ctx, run, e.inShards) },
		func() (exec.Operator, error) { return open(ctx, run, e.gateway) })
}

func (e *eitherNode) explain(x *explainer, depth int) { e.inShards.explain(x, depth) }

// What a row costs less that is joined where it is.
const (
	savedLookup = 0.3  // of a request's part in a lookup
	savedRow    = 0.15 // of the way to the gateway
)

// maxSent is from how many rows on, as far as is known, a right side is not sent to the shards of the left one.
const maxSent = 4096

// groupInShards has the shards join the rows that a groups, and group them, where they can and that costs less. apart is a as yet without
// what it does.
func (p *planner) groupInShards(a, apart *aggNode, g *algebra.Group) (node, error) {
	if p.inShards == algebra.GatewayJoins || p.plain || !p.ship.Allows(fragment.JoinsSince) {
		return a, nil
	}
	s := (&shardJoins{planner: p, scans: map[node]*tableScan{}}).of(a.in)
	if s == nil || len(s.joins) == 0 || !p.pushesAggregate(g, s) {
		return a, nil
	}
	if apart.price = s.price + s.est*costHashAdd; apart.price > a.price && p.inShards != algebra.ShardJoins {
		return a, nil
	}
	in, err := p.pushAggregate(apart, g, s)
	if err != nil {
		return nil, err
	}
	return &eitherNode{base: apart.base, inShards: in, gateway: a}, nil
}

// shardJoins makes scans of joins.
type shardJoins struct {
	*planner
	scans map[node]*tableScan // of what was looked at: several ways to join share what is below
}

// of is a scan that gives the rows of n; nil where shards can't.
func (p *shardJoins) of(n node) *tableScan {
	s, ok := p.scans[n]
	if !ok {
		s = p.scan(n)
		p.scans[n] = s
	}
	return s
}

func (p *shardJoins) scan(n node) *tableScan {
	switch n := n.(type) {
	case *tableScan:
		if n.plain() && n.lock.Mode == distributed.ReadSnapshot && !n.table.Desc.Temporary() {
			return n
		}
	case *filterNode:
		return p.filter(n)
	case *lookupNode:
		return p.lookup(n)
	case *joinNode:
		var byIndex *tableScan
		if n.lookup != nil {
			byIndex = p.of(n.lookup)
		}
		sent := p.sent(n)
		if byIndex == nil || sent != nil && sent.price < byIndex.price {
			return sent
		}
		return byIndex
	}
	return nil
}

// filter tests the conditions on what a join gives.
func (p *shardJoins) filter(f *filterNode) *tableScan {
	s := p.of(f.in)
	if s == nil || len(s.joins) == 0 || !p.ship.AllPushable(f.conds) {
		return nil
	}
	out, last := *s, *s.joins[len(s.joins)-1]
	last.Where = slices.Concat(last.Where, scalar.Moved(f.conds, f.in.ids(), s.row))
	out.joins = append(slices.Clone(s.joins[:len(s.joins)-1]), &last)
	out.est, out.price = f.est, s.price+s.est*access.CostFilter
	return &out
}

// lookup joins rows with those of a table in the same shard.
func (p *shardJoins) lookup(n *lookupNode) *tableScan {
	s, t := p.of(n.left), n.scan.table
	if s == nil || n.scan.lock.Mode != distributed.ReadSnapshot || t.Only != nil || !p.ship.AllPushable(n.conds) {
		return nil
	}
	j := &inshard.Join{Kind: n.kind, Table: t.Desc, Index: n.scan.path.Index, Columns: n.scan.columns}
	filter, written := n.scan.filter, n.scan.written
	j.Filter = func(run *exec.Run) (expr.Expr, error) { return termorder.Ship(run, filter, written) }
	ids := s.columnIDs()
	var equal [][2]int
	for i := range n.parts {
		part, pos := &n.parts[i], j.Index.Columns[i].Column
		key := scalar.Moved([]expr.Expr{part.Value}, n.left.ids(), ids)[0]
		if part.Right >= 0 {
			c, ok := key.(*expr.Column)
			if !ok || !inshard.SameEncoding(&c.Typ, &t.Desc.Columns[pos].Type) {
				return nil
			}
			if c.Index < len(s.columns) {
				equal = append(equal, [2]int{s.columns[c.Index], pos})
			}
		}
		j.Keys = append(j.Keys, fragment.KeyPart{Expr: key})
	}
	if j.Tablets = inshard.Together(s.table.Desc, t.Desc, equal); j.Tablets == nil {
		return nil
	}
	right := n.scan.columnIDs()
	j.On = scalar.Moved(n.conds, slices.Concat(n.left.ids(), right), slices.Concat(ids, right))
	step := n.price - n.left.cost() - s.est*savedLookup - access.CostFragment*math.Ceil(s.est/256)
	return s.with(j, right, n.est, math.Max(step, 0), func(x *explainer, depth int) {
		n.explainRight(x, depth).Node = nil // counted with the scan
	})
}

// sent joins rows with those of a right side that is sent along.
func (p *shardJoins) sent(n *joinNode) *tableScan {
	right := n.right.ids()
	if n.right.rows() > maxSent || n.right.rows()*4 > n.left.rows() && p.inShards != algebra.ShardJoins {
		return nil
	}
	s := p.of(n.left)
	if s == nil || !p.ship.AllPushable(n.conds) {
		return nil
	}
	j := &inshard.Join{Kind: n.kind, Width: len(right), RowKeys: n.rightKeys, Open: func(ctx context.Context, run *exec.Run) (exec.Operator, error) {
		return open(ctx, run, n.right)
	}}
	ids := s.columnIDs()
	j.On = scalar.Moved(n.conds, slices.Concat(n.left.ids(), right), slices.Concat(ids, right))
	for _, k := range n.leftKeys {
		k.Expr = scalar.Moved([]expr.Expr{k.Expr}, n.left.ids(), ids)[0]
		j.Keys = append(j.Keys, k)
	}
	for i := range j.Keys {
		if !p.ship.Pushable(j.Keys[i].Expr) || !p.ship.Pushable(j.RowKeys[i].Expr) {
			return nil
		}
	}
	each, tablets := costProbe, float64(len(s.table.Desc.Tablets))
	if len(j.Keys) == 0 {
		each = n.right.rows() * costPair
	}
	step := n.right.cost() + n.right.rows()*costHashAdd*tablets + s.est*(each-savedRow) + n.est*access.CostFilter
	return s.with(j, right, n.est, step, n.right.explain)
}

// with is the scan with a further join, whose right side explain tells of.
func (s *tableScan) with(j *inshard.Join, right []int, est, step float64, explain func(x *explainer, depth int)) *tableScan {
	out := *s
	j.Est, j.Price = est, s.price+step
	out.joins, out.row = append(slices.Clone(s.joins), j), joinedIDs(s.columnIDs(), right, j.Kind)
	out.partners = append(slices.Clone(s.partners), explain)
	out.cols, out.est, out.price = out.row, j.Est, j.Price
	return &out
}

// explainJoins adds the lines of the joins, the last one first, and gives the depth of the scan's.
func (s *tableScan) explainJoins(x *explainer, depth int) int {
	for i := len(s.joins) - 1; i >= 0; i-- {
		name := "ShardJoin"
		if s.joins[i].Table == nil {
			name = "BroadcastJoin"
		}
		line := x.add(depth, name, &base{est: s.joins[i].Est, price: s.joins[i].Price}, "", s.joins[i].Info())
		line.Where, line.Node = x.where(s), nil
		depth++
	}
	return depth
}

// explainPartners adds the right sides of the joins, the first one first.
func (s *tableScan) explainPartners(x *explainer, depth int) {
	for i, explain := range s.partners {
		explain(x, depth-i)
	}
}
