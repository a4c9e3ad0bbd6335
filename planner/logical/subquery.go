package logical

import (
	"strconv"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"
	"github.com/pingcap/tidb/pkg/parser/opcode"

	"cloudsql/planner/algebra"
	"cloudsql/planner/bind"
	"cloudsql/planner/block"
	"cloudsql/planner/exec"
	"cloudsql/planner/scalar"
	"cloudsql/planner/syntax"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// subqueryBinder binds the subqueries of a block's expressions.
type subqueryBinder struct{ *selectQuery }

// subquery is the binder's hook. What stands left of IN or ANY is bound as the rest of the clause is.
func (q subqueryBinder) subquery(b *bind.Binder, sc *bind.Scope, n ast.ExprNode) (expr.Expr, error) {
	switch n := n.(type) {
	case *ast.SubqueryExpr:
		return q.scalar(sc, n)
	case *ast.ExistsSubqueryExpr:
		return q.exists(sc, n)
	case *ast.BinaryOperationExpr:
		return q.row(b, sc, n)
	case *ast.PatternInExpr:
		if n.Sel == nil {
			return q.inRows(b, sc, n)
		}
		left, err := bind.Expr(b, sc, n.Expr)
		if err != nil {
			return nil, err
		}
		return q.quantified(sc, left, "=", n.Sel, false, n.Not)
	case *ast.CompareSubqueryExpr:
		left, err := bind.Expr(b, sc, n.L)
		if err != nil {
			return nil, err
		}
		op := bind.OperatorName(n.Op)
		if n.Op == opcode.EQ && !n.All || n.Op == opcode.NE && n.All {
			return q.quantified(sc, left, "=", n.R, false, n.All)
		}
		return q.quantified(sc, left, op, n.R, n.All, false)
	}
	return nil, mysqlerr.NotSupported("this kind of subquery")
}

// bindInner binds the query of a subquery expression.
func (q subqueryBinder) bindInner(sc *bind.Scope, n ast.ExprNode, width int) (*Subquery, []block.Outer, []bind.Column, error) {
	s, ok := n.(*ast.SubqueryExpr)
	if !ok {
		return nil, nil, nil, mysqlerr.NotSupported("this kind of subquery")
	}
	in, err := q.b.bindQuery(s.Query, sc, q.ctes)
	if err != nil {
		return nil, nil, nil, err
	}
	cols := in.Columns()
	if width > 0 && len(cols) != width {
		return nil, nil, nil, mysqlerr.New(mysqlerr.OperandColumns, width)
	}
	sub := algebra.NewSubquery(in.Node())
	refs := in.Refs()
	for i := range refs {
		sub.Refs = append(sub.Refs, refs[i].OuterRef)
	}
	return sub, refs, cols, nil
}

// arguments are the outer columns that a subquery depends on, as its enclosing block sees them: columns of its own, or
// parameters that blocks further out have set.
func (q subqueryBinder) arguments(refs []block.Outer) []expr.Expr {
	args := make([]expr.Expr, len(refs))
	for i, r := range refs {
		if r.Owner == &q.Select {
			args[i] = r.Col
		} else {
			args[i] = expr.ParamOf(r.Slot, r.Col)
		}
	}
	return args
}

// scalar binds (SELECT …) as a value.
func (q subqueryBinder) scalar(sc *bind.Scope, n *ast.SubqueryExpr) (expr.Expr, error) {
	sub, refs, cols, err := q.bindInner(sc, n, 1)
	if err != nil {
		return nil, err
	}
	if k := literalOf(sub, refs); k != nil {
		return k, nil
	}
	return q.call("subquery", cols[0].Field.Type, sub, refs), nil
}

// literalOf is the literal that (SELECT literal) is, nil for other subqueries. MySQL takes it out, so that (SELECT b'1') + 1 is 2.
func literalOf(sub *Subquery, refs []block.Outer) expr.Expr {
	p, ok := sub.Node.(*Project)
	if !ok || len(refs) > 0 || len(p.List) != 1 {
		return nil
	}
	if v, ok := p.In.(*Values); !ok || len(v.Rows) != 1 {
		return nil
	}
	if k, ok := p.List[0].(*expr.Const); ok {
		return k
	}
	return nil
}

func (q subqueryBinder) exists(sc *bind.Scope, n *ast.ExistsSubqueryExpr) (expr.Expr, error) {
	sub, refs, _, err := q.bindInner(sc, n.Sel, 0)
	if err != nil {
		return nil, err
	}
	sub.Kind, sub.Negate, sub.Node = algebra.Exists, n.Not, algebra.WithoutList(sub.Node)
	return q.call("exists", types.TypeBool, sub, refs), nil
}

// call makes the expression of a subquery's value: a function of the outer columns that it names, if any.
func (q subqueryBinder) call(name string, t types.Type, sub *Subquery, refs []block.Outer) expr.Expr {
	code := sub.Code()
	q.b.subs = append(q.b.subs, sub)
	if len(refs) == 0 {
		q.b.onces++
		name += " " + strconv.Itoa(q.b.onces)
		sub.What, sub.Once = name+", once", true
		return expr.NewOnce(name, t, func(env *expr.Env) (types.Value, error) { return code.Eval(env, nil) })
	}
	args := q.arguments(refs)
	sub.What = name + "(" + scalar.Texts(args) + ")"
	return expr.NewFunc(name, t, expr.Volatile, args, func(env *expr.Env, args []types.Value) (types.Value, error) { return code.Eval(env, args) })
}

// quantified binds left op ANY|ALL (SELECT …); IN is = ANY, NOT IN its negation.
func (q subqueryBinder) quantified(sc *bind.Scope, left expr.Expr, op string, n ast.ExprNode, all, negate bool) (expr.Expr, error) {
	parts := []expr.Expr{left}
	if r := scalar.AsCall(left, "row"); r != nil {
		parts = r.Args()
	}
	if limited(n) {
		return nil, mysqlerr.New(mysqlerr.NotSupportedYet, "LIMIT & IN/ALL/ANY/SOME subquery")
	}
	sub, refs, cols, err := q.bindInner(sc, n, len(parts))
	if err != nil {
		return nil, err
	}
	if len(parts) > 1 && (op != "=" || all) {
		return nil, mysqlerr.New(mysqlerr.OperandColumns, 1)
	}
	sub.Kind, sub.Parts, sub.All, sub.Negate, sub.Equal = algebra.Quantified, parts, all, negate, op == "="
	for i, p := range parts {
		typ := cols[i].Field.Type
		c, err := expr.New(op, expr.StandIn(i, p), &expr.Column{Index: len(parts) + i, Typ: typ})
		if err != nil {
			return nil, err
		}
		sub.Compare = append(sub.Compare, c)
		sub.Types = append(sub.Types, typ)
		sub.NotNull = append(sub.NotNull, cols[i].Field.Flags&uint16(mysql.NotNullFlag) != 0)
	}
	args := append(append([]expr.Expr(nil), parts...), q.arguments(refs)...)
	sub.What = "in subquery(" + scalar.Texts(args) + ")"
	q.b.subs = append(q.b.subs, sub)
	code := sub.Code()
	eval := func(env *expr.Env, args []types.Value) (types.Value, error) { return code.Eval(env, args) }
	return expr.NewFunc("in subquery", types.TypeBool, expr.Volatile, args, eval), nil
}

// limited tells whether the rows of a subquery have a LIMIT.
func limited(n ast.ExprNode) bool {
	s, ok := n.(*ast.SubqueryExpr)
	if !ok {
		return false
	}
	switch query := s.Query.(type) {
	case *ast.SelectStmt:
		return query.Limit != nil
	case *ast.SetOprStmt:
		return query.Limit != nil
	}
	return false
}

// row binds the comparison of a subquery's only row with a row, or with that of another subquery.
func (q subqueryBinder) row(b *bind.Binder, sc *bind.Scope, n *ast.BinaryOperationExpr) (expr.Expr, error) {
	row, inner := bind.RowAndSubquery(n)
	if row == nil {
		return q.rows(sc, n)
	}
	op := bind.OperatorName(n.Op)
	if bind.IsSubquery(n.L) {
		op = turned(op)
	}
	return q.rowWith(b, sc, op, row, inner)
}

// rowWith binds ROW(…) op (SELECT …).
func (q subqueryBinder) rowWith(b *bind.Binder, sc *bind.Scope, op string, row *ast.RowExpr, inner ast.ExprNode) (expr.Expr, error) {
	parts := make([]expr.Expr, len(row.Values))
	var err error
	for i, v := range row.Values {
		if parts[i], err = bind.Expr(b, sc, v); err == nil {
			err = oneColumn(parts[i])
		}
		if err != nil {
			return nil, err
		}
	}
	sub, outer, err := q.withRow(sc, op, parts, inner)
	if err != nil {
		return nil, err
	}
	return q.rowCall(sub, append(parts[:len(parts):len(parts)], outer...)), nil
}

// inRows binds row IN (row, (SELECT …), …): the comparison with each.
func (q subqueryBinder) inRows(b *bind.Binder, sc *bind.Scope, n *ast.PatternInExpr) (expr.Expr, error) {
	row, ok := syntax.Unparen(n.Expr).(*ast.RowExpr)
	if !ok {
		return nil, mysqlerr.NotSupported("this kind of subquery")
	}
	left, err := bind.Expr(b, sc, n.Expr)
	if err != nil {
		return nil, err
	}
	terms := make([]expr.Expr, len(n.List))
	for i, item := range n.List {
		if bind.IsSubquery(item) {
			terms[i], err = q.rowWith(b, sc, "=", row, syntax.Unparen(item))
		} else if terms[i], err = bind.Expr(b, sc, item); err == nil {
			terms[i], err = expr.New("=", left, terms[i])
		}
		if err != nil {
			return nil, err
		}
	}
	some, err := expr.New("or", terms...)
	if err != nil || !n.Not {
		return some, err
	}
	return expr.New("not", some)
}

// turned is the operator with its sides exchanged.
func turned(op string) string {
	if o, ok := map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<="}[op]; ok {
		return o
	}
	return op
}

