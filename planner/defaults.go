package planner

import (
	"slices"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/bind"
	"cloudsql/planner/syntax"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

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
		if !ok || d.Name != nil || pos < 0 || !bind.DefaultPerRow(&t.Columns[pos]) {
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
