package definition

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/storage/schema"
)

// InsertFrom is the INSERT … SELECT that fills the table of a CREATE TABLE … SELECT.
func InsertFrom(n *ast.CreateTableStmt, columns []schema.Column) *ast.InsertStmt {
	ins := &ast.InsertStmt{
		Table: &ast.TableRefsClause{TableRefs: &ast.Join{Left: &ast.TableSource{Source: n.Table}}}, Select: n.Select,
	}
	for _, c := range columns {
		ins.Columns = append(ins.Columns, &ast.ColumnName{Name: ast.NewCIStr(c.Name)})
	}
	return ins
}
