package planner

import (
	"cloudsql/planner/exec"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
)

// simplifyOuter turns LEFT JOINs into inner ones where conditions above discard the rows without a partner.
func simplifyOuter(r rel, conds []expr.Expr) {
	j, ok := r.(*joinRel)
	if !ok {
		return
	}
	right := scalar.ColSet{}
	j.right.columnIDs(right)
	if j.kind == exec.Left {
		for _, c := range conds {
			if rejectsNull(c, right) {
				j.kind = exec.Inner
				break
			}
		}
	}
	if j.kind == exec.Inner {
		conds = append(append([]expr.Expr(nil), conds...), j.on...)
		simplifyOuter(j.right, conds)
	} else {
		simplifyOuter(j.right, j.on)
	}
	simplifyOuter(j.left, conds)
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
		return ids[x.Index]
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
