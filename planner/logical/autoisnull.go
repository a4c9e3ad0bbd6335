package logical

import (
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/bind"
	"cloudsql/planner/syntax"
	"cloudsql/storage/expr"
	"cloudsql/storage/types"
)

// Inserted says whether AUTO_INCREMENT has given a value that no condition has asked for since (sql_auto_is_null), and is told whether the
// statement being planned asks.
type Inserted struct{ Fresh, Asked bool }

// insertedLast is the condition for the row that was inserted last, as sql_auto_is_null lets ODBC say it: a WHERE that is nothing but
// AUTO_INCREMENT's column IS NULL, once after each value that AUTO_INCREMENT gave. nil: n is no such condition.
func (q *selectQuery) insertedLast(n ast.ExprNode) (expr.Expr, error) {
	ctx := q.b.ctx
	is, ok := syntax.Unparen(n).(*ast.IsNullExpr)
	if !ctx.AutoIsNull || ctx.Inserted == nil || !ok || is.Not {
		return nil, nil
	}
	name, ok := syntax.Unparen(is.Expr).(*ast.ColumnNameExpr)
	if !ok {
		return nil, nil
	}
	c, err := q.scope.Find(name.Name, bind.Where)
	if err != nil || c == nil || c.Source == nil || !c.Source.Columns[c.Pos].AutoIncrement || c.Field.Flags&uint16(mysql.NotNullFlag) == 0 {
		return nil, err
	}
	q.b.once = true
	if !ctx.Inserted.Fresh || ctx.Inserted.Asked {
		return nil, nil
	}
	ctx.Inserted.Asked = true
	id := &expr.Const{Val: types.Uint(ctx.Env.Session.LastInsertID()), Typ: types.TypeUint}
	return expr.New("=", c.Ref(), id)
}
