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
func RowDefault(env *expr.Env, db string, t *schema.Table, pos int) (expr.Expr, error) {
	n, err := syntax.Expr(t.Columns[pos].DefaultExpr)
	if err != nil {
		return nil, err
	}
	b := &Binder{Env: env, Clause: "default value expression"}
	e, err := Expr(b, &Scope{Cols: TableColumns(t, db, t.Name, 0)}, n)
	return expr.ForColumn(e, &t.Columns[pos].Type), err
}

// Generated binds the expression of t's generated column at pos over a row of t by position. It is bound without the session, for it
// means the same in each; TIMESTAMPs are in the session's time zone, as in MySQL. What a STORED column is given goes by the sql_mode of who
// writes the row (env, which may be nil), what a VIRTUAL one shows in MySQL by that of who reads it: none, here.
func Generated(env *expr.Env, db string, t *schema.Table, pos int) (expr.Expr, error) {
	if !t.Columns[pos].Stored {
		env = nil
	}
	e, err := overRow(env, db, t, t.Columns[pos].Generated, "generated column function")
	return expr.ForColumn(e, &t.Columns[pos].Type), err
}

// Check binds a CHECK constraint's expression over a row of t by position, as who writes the row has it (env, which may be nil).
func Check(env *expr.Env, db string, t *schema.Table, c *schema.Check) (expr.Expr, error) {
	e, err := overRow(env, db, t, c.Expr, "check constraint "+c.Name+" expression")
	if err != nil {
		return nil, err
	}
	return expr.Condition(e), nil
}

// overRow binds an expression of a definition over a row of t as env reads it; messages of errors name columns with db, if it is given.
func overRow(env *expr.Env, db string, t *schema.Table, text, clause string) (expr.Expr, error) {
	n, err := syntax.Expr(text)
	if err != nil {
		return nil, err
	}
	return Expr(&Binder{Clause: clause}, &Scope{Cols: Padded(env, TableColumns(t, db, t.Name, 0))}, n)
}

// Partitioning binds a partitioning function over a row of t by position.
func Partitioning(t *schema.Table, text string) (expr.Expr, error) {
	return overRow(nil, "", t, text, "partition function")
}

// Key binds a functional key part over a row of t by position.
func Key(t *schema.Table, text string) (expr.Expr, error) {
	return overRow(nil, "", t, text, "functional index")
}
