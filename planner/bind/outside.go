package bind

import (
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
)

// OutsideFinder lists the columns of an assignment that are none of the table's, and those that are; and its subqueries that may be
// values of the new row's source: they stand for themselves and do not name the new row. What others name, within or on their left, may
// be columns that are none of the table's.
type OutsideFinder struct {
	Alias       string
	Columns     []Column // of the table, or of the view
	ByRow       bool     // no subquery is one of those
	Names, Own  []*ast.ColumnName
	Asked       []ast.ExprNode
	Perhaps     []*ast.ColumnName
	withinByRow int
}

// Enter implements ast.Visitor.
func (f *OutsideFinder) Enter(n ast.Node) (ast.Node, bool) {
	switch n := n.(type) {
	case *ast.ValuesExpr, *ast.DefaultExpr:
		return n, true
	case *ast.SubqueryExpr, *ast.ExistsSubqueryExpr:
		if e := n.(ast.ExprNode); f.withinByRow == 0 && !f.ByRow && !NamesNewRow(e) {
			f.Asked = append(f.Asked, e)
			return n, true
		}
	case *ast.ColumnName:
		f.column(n)
	}
	if byRow(n) {
		f.withinByRow++
	}
	return n, false
}

// byRow tells whether a node is a subquery with all that belongs to it.
func byRow(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.SubqueryExpr, *ast.ExistsSubqueryExpr, *ast.CompareSubqueryExpr:
		return true
	case *ast.PatternInExpr:
		return InSubquery(n).Sel != nil
	}
	return false
}

// Leave implements ast.Visitor.
func (f *OutsideFinder) Leave(n ast.Node) (ast.Node, bool) {
	if byRow(n) && !slices.Contains(f.Asked, n.(ast.ExprNode)) {
		f.withinByRow--
	}
	return n, true
}

func (f *OutsideFinder) column(n *ast.ColumnName) {
	named := func(o *ast.ColumnName) bool { return FullName(o) == FullName(n) }
	own := n.Table.O == "" || strings.EqualFold(n.Table.O, f.Alias)
	if own {
		c, err := (&Scope{Cols: f.Columns}).FindNamed(n.Name.O, FieldList)
		own = c != nil || err != nil
	}
	switch {
	case own && f.withinByRow == 0:
		f.Own = append(f.Own, n)
	case own:
	case f.withinByRow > 0 && !slices.ContainsFunc(f.Perhaps, named):
		f.Perhaps = append(f.Perhaps, n)
	case f.withinByRow == 0 && !slices.ContainsFunc(f.Names, named):
		f.Names = append(f.Names, n)
	}
}
