package bind

import (
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
)

// OutsideFinder lists the columns of an assignment that are none of the table's, and those that are; and its subqueries that give a
// value and do not name the new row.
type OutsideFinder struct {
	Alias      string
	Columns    []Column // of the table, or of the view
	Names, Own []*ast.ColumnName
	Asked      []ast.ExprNode
}

// Enter implements ast.Visitor.
func (f *OutsideFinder) Enter(n ast.Node) (ast.Node, bool) {
	switch n := n.(type) {
	case *ast.ValuesExpr, *ast.DefaultExpr, *ast.CompareSubqueryExpr:
		return n, true
	case *ast.SubqueryExpr, *ast.ExistsSubqueryExpr:
		if e := n.(ast.ExprNode); !NamesNewRow(e) {
			f.Asked = append(f.Asked, e)
		}
		return n, true
	case *ast.PatternInExpr:
		return n, n.Sel != nil
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
