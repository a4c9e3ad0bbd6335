package scalar

import (
	"slices"

	"cloudsql/storage/expr"
)

// Split takes a conjunction apart.
func Split(dst []expr.Expr, e expr.Expr) []expr.Expr {
	if c, ok := e.(*expr.Call); ok && c.Name() == "and" {
		for _, a := range c.Args() {
			dst = Split(dst, a)
		}
		return dst
	}
	return append(dst, e)
}

// Terms takes a condition apart as far as its rows stay the same.
func Terms(dst []expr.Expr, e expr.Expr) []expr.Expr {
	for _, t := range Split(nil, e) {
		dst = append(dst, factor(t)...)
		dst = append(dst, rowInMembers(t)...)
	}
	return dst
}

// maxRowIn is up to how many rows an IN list of rows bounds all its members; longer ones bound the first.
const maxRowIn = 30

// rowInMembers gives what (a, b) IN ((1, 2), (3, 4)) says of each member, so that indexes can serve it: a IN (1, 3) and
// b IN (2, 4).
func rowInMembers(e expr.Expr) []expr.Expr {
	in := AsCall(e, "in")
	if in == nil || AsCall(in.Args()[0], "row") == nil {
		return nil
	}
	left := AsCall(in.Args()[0], "row").Args()
	var out []expr.Expr
	for i, l := range left {
		if _, column := l.(*expr.Column); !column || i > 0 && len(in.Args()) > maxRowIn {
			continue
		}
		args := []expr.Expr{l}
		for _, r := range in.Args()[1:] {
			row := AsCall(r, "row")
			if row == nil || len(row.Args()) != len(left) || !Fixed(row.Args()[i]) {
				return nil
			}
			if len(in.Args()) > maxRowIn || !Contains(args[1:], row.Args()[i]) {
				args = append(args, row.Args()[i])
			}
		}
		name := "in"
		if len(args) == 2 {
			name = "="
		}
		member, err := expr.New(name, args...)
		if err != nil {
			return nil
		}
		out = append(out, member)
	}
	return out
}

// factor takes common terms out of an OR: (a AND b) OR (a AND c) is a AND (b OR c). It gives the terms of a conjunction.
func factor(e expr.Expr) []expr.Expr {
	or := AsCall(e, "or")
	if or == nil {
		return []expr.Expr{e}
	}
	branches := make([][]expr.Expr, len(or.Args()))
	for i, a := range or.Args() {
		branches[i] = Split(nil, a)
	}
	var common []expr.Expr
	for _, t := range branches[0] {
		everywhere := expr.ClassOf(t) != expr.Volatile
		for _, b := range branches[1:] {
			everywhere = everywhere && Contains(b, t)
		}
		if everywhere && !Contains(common, t) {
			common = append(common, t)
		}
	}
	if len(common) == 0 {
		return []expr.Expr{e}
	}
	var rest []expr.Expr
	for _, b := range branches {
		var left []expr.Expr
		for _, t := range b {
			if !Contains(common, t) {
				left = append(left, t)
			}
		}
		if len(left) == 0 {
			return common // one branch asks for nothing more
		}
		branch, err := And(left)
		if err != nil {
			return []expr.Expr{e}
		}
		rest = append(rest, branch)
	}
	reduced, err := expr.New("or", rest...)
	if err != nil {
		return []expr.Expr{e}
	}
	return append(common, reduced)
}

// ImpliedBy gives what an OR over several relations says of the columns in ids alone, nil for nothing:
// (a.x = 1 AND b.y = 2) OR (a.x = 3 AND b.y = 4) implies a.x = 1 OR a.x = 3.
func ImpliedBy(e expr.Expr, ids ColSet) expr.Expr {
	or := AsCall(e, "or")
	if or == nil || expr.ClassOf(e) == expr.Volatile {
		return nil
	}
	var branches []expr.Expr
	for _, a := range or.Args() {
		var own []expr.Expr
		for _, t := range Split(nil, a) {
			if HasColumns(t) && ids.Covers(t) {
				own = append(own, t)
			}
		}
		branch, err := And(own)
		if branch == nil || err != nil {
			return nil
		}
		branches = append(branches, branch)
	}
	implied, err := expr.New("or", branches...)
	if err != nil {
		return nil
	}
	return implied
}

// And is the opposite of splitAnd; nil for none.
func And(list []expr.Expr) (expr.Expr, error) {
	switch len(list) {
	case 0:
		return nil, nil
	case 1:
		return list[0], nil
	}
	return expr.New("and", list...)
}

func Contains(list []expr.Expr, e expr.Expr) bool {
	for _, x := range list {
		if Same(x, e) {
			return true
		}
	}
	return false
}

// SplitFixed separates the conditions that have the same value for all rows from the rest; the given list where there are
// none.
func SplitFixed(list []expr.Expr) (fixed, rest []expr.Expr) {
	first := slices.IndexFunc(list, Fixed)
	if first < 0 {
		return nil, list
	}
	rest = append(rest, list[:first]...)
	for _, c := range list[first:] {
		if Fixed(c) {
			fixed = append(fixed, c)
		} else {
			rest = append(rest, c)
		}
	}
	return fixed, rest
}
