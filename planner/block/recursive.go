package block

import (
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/algebra"
	"cloudsql/planner/bind"
	"cloudsql/planner/scalar"
	"cloudsql/storage/conversion"
	"cloudsql/storage/expr"
	"cloudsql/storage/types"
)

// Recursive is WITH RECURSIVE: the seed, then the recursive members over the rows of the round before, until none
// are new.
type Recursive struct {
	Seed     Query
	Members  []Query
	Distinct bool
	Limit    *scalar.Limit
	Depth    int // rounds that there may be

	Working *Working      // nil until the columns are named
	cols    []bind.Column // of the result
}

// Working stands for the rows of the round before within the recursive members.
type Working struct {
	recursion *algebra.Recursion
	cols      []bind.Column
}

// Relation is one use of the rows of the round before, as a table.
func (w *Working) Relation(ids *Numbers, alias string) (algebra.Node, []bind.Column) {
	cols := make([]bind.Column, len(w.cols))
	n := &algebra.Working{Recursion: w.recursion}
	for i, c := range w.cols {
		c.ID = ids.New(1)
		c.Field.Table = alias
		cols[i] = c
		n.IDs = append(n.IDs, c.ID)
	}
	return n, cols
}

// NameColumns takes names and types from the seed, whose first columns may have others; every column may be NULL.
func (r *Recursive) NameColumns(ids *Numbers, name string, names []string) {
	r.Working = &Working{recursion: &algebra.Recursion{Name: name}}
	for i, c := range r.Seed.Columns() {
		c.Field.Flags &^= uint16(mysql.NotNullFlag)
		c.Field.Common = true
		c.Field.Schema, c.Field.Table, c.Field.OrgTable, c.Field.OrgName = "", "", "", ""
		c.Shadowed, c.Hidden, c.Invisible, c.Source = false, false, false, nil
		out := c
		out.ID = ids.New(1)
		r.cols = append(r.cols, out)
		if i < len(names) {
			c.Field.Name = names[i]
		}
		r.Working.cols = append(r.Working.cols, c)
	}
}

// Columns are the results' columns, named by the seed.
func (r *Recursive) Columns() []bind.Column { return r.cols }

// Refs is none.
func (r *Recursive) Refs() []Outer { return nil }

// Node is the recursion's tree.
func (r *Recursive) Node() algebra.Node {
	n := &algebra.Recursive{Recursion: r.Working.recursion, Distinct: r.Distinct, Limit: r.Limit, Depth: r.Depth}
	for i := range r.cols {
		n.IDs = append(n.IDs, r.cols[i].ID)
		n.Colls = append(n.Colls, r.cols[i].Field.Type.Collation)
	}
	n.Seed = converted(r.Seed, r.cols, n.IDs)
	for i, m := range r.Members { // whatever their types are
		p := converted(m, r.cols, n.IDs)
		for k := range p.List {
			if e := r.stored(i, k); e != nil {
				p.List[k] = e
			}
		}
		n.Members = append(n.Members, p)
	}
	return n
}

// stored is a member's value as it is put into a column whose type the seed says: one that is too long or too large is an error, or
// is cut; nil for one that fits.
func (r *Recursive) stored(member, i int) expr.Expr {
	typ := r.cols[i].Field.Type
	name := r.Working.cols[i].Field.Name
	from := r.Members[member].Columns()[i]
	switch typ.Class() {
	case types.ClassString:
		if from.Field.Type.Class() == types.ClassString && from.Field.Type.Length <= typ.Length {
			return nil
		}
	case types.ClassDecimal:
	default:
		return nil
	}
	return expr.NewFunc("stored", typ, expr.Volatile, []expr.Expr{from.Ref()}, func(env *expr.Env, args []types.Value) (types.Value, error) {
		return conversion.Assign(args[0], &typ, name, 1, &env.Mode, env.Warn)
	})
}
