package planner

import (
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/bind"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// INSERT … SELECT … ON DUPLICATE KEY UPDATE may name columns of the SELECT's tables. They are selected too, behind those
// that are inserted.

// selectOutside finds such columns and gives the query that selects them. Where they would change what the query means
// (grouping, set operations) they are unknown, as in MySQL.
func (p *insertPlan) selectOutside(n ast.ResultSetNode, onDuplicate []*ast.Assignment) (ast.ResultSetNode, error) {
	sel, ok := n.(*ast.SelectStmt)
	if !ok || len(onDuplicate) == 0 || sel.GroupBy != nil || sel.Kind != ast.SelectStmtKindSelect || sel.From == nil {
		return n, nil
	}
	f := &outsideFinder{p: p}
	for _, a := range onDuplicate {
		a.Expr.Accept(f)
	}
	if len(f.names) == 0 {
		return n, nil
	}
	if sel.Distinct {
		return nil, mysqlerr.NotSupported("columns of SELECT DISTINCT in ON DUPLICATE KEY UPDATE")
	}
	more := *sel
	more.Fields = &ast.FieldList{Fields: slices.Clone(sel.Fields.Fields)}
	for _, name := range f.names {
		more.Fields.Fields = append(more.Fields.Fields, &ast.SelectField{Expr: &ast.ColumnNameExpr{Name: name}})
		p.outside = append(p.outside, bind.Column{
			ID:       2*len(p.table.Columns) + len(p.outside),
			Field:    types.Field{Schema: name.Schema.O, Table: name.Table.O, Name: name.Name.O},
			Shadowed: name.Table.O != "",
		})
	}
	return &more, nil
}

// outsideFinder lists the columns of an assignment that are none of the table's.
type outsideFinder struct {
	p     *insertPlan
	names []*ast.ColumnName
}

func (f *outsideFinder) Enter(n ast.Node) (ast.Node, bool) {
	switch n := n.(type) {
	case *ast.ValuesExpr, *ast.DefaultExpr, *ast.SubqueryExpr:
		return n, true
	case *ast.ColumnName:
		if own := n.Table.O == "" || strings.EqualFold(n.Table.O, f.p.alias); own && f.p.table.ColumnByName(n.Name.L) >= 0 {
			break
		}
		if !slices.ContainsFunc(f.names, func(o *ast.ColumnName) bool { return bind.FullName(o) == bind.FullName(n) }) {
			f.names = append(f.names, n)
		}
	}
	return n, false
}

func (f *outsideFinder) Leave(n ast.Node) (ast.Node, bool) { return n, true }

func cloneRow(row []types.Value) []types.Value {
	out := make([]types.Value, len(row))
	for i := range row {
		out[i] = row[i].Clone()
	}
	return out
}
