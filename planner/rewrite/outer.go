package rewrite

import (
	"cloudsql/planner/algebra"
	"cloudsql/planner/exec"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
)

// outerToInner turns LEFT JOINs into inner ones where conditions above discard the rows without a partner.
func outerToInner(r *Rewriter, n algebra.Node) algebra.Node { return innerUnder(r, n, nil) }

// innerUnder is outerToInner below conditions that all rows have to meet.
func innerUnder(r *Rewriter, n algebra.Node, conds []expr.Expr) algebra.Node {
	switch n := n.(type) {
	case *algebra.Filter:
		if _, join := n.In.(*algebra.Join); !join {
			break
		}
		in := innerUnder(r, n.In, append(conds[:len(conds):len(conds)], n.Conds...))
		if in == n.In {
			return n
		}
		return n.With([]algebra.Node{in})
	case *algebra.Join:
		return innerJoin(r, n, conds)
	}
	return algebra.Map(n, func(in algebra.Node) algebra.Node { return innerUnder(r, in, nil) })
}

func innerJoin(r *Rewriter, j *algebra.Join, conds []expr.Expr) algebra.Node {
	kind := j.Kind
	if kind == exec.Left && discardsLonely(j, conds) {
		kind = exec.Inner
	}
	var right []expr.Expr
	left := conds
	switch kind {
	case exec.Inner:
		left = append(conds[:len(conds):len(conds)], j.On...)
		right = left
	case exec.Left:
		right = j.On
	}
	in := []algebra.Node{innerUnder(r, j.Left, left), innerUnder(r, j.Right, right)}
	if kind == j.Kind && in[0] == j.Left && in[1] == j.Right {
		return j
	}
	out := *j
	out.Kind, out.Left, out.Right = kind, in[0], in[1]
	return &out
}

// discardsLonely tells whether conditions above a LEFT JOIN let no row through that has no partner.
func discardsLonely(j *algebra.Join, conds []expr.Expr) bool {
	if len(conds) == 0 {
		return false
	}
	return discards(conds, algebra.ColumnsOf(j.Right))
}

// discards tells whether conditions let no row through in which all columns of ids are NULL.
func discards(conds []expr.Expr, ids scalar.ColSet) bool {
	for _, c := range conds {
		if rejectsNull(c, ids) {
			return true
		}
	}
	return false
}

// rejectsNull tells whether a condition cannot be true when all columns of ids are NULL.
func rejectsNull(e expr.Expr, ids scalar.ColSet) bool {
	c, ok := e.(*expr.Call)
	if !ok {
		return false
	}
	switch c.Name() {
	case "=", "<>", "<", "<=", ">", ">=", "like", "between", "is not null", "is true":
		for i, a := range c.Args() {
			if strictIn(a, ids) && (i == 0 || c.Name() != "between") {
				return true
			}
		}
	case "in":
		return strictIn(c.Args()[0], ids)
	case "and":
		for _, a := range c.Args() {
			if rejectsNull(a, ids) {
				return true
			}
		}
	case "or":
		for _, a := range c.Args() {
			if !rejectsNull(a, ids) {
				return false
			}
		}
		return true
	}
	return false
}

// strictIn tells whether e is NULL when the columns of ids are.
func strictIn(e expr.Expr, ids scalar.ColSet) bool {
	switch x := e.(type) {
	case *expr.Column:
		return ids.Has(x.Index)
	case *expr.Call:
		switch x.Name() {
		case "+", "-", "*", "/", "%", "div", "neg", "lower", "upper", "length", "substring", "date", "year", "month", "=", "<", ">", "<=", ">=":
			for _, a := range x.Args() {
				if strictIn(a, ids) {
					return true
				}
			}
		}
	}
	return false
}
