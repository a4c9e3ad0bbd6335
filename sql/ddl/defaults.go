package ddl

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/bind"
	"cloudsql/planner/canonical"
	"cloudsql/planner/syntax"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// DEFAULT (expression): kept as text, computed at the gateway for each row that needs it, over the row's other columns.

// setExpression makes e the default. What it says of other columns is checked when all are known (checkDefaults).
func (c *column) setExpression(e ast.ExprNode) error {
	if _, row := syntax.Unparen(e).(*ast.RowExpr); row {
		return mysqlerr.New(mysqlerr.DefaultRowValue, c.Name)
	}
	check := &defaultChecker{column: c.Name}
	if e.Accept(check); check.err != nil {
		return check.err
	}
	if c.AutoIncrement {
		return errInvalidDefault(c.Name)
	}
	c.HasDefault, c.Default, c.DefaultExpr = true, nil, "("+canonical.Text(e)+")"
	return nil
}

// noDefaults are the functions that a default can't be made of, with their names in MySQL's error: they are about the session or the
// server, or do something.
var noDefaults = map[string]string{
	"load_file": "load_file", "found_rows": "found_rows", "row_count": "row_count", "last_insert_id": "last_insert_id", "sleep": "sleep",
	"benchmark": "benchmark", "get_lock": "get_lock", "is_free_lock": "is_free_lock", "is_used_lock": "is_used_lock",
	"release_lock": "release_lock", "release_all_locks": "release_all_locks", "current_user": "current_user", "user": "user",
	"session_user": "user", "system_user": "user", "version": "version()", "name_const": "",
}

// defaultChecker refuses what a default can't be made of.
type defaultChecker struct {
	column string
	err    error
}

// Enter looks at a node before what is in it.
func (d *defaultChecker) Enter(n ast.Node) (ast.Node, bool) {
	switch n := n.(type) {
	case *ast.FuncCallExpr:
		switch name, not := noDefaults[n.FnName.L]; {
		case !not:
		case name == "":
			d.err = mysqlerr.New(mysqlerr.DefaultFunctionDisallowed, d.column)
		default:
			d.err = mysqlerr.New(mysqlerr.DefaultFunctionNotAllowed, d.column, name)
		}
	case *ast.ValuesExpr:
		d.err = mysqlerr.New(mysqlerr.DefaultFunctionNotAllowed, d.column, "values")
	case *ast.DefaultExpr:
		d.err = mysqlerr.New(mysqlerr.DefaultAsValGenerated)
	case *ast.AggregateFuncExpr:
		d.err = mysqlerr.New(mysqlerr.InvalidGroupFuncUse)
	case *ast.SubqueryExpr, *ast.WindowFuncExpr:
		d.err = mysqlerr.New(mysqlerr.DefaultFunctionDisallowed, d.column)
	case *ast.VariableExpr, ast.ParamMarkerExpr:
		d.err = mysqlerr.New(mysqlerr.DefaultVariables, d.column)
	}
	return n, d.err != nil
}

// Leave goes on.
func (d *defaultChecker) Leave(n ast.Node) (ast.Node, bool) { return n, d.err == nil }

// checkDefaults holds the expressions of a finished definition to what MySQL lets them refer to: 1054, 3767, 3768.
func checkDefaults(t *schema.Table) error {
	for i := range t.Columns {
		c := &t.Columns[i]
		if !bind.DefaultPerRow(c) {
			continue
		}
		e, err := bind.RowDefault(nil, "", t, i)
		if err != nil {
			return err
		}
		uses := map[int]bool{}
		expr.Columns(e, uses)
		for pos := range t.Columns {
			o := &t.Columns[pos]
			switch {
			case !uses[pos]:
			case o.AutoIncrement:
				return mysqlerr.New(mysqlerr.DefaultOfAutoIncrement, c.Name)
			case pos >= i && bind.DefaultPerRow(o):
				return mysqlerr.New(mysqlerr.DefaultNonPrior, c.Name)
			}
		}
	}
	return nil
}

// checkDependents is 3766 where another column's default refers to the one that is about to go or to be renamed.
func checkDependents(t *schema.Table, pos int) error {
	for i := range t.Columns {
		if i == pos || !bind.DefaultPerRow(&t.Columns[i]) {
			continue
		}
		e, err := bind.RowDefault(nil, "", t, i)
		if err != nil {
			continue // it refers to what has gone before
		}
		uses := map[int]bool{}
		if expr.Columns(e, uses); uses[pos] {
			return mysqlerr.New(mysqlerr.DefaultDependency, t.Columns[pos].Name, t.Name)
		}
	}
	return nil
}
