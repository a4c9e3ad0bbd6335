package syntax

import (
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/mysqlerr"
)

// FirstOptions are those of a query's first SELECT.
func FirstOptions(n ast.Node) *ast.SelectStmtOpts {
	switch n := n.(type) {
	case *ast.SelectStmt:
		return n.SelectStmtOpts
	case *ast.SetOprStmt:
		return FirstOptions(n.SelectList)
	case *ast.SetOprSelectList:
		return FirstOptions(n.Selects[0])
	}
	return nil
}

// CheckOptions keeps some options to the first SELECT of a statement: 1234.
func CheckOptions(n *ast.SelectStmt, first *ast.SelectStmtOpts) error {
	switch o := n.SelectStmtOpts; {
	case n.SelectIntoOpt != nil:
		return mysqlerr.NotSupported("SELECT … INTO")
	case o == nil || o == first:
	case o.Priority == mysql.HighPriority:
		return mysqlerr.New(mysqlerr.CantUseOptionHere, "HIGH_PRIORITY")
	case o.SQLBufferResult:
		return mysqlerr.New(mysqlerr.CantUseOptionHere, "SQL_BUFFER_RESULT")
	case o.CalcFoundRows:
		return mysqlerr.New(mysqlerr.CantUseOptionHere, "SQL_CALC_FOUND_ROWS")
	}
	return nil
}

// NamedBy is what names the column of a term: itself, or the first argument of NAME_CONST.
func NamedBy(n ast.ExprNode) ast.ExprNode {
	if c, ok := n.(*ast.FuncCallExpr); ok && c.FnName.L == "name_const" && len(c.Args) == 2 {
		return c.Args[0]
	}
	return n
}
