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
		return q.value(sc, n)
	case *ast.ExistsSubqueryExpr:
		return q.exists(sc, n)
	case *ast.PatternInExpr:
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
func (q subqueryBinder) bindInner(sc *bind.Scope, n ast.ExprNode) (*Subquery, []block.Outer, []bind.Column, error) {
	s, ok := n.(*ast.SubqueryExpr)
	if !ok {
		return nil, nil, nil, mysqlerr.NotSupported("this kind of subquery")
	}
	in, err := q.b.bindQuery(s.Query, sc, q.ctes)
	if err != nil {
		return nil, nil, nil, err
	}
	sub := algebra.NewSubquery(in.Node())
	if s, ok := in.(*selectQuery); ok {
		s.hintSubquery(sub)
	}
	refs := in.Refs()
	for i := range refs {
		sub.Refs = append(sub.Refs, refs[i].OuterRef)
	}
	return sub, refs, in.Columns(), nil
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

// value binds (SELECT …) as a value, or as a row of them.
func (q subqueryBinder) value(sc *bind.Scope, n *ast.SubqueryExpr) (expr.Expr, error) {
	sub, refs, cols, err := q.bindInner(sc, n)
	if err != nil {
		return nil, err
	}
	if len(cols) > 1 {
		return q.row(sub, refs, cols)
	}
	if k := literalOf(sub, refs); k != nil {
		return k, nil
	}
	return valueOf(q.call("subquery", cols[0].Field.Type, sub, refs), cols[0].Ref()), nil
}

// valueOf is a value of a subquery's column: members of ENUM and SET have become text, which is no number.
func valueOf(call, column expr.Expr) expr.Expr {
	switch t := call.Type(); t.Class() {
	case types.ClassEnum, types.ClassSet:
		text := types.TypeString
		text.Collation = t.Collation
		return expr.NewCast(call, text)
	}
	return expr.CountsAs(call, column)
}

// row makes a row constructor of a subquery's only row, so that rows of subqueries stand wherever rows do. Its members share what is
// read.
func (q subqueryBinder) row(sub *Subquery, refs []block.Outer, cols []bind.Column) (expr.Expr, error) {
	name, args := q.enlist("row subquery", sub, refs)
	sub.Kind = algebra.Row
	members := make([]expr.Expr, len(cols))
	for i := range cols {
		sub.Members = append(sub.Members, algebra.NewCode())
		members[i] = valueOf(function(name+"."+strconv.Itoa(i+1), cols[i].Field.Type, sub.Members[i], args), cols[i].Ref())
	}
	return expr.New("row", members...)
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
	sub, refs, _, err := q.bindInner(sc, n.Sel)
	if err != nil {
		return nil, err
	}
	sub.Kind, sub.Negate, sub.Node = algebra.Exists, n.Not, algebra.WithoutList(sub.Node)
	return q.call("exists", types.TypeBool, sub, refs), nil
}

// call makes the expression of a subquery's value: a function of the outer columns that it names, if any.
func (q subqueryBinder) call(name string, t types.Type, sub *Subquery, refs []block.Outer) expr.Expr {
	name, args := q.enlist(name, sub, refs)
	return function(name, t, sub.Code(), args)
}

// enlist notes a subquery that expressions are about to call. It gives the name that tells it from others, and its arguments.
func (q subqueryBinder) enlist(name string, sub *Subquery, refs []block.Outer) (string, []expr.Expr) {
	q.b.subs = append(q.b.subs, sub)
	if len(refs) == 0 {
		q.b.onces++
		name += " " + strconv.Itoa(q.b.onces)
		sub.What, sub.Once = name+", once", true
		return name, nil
	}
	args := q.arguments(refs)
	sub.What = name + "(" + scalar.Texts(args) + ")"
	return name, args
}

// function is what code computes of args; without any, once an execution.
func function(name string, t types.Type, code *algebra.Code, args []expr.Expr) expr.Expr {
	if len(args) == 0 {
		return expr.NewOnce(name, t, func(env *expr.Env) (types.Value, error) { return code.Eval(env, nil) })
	}
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
	sub, refs, cols, err := q.bindInner(sc, n)
	if err != nil {
		return nil, err
	}
	if err := comparableRows(parts, len(cols), op == "=" && !all); err != nil {
		return nil, err
	}
	sub.Kind, sub.Parts, sub.All, sub.Negate, sub.Equal = algebra.Quantified, parts, all, negate, op == "="
	for i, p := range parts {
		typ := cols[i].Field.Type
		inner := cols[i].Ref()
		inner.Index, inner.Name = len(parts)+i, ""
		c, err := expr.New(op, expr.StandIn(i, p), inner)
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
	return function("in subquery", types.TypeBool, sub.Code(), args), nil
}

// comparableRows is 1241 where a row can't be compared with those of a subquery: rows are equal or not, but none is below ANY, and their
// members are no rows themselves.
func comparableRows(parts []expr.Expr, width int, equal bool) error {
	switch {
	case len(parts) > 1 && !equal:
		return mysqlerr.New(mysqlerr.OperandColumns, 1)
	case len(parts) != width:
		return mysqlerr.New(mysqlerr.OperandColumns, len(parts))
	}
	for _, p := range parts {
		if r := scalar.AsCall(p, "row"); r != nil {
			return mysqlerr.New(mysqlerr.OperandColumns, len(r.Args()))
		}
	}
	return nil
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

// addAsked selects what Asked says.
func (q subqueryBinder) addAsked() error {
	b := q.binder(bind.FieldList)
	for _, n := range q.b.o.Asked {
		e, err := bind.Expr(b, q.scope, n)
		if err == nil {
			err = oneColumn(e)
		}
		if err != nil {
			return err
		}
		q.Fields = append(q.Fields, block.Field{Col: q.outColumn(types.Field{Type: *e.Type()}), Expr: q.b.fold(e)})
	}
	return nil
}
