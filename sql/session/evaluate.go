package session

import (
	"context"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/sql/tree"
	"cloudsql/storage/types"
)

// evaluate computes expressions that stand in a statement of their own kind (SET, DO, KILL): as a SELECT of them would,
// subqueries included. The values are the caller's to keep.
func (s execution) evaluate(ctx context.Context, exprs []ast.ExprNode, params []types.Value) ([]types.Value, error) {
	vals, _, err := s.evaluateTyped(ctx, exprs, params)
	return vals, err
}

func (s execution) evaluateTyped(ctx context.Context, exprs []ast.ExprNode, params []types.Value) (
	vals []types.Value, typs []types.Type, err error) {
	if v, t, ok := tree.Literals(exprs); ok {
		return v, t, nil
	}
	sel := &ast.SelectStmt{SelectStmtOpts: &ast.SelectStmtOpts{SQLCache: true}, Fields: &ast.FieldList{}}
	for _, e := range exprs {
		sel.Fields.Fields = append(sel.Fields.Fields, &ast.SelectField{Expr: e})
	}
	p, err := s.makePlan(sel, s.db, params)
	if err != nil {
		return nil, nil, err
	}
	s.env.Params = params
	s.tx.Past().Touch()
	if p.Touches() {
		if err := s.admit(ctx, p); err != nil {
			return nil, nil, err
		}
	}
	if s.rt.Txn = s.tx.Ensure(p.Touches()); s.rt.Txn != nil {
		s.rt.Txn.StartStatement()
	}
	op, err := p.Rows.Open(ctx, &s.rt)
	if err != nil {
		return nil, nil, err
	}
	defer op.Close()
	if _, err := op.Next(ctx, &s.batch); err != nil {
		return nil, nil, err
	}
	for i, v := range s.batch.Row(0) {
		room, err := s.statementMemory.Room(len(v.Raw()))
		if err != nil {
			return nil, nil, err
		}
		kept := v.Clone()
		if err := room.Keep(&s.statementMemory, kept.Raw()); err != nil {
			return nil, nil, err
		}
		vals = append(vals, kept)
		typs = append(typs, p.Header.Columns[i].Type)
	}
	return vals, typs, nil
}