// withRow binds parts op (SELECT …); outer are the columns that the subquery names.
func (q subqueryBinder) withRow(sc *bind.Scope, op string, parts []expr.Expr, inner ast.ExprNode) (sub *Subquery, outer []expr.Expr, err error) {
	sub, refs, cols, err := q.bindInner(sc, inner, len(parts))
	if err != nil {
		return nil, nil, err
	}
	left, right := make([]expr.Expr, len(parts)), make([]expr.Expr, len(parts))
	for i, p := range parts {
		left[i] = expr.StandIn(i, p)
		right[i] = &expr.Column{Index: len(parts) + i, Typ: cols[i].Field.Type}
		sub.Types = append(sub.Types, cols[i].Field.Type)
	}
	l, err := rowOf(left)
	if err != nil {
		return nil, nil, err
	}
	r, err := rowOf(right)
	if err != nil {
		return nil, nil, err
	}
	c, err := expr.New(op, l, r)
	sub.Kind, sub.Parts, sub.Compare = algebra.Row, parts, []expr.Expr{c}
	return sub, q.arguments(refs), err
}

// rowCall is the value of a comparison with a subquery's only row, as a function of its parts and of the outer columns.
func (q subqueryBinder) rowCall(sub *Subquery, args []expr.Expr) expr.Expr {
	sub.What = "row subquery(" + scalar.Texts(args) + ")"
	q.b.subs = append(q.b.subs, sub)
	code := sub.Code()
	eval := func(env *expr.Env, args []types.Value) (types.Value, error) { return code.Eval(env, args) }
	return expr.NewFunc("row subquery", types.TypeBool, expr.Volatile, args, eval)
}

