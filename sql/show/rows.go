package show

import (
	"context"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/exec"
	"cloudsql/sql/show/virtual"
	"cloudsql/sql/tree"
	"cloudsql/storage/types"
)

// rowsName is the name, in information_schema, by which a query finds the result of a SHOW. No client can write it.
const rowsName = "rows of\x00show"

// Where makes a query of a result whose condition has subqueries: the statement, and how the table that it reads is found, beside the
// other virtual tables.
func (r *Result) Where(where ast.ExprNode, find func(db, table string) (exec.VirtualTable, bool)) (
	*ast.SelectStmt, func(db, table string) (exec.VirtualTable, bool)) {
	sel := tree.All(virtual.InfoSchema, rowsName)
	sel.Where = where
	return sel, func(db, table string) (exec.VirtualTable, bool) {
		if table == rowsName && strings.EqualFold(db, virtual.InfoSchema) {
			return rows{r}, true
		}
		return find(db, table)
	}
}

// rows is the result of a SHOW as a table.
type rows struct{ *Result }

// Name implements exec.VirtualTable.
func (t rows) Name() (db, table string) { return virtual.InfoSchema, rowsName }

// Columns implements exec.VirtualTable.
func (t rows) Columns() []exec.VirtualColumn {
	cols := make([]exec.VirtualColumn, len(t.Fields))
	for i := range t.Fields {
		f := &t.Fields[i]
		cols[i] = exec.VirtualColumn{Name: f.Name, Type: f.Type, NotNull: f.Flags&uint16(mysql.NotNullFlag) != 0}
	}
	return cols
}

// Scan implements exec.VirtualTable.
func (t rows) Scan(_ context.Context, _ exec.VirtualQuery, fn func(row []types.Value) error) error {
	for _, row := range t.Rows {
		if err := fn(row); err != nil {
			return err
		}
	}
	return nil
}
