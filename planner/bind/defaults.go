package bind

import (
	"strings"

	"cloudsql/planner/syntax"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// DefaultPerRow tells of a DEFAULT (expression), which each row may have another value of.
func DefaultPerRow(c *schema.Column) bool { return strings.HasPrefix(c.DefaultExpr, "(") }

// DefaultOf is DEFAULT(c) of a column with a default expression, which MySQL gives for the present time only.
func DefaultOf(env *expr.Env, c *schema.Column) (expr.Expr, error) {
	if DefaultPerRow(c) {
		return nil, mysqlerr.New(mysqlerr.DefaultAsValGenerated)
	}
	return Text(env, c.DefaultExpr)
}

// Text binds a default expression of a descriptor that names no columns.
func Text(env *expr.Env, text string) (expr.Expr, error) {
	n, err := syntax.Expr(text)
	if err != nil {
		return nil, err
	}
	return Expr(&Binder{Env: env, Clause: FieldList}, &Scope{}, n)
}

// RowDefault binds the default expression of t's column at pos over a row of t, whose columns are numbered by position.
func RowDefault(env *expr.Env, t *schema.Table, pos int) (expr.Expr, error) {
	n, err := syntax.Expr(t.Columns[pos].DefaultExpr)
	if err != nil {
		return nil, err
	}
	b := &Binder{Env: env, Clause: "default value expression"}
	e, err := Expr(b, &Scope{Cols: TableColumns(t, "", t.Name, 0)}, n)
	return expr.ForColumn(e, &t.Columns[pos].Type), err
}
