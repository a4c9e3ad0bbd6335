package bind

import (
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"
	"github.com/pingcap/tidb/pkg/parser/opcode"

	"cloudsql/planner/syntax"
	"cloudsql/storage/expr"
	"cloudsql/storage/types"
)

// Condition binds a condition as MySQL reads it for ODBC, which knows no '0000-00-00': IS NULL of a DATE or DATETIME column that is
// declared NOT NULL finds that date (and NULL where an outer join left the table out). It holds for the condition itself and the terms
// of its ANDs and ORs.
func Condition(b *Binder, sc *Scope, n ast.ExprNode) (expr.Expr, error) {
	n = syntax.Unparen(n)
	switch n := n.(type) {
	case *ast.BinaryOperationExpr:
		if n.Op == opcode.LogicAnd || n.Op == opcode.LogicOr {
			return b.conditions(sc, n)
		}
	case *ast.IsNullExpr:
		if !n.Not {
			return b.isNull(sc, n, n.Expr)
		}
	case *ast.FuncCallExpr:
		if n.FnName.L == "isnull" && len(n.Args) == 1 {
			return b.isNull(sc, n, n.Args[0])
		}
	}
	return Expr(b, sc, n)
}

// conditions binds the terms of a chain of ANDs or ORs.
func (b *Binder) conditions(sc *Scope, n *ast.BinaryOperationExpr) (expr.Expr, error) {
	terms := chain(n)
	args := make([]expr.Expr, len(terms))
	for i, t := range terms {
		var err error
		if args[i], err = Condition(b, sc, t); err != nil {
			return nil, err
		}
	}
	return expr.New(OperatorName(n.Op), args...)
}

// isNull binds the condition n that of is NULL.
func (b *Binder) isNull(sc *Scope, n, of ast.ExprNode) (expr.Expr, error) {
	e, err := Expr(b, sc, n)
	name, ok := syntax.Unparen(of).(*ast.ColumnNameExpr)
	if err != nil || !ok {
		return e, err
	}
	c := sc.named(name.Name)
	if c == nil || c.Field.Type.Class() != types.ClassDate && c.Field.Type.ID != mysql.TypeDatetime {
		return e, nil
	}
	declared := c.Source != nil && c.Source.Columns[c.Pos].NotNull
	never := c.Field.Flags&uint16(mysql.NotNullFlag) != 0
	if !declared && !never {
		return e, nil
	}
	value, err := Expr(b, sc, name)
	if err != nil {
		return nil, err
	}
	zero, err := expr.New("=", value, expr.NewInt(0))
	if err != nil || never {
		return zero, err
	}
	return expr.New("or", e, zero)
}

// NumberedIsNull gives AUTO_INCREMENT's column of a condition that is nothing but that it, which can't be NULL, IS NULL; nil: n is none.
func NumberedIsNull(sc *Scope, n ast.ExprNode) (*Column, error) {
	is, ok := syntax.Unparen(n).(*ast.IsNullExpr)
	if !ok || is.Not {
		return nil, nil
	}
	name, ok := syntax.Unparen(is.Expr).(*ast.ColumnNameExpr)
	if !ok {
		return nil, nil
	}
	c, err := sc.Find(name.Name, Where)
	if err != nil || c == nil || c.Source == nil || !c.Source.Columns[c.Pos].AutoIncrement || c.Field.Flags&uint16(mysql.NotNullFlag) == 0 {
		return nil, err
	}
	return c, nil
}

// named finds a column here or outwards; nil where the name is none, or ambiguous.
func (s *Scope) named(name *ast.ColumnName) *Column {
	for sc := s; sc != nil; sc = sc.Outer {
		if c, err := sc.Find(name, ""); c != nil || err != nil {
			return c
		}
	}
	return nil
}
