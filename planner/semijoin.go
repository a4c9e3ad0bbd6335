package planner

import (
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"
	"github.com/pingcap/tidb/pkg/parser/opcode"

	"cloudsql/planner/bind"
	"cloudsql/planner/exec"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
)

// semiJoin is EXISTS or IN at the top of WHERE, as a join.
type semiJoin struct {
	kind  exec.JoinKind // Semi or Anti
	right rel
	where []expr.Expr // over right alone
	semis []*semiJoin // of the subquery itself
	conds []expr.Expr // over both sides
	// keys are the pairs of an IN whose inner side depends on no outer row: it may also be read first.
	keys []joinKey
}

// joinKey is an equality between the two sides of a join.
type joinKey struct {
	left, right expr.Expr
	cond        expr.Expr
	hash        scalar.Hashing
	nullSafe    bool
}

// semiJoin recognises a condition that can be a semi or anti join; nil where it is none. A subquery that was bound on
// the way is kept for whoever binds the condition otherwise.
func (q *selectQuery) semiJoin(b *bind.Binder, n ast.ExprNode) (*semiJoin, error) {
	n, negate := stripNot(n)
	switch n := n.(type) {
	case *ast.ExistsSubqueryExpr:
		return q.semiExists(n, n.Not != negate)
	case *ast.PatternInExpr:
		if n.Sel != nil {
			return q.semiIn(b, n.Expr, n.Sel, n.Not != negate)
		}
	case *ast.CompareSubqueryExpr:
		if n.Op == opcode.EQ && !n.All && !negate {
			return q.semiIn(b, n.L, n.R, false)
		}
	}
	return nil, nil
}

func stripNot(n ast.ExprNode) (ast.ExprNode, bool) {
	negate := false
	for {
		switch x := n.(type) {
		case *ast.ParenthesesExpr:
			n = x.Expr
			continue
		case *ast.UnaryOperationExpr:
			if x.Op == opcode.Not || x.Op == opcode.Not2 {
				n, negate = x.V, !negate
				continue
			}
		}
		return n, negate
	}
}

// prebind binds a subquery and remembers it.
func (q *selectQuery) prebind(n ast.ExprNode) (query, error) {
	s, ok := n.(*ast.SubqueryExpr)
	if !ok {
		return nil, nil
	}
	in, err := q.b.bindQuery(s.Query, q.scope, q.ctes)
	if err != nil {
		return nil, err
	}
	if q.bound == nil {
		q.bound = map[*ast.SubqueryExpr]query{}
	}
	q.bound[s] = in
	return in, nil
}

func kindOf(negate bool) exec.JoinKind {
	if negate {
		return exec.Anti
	}
	return exec.Semi
}

func (q *selectQuery) semiExists(n *ast.ExistsSubqueryExpr, negate bool) (*semiJoin, error) {
	in, err := q.prebind(n.Sel)
	if err != nil || in == nil || len(in.refs()) == 0 {
		return nil, err // it is computed once
	}
	s, ok := in.(*selectQuery)
	if !ok {
		return nil, nil
	}
	s.dropFirstRows()
	if !q.decorrelates(s) {
		return nil, nil
	}
	j := &semiJoin{kind: kindOf(negate), right: s.source, semis: s.semis}
	j.where, j.conds = q.splitCorrelated(s)
	return j, nil
}

// dropFirstRows removes a LIMIT that leaves at least one row, and the order that it goes by: EXISTS asks for no more.
func (q *selectQuery) dropFirstRows() {
	if q.limit == nil || q.limit.offset != nil {
		return
	}
	if k, ok := q.limit.count.(*expr.Const); ok && k.Val.ToFloat(nil) >= 1 {
		q.limit, q.orderBy = nil, nil
	}
}

func (q *selectQuery) semiIn(b *bind.Binder, left, sel ast.ExprNode, negate bool) (*semiJoin, error) {
	l, err := bind.Expr(b, q.scope, left)
	if err != nil {
		return nil, err
	}
	in, err := q.prebind(sel)
	if err != nil || in == nil {
		return nil, err
	}
	parts := []expr.Expr{l}
	if r := scalar.AsCall(l, "row"); r != nil {
		parts = r.Args()
	}
	out := in.columns()
	if len(out) != len(parts) {
		return nil, mysqlerr.New(mysql.ErrOperandColumns, len(parts))
	}
	for i := range parts {
		if expr.ClassOf(parts[i]) == expr.Volatile {
			return nil, nil
		}
		if negate && (!notNull(parts[i], q) || out[i].Field.Flags&uint16(mysql.NotNullFlag) == 0) {
			return nil, nil // NOT IN of NULLs is neither true nor false: no join does that
		}
	}
	if len(in.refs()) == 0 {
		return q.semiPlanned(in, parts, negate)
	}
	s, ok := in.(*selectQuery)
	if !ok || !q.decorrelates(s) {
		return nil, nil
	}
	j := &semiJoin{kind: kindOf(negate), right: s.source, semis: s.semis}
	j.where, j.conds = q.splitCorrelated(s)
	for i, p := range parts {
		eq, err := expr.New("=", p, q.toColumns(s.fields[i].expr))
		if err != nil {
			return nil, err
		}
		j.conds = append(j.conds, eq)
	}
	return j, nil
}

