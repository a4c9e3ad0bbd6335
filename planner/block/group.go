package block

import (
	"slices"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/algebra"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Grouping is GROUPING(…) while it is not known which terms of GROUP BY it names.
type Grouping struct {
	id   int // of the column that stands for it
	args []expr.Expr
}

// AddGroup adds a term of GROUP BY, which the statement calls name; one that is constant groups nothing, but a group there is.
func (q *Select) AddGroup(e expr.Expr, name string) error {
	if q.afterGroups(e) {
		return mysqlerr.New(mysqlerr.WrongGroupField, name)
	}
	for _, g := range q.GroupBy {
		if scalar.Same(g, e) && !q.Rollup {
			return nil
		}
	}
	q.GroupBy = append(q.GroupBy, e)
	return nil
}

// afterGroups tells of an expression that reads what is known only when there are groups.
func (q *Select) afterGroups(e expr.Expr) bool {
	var late scalar.ColSet
	for _, a := range q.Aggs {
		late.Put(a.ID)
	}
	for _, w := range q.Windows {
		late.Put(w.ID)
	}
	for _, g := range q.Groupings {
		late.Put(g.id)
	}
	return late.Touches(e)
}

// AddGrouping gives what stands for GROUPING(…): a column that gives way to an expression over the groups' level once the terms of
// GROUP BY are known.
func (q *Select) AddGrouping(args []expr.Expr) *expr.Column {
	same := func(g Grouping) bool { return slices.EqualFunc(g.args, args, scalar.Same) }
	at := slices.IndexFunc(q.Groupings, same) // so that ORDER BY finds what the list has
	if at < 0 {
		at = len(q.Groupings)
		q.Groupings = append(q.Groupings, Grouping{id: q.IDs.New(1), args: args})
	}
	c := q.Groupings[at]
	return &expr.Column{Index: c.id, Typ: types.TypeInt, Name: "grouping(" + scalar.Texts(args) + ")"}
}

// AddAgg gives the reference to an aggregate; equal ones are computed once.
func (q *Select) AddAgg(a *expr.Agg) *expr.Column {
	for _, have := range q.Aggs {
		if scalar.SameAgg(have.Agg, a) {
			return aggColumn(have.ID, have.Agg)
		}
	}
	item := algebra.AggItem{Agg: a, ID: q.IDs.New(1)}
	q.Aggs = append(q.Aggs, item)
	return aggColumn(item.ID, a)
}

// aggColumn is the column of an aggregate. One of its argument's values counts as that does beside other strings.
func aggColumn(id int, a *expr.Agg) *expr.Column {
	c := expr.AggColumn(id, a)
	switch a.Name {
	case "min", "max", "any_value":
		of := expr.StandIn(id, a.Args[0])
		of.Typ, of.Name, of.Full = c.Typ, c.Name, c.Full
		return of
	}
	return c
}

// SettleGroups rewrites what is computed after grouping: terms of GROUP BY become the groups' columns; other columns are
// allowed where they depend on the groups, or where the sql_mode does not mind (strict is ONLY_FULL_GROUP_BY), and then come from any
// row of the group.
func (q *Select) SettleGroups(strict bool) error {
	q.groupIDs = make([]int, len(q.GroupBy))
	for i, g := range q.GroupBy {
		if c, ok := g.(*expr.Column); ok && !q.Rollup {
			q.groupIDs[i] = c.Index
		} else {
			q.groupIDs[i] = q.IDs.New(1)
		}
	}
	s := &settler{q: q, strict: strict, determined: q.dependents(), bySize: scalar.BySize(q.GroupBy), loose: map[int]expr.Expr{}}
	for i := range q.Fields {
		f := &q.Fields[i]
		var err error
		if f.Expr, err = s.settle(f.Expr, i+1, "SELECT list"); err != nil {
			return err
		}
		if q.Rollup && scalar.SetOf(q.groupIDs...).Touches(f.Expr) {
			f.Col.Field.Flags &^= uint16(mysql.NotNullFlag)
		}
	}
	for i := range q.Having {
		e, err := s.settle(q.Having[i], 0, "HAVING")
		if err != nil {
			return err
		}
		q.Having[i] = e
	}
	for i := range q.OrderBy {
		o := &q.OrderBy[i]
		if o.Field >= 0 {
			o.Expr = q.Fields[o.Field].Expr
			continue
		}
		e, err := s.settle(o.Expr, i+1, "ORDER BY")
		if err != nil {
			return err
		}
		o.Expr = e
	}
	return s.windows()
}
