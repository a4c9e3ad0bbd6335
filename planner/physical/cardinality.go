package physical

import (
	"math"
	"math/bits"

	"cloudsql/planner/access"
	"cloudsql/planner/pairs"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
)

// joinGraph is the inputs of an inner join and the conditions between them. Sets of inputs are bits. How many rows a set gives
// does not depend on the order in which it is joined, so that the plans of one set can be compared by their costs alone.
type joinGraph struct {
	leaves  []*leaf
	conds   []expr.Expr
	sets    []uint64 // by condition: whose columns are in it
	shares  []float64
	classes []joinClass
	near    pairs.Graph // by input: those that a condition connects it with
	order   pairs.Precedence
	rows    map[uint64]float64
}

// joinClass is columns that conditions make equal.
type joinClass struct {
	cols    scalar.ColSet
	members []classMember
}

// classMember is an input's column in a class: how many values it has.
type classMember struct {
	leaf     int
	distinct float64
}

func newJoinGraph(leaves []*leaf, conds []expr.Expr) *joinGraph {
	g := &joinGraph{leaves: leaves, conds: conds, near: make(pairs.Graph, len(leaves)), rows: map[uint64]float64{}}
	for _, c := range conds {
		set := uint64(0)
		for i, l := range leaves {
			if l.cols.Touches(c) {
				set |= 1 << i
			}
		}
		g.sets = append(g.sets, set)
		for i := range leaves {
			if set&(1<<i) != 0 {
				g.near[i] |= set &^ (1 << i)
			}
		}
		g.shares = append(g.shares, g.learn(c, set))
	}
	return g
}

// learn takes an equality of columns into a class, and gives the share of rows that a condition lets through otherwise.
func (g *joinGraph) learn(c expr.Expr, set uint64) float64 {
	eq := scalar.AsCall(c, "=", "<=>")
	if eq == nil || bits.OnesCount64(set) != 2 {
		return access.OrShare(c, g.sides(set))
	}
	a, okA := eq.Args()[0].(*expr.Column)
	z, okZ := eq.Args()[1].(*expr.Column)
	if !okA || !okZ {
		return 1.0 / access.EqDistinct
	}
	into := -1
	for i := range g.classes {
		if !g.classes[i].cols.Has(a.Index) && !g.classes[i].cols.Has(z.Index) {
			continue
		}
		if into < 0 {
			into = i
			continue
		}
		g.classes[into].cols.Add(g.classes[i].cols)
		g.classes[into].members = append(g.classes[into].members, g.classes[i].members...)
		g.classes[i] = joinClass{}
	}
	if into < 0 {
		into = len(g.classes)
		g.classes = append(g.classes, joinClass{})
	}
	for _, col := range []*expr.Column{a, z} {
		if !g.classes[into].cols.Has(col.Index) {
			g.classes[into].cols.Put(col.Index)
			g.classes[into].members = append(g.classes[into].members, g.member(col))
		}
	}
	return 1
}

// sides are the inputs of a set, for a condition on them.
func (g *joinGraph) sides(set uint64) (list []access.Side) {
	for i, l := range g.leaves {
		if set&(1<<i) != 0 {
			s := access.Side{Columns: l.cols}
			if l.table != nil {
				s.Table = &l.table.Table
			}
			list = append(list, s)
		}
	}
	return list
}

func (g *joinGraph) member(c *expr.Column) classMember {
	for i, l := range g.leaves {
		if l.cols.Has(c.Index) {
			return classMember{leaf: i, distinct: distinctIn(l, c)}
		}
	}
	return classMember{distinct: 1}
}

// distinctIn is how many values a column of a join's input has, before its conditions.
func distinctIn(l *leaf, c *expr.Column) float64 {
	switch {
	case l.table != nil:
	case l.unique.Has(c.Index):
		return math.Max(1, l.plan.rows())
	case l.rowsOf != nil:
		return math.Max(1, math.Min(l.plan.rows(), l.rowsOf.DistinctOrGuess(l.rowsOf.Position(c))))
	default:
		return math.Max(1, math.Min(l.plan.rows(), access.EqDistinct))
	}
	return math.Max(1, l.table.DistinctOrGuess(l.table.Position(c)))
}

// rowsOf estimates the rows of a set of inputs, joined. Of a class's columns all but the one with the fewest values take their share:
// each row meets the values of its own. What one input takes of another by several columns, as of a key, is no more than its rows are.
func (g *joinGraph) rowsOf(set uint64) float64 {
	if r, ok := g.rows[set]; ok {
		return r
	}
	rows := 1.0
	taken := make([]float64, len(g.leaves)*len(g.leaves)) // by who takes, and of whom; 0: nothing
	for i, l := range g.leaves {
		if set&(1<<i) != 0 {
			rows *= l.plan.rows()
		}
	}
	for k := range g.classes {
		least := -1
		members := g.classes[k].members
		for i, m := range members {
			if set&(1<<m.leaf) != 0 && (least < 0 || g.less(m, members[least])) {
				least = i
			}
		}
		for i, m := range members {
			if set&(1<<m.leaf) != 0 && i != least {
				share := &taken[m.leaf*len(g.leaves)+members[least].leaf]
				*share = math.Max(*share, 1) * m.distinct
			}
		}
	}
	for i, share := range taken {
		if share > 0 {
			rows /= math.Min(share, math.Max(totalRows(g.leaves[i/len(g.leaves)]), 1))
		}
	}
	for k, s := range g.sets {
		if s != 0 && s&^set == 0 {
			rows *= g.shares[k]
		}
	}
	rows = math.Max(rows, 1)
	g.rows[set] = rows
	return rows
}

// less orders a class's members: fewer values, or, as few, more rows, for those are not keys.
func (g *joinGraph) less(a, b classMember) bool {
	if a.distinct != b.distinct {
		return a.distinct < b.distinct
	}
	return totalRows(g.leaves[a.leaf]) > totalRows(g.leaves[b.leaf])
}

// between are the conditions that are tested where two sets are joined: those on both, and those on one input alone that was not
// part of a join before.
func (g *joinGraph) between(a, b uint64) []expr.Expr {
	var out []expr.Expr
	for k, s := range g.sets {
		if s == 0 || s&^(a|b) != 0 {
			continue
		}
		if tested(s, a) || tested(s, b) {
			continue
		}
		out = append(out, g.conds[k])
	}
	return out
}

// tested tells whether a condition on s was tested where the inputs of set were joined.
func tested(s, set uint64) bool { return s&^set == 0 && bits.OnesCount64(set) > 1 }
