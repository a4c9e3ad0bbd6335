package block

import (
	"slices"

	"cloudsql/planner/bind"
	"cloudsql/planner/dependence"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// settler rewrites expressions to be evaluated over groups.
type settler struct {
	q          *Select
	strict     bool // ONLY_FULL_GROUP_BY
	determined scalar.ColSet
	bySize     []int             // terms of GROUP BY, those with most nodes first
	loose      map[int]expr.Expr // columns from any row of the group
}

// settle replaces terms of GROUP BY, larger ones first, and then the columns that are left.
func (s *settler) settle(e expr.Expr, number int, clause string) (expr.Expr, error) {
	var err error
	// An expression is rebuilt from the bottom up, so that something must stand in the place of what can't be settled.
	keep := func(old, settled expr.Expr, e error) expr.Expr {
		if e == nil {
			return settled
		}
		if err == nil {
			err = e
		}
		return old
	}
	for _, i := range s.bySize {
		g := s.q.GroupBy[i]
		e = expr.Rewrite(e, func(x expr.Expr) expr.Expr {
			if scalar.Same(g, x) {
				return s.group(i)
			}
			return x
		})
	}
	e = expr.Rewrite(e, func(x expr.Expr) expr.Expr {
		if c := scalar.AsCall(x, "any_value"); c != nil {
			settled, e := s.anyValue(c, number, clause)
			return keep(x, settled, e)
		}
		return x
	})
	if err != nil {
		return nil, err
	}
	e = expr.Rewrite(e, func(x expr.Expr) expr.Expr {
		if c, ok := x.(*expr.Column); ok {
			settled, e := s.column(c, number, clause)
			return keep(x, settled, e)
		}
		return x
	})
	return e, err
}

func (s *settler) group(i int) expr.Expr {
	g := s.q.GroupBy[i]
	return columnFor(g, s.q.groupIDs[i])
}

// anyValue lets ANY_VALUE(e) read any row of the group.
func (s *settler) anyValue(c *expr.Call, number int, clause string) (expr.Expr, error) {
	loose := *s
	loose.determined = nil
	loose.determined.AddColumnsOf(c)
	return loose.settle(c.Args()[0], number, clause)
}

func (s *settler) column(c *expr.Column, number int, clause string) (expr.Expr, error) {
	if slices.Contains(s.q.groupIDs, c.Index) || s.q.levelID != 0 && c.Index == s.q.levelID {
		return c, nil
	}
	for _, a := range s.q.Aggs {
		if a.ID == c.Index {
			return c, nil
		}
	}
	for _, w := range s.q.Windows {
		if w.ID == c.Index {
			return c, nil
		}
	}
	for _, g := range s.q.Groupings {
		if g.id == c.Index {
			return s.bits(g.args)
		}
	}
	if e, ok := s.loose[c.Index]; ok {
		return e, nil
	}
	if s.strict && !s.determined.Has(c.Index) {
		return nil, s.q.notGrouped(c, number, clause)
	}
	agg, err := expr.NewAgg("any_value", false, []expr.Expr{c})
	if err != nil {
		return nil, err
	}
	e := s.q.AddAgg(agg)
	e.Name, e.Full = c.Name, c.Full
	s.loose[c.Index] = e
	return e, nil
}

// bits is GROUPING(…) by the groups' level: a bit for each argument, the last one's the lowest, that is set where the row
// sums it up.
func (s *settler) bits(args []expr.Expr) (expr.Expr, error) {
	if s.q.levelID == 0 {
		s.q.levelID = s.q.IDs.New(1)
	}
	level := &expr.Column{Index: s.q.levelID, Typ: types.TypeInt, Name: "level"}
	var bits expr.Expr
	for i, a := range args {
		term := slices.IndexFunc(s.q.GroupBy, func(g expr.Expr) bool { return scalar.Same(g, a) })
		if term < 0 {
			return nil, mysqlerr.New(mysqlerr.FieldInGroupingNotGroupBy, i+1)
		}
		bit, err := expr.New("<=", level, expr.NewInt(int64(term)))
		if err == nil && bits != nil {
			if bits, err = expr.New("*", bits, expr.NewInt(2)); err == nil {
				bit, err = expr.New("+", bits, bit)
			}
		}
		if err != nil {
			return nil, err
		}
		bits = bit
	}
	return bits, nil
}

// windows lets window functions of a grouped block read groups.
func (s *settler) windows() error {
	number := 1 // of the item that the window function is in
	settle := func(list []expr.Expr) error {
		for i, e := range list {
			r, err := s.settle(e, number, "SELECT list")
			if err != nil {
				return err
			}
			list[i] = r
		}
		return nil
	}
	for _, w := range s.q.Windows {
		number = 1 + max(0, slices.IndexFunc(s.q.Fields, func(f Field) bool { return reads(f.Expr, w.ID) }))
		if err := settle(w.Partition); err != nil {
			return err
		}
		// What counts rows is no term of GROUP BY, also where it looks like one.
		count := min(w.CountArg(), len(w.Fn.Args))
		if err := settle(w.Fn.Args[:count]); err != nil {
			return err
		}
		if err := settle(w.Fn.Args[min(count+1, len(w.Fn.Args)):]); err != nil {
			return err
		}
		if w.Fn.Agg != nil {
			if err := settle(w.Fn.Agg.Args); err != nil {
				return err
			}
		}
		for i := range w.Order {
			e, err := s.settle(w.Order[i].Expr, i+1, "ORDER BY")
			if err != nil {
				return err
			}
			w.Order[i].Expr = e
		}
	}
	return nil
}

// reads tells whether an expression refers to a column.
func reads(e expr.Expr, id int) bool {
	uses := map[int]bool{}
	expr.Columns(e, uses)
	return uses[id]
}

// notGrouped is 1055, or 1140 where there is no GROUP BY; HAVING knows nothing of such columns at all.
func (q *Select) notGrouped(c *expr.Column, number int, clause string) error {
	if clause == "HAVING" {
		return mysqlerr.New(mysqlerr.BadField, c.Name, bind.Having)
	}
	if len(q.GroupBy) == 0 {
		return mysqlerr.New(mysqlerr.MixOfGroupFuncAndFields, number, clause, q.Qualified(c))
	}
	return mysqlerr.New(mysqlerr.WrongFieldWithGroup, number, clause, q.Qualified(c))
}

// dependents are the columns that have one value in each group. With ROLLUP the rows that sum groups up have NULLs in the place of
// what determined others, so there are none.
func (q *Select) dependents() scalar.ColSet {
	var s scalar.ColSet
	if q.Rollup {
		return s
	}
	for _, g := range q.GroupBy {
		if c, ok := g.(*expr.Column); ok {
			s.Put(c.Index)
		}
	}
	q.known().Determine(&s)
	return s
}

// known is what is known of this block's columns by its FROM, WHERE and GROUP BY.
func (q *Select) known() *dependence.Block {
	b := &dependence.Block{Source: q.Source, Where: q.Where, Tables: q.Tables, Grouped: q.Grouped, GroupIDs: q.groupIDs}
	b.Opaque = q.Values != nil || q.Rollup
	for i := range q.Fields {
		b.Fields = append(b.Fields, dependence.Field{ID: q.Fields[i].Col.ID, Expr: q.Fields[i].Expr})
	}
	for _, d := range q.Derived {
		b.Derived = append(b.Derived, d.known())
	}
	return b
}