func rowOf(members []expr.Expr) (expr.Expr, error) {
	if len(members) == 1 {
		return members[0], nil
	}
	return expr.New("row", members...)
}

// rows binds (SELECT …) op (SELECT …) of several columns: the right one is compared with each row of the left one, which is one at most. What
// the right one names of outer columns is handed through.
func (q subqueryBinder) rows(sc *bind.Scope, n *ast.BinaryOperationExpr) (expr.Expr, error) {
	left, refs, cols, err := q.bindInner(sc, syntax.Unparen(n.L), 0)
	if err != nil {
		return nil, err
	}
	parts := make([]expr.Expr, len(cols))
	for i, c := range cols {
		parts[i] = &expr.Column{Index: i, Typ: c.Field.Type}
		left.Types = append(left.Types, c.Field.Type)
	}
	right, handed, err := q.withRow(sc, bind.OperatorName(n.Op), parts, syntax.Unparen(n.R))
	if err != nil {
		return nil, err
	}
	args := make([]expr.Expr, 0, len(parts)+len(handed))
	for i, p := range parts {
		args = append(args, &expr.Column{Index: len(handed) + i, Typ: *p.Type()})
	}
	for i, h := range handed {
		args = append(args, expr.StandIn(i, h))
	}
	left.Kind, left.Parts, left.Compare = algebra.Row, handed, []expr.Expr{q.rowCall(right, args)}
	return q.rowCall(left, append(handed[:len(handed):len(handed)], q.arguments(refs)...)), nil
}

// apply makes a node of EXISTS or IN at the top of WHERE, which has been bound as cond just now; nil for anything else.
func (q subqueryBinder) apply(n ast.ExprNode, cond expr.Expr) *Apply {
	n, negate := bind.StripNot(n)
	switch n := n.(type) {
	case *ast.ExistsSubqueryExpr:
	case *ast.PatternInExpr:
		if bind.InSubquery(n).Sel == nil {
			return nil
		}
	case *ast.CompareSubqueryExpr:
		if n.Op != opcode.EQ || n.All || negate {
			return nil
		}
	default:
		return nil
	}
	last := len(q.b.subs) - 1 // what its own tree and the left side call comes before
	sub := q.b.subs[last]
	if sub.Once {
		return nil
	}
	a := &Apply{Kind: exec.Semi, Sub: sub, Cond: cond, Parts: sub.Parts, NoNulls: true}
	if sub.Negate != negate {
		a.Kind = exec.Anti
	}
	for i, p := range sub.Parts {
		a.NoNulls = a.NoNulls && sub.NotNull[i] && q.NotNull(p)
	}
	q.b.subs = q.b.subs[:last]
	return a
}

// addAsked selects what Asked says. A name that is unknown is one of the row that is updated.
func (q subqueryBinder) addAsked() error {
	b := q.binder(bind.FieldList)
	for _, n := range q.b.o.Asked {
		e, err := bind.Expr(b, q.scope, n)
		if mysqlerr.Code(err) == mysqlerr.BadField {
			err = mysqlerr.NotSupported("a subquery over the updated row in ON DUPLICATE KEY UPDATE")
		}
		if err != nil {
			return err
		}
		q.Fields = append(q.Fields, block.Field{Col: q.outColumn(types.Field{Type: *e.Type()}), Expr: q.b.fold(e)})
	}
	return nil
}
