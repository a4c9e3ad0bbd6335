package definition

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// SourceOf is the table's column that a query's field is; nil for any other.
func SourceOf(c *catalog.Snapshot, f *types.Field) *schema.Column {
	if f.OrgTable == "" {
		return nil
	}
	t, ok := c.Table(f.Schema, f.OrgTable)
	if !ok {
		return nil
	}
	if i := t.ColumnByName(f.OrgName); i >= 0 {
		return &t.Columns[i]
	}
	return nil
}

// InsertFrom is the INSERT … SELECT that fills the table of a CREATE TABLE … SELECT, under the name target.
func InsertFrom(n *ast.CreateTableStmt, target string, columns []schema.Column) *ast.InsertStmt {
	table := *n.Table
	table.Name = ast.NewCIStr(target)
	ins := &ast.InsertStmt{
		Table: &ast.TableRefsClause{TableRefs: &ast.Join{Left: &ast.TableSource{Source: &table}}}, Select: n.Select,
		IsReplace: n.OnDuplicate == ast.OnDuplicateKeyHandlingReplace, IgnoreErr: n.OnDuplicate == ast.OnDuplicateKeyHandlingIgnore,
	}
	for _, c := range columns {
		ins.Columns = append(ins.Columns, &ast.ColumnName{Name: ast.NewCIStr(c.Name)})
	}
	return ins
}
