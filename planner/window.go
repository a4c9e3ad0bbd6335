package planner

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/bind"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
)

// windowItem is a window function of a block and the number of its result.
type windowItem struct {
	id int
}

func (q *selectQuery) window(*bind.Scope, *ast.WindowFuncExpr) (expr.Expr, error) {
	return nil, mysqlerr.NotSupported("window functions")
}

func (s *settler) settleWindows() error { return nil }

func (q *selectQuery) planWindows(n node) (node, error) { return n, nil }