// semiPlanned joins with the result of a subquery that depends on nothing outside.
func (q *selectQuery) semiPlanned(in query, parts []expr.Expr, negate bool) (*semiJoin, error) {
	j := &semiJoin{kind: kindOf(negate)}
	out := in.columns()
	for i, p := range parts {
		eq, err := expr.New("=", p, out[i].Ref())
		if err != nil {
			return nil, err
		}
		j.conds = append(j.conds, eq)
		j.keys = append(j.keys, joinKey{left: p, right: out[i].Ref(), cond: eq, hash: scalar.HashOf(p.Type(), &out[i].Field.Type, eq)})
	}
	if s, ok := in.(*selectQuery); ok && s.mergeable() {
		// The inner tables themselves can be joined, by their indexes too.
		j.right, j.where, j.semis = s.source, s.where, s.semis
		for i := range j.conds {
			eq, err := expr.New("=", parts[i], s.fields[i].expr)
			if err != nil {
				return nil, err
			}
			j.conds[i] = eq
			j.keys[i].right, j.keys[i].cond = s.fields[i].expr, eq
		}
		return j, nil
	}
	j.right = &queryRel{query: in, cols: out}
	return j, nil
}

// mergeable tells whether a block is nothing but tables, conditions and expressions over rows.
func (q *selectQuery) mergeable() bool {
	if q.source == nil || q.grouped || q.limit != nil || len(q.windows) > 0 || q.values != nil || q.locking {
		return false
	}
	for i := range q.fields {
		if expr.ClassOf(q.fields[i].expr) == expr.Volatile {
			return false
		}
	}
	for _, c := range q.where {
		if expr.ClassOf(c) == expr.Volatile {
			return false
		}
	}
	return true
}

// decorrelates tells whether the subquery s depends on this block alone, and that in its WHERE only (and, for IN, in
// its select list).
func (q *selectQuery) decorrelates(s *selectQuery) bool {
	if !s.mergeable() {
		return false
	}
	slots := map[int]bool{}
	for _, r := range s.outs {
		if r.owner != q {
			return false
		}
		slots[r.slot] = true
	}
	if relUses(s.source, slots) {
		return false
	}
	for _, j := range s.semis {
		if j.uses(slots) {
			return false
		}
	}
	return true
}

func (j *semiJoin) uses(slots map[int]bool) bool {
	for _, list := range [][]expr.Expr{j.where, j.conds} {
		for _, e := range list {
			if scalar.UsesParam(e, slots) {
				return true
			}
		}
	}
	for _, s := range j.semis {
		if s.uses(slots) {
			return true
		}
	}
	return relUses(j.right, slots)
}

// relUses tells whether a relation's conditions have one of the parameters. Derived tables never do.
func relUses(r rel, slots map[int]bool) bool {
	j, ok := r.(*joinRel)
	if !ok {
		return false
	}
	for _, e := range j.on {
		if scalar.UsesParam(e, slots) {
			return true
		}
	}
	return relUses(j.left, slots) || relUses(j.right, slots)
}

// splitCorrelated takes the conditions of s apart: those over its own tables, and those with columns of this block.
func (q *selectQuery) splitCorrelated(s *selectQuery) (own, both []expr.Expr) {
	slots := map[int]bool{}
	for _, r := range s.outs {
		slots[r.slot] = true
	}
	for _, c := range s.where {
		if scalar.UsesParam(c, slots) {
			both = append(both, q.toColumns(c))
		} else {
			own = append(own, c)
		}
	}
	return own, both
}

// toColumns turns the parameters that stand for columns of this block back into columns.
func (q *selectQuery) toColumns(e expr.Expr) expr.Expr {
	return expr.Rewrite(e, func(x expr.Expr) expr.Expr {
		p, ok := x.(*expr.Param)
		if !ok || p.Index < q.b.params {
			return x
		}
		for id, slot := range q.b.outer {
			if slot != p.Index {
				continue
			}
			for i := range q.scope.Cols {
				if q.scope.Cols[i].ID == id {
					return q.scope.Cols[i].Ref()
				}
			}
		}
		return x
	})
}
