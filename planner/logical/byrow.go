package logical

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/bind"
	"cloudsql/planner/block"
	"cloudsql/planner/dml"
	"cloudsql/storage/expr"
	"cloudsql/storage/types"
)

// ByRow binds the subqueries of expressions over a row that the statement has at hand: ON DUPLICATE KEY UPDATE. They are functions of
// the row, as subqueries of a block are of its rows, though no plan gives these.
type ByRow struct{ block *selectQuery }

// NewByRow is for a row of cols, which are numbered by their places in its width values. newRow is what VALUES(c) means: a column of the
// row, too.
func NewByRow(ctx *Context, n *dml.Insert, params int, cols []bind.Column, width int, newRow func(*ast.ColumnName) (expr.Expr, error)) ByRow {
	b := newBuilder(ctx, Options{Params: params, Changes: true})
	b.ids.New(width)
	b.changes, b.verb = insertedInto(n), "INSERT"
	b.newRow = newRow
	q := b.newBlock()
	b.stack = append(b.stack, q)
	q.see(cols)
	return ByRow{q}
}

// Scope is the row's columns.
func (r ByRow) Scope() *bind.Scope { return r.block.scope }

// Subquery is the hook of a binder.
func (r ByRow) Subquery(b *bind.Binder, n ast.ExprNode) (expr.Expr, error) {
	return subqueryBinder{r.block}.subquery(b, r.block.scope, n)
}

// Query is what a plan is made of that runs the statement's subqueries; nil where there are none.
func (r ByRow) Query(stmt ast.Node) (*Query, error) { return r.block.b.subqueries(r.block, stmt) }

// subqueries is what a plan is made of that runs the subqueries bound so far, which expressions call; nil where there are none. q, a block
// without tables, gives it a row without meaning.
func (b *builder) subqueries(q *selectQuery, stmt ast.Node) (*Query, error) {
	if len(b.subs) == 0 {
		return nil, nil
	}
	q.Fields = []block.Field{{Col: q.outColumn(types.Field{Type: types.TypeNull}), Expr: expr.NewNull()}}
	return b.query(q.Node(), q, stmt)
}

// valuesOf is VALUES(c) within a subquery.
func (b *builder) valuesOf(name *ast.ColumnName) (expr.Expr, error) {
	e, err := b.newRow(name)
	if err != nil {
		return nil, err
	}
	return partsFromOuter(e, b.stack[0].fromOuter)
}
