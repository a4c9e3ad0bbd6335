package block

import (
	"slices"

	"cloudsql/planner/algebra"
	"cloudsql/storage/expr"
	"cloudsql/storage/types"
)

// Node is the block's tree, from the FROM clause upwards:
//
//	tables and joins → WHERE → EXISTS and IN → grouping → HAVING → windows → select list → DISTINCT → ORDER BY → LIMIT
func (q *Select) Node() algebra.Node {
	if q.Values != nil {
		return q.valuesNode()
	}
	n := q.Source
	if n == nil {
		n = &algebra.Values{Rows: [][]expr.Expr{{expr.NewNull()}}, IDs: []int{0}}
	}
	n = algebra.NewFilter(n, q.Where)
	for _, a := range q.Applies {
		over := *a
		over.In = n
		n = &over
	}
	if q.Grouped {
		n = algebra.NewFilter(&algebra.Group{In: n, By: q.GroupBy, ByIDs: q.groupIDs, Aggs: q.Aggs, Rollup: q.Rollup, Level: q.levelID}, q.Having)
	}
	if len(q.Windows) > 0 {
		n = &algebra.Window{In: n, Items: q.Windows}
	}
	return q.finish(n)
}

// finish computes the select list, removes repetitions, sorts and limits.
func (q *Select) finish(n algebra.Node) algebra.Node {
	list := make([]expr.Expr, len(q.Fields), len(q.Fields)+len(q.OrderBy))
	ids := make([]int, len(q.Fields), len(q.Fields)+len(q.OrderBy))
	for i := range q.Fields {
		list[i], ids[i] = q.Fields[i].Expr, q.Fields[i].Col.ID
	}
	if o := (ordering{q}); o.listIsLast() {
		return &algebra.Project{In: o.rows(n), List: list, IDs: ids}
	}
	keys, list, ids := q.sortKeys(list, ids)
	n = &algebra.Project{In: n, List: list, IDs: ids}
	if q.Distinct {
		typs := make([]types.Type, len(q.Fields))
		for i := range q.Fields {
			typs[i] = q.Fields[i].Col.Field.Type
		}
		n = &algebra.Distinct{In: n, Types: typs}
	}
	if len(keys) > 0 {
		n = &algebra.Sort{In: n, Keys: keys}
	}
	if q.Limit != nil {
		n = &algebra.Limit{In: n, Limit: q.Limit}
	}
	if out := len(q.Fields); len(list) > out {
		n = &algebra.Project{In: n, List: columnsFor(list[:out], ids), IDs: ids[:out]}
	}
	return n
}

// ordering is what ORDER BY means beside the select list.
type ordering struct{ *Select }

// listIsLast tells whether the select list is computed of the sorted rows, and only of those that LIMIT leaves: as MySQL does
// where it makes no temporary table. That shows where computing does something (@row := @row + 1), and where it warns or fails of a row
// that LIMIT leaves out.
func (q ordering) listIsLast() bool {
	if q.Distinct || q.Grouped || len(q.Windows) > 0 || len(q.OrderBy) == 0 {
		return false
	}
	stored := true // no term would be computed twice
	for _, o := range q.OrderBy {
		e := q.term(o)
		if expr.ClassOf(e) == expr.Volatile {
			return false
		}
		_, column := e.(*expr.Column)
		stored = stored && column
	}
	return slices.ContainsFunc(q.Fields, func(f Field) bool {
		_, column := f.Expr.(*expr.Column)
		return expr.ClassOf(f.Expr) == expr.Volatile || q.Limit != nil && stored && !column
	})
}

// rows sorts rows that the select list has not been computed of, and limits them.
func (q ordering) rows(n algebra.Node) algebra.Node {
	s := &algebra.Sort{In: n}
	for _, o := range q.OrderBy {
		s.Keys = append(s.Keys, expr.SortKey{Expr: q.term(o), Desc: o.Desc})
	}
	if q.Limit != nil {
		return &algebra.Limit{In: s, Limit: q.Limit}
	}
	return s
}

// term is a term of ORDER BY over the rows that the select list is computed of.
func (q ordering) term(o SortItem) expr.Expr {
	if o.Field >= 0 {
		return q.Fields[o.Field].Expr
	}
	return o.Expr
}

// sortKeys gives the terms of ORDER BY as columns of the projected row, which gets hidden ones where a term is not in
// the select list.
func (q *Select) sortKeys(list []expr.Expr, ids []int) ([]expr.SortKey, []expr.Expr, []int) {
	var keys []expr.SortKey
	for _, o := range q.OrderBy {
		i := o.Field
		if i < 0 {
			i = len(list)
			list, ids = append(list, o.Expr), append(ids, q.IDs.New(1))
		}
		keys = append(keys, expr.SortKey{Expr: columnFor(list[i], ids[i]), Desc: o.Desc})
	}
	return keys, list, ids
}

func columnFor(e expr.Expr, id int) *expr.Column {
	return &expr.Column{Index: id, Typ: *e.Type(), Name: e.String(), Full: expr.Message(e, nil)}
}

func columnsFor(list []expr.Expr, ids []int) []expr.Expr {
	cols := make([]expr.Expr, len(list))
	for i, e := range list {
		cols[i] = columnFor(e, ids[i])
	}
	return cols
}

// valuesNode gives the rows of VALUES.
func (q *Select) valuesNode() algebra.Node {
	v := &algebra.Values{Rows: q.Values, IDs: make([]int, len(q.Fields))}
	for i := range q.Fields {
		v.IDs[i] = q.Fields[i].Col.ID
	}
	n := algebra.Node(v)
	if len(q.OrderBy) > 0 {
		s := &algebra.Sort{In: n}
		for _, o := range q.OrderBy {
			s.Keys = append(s.Keys, expr.SortKey{Expr: o.Expr, Desc: o.Desc})
		}
		n = s
	}
	if q.Limit != nil {
		n = &algebra.Limit{In: n, Limit: q.Limit}
	}
	return n
}
