package bind

import (
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
)

// OutsideFinder lists the columns of an assignment that are none of the table's, and those that are.
type OutsideFinder struct {
	Alias      string
	Columns    []Column // of the table, or of the view
	Names, Own []*ast.ColumnName
}

// Enter implements ast.Visitor.
func (f *OutsideFinder) Enter(n ast.Node) (ast.Node, bool) {
	switch n := n.(type) {
	case *ast.ValuesExpr, *ast.DefaultExpr, *ast.SubqueryExpr:
		return n, true
	case *ast.ColumnName:
		if own := n.Table.O == "" || strings.EqualFold(n.Table.O, f.Alias); own {
			if c, err := (&Scope{Cols: f.Columns}).FindNamed(n.Name.O, FieldList); c != nil || err != nil {
				f.Own = append(f.Own, n)
				break
			}
		}
		if !slices.ContainsFunc(f.Names, func(o *ast.ColumnName) bool { return FullName(o) == FullName(n) }) {
			f.Names = append(f.Names, n)
		}
	}
	return n, false
}

// Leave implements ast.Visitor.
func (f *OutsideFinder) Leave(n ast.Node) (ast.Node, bool) { return n, true }
