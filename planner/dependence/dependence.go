// Package dependence finds which columns others determine, for ONLY_FULL_GROUP_BY: by equalities, by whole unique keys, and by what
// derived tables are made of.
//
// Invariant: what is said to be determined has one value for each combination of values of what determines it, the rows that outer
// joins add included. More may be determined than is found.
package dependence

import (
	"cloudsql/planner/algebra"
	"cloudsql/planner/exec"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
)

// Block is what is known of a query block.
type Block struct {
	Source   algebra.Node // FROM; nil without
	Where    []expr.Expr
	Tables   []*algebra.Table
	Derived  []*Block // the derived tables in FROM
	Fields   []Field  // the block's results
	Grouped  bool
	GroupIDs []int // numbers of the groups' columns
	Opaque   bool  // nothing is known of its results
}

// Field is a column of a block's result.
type Field struct {
	ID   int
	Expr expr.Expr
}

// equality is one by which one of its sides may determine the other, where all of needs are determined.
type equality struct {
	eq    *expr.Call
	outer bool // of a LEFT JOIN: constants determine nothing, as there are rows without a partner
	needs scalar.ColSet
}

// Determine adds to s the columns that those in it determine within the block's FROM and WHERE: by equalities, by whole unique
// keys, and by what derived tables are made of.
func (b *Block) Determine(s *scalar.ColSet) {
	var list []equality
	for _, c := range b.Where {
		list = equalities(list, scalar.Terms(nil, c), equality{})
	}
	list = joinEqualities(list, b.Source)
	for grown := true; grown; {
		n := s.Len()
		for i := range list {
			list[i].apply(s)
		}
		for _, t := range b.Tables {
			addDependents(t, s)
		}
		for _, d := range b.Derived {
			d.determineFields(s)
		}
		grown = s.Len() > n
	}
}

func equalities(dst []equality, conds []expr.Expr, d equality) []equality {
	for _, c := range conds {
		if d.eq = scalar.AsCall(c, "="); d.eq != nil {
			dst = append(dst, d)
		}
	}
	return dst
}

func joinEqualities(dst []equality, n algebra.Node) []equality {
	j, ok := n.(*algebra.Join)
	if l, lateral := n.(*algebra.Lateral); lateral {
		j, ok = &algebra.Join{Kind: l.Kind, Left: l.Left, Right: l.Right, On: l.On}, true
	}
	if !ok {
		return dst
	}
	var d equality
	if d.outer = j.Kind == exec.Left; d.outer {
		left := algebra.ColumnsOf(j.Left)
		var named scalar.ColSet
		for _, c := range j.On {
			named.AddColumnsOf(c)
		}
		for _, id := range named.IDs() {
			if left.Has(id) {
				d.needs.Put(id)
			}
		}
	}
	return joinEqualities(joinEqualities(equalities(dst, j.On, d), j.Left), j.Right)
}

func (d *equality) apply(s *scalar.ColSet) {
	for _, id := range d.needs.IDs() {
		if !s.Has(id) {
			return
		}
	}
	for i := range 2 {
		a, ok := d.eq.Args()[i].(*expr.Column)
		by := d.eq.Args()[1-i]
		if !ok || !s.Covers(by) || expr.ClassOf(by) == expr.Volatile || d.outer && (d.needs.Has(a.Index) || !scalar.HasColumns(by)) {
			continue
		}
		s.Put(a.Index)
	}
}

// determineFields adds to s those of the block's results that its results in s determine.
func (b *Block) determineFields(s *scalar.ColSet) {
	var own scalar.ColSet
	for i := range b.Fields {
		if c, ok := b.Fields[i].Expr.(*expr.Column); ok && s.Has(b.Fields[i].ID) {
			own.Put(c.Index)
		}
	}
	if b.Opaque {
		return
	}
	b.Determine(&own)
	whole := b.Grouped
	for _, id := range b.GroupIDs {
		whole = whole && own.Has(id)
	}
	for i := range b.Fields {
		f := &b.Fields[i]
		if whole || scalar.HasColumns(f.Expr) && own.Covers(f.Expr) && expr.ClassOf(f.Expr) != expr.Volatile {
			s.Put(f.ID)
		}
	}
}

// addDependents adds all columns of the table when s has a key of it.
func addDependents(r *algebra.Table, s *scalar.ColSet) {
	for i := range r.Desc.Indexes {
		ix := &r.Desc.Indexes[i]
		whole := ix.IsUnique() || i == 0
		for k := range ix.Columns {
			c := &ix.Columns[k]
			whole = whole && s.Has(r.First+c.Column) && c.Prefix == 0 && (i == 0 || r.Desc.Columns[c.Column].NotNull)
		}
		if whole {
			r.AddColumns(s)
			return
		}
	}
}
