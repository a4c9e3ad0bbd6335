package physical

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"testing"

	"cloudsql/planner/access"
	"cloudsql/planner/algebra"
	"cloudsql/planner/exec"
	"cloudsql/storage/expr"
	"cloudsql/storage/schema"
	"cloudsql/storage/statistics"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// randomJoin makes tables with some indexes and statistics, and conditions that connect them.
func randomJoin(t *testing.T, r *rand.Rand, n int) (*planner, []*leaf, []expr.Expr) {
	t.Helper()
	p := &planner{next: 1}
	p.ship.Version = version.Max
	var tables []*algebra.Table
	for i := range n {
		tables = append(tables, randomTable(r, i, p.newIDs(3)))
	}
	column := func(i int) *expr.Column {
		pos := r.IntN(3)
		return &expr.Column{Index: tables[i].First + pos, Typ: types.TypeInt, Name: fmt.Sprintf("t%d.c%d", i, pos)}
	}
	var conds []expr.Expr
	join := func(name string, a, z int) {
		c, err := expr.New(name, column(a), column(z))
		if err != nil {
			t.Fatal(err)
		}
		conds = append(conds, c)
	}
	for i := 1; i < n; i++ {
		join("=", i, r.IntN(i))
	}
	for range r.IntN(n) {
		if a, z := r.IntN(n), r.IntN(n); a != z {
			join([]string{"=", "=", "<"}[r.IntN(3)], a, z)
		}
	}
	var leaves []*leaf
	for _, tb := range tables {
		l, err := p.planLeaf(tb)
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, l)
	}
	return p, leaves, conds
}

func randomTable(r *rand.Rand, i, first int) *algebra.Table {
	desc := &schema.Table{ID: schema.TableID(i + 1), Name: fmt.Sprintf("t%d", i), Tablets: []schema.Tablet{{ID: 1, Shard: 2}}}
	known := &statistics.Table{Rows: uint64(math.Pow(10, 1+4*r.Float64()))}
	for pos := range 3 {
		desc.Columns = append(desc.Columns, schema.Column{ID: schema.ColumnID(pos + 1), Name: fmt.Sprintf("c%d", pos), Type: types.TypeInt})
		known.Columns = append(known.Columns, statistics.Column{ID: schema.ColumnID(pos + 1), Distinct: math.Ceil(math.Pow(float64(known.Rows), r.Float64()))})
	}
	desc.Indexes = []schema.Index{{ID: schema.PrimaryIndex, Name: "PRIMARY", Unique: true, Columns: []schema.IndexColumn{{Column: 0}}}}
	if r.IntN(2) == 0 {
		desc.Indexes = append(desc.Indexes, schema.Index{ID: 2, Name: "k", Columns: []schema.IndexColumn{{Column: 1}, {Column: 2}}})
	}
	tb := &algebra.Table{DB: "d", Alias: desc.Name, Table: access.Table{Desc: desc, First: first, Rows: math.Max(float64(known.Rows), access.MinTableRows)}}
	tb.Used = []int{0, 1, 2}
	if r.IntN(4) > 0 {
		tb.Known = &access.Known{Table: known}
	}
	return tb
}

// exhaustive tries every tree of joins without cross products.
func exhaustive(t *testing.T, p *planner, g *joinGraph, set uint64, memo map[uint64]node) node {
	t.Helper()
	if bits.OnesCount64(set) == 1 {
		return g.leaves[bits.TrailingZeros64(set)].plan
	}
	if n, ok := memo[set]; ok {
		return n
	}
	var best node
	for a := (set - 1) & set; a != 0; a = (a - 1) & set {
		b := set &^ a
		if g.near.Neighbours(a)&b == 0 {
			continue
		}
		left, right := exhaustive(t, p, g, a, memo), exhaustive(t, p, g, b, memo)
		if left == nil || right == nil {
			continue
		}
		n, err := p.joinRows(left, g.right(b, right), g.between(a, b), joinGoal{kind: exec.Inner, rows: g.rowsOf(set)})
		if err != nil {
			t.Fatal(err)
		}
		if best == nil || n.cost() < best.cost() {
			best = n
		}
	}
	memo[set] = best
	return best
}

// No order of a join is cheaper than the one that is found, and the greedy search finds none either.
func TestNoCheaperOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 150 {
		p, leaves, conds := randomJoin(t, r, 2+round%5)
		g := newJoinGraph(leaves, conds)
		found, err := p.enumerate(g, conds, required{})
		if err != nil || found == nil {
			t.Fatal(found, err)
		}
		best := exhaustive(t, p, g, 1<<len(leaves)-1, map[uint64]node{})
		if found.cost() > best.cost()*1.0000001 {
			t.Errorf("round %d, %d tables: found %v, the cheapest is %v", round, len(leaves), found.cost(), best.cost())
		}
	}
}
