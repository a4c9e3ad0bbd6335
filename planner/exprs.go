package planner

import (
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Bound expressions name columns by numbers that are unique in the statement; operators need positions in their input.

// idSet is a set of column numbers.
type idSet map[int]bool

func setOf(ids []int) idSet {
	s := make(idSet, len(ids))
	for _, id := range ids {
		s[id] = true
	}
	return s
}

func (s idSet) add(t idSet) {
	for id := range t {
		s[id] = true
	}
}

// covers tells whether all columns of e are in s.
func (s idSet) covers(e expr.Expr) bool {
	ok := true
	expr.Walk(e, func(x expr.Expr) bool {
		if c, is := x.(*expr.Column); is && !s[c.Index] {
			ok = false
		}
		return ok
	})
	return ok
}

// touches tells whether e has a column of s.
func (s idSet) touches(e expr.Expr) bool {
	found := false
	expr.Walk(e, func(x expr.Expr) bool {
		if c, is := x.(*expr.Column); is && s[c.Index] {
			found = true
		}
		return !found
	})
	return found
}

// columnsOf adds the columns of e to s.
func (s idSet) columnsOf(e expr.Expr) {
	expr.Walk(e, func(x expr.Expr) bool {
		if c, is := x.(*expr.Column); is {
			s[c.Index] = true
		}
		return true
	})
}

// hasColumns tells whether e depends on a row.
func hasColumns(e expr.Expr) bool {
	found := false
	expr.Walk(e, func(x expr.Expr) bool {
		if _, is := x.(*expr.Column); is {
			found = true
		}
		return !found
	})
	return found
}

// fixed tells whether e has the same value for all rows of an execution.
func fixed(e expr.Expr) bool { return !hasColumns(e) && expr.ClassOf(e) != expr.Volatile }

// pushable tells whether a fragment can evaluate e, after folding, on every node that may serve it.
func (ctx *Context) pushable(e expr.Expr) bool {
	ok := ctx.ships(e) && !expr.MayNotAsk(e)
	expr.Walk(e, func(x expr.Expr) bool {
		c, is := x.(*expr.Call)
		if !is {
			return ok
		}
		switch c.Class() {
		case expr.Volatile:
			ok = false
		case expr.NeedsSession:
			// It becomes a constant at the gateway, the value of a subquery too. One with an argument may be left as it is, for a warning that each row has.
			ok = ok && allConst(c.Args())
		}
		return ok
	})
	return ok
}

func allConst(list []expr.Expr) bool {
	for _, e := range list {
		if _, is := e.(*expr.Const); !is {
			return false
		}
	}
	return true
}

// asksOnce tells whether a value of e needs a subquery's that is computed once: nobody asks for it before there is a row.
func asksOnce(e expr.Expr) bool {
	found := false
	expr.Walk(e, func(x expr.Expr) bool {
		c := asCall(x, "custom")
		found = found || c != nil && c.Class() == expr.NeedsSession
		return !found
	})
	return found
}

func (ctx *Context) allPushable(list []expr.Expr) bool {
	for _, e := range list {
		if !ctx.pushable(e) {
			return false
		}
	}
	return true
}

// ships tells whether e may go into a fragment. What not all nodes of the cluster know yet, and what is larger than their
// decoders take, stays at the gateway.
func (ctx *Context) ships(e expr.Expr) bool { return expr.Fits(e) && ctx.Catalog.Allows(expr.Since(e)) }

// resolve replaces column numbers by their positions in ids.
func resolve(e expr.Expr, ids []int) (expr.Expr, error) {
	if e == nil {
		return nil, nil
	}
	var err error
	out := expr.Rewrite(e, func(x expr.Expr) expr.Expr {
		c, is := x.(*expr.Column)
		if !is {
			return x
		}
		for pos, id := range ids {
			if id == c.Index {
				return &expr.Column{Index: pos, Typ: c.Typ, Name: c.Name}
			}
		}
		err = mysqlerr.Internal("planner: column %s (#%d) is not in its operator's input", c.Name, c.Index)
		return x
	})
	return out, err
}

func resolveAll(list []expr.Expr, ids []int) ([]expr.Expr, error) {
	out := make([]expr.Expr, len(list))
	for i, e := range list {
		r, err := resolve(e, ids)
		if err != nil {
			return nil, err
		}
		out[i] = r
	}
	return out, nil
}

// substitute replaces columns by expressions.
func substitute(e expr.Expr, by map[int]expr.Expr) expr.Expr {
	return expr.Rewrite(e, func(x expr.Expr) expr.Expr {
		if c, is := x.(*expr.Column); is {
			if r, ok := by[c.Index]; ok {
				return r
			}
		}
		return x
	})
}

// same tells whether two bound expressions are the same.
func same(a, b expr.Expr) bool {
	switch a := a.(type) {
	case *expr.Column:
		b, ok := b.(*expr.Column)
		return ok && a.Index == b.Index
	case *expr.Param:
		b, ok := b.(*expr.Param)
		return ok && a.Index == b.Index
	case *expr.Const:
		b, ok := b.(*expr.Const)
		return ok && a.Typ.ID == b.Typ.ID && a.Typ.Collation == b.Typ.Collation && types.Identical(a.Val, b.Val)
	case *expr.Call:
		b, ok := b.(*expr.Call)
		if !ok || a.Name() != b.Name() || a.Class() == expr.Volatile || len(a.Args()) != len(b.Args()) || !sameType(a.Type(), b.Type()) {
			return a == b
		}
		if a == b {
			return true
		}
		for i := range a.Args() {
			if !same(a.Args()[i], b.Args()[i]) {
				return false
			}
		}
		return a.Name() != "custom"
	}
	return false
}

func sameType(a, b *types.Type) bool {
	return a.ID == b.ID && a.Unsigned == b.Unsigned && a.Length == b.Length && a.Decimals == b.Decimals && a.Collation == b.Collation
}

// splitAnd takes a conjunction apart.
func splitAnd(dst []expr.Expr, e expr.Expr) []expr.Expr {
	if c, ok := e.(*expr.Call); ok && c.Name() == "and" {
		for _, a := range c.Args() {
			dst = splitAnd(dst, a)
		}
		return dst
	}
	return append(dst, e)
}

// terms takes a condition apart as far as its rows stay the same.
func terms(dst []expr.Expr, e expr.Expr) []expr.Expr {
	for _, t := range splitAnd(nil, e) {
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
	in := asCall(e, "in")
	if in == nil || asCall(in.Args()[0], "row") == nil {
		return nil
	}
	left := asCall(in.Args()[0], "row").Args()
	var out []expr.Expr
	for i, l := range left {
		if _, column := l.(*expr.Column); !column || i > 0 && len(in.Args()) > maxRowIn {
			continue
		}
		args := []expr.Expr{l}
		for _, r := range in.Args()[1:] {
			row := asCall(r, "row")
			if row == nil || len(row.Args()) != len(left) || !fixed(row.Args()[i]) {
				return nil
			}
			if len(in.Args()) > maxRowIn || !containsExpr(args[1:], row.Args()[i]) {
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
	or := asCall(e, "or")
	if or == nil {
		return []expr.Expr{e}
	}
	branches := make([][]expr.Expr, len(or.Args()))
	for i, a := range or.Args() {
		branches[i] = splitAnd(nil, a)
	}
	var common []expr.Expr
	for _, t := range branches[0] {
		everywhere := expr.ClassOf(t) != expr.Volatile
		for _, b := range branches[1:] {
			everywhere = everywhere && containsExpr(b, t)
		}
		if everywhere && !containsExpr(common, t) {
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
			if !containsExpr(common, t) {
				left = append(left, t)
			}
		}
		if len(left) == 0 {
			return common // one branch asks for nothing more
		}
		branch, err := joinAnd(left)
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

// impliedBy gives what an OR over several relations says of the columns in ids alone, nil for nothing:
// (a.x = 1 AND b.y = 2) OR (a.x = 3 AND b.y = 4) implies a.x = 1 OR a.x = 3.
func impliedBy(e expr.Expr, ids idSet) expr.Expr {
	or := asCall(e, "or")
	if or == nil || expr.ClassOf(e) == expr.Volatile {
		return nil
	}
	var branches []expr.Expr
	for _, a := range or.Args() {
		var own []expr.Expr
		for _, t := range splitAnd(nil, a) {
			if hasColumns(t) && ids.covers(t) {
				own = append(own, t)
			}
		}
		branch, err := joinAnd(own)
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

// joinAnd is the opposite of splitAnd; nil for none.
func joinAnd(list []expr.Expr) (expr.Expr, error) {
	switch len(list) {
	case 0:
		return nil, nil
	case 1:
		return list[0], nil
	}
	return expr.New("and", list...)
}

// texts renders conditions for EXPLAIN.
func texts(list []expr.Expr) string {
	s := ""
	for i, e := range list {
		if i > 0 {
			s += ", "
		}
		s += e.String()
	}
	return s
}

func sortTexts(keys []expr.SortKey) string {
	s := ""
	for i, k := range keys {
		if i > 0 {
			s += ", "
		}
		s += k.Expr.String()
		if k.Desc {
			s += " desc"
		}
	}
	return s
}

// asCall gives e as a call of one of the names.
func asCall(e expr.Expr, names ...string) *expr.Call {
	c, ok := e.(*expr.Call)
	if !ok {
		return nil
	}
	for _, n := range names {
		if c.Name() == n {
			return c
		}
	}
	return nil
}

// isFalse tells whether a condition is known never to hold.
func isFalse(e expr.Expr) bool {
	k, ok := e.(*expr.Const)
	return ok && (k.Val.IsNull() || isZero(k.Val))
}

// isTrue tells whether a condition is known always to hold.
func isTrue(e expr.Expr) bool {
	k, ok := e.(*expr.Const)
	return ok && !k.Val.IsNull() && !isZero(k.Val)
}

func isZero(v types.Value) bool {
	switch v.Kind() {
	case types.KindInt:
		return v.Int() == 0
	case types.KindUint:
		return v.Uint() == 0
	}
	return !v.ToBool(nil)
}
