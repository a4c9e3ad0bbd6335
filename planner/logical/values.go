package logical

import (
	"slices"
	"strconv"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/bind"
	"cloudsql/planner/block"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// bindValues binds VALUES ROW(…), ROW(…) with its ORDER BY and LIMIT. 3942, 3943, 1136.
func (q *selectQuery) bindValues(n *ast.SelectStmt) error {
	q.see(nil)
	b := q.binder(bind.FieldList)
	for _, row := range n.Lists {
		list := make([]expr.Expr, len(row.Values))
		if len(row.Values) == 0 {
			return mysqlerr.New(mysqlerr.ValuesWithoutColumns)
		}
		for i, v := range row.Values {
			if d, ok := v.(*ast.DefaultExpr); ok && d.Name == nil {
				return mysqlerr.New(mysqlerr.ValuesWithDefault)
			}
			e, err := bind.Expr(b, q.scope, v)
			if err != nil {
				return err
			}
			list[i] = q.b.fold(e)
		}
		if len(q.Values) > 0 && len(list) != len(q.Values[0]) {
			return mysqlerr.New(mysqlerr.WrongValueCountOnRow, len(q.Values)+1)
		}
		q.Values = append(q.Values, list)
	}
	if err := q.nameValues(); err != nil {
		return err
	}
	if n.OrderBy != nil {
		for _, item := range n.OrderBy.Items {
			if err := q.bindOrderItem(item); err != nil {
				return err
			}
		}
	}
	if err := q.isPlain(); err != nil {
		return err
	}
	var err error
	q.Limit, err = q.b.limit(n.Limit)
	return err
}

// nameValues names the columns column_0, column_1, … and unifies their types over the rows.
func (q *selectQuery) nameValues() error {
	for i := range q.Values[0] {
		typ := *q.Values[0][i].Type()
		for _, row := range q.Values[1:] {
			t, err := scalar.Unify(q.b.typing(), typ, row[i])
			if err != nil {
				return err
			}
			typ = t
		}
		f := types.Field{Name: "column_" + strconv.Itoa(i), Type: typ, Flags: bind.TypeFlags(&typ)}
		if !slices.ContainsFunc(q.Values, func(row []expr.Expr) bool { return !scalar.DeclaredNotNull(row[i], q.NotNull) }) {
			f.Flags |= uint16(mysql.NotNullFlag)
		}
		for _, row := range q.Values {
			row[i] = scalar.Convert(row[i], typ)
		}
		col := q.outColumn(f)
		q.Fields = append(q.Fields, block.Field{Col: col, Name: f.Name, Expr: col.Ref()})
	}
	return nil
}
