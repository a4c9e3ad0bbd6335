package expr

import (
	"strings"

	"cloudsql/storage/mysqlerr"
)

// Row constructors exist while a tree is built only: comparisons of rows become comparisons of their members, so that
// the planner finds the columns of an index in them.

// rewriteRowCompare turns op over two rows into scalar comparisons; other arguments are left to op itself.
func rewriteRowCompare(op string) func([]Expr) (Expr, error) {
	return func(args []Expr) (Expr, error) {
		if !isRow(args[0]) && !isRow(args[1]) {
			return nil, nil
		}
		a, b, err := rowPair(args[0], args[1])
		if err != nil {
			return nil, err
		}
		switch op {
		case "=", "<=>":
			return allMembers(op, a, b)
		case "<>":
			e, err := allMembers("=", a, b)
			if err != nil {
				return nil, err
			}
			return New("not", e)
		}
		return orderedMembers(op, a, b)
	}
}

// member compares two members. A subquery's comes first: its row is read (1242) also where the other member is NULL.
func member(op string, a, b Expr) (Expr, error) {
	if anyOf(b, isCustom) && !anyOf(a, isCustom) && !isRow(a) && !isRow(b) {
		return New(mirrored(op), b, a)
	}
	return New(op, a, b)
}

func isCustom(e Expr) bool {
	c, ok := e.(*Call)
	return ok && c.Custom()
}

// mirrored is the comparison of b with a that op is of a with b.
func mirrored(op string) string {
	switch op[0] {
	case '<':
		if op == "<" || op == "<=" {
			return ">" + op[1:]
		}
	case '>':
		return "<" + op[1:]
	}
	return op
}

// rowPair gives the members of two rows of the same width, 1241 where the widths differ.
func rowPair(x, y Expr) (a, b []Expr, err error) {
	a, b = members(x), members(y)
	if len(a) != len(b) {
		return nil, nil, mysqlerr.New(mysqlerr.OperandColumns, len(a))
	}
	return a, b, nil
}

func members(e Expr) []Expr {
	if c, ok := e.(*Call); ok && c.name == "row" {
		return c.args
	}
	return []Expr{e}
}

func allMembers(op string, a, b []Expr) (Expr, error) {
	terms := make([]Expr, len(a))
	for i := range a {
		t, err := member(op, a[i], b[i])
		if err != nil {
			return nil, err
		}
		terms[i] = t
	}
	if len(terms) == 1 {
		return terms[0], nil
	}
	return New("and", terms...)
}

// orderedMembers is (a1, a2) < (b1, b2) as a1 < b1 OR (a1 = b1 AND a2 < b2), with op's equality at the last member
// only.
func orderedMembers(op string, a, b []Expr) (Expr, error) {
	if len(a) == 1 {
		return member(op, a[0], b[0])
	}
	first, err := member(op[:1], a[0], b[0])
	if err != nil {
		return nil, err
	}
	equal, err := member("=", a[0], b[0])
	if err != nil {
		return nil, err
	}
	rest, err := orderedMembers(op, a[1:], b[1:])
	if err != nil {
		return nil, err
	}
	if rest, err = onlyIf(equal, rest); err != nil {
		return nil, err
	}
	tail, err := New("and", equal, rest)
	if err != nil {
		return nil, err
	}
	return New("or", first, tail)
}

// onlyIf is rest where it can't fail, or warn. What can is not asked where the members before it are not equal, be it for a NULL, as in
// MySQL: AND would ask it then.
func onlyIf(equal, rest Expr) (Expr, error) {
	if computes := func(e Expr) bool { c, ok := e.(*Call); return ok && !truths[c.name] }; !anyOf(rest, computes) {
		return rest, nil
	}
	return New("if", equal, rest, NewNull())
}

// anyOf tells whether is holds of e or of something in it.
func anyOf(e Expr, is func(Expr) bool) bool {
	found := false
	Walk(e, func(e Expr) bool {
		found = found || is(e)
		return !found
	})
	return found
}

func renderRow(c *Call) string {
	var b strings.Builder
	b.WriteByte('(')
	writeArgs(&b, c.args)
	b.WriteByte(')')
	return b.String()
}
