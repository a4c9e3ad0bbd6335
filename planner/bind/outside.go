package bind

import (
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/storage/schema"
)

// OutsideFinder lists the columns of an assignment that are none of the table's, and those that are.
type OutsideFinder struct {
	Alias      string
	Table      *schema.Table
	Names, Own []*ast.ColumnName
}

// Enter implements ast.Visitor.
func (f *OutsideFinder) Enter(n ast.Node) (ast.Node, bool) {
	switch n := n.(type) {
	case *ast.ValuesExpr, *ast.DefaultExpr, *ast.SubqueryExpr:
		return n, true
	case *ast.ColumnName:
		if own := n.Table.O == "" || strings.EqualFold(n.Table.O, f.Alias); own && f.Table.ColumnByName(n.Name.L) >= 0 {
			f.Own = append(f.Own, n)
			break
		}
		if !slices.ContainsFunc(f.Names, func(o *ast.ColumnName) bool { return FullName(o) == FullName(n) }) {
			f.Names = append(f.Names, n)
		}
	}
	return n, false
}

// Leave implements ast.Visitor.
func (f *OutsideFinder) Leave(n ast.Node) (ast.Node, bool) { return n, true }
