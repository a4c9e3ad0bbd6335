package block

import (
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/algebra"
	"cloudsql/planner/bind"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
)

// Select is a SELECT, or VALUES, by its clauses.
type Select struct {
	IDs *Numbers

	Cols      []bind.Column // what names of the block may mean: the columns of FROM
	Tables    []*algebra.Table
	Derived   []*Select    // the blocks in FROM: derived tables, views, common table expressions
	Source    algebra.Node // FROM; nil without
	Where     []expr.Expr
	Applies   []*algebra.Apply // EXISTS and IN at the top of WHERE, over nothing yet
	Fields    []Field
	GroupBy   []expr.Expr
	Rollup    bool
	Groupings []Grouping
	Grouped   bool
	Aggs      []algebra.AggItem
	Having    []expr.Expr
	Windows   []*algebra.WindowItem
	Distinct  bool
	OrderBy   []SortItem
	Limit     *scalar.Limit
	Values    [][]expr.Expr // VALUES ROW(…), …

	outs     []Outer
	groupIDs []int // of the groups' columns, once they are settled
	levelID  int   // the column that GROUPING(…) is computed from; 0: none
}

// Field is one column of a block's result.
type Field struct {
	Col  bind.Column
	Expr expr.Expr
	Name string // as the select list names it, for aliases
}

// SortItem is one term of ORDER BY; Field is the select-list item that it means, or -1.
type SortItem struct {
	Expr  expr.Expr
	Desc  bool
	Field int
}

// Refs are the columns of outer blocks that the block depends on.
func (q *Select) Refs() []Outer { return q.outs }

// AddRef notes a column of an outer block.
func (q *Select) AddRef(r Outer) { q.outs = addRef(q.outs, r) }

func addRef(refs []Outer, r Outer) []Outer {
	if slices.ContainsFunc(refs, func(have Outer) bool { return have.Slot == r.Slot }) {
		return refs
	}
	return append(refs, r)
}

// Columns are the results' columns.
func (q *Select) Columns() []bind.Column {
	cols := make([]bind.Column, len(q.Fields))
	for i := range q.Fields {
		cols[i] = q.Fields[i].Col
	}
	return cols
}

// ColumnOf finds the column that e is, nil for anything else.
func (q *Select) ColumnOf(e expr.Expr) *bind.Column {
	c, ok := e.(*expr.Column)
	if !ok {
		return nil
	}
	for i := range q.Cols {
		if q.Cols[i].ID == c.Index {
			return &q.Cols[i]
		}
	}
	return nil
}

// Groups tells whether a name without a table is that of a column of GROUP BY, and so not of another expression of the select list
// that is called so, in HAVING: MySQL warns of both, and takes the column.
func (q *Select) Groups(name string, selected expr.Expr) bool {
	return slices.ContainsFunc(q.GroupBy, func(g expr.Expr) bool {
		c := q.ColumnOf(g)
		return c != nil && strings.EqualFold(c.Field.Name, name) && !scalar.Same(g, selected)
	})
}

// Qualified names a column with database and table.
func (q *Select) Qualified(c *expr.Column) string {
	col := q.ColumnOf(c)
	if col == nil {
		return c.Name
	}
	return bind.Dotted(col.Field.Schema, col.Field.Table, col.Field.Name)
}

// CheckDistinctOrder is 3065: DISTINCT leaves nothing to order by but the select list.
func (q *Select) CheckDistinctOrder() error {
	if !q.Distinct {
		return nil
	}
	var fields scalar.ColSet
	for i := range q.Fields {
		if c, ok := q.Fields[i].Expr.(*expr.Column); ok {
			fields.Put(c.Index)
		}
	}
	for i, o := range q.OrderBy {
		if o.Field >= 0 || fields.Covers(o.Expr) {
			continue
		}
		for _, a := range q.Aggs {
			if scalar.SetOf(a.ID).Touches(o.Expr) {
				return mysqlerr.New(mysqlerr.AggregateInOrderNotSelect, i+1, "ORDER BY clause", "DISTINCT")
			}
		}
		return mysqlerr.New(mysqlerr.FieldInOrderNotSelect, i+1, "ORDER BY clause", q.firstColumn(o.Expr, fields), "DISTINCT")
	}
	return nil
}

// firstColumn names a column of e that is not in the set, with database and table.
func (q *Select) firstColumn(e expr.Expr, except scalar.ColSet) string {
	name := ""
	expr.Walk(e, func(x expr.Expr) bool {
		if c, ok := x.(*expr.Column); ok && name == "" && !except.Has(c.Index) {
			name = q.Qualified(c)
		}
		return name == ""
	})
	return name
}

// NotNull tells whether e is known not to be NULL.
func (q *Select) NotNull(e expr.Expr) bool {
	switch x := e.(type) {
	case *expr.Const:
		return !x.Val.IsNull()
	case *expr.Column:
		if c := q.ColumnOf(e); c != nil {
			return c.Field.Flags&uint16(mysql.NotNullFlag) != 0
		}
		for _, a := range q.Aggs {
			if a.ID == x.Index {
				return a.Agg.Name == "count" || strings.HasPrefix(a.Agg.Name, "bit_")
			}
		}
		return slices.ContainsFunc(q.Groupings, func(g Grouping) bool { return g.id == x.Index })
	case *expr.Call:
		switch x.Name() {
		case "is null", "is not null", "is true", "is not true", "is false", "is not false", "<=>":
			return true
		case "=", "<>", "<", "<=", ">", ">=", "and", "or", "not", "between", "in", "like", "+", "-", "*",
			"neg", "concat", "lower", "upper", "length":
			for _, a := range x.Args() {
				if !q.NotNull(a) {
					return false
				}
			}
			return true
		case "ifnull", "coalesce":
			return q.NotNull(x.Args()[len(x.Args())-1])
		case "now", "curdate", "curtime", "version", "connection_id", "pi", "rand", "uuid":
			return true
		}
	}
	return false
}
