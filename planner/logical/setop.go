package logical

import (
	"strconv"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/algebra"
	"cloudsql/planner/bind"
	"cloudsql/planner/block"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
)

func (b *builder) bindSetOpr(n *ast.SetOprStmt, outer *bind.Scope, ctes *cteScope) (block.Query, error) {
	var err error
	if n.With != nil {
		if ctes, err = b.bindWith(n.With, outer, ctes); err != nil {
			return nil, err
		}
	}
	q, err := b.bindSetList(n.SelectList, outer, ctes)
	if err != nil {
		return nil, err
	}
	return b.orderSet(q, n.OrderBy, n.Limit, outer, ctes)
}

// bindSetList binds the members. INTERSECT binds closer than the others, which go from left to right.
func (b *builder) bindSetList(n *ast.SetOprSelectList, outer *bind.Scope, ctes *cteScope) (block.Query, error) {
	var err error
	if n.With != nil {
		if ctes, err = b.bindWith(n.With, outer, ctes); err != nil {
			return nil, err
		}
	}
	type member struct {
		q  block.Query
		op ast.SetOprType
	}
	var list []member
	for _, s := range n.Selects {
		var m member
		var after *ast.SetOprType
		switch s := s.(type) {
		case *ast.SelectStmt:
			after = s.AfterSetOperator
			m.q, err = b.bindSelect(s, outer, ctes)
		case *ast.SetOprSelectList:
			after = s.AfterSetOperator
			m.q, err = b.bindSetList(s, outer, ctes)
		case *ast.SetOprStmt:
			m.q, err = b.bindSetOpr(s, outer, ctes)
		default:
			err = mysqlerr.NotSupported("this member of a set operation")
		}
		if err != nil {
			return nil, err
		}
		if after != nil {
			m.op = *after
		}
		if n := len(list); n > 0 && (m.op == ast.Intersect || m.op == ast.IntersectAll) {
			if list[n-1].q, err = block.Combine(&b.ids, b.typing(), algebra.Intersect, m.op == ast.IntersectAll, list[n-1].q, m.q); err != nil {
				return nil, err
			}
			continue
		}
		list = append(list, m)
	}
	q := list[0].q
	for _, m := range list[1:] {
		switch m.op {
		case ast.Union, ast.UnionAll:
			q, err = block.Combine(&b.ids, b.typing(), algebra.Union, m.op == ast.UnionAll, q, m.q)
		case ast.Except, ast.ExceptAll:
			q, err = block.Combine(&b.ids, b.typing(), algebra.Except, m.op == ast.ExceptAll, q, m.q)
		default:
			err = mysqlerr.NotSupported("this set operation")
		}
		if err != nil {
			return nil, err
		}
	}
	return b.orderSet(q, n.OrderBy, n.Limit, outer, ctes)
}

// orderSet puts ORDER BY and LIMIT on a set operation, whose columns are named by its first query.
func (b *builder) orderSet(q block.Query, order *ast.OrderByClause, limit *ast.Limit, outer *bind.Scope, ctes *cteScope) (block.Query, error) {
	if order == nil && limit == nil {
		return q, nil
	}
	s := block.Whole(&b.ids, q)
	if order != nil {
		// Subqueries of ORDER BY are inside a block whose columns are those of the whole.
		cols := s.Columns()
		around := b.newBlock()
		around.outer, around.ctes = outer, ctes
		around.see(cols)
		b.stack = append(b.stack, around)
		defer func() {
			b.stack = b.stack[:len(b.stack)-1]
			s.AddRefs(around.Refs())
		}()
		for i, item := range order.Items {
			if p, ok := item.Expr.(*ast.PositionExpr); ok {
				if p.N < 1 || p.N > len(cols) {
					return nil, mysqlerr.New(mysqlerr.BadField, strconv.Itoa(p.N), bind.OrderBy)
				}
				s.OrderBy = append(s.OrderBy, expr.SortKey{Expr: cols[p.N-1].Ref(), Desc: item.Desc})
				continue
			}
			binder := around.binder(bind.OrderBy)
			binder.Aggregate = func(*bind.Scope, *ast.AggregateFuncExpr) (expr.Expr, error) {
				return nil, mysqlerr.New(mysqlerr.AggregateOrderForUnion, i+1)
			}
			e, err := bind.Expr(binder, around.scope, item.Expr)
			if err != nil {
				return nil, err
			}
			s.OrderBy = append(s.OrderBy, expr.SortKey{Expr: e, Desc: item.Desc})
		}
	}
	var err error
	s.Limit, err = b.bindLimit(limit)
	return s, err
}
