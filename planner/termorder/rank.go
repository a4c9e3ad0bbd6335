package termorder

import (
	"cmp"
	"slices"

	"cloudsql/planner/algebra"
	"cloudsql/planner/exec"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
	"cloudsql/storage/types"
)

// What a term of a filter costs a row, beside the comparison of a number or a date with a constant.
const (
	termQuick  = 1.0
	termPair   = 1.5 // of two columns: both are decoded
	termText   = 2.0 // of text, by its collation
	termLike   = 4.0
	termInMost = 8.0 // of IN: longer lists are sets
)

// Filter makes a filter of terms on a table's rows, over columns with the numbers ids: as they are ranked, and as they were written, which is
// nil where that is the same.
func Filter(t *algebra.Table, terms []expr.Expr, ids []int) (filter, written expr.Expr, err error) {
	order := ranked(t, terms)
	if filter, err = conjunction(order, ids); err != nil || slices.Equal(order, terms) {
		return filter, nil, err
	}
	written, err = conjunction(terms, ids)
	return filter, written, err
}

func conjunction(terms []expr.Expr, ids []int) (expr.Expr, error) {
	cond, err := scalar.And(terms)
	if err != nil {
		return nil, err
	}
	return scalar.Resolve(cond, ids)
}

// Ship gives the filter of an execution's fragments. The plan's order is for constants that rows are compared with as they are; with others, as
// with a text that is no date, a row may make any term warn or fail, and they are decided as they were written.
func Ship(run *exec.Run, filter, written expr.Expr) (expr.Expr, error) {
	f, err := run.Ship(filter)
	if err != nil || written == nil || !slices.ContainsFunc(expr.Terms(f), unsettled) {
		return f, err
	}
	return run.Ship(written)
}

// unsettled tells of a term that is quiet as far as the plan knows that its constants, which this execution knows, are not.
func unsettled(e expr.Expr) bool {
	c, ok := e.(*expr.Call)
	if !ok || !quiet(e) {
		return false
	}
	args := c.Args()
	switch c.Name() {
	case "and", "or", "not":
		return slices.ContainsFunc(args, unsettled)
	}
	col := args[firstColumn(args)].(*expr.Column)
	return slices.ContainsFunc(args, func(a expr.Expr) bool {
		if isColumn(a) {
			return false
		}
		k, ok := a.(*expr.Const)
		return !ok || !expr.ComparesAsIs(col, k)
	})
}

// ranked is a filter's terms in the order in which fewest work is done for rows that do not pass: by the share of rows that a term refuses
// for what it costs. A term that may warn or fail is decided after all that were written before it and before those behind it, so that it
// is asked of the rows that it was asked of.
func ranked(t *algebra.Table, terms []expr.Expr) []expr.Expr {
	out := slices.Clone(terms)
	for from := 0; from < len(out); {
		to := from
		for to < len(out) && quiet(out[to]) {
			to++
		}
		byRank(t, out[from:to])
		from = to + 1
	}
	return out
}

// byRank sorts terms. Those of one column stay together, as they were written: together they are a range.
func byRank(t *algebra.Table, terms []expr.Expr) {
	if len(terms) < 2 {
		return
	}
	groups := byColumn(terms)
	rank := make([]float64, len(groups))
	order := make([]int, len(groups))
	for i, g := range groups {
		cost := 0.0
		for _, e := range g {
			cost += termCost(e)
		}
		rank[i], order[i] = (1-t.Selectivity(g))/cost, i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rank[b], rank[a]) })
	terms = terms[:0]
	for _, i := range order {
		terms = append(terms, groups[i]...)
	}
}

// byColumn gathers the terms about each column alone; others are by themselves.
func byColumn(terms []expr.Expr) (groups [][]expr.Expr) {
	at := map[int]int{}
	for _, e := range terms {
		var asked []int
		expr.Walk(e, func(x expr.Expr) bool {
			if c, ok := x.(*expr.Column); ok && !slices.Contains(asked, c.Index) {
				asked = append(asked, c.Index)
			}
			return true
		})
		i, known := 0, false
		if len(asked) == 1 {
			i, known = at[asked[0]]
		}
		if known {
			groups[i] = append(groups[i], e)
			continue
		}
		if len(asked) == 1 {
			at[asked[0]] = len(groups)
		}
		groups = append(groups, []expr.Expr{e})
	}
	return groups
}

// quiet tells that a term neither warns of a row nor fails for it: it compares columns with each other, or with what has one value, as
// values of one class. Whether that value can be had, and is a date where it is to be one, the execution tells (unsettled).
func quiet(e expr.Expr) bool {
	c, ok := e.(*expr.Call)
	if !ok {
		return false
	}
	args := c.Args()
	switch c.Name() {
	case "and", "or", "not":
		return !slices.ContainsFunc(args, func(a expr.Expr) bool { return !quiet(a) })
	case "is null", "is not null":
		return isColumn(args[0])
	case "=", "<=>", "<>", "<", "<=", ">", ">=", "between", "in":
		return comparable(args)
	case "like":
		return args[0].Type().Class() == types.ClassString && comparable(args)
	}
	return false
}

func isColumn(e expr.Expr) bool {
	_, ok := e.(*expr.Column)
	return ok
}

// firstColumn is which of operands is a column, of the first two; -1: none.
func firstColumn(args []expr.Expr) int {
	return slices.IndexFunc(args[:min(len(args), 2)], isColumn)
}

// comparable tells that operands, of which the first or the second is a column, are compared without converting a row's values.
func comparable(args []expr.Expr) bool {
	first := firstColumn(args)
	if first < 0 {
		return false
	}
	class := args[first].Type().Class()
	for i, a := range args {
		switch {
		case i == first:
		case isColumn(a):
			if !sameKind(class, a.Type().Class()) {
				return false
			}
		case !scalar.Fixed(a) || !sameKind(class, a.Type().Class()) && !isText(a, class):
			return false
		}
	}
	return true
}

// isText tells of text beside a date, which may be one.
func isText(e expr.Expr, beside types.Class) bool {
	return scalar.IsDate(beside) && e.Type().Class() == types.ClassString
}

// sameKind tells of classes whose values are compared as they are.
func sameKind(a, b types.Class) bool {
	switch {
	case isNumber(a):
		return isNumber(b)
	case scalar.IsDate(a):
		return scalar.IsDate(b)
	}
	return a == b && (a == types.ClassString || a == types.ClassTime)
}

func isNumber(c types.Class) bool {
	return c == types.ClassInt || c == types.ClassDecimal || c == types.ClassFloat
}

// termCost is what a quiet term costs a row.
func termCost(e expr.Expr) float64 {
	c := e.(*expr.Call)
	args, each := c.Args(), termQuick
	if args[0].Type().Class() == types.ClassString {
		each = termText
	}
	switch c.Name() {
	case "and", "or", "not":
		sum := 0.0
		for _, a := range args {
			sum += termCost(a)
		}
		return sum
	case "is null", "is not null":
		return termQuick
	case "like":
		return termLike
	case "in":
		return min(each*float64(len(args))/2, termInMost)
	}
	for _, a := range args[1:] {
		if isColumn(args[0]) && isColumn(a) {
			return each * termPair
		}
	}
	return each
}
