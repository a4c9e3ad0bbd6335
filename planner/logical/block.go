package logical

import (
	"slices"

	"cloudsql/storage/expr"
	"cloudsql/storage/types"

	"cloudsql/planner/algebra"
)

// node is the block's tree, from the FROM clause upwards:
//
//	tables and joins → WHERE → EXISTS and IN → grouping → HAVING → windows → select list → DISTINCT → ORDER BY → LIMIT
func (q *selectQuery) node() Node {
	if q.values != nil {
		return q.valuesNode()
	}
	n := q.source
	if n == nil {
		n = &Values{Rows: [][]expr.Expr{{expr.NewNull()}}, IDs: []int{0}}
	}
	n = algebra.NewFilter(n, q.where)
	for _, a := range q.applies {
		over := *a
		over.In = n
		n = &over
	}
	if q.grouped {
		n = algebra.NewFilter(&Group{In: n, By: q.groupBy, ByIDs: q.groupIDs, Aggs: q.aggs, Rollup: q.rollup, Level: q.levelID}, q.having)
	}
	if len(q.windows) > 0 {
		n = &Window{In: n, Items: q.windows}
	}
	return q.finish(n)
}

// finish computes the select list, removes repetitions, sorts and limits.
func (q *selectQuery) finish(n Node) Node {
	list := make([]expr.Expr, len(q.fields), len(q.fields)+len(q.orderBy))
	ids := make([]int, len(q.fields), len(q.fields)+len(q.orderBy))
	for i := range q.fields {
		list[i], ids[i] = q.fields[i].expr, q.fields[i].col.ID
	}
	if o := (ordering{q}); o.listIsLast() {
		return &Project{In: o.rows(n), List: list, IDs: ids}
	}
	keys, list, ids := q.sortKeys(list, ids)
	n = &Project{In: n, List: list, IDs: ids}
	if q.distinct {
		typs := make([]types.Type, len(q.fields))
		for i := range q.fields {
			typs[i] = q.fields[i].col.Field.Type
		}
		n = &Distinct{In: n, Types: typs}
	}
	if len(keys) > 0 {
		n = &Sort{In: n, Keys: keys}
	}
	if q.limit != nil {
		n = &Limit{In: n, Limit: q.limit}
	}
	if out := len(q.fields); len(list) > out {
		n = &Project{In: n, List: columnsFor(list[:out], ids), IDs: ids[:out]}
	}
	return n
}

// ordering is what ORDER BY means beside the select list.
type ordering struct{ *selectQuery }

// listIsLast tells whether the select list is computed of the sorted rows, and only of those that LIMIT leaves: as MySQL does
// where it makes no temporary table. That shows where computing does something (@row := @row + 1), and where it warns or fails of a row
// that LIMIT leaves out.
func (q ordering) listIsLast() bool {
	if q.distinct || q.grouped || len(q.windows) > 0 || len(q.orderBy) == 0 {
		return false
	}
	stored := true // no term would be computed twice
	for _, o := range q.orderBy {
		e := q.term(o)
		if expr.ClassOf(e) == expr.Volatile {
			return false
		}
		_, column := e.(*expr.Column)
		stored = stored && column
	}
	return slices.ContainsFunc(q.fields, func(f outField) bool {
		_, column := f.expr.(*expr.Column)
		return expr.ClassOf(f.expr) == expr.Volatile || q.limit != nil && stored && !column
	})
}

// rows sorts rows that the select list has not been computed of, and limits them.
func (q ordering) rows(n Node) Node {
	s := &Sort{In: n}
	for _, o := range q.orderBy {
		s.Keys = append(s.Keys, expr.SortKey{Expr: q.term(o), Desc: o.desc})
	}
	if q.limit != nil {
		return &Limit{In: s, Limit: q.limit}
	}
	return s
}

// term is a term of ORDER BY over the rows that the select list is computed of.
func (q ordering) term(o sortItem) expr.Expr {
	if o.field >= 0 {
		return q.fields[o.field].expr
	}
	return o.expr
}

// sortKeys gives the terms of ORDER BY as columns of the projected row, which gets hidden ones where a term is not in
// the select list.
func (q *selectQuery) sortKeys(list []expr.Expr, ids []int) ([]expr.SortKey, []expr.Expr, []int) {
	var keys []expr.SortKey
	for _, o := range q.orderBy {
		i := o.field
		if i < 0 {
			i = len(list)
			list, ids = append(list, o.expr), append(ids, q.b.newIDs(1))
		}
		keys = append(keys, expr.SortKey{Expr: columnFor(list[i], ids[i]), Desc: o.desc})
	}
	return keys, list, ids
}

func columnFor(e expr.Expr, id int) *expr.Column {
	return &expr.Column{Index: id, Typ: *e.Type(), Name: e.String()}
}

func columnsFor(list []expr.Expr, ids []int) []expr.Expr {
	cols := make([]expr.Expr, len(list))
	for i, e := range list {
		cols[i] = columnFor(e, ids[i])
	}
	return cols
}

// valuesNode gives the rows of VALUES.
func (q *selectQuery) valuesNode() Node {
	v := &Values{Rows: q.values, IDs: make([]int, len(q.fields))}
	for i := range q.fields {
		v.IDs[i] = q.fields[i].col.ID
	}
	n := Node(v)
	if len(q.orderBy) > 0 {
		s := &Sort{In: n}
		for _, o := range q.orderBy {
			s.Keys = append(s.Keys, expr.SortKey{Expr: o.expr, Desc: o.desc})
		}
		n = s
	}
	if q.limit != nil {
		n = &Limit{In: n, Limit: q.limit}
	}
	return n
}
