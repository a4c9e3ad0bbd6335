package planner

import (
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/bind"
	"cloudsql/planner/syntax"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// errDefaultAsExpr is ER_DEFAULT_AS_VAL_GENERATED.
const errDefaultAsExpr = 3773

// DefaultPerRow tells of a DEFAULT (expression), which each row may have another value of.
func DefaultPerRow(c *schema.Column) bool { return strings.HasPrefix(c.DefaultExpr, "(") }

// BindDefault binds the default expression of t's column at pos over a row of t, whose columns are numbered by position.
// ctx may be nil.
func BindDefault(ctx *Context, t *schema.Table, pos int) (expr.Expr, error) {
	n, err := syntax.Expr(t.Columns[pos].DefaultExpr)
	if err != nil {
		return nil, err
	}
	b := &bind.Binder{Clause: "default value expression"}
	if ctx != nil {
		b.Env = ctx.Env
	}
	e, err := bind.Expr(b, &bind.Scope{Cols: bind.TableColumns(t, "", t.Name, 0)}, n)
	return expr.ForColumn(e, &t.Columns[pos].Type), err
}

// LocalRow is a row in storage form as expressions see it: TIMESTAMPs are local times. The row is not changed.
func LocalRow(row []types.Value, m *types.Mode) []types.Value {
	copied := false
	for i := range row {
		if row[i].Kind() != types.KindTimestamp {
			continue
		}
		if !copied {
			row, copied = slices.Clone(row), true
		}
		row[i] = types.ToLocal(row[i], m.Loc)
	}
	return row
}

// defaultNode is the default expression of a column as an assignment's value: its columns are those of the table that goes
// by alias.
func defaultNode(c *schema.Column, alias string) (ast.ExprNode, error) {
	n, err := syntax.Expr(c.DefaultExpr)
	if err != nil {
		return nil, err
	}
	n.Accept(&qualifier{table: ast.NewCIStr(alias)})
	return n, nil
}

// qualifier puts a table's name before columns.
type qualifier struct{ table ast.CIStr }

func (q *qualifier) Enter(n ast.Node) (ast.Node, bool) {
	if c, ok := n.(*ast.ColumnName); ok {
		c.Table = q.table
	}
	return n, false
}

func (q *qualifier) Leave(n ast.Node) (ast.Node, bool) { return n, true }

// assignedDefaults is list with DEFAULT (expression) in the place of DEFAULT.
func assignedDefaults(t *schema.Table, alias string, list []*ast.Assignment) ([]*ast.Assignment, error) {
	for i, a := range list {
		d, ok := a.Expr.(*ast.DefaultExpr)
		pos := t.ColumnByName(a.Column.Name.L)
		if !ok || d.Name != nil || pos < 0 || !DefaultPerRow(&t.Columns[pos]) {
			continue
		}
		n, err := defaultNode(&t.Columns[pos], alias)
		if err != nil {
			return nil, err
		}
		list = slices.Clone(list)
		list[i] = &ast.Assignment{Column: a.Column, Expr: n}
	}
	return list, nil
}

// defaultOf is DEFAULT(c), which MySQL gives for constants and the present time only.
func (ctx *Context) defaultOf(c *bind.Column) (expr.Expr, error) {
	col := &c.Source.Columns[c.Pos]
	if DefaultPerRow(col) {
		return nil, mysqlerr.Newf(errDefaultAsExpr, "DEFAULT function cannot be used with default value expressions")
	}
	return bindText(ctx, col.DefaultExpr)
}
