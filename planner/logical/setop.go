package logical

import (
	"cmp"
	"strconv"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/algebra"
	"cloudsql/planner/bind"
	"cloudsql/planner/block"
	"cloudsql/planner/scalar"
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
	if alone := inBraces(n); alone != nil {
		return b.bindSelect(alone, outer, ctes)
	}
	q, err := block.Decided(b.bindSetList(n.SelectList, outer, ctes))
	if err != nil {
		return nil, err
	}
	return b.orderSet(q, n.OrderBy, n.Limit, outer, ctes)
}

// inBraces is the query of (SELECT …) ORDER BY … LIMIT …, which are its own where it has none: they may name what it does not select.
// nil for anything else.
func inBraces(n *ast.SetOprStmt) *ast.SelectStmt {
	order, limit := n.OrderBy, n.Limit
	var in ast.Node = n.SelectList
	for l, ok := in.(*ast.SetOprSelectList); ok; l, ok = in.(*ast.SetOprSelectList) {
		again := (l.OrderBy != nil || l.Limit != nil) && (order != nil || limit != nil)
		if len(l.Selects) != 1 || l.With != nil || again {
			return nil
		}
		in, order, limit = l.Selects[0], cmp.Or(order, l.OrderBy), cmp.Or(limit, l.Limit)
	}
	s, ok := in.(*ast.SelectStmt)
	if !ok || s.Kind != ast.SelectStmtKindSelect || s.With != nil || s.OrderBy != nil || s.Limit != nil {
		return nil
	}
	own := *s
	own.OrderBy, own.Limit = order, limit
	return &own
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
			qualified := &qualifiedName{}
			if item.Expr.Accept(qualified); qualified.found != nil {
				return nil, mysqlerr.New(mysqlerr.TablenameNotAllowedHere, qualified.found.Table.O, "SELECT", "global ORDER clause")
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
	s.Limit, err = b.limit(limit)
	return s, err
}

// qualifiedName looks for a column with its table, outside of subqueries.
type qualifiedName struct{ found *ast.ColumnName }

// Enter implements ast.Visitor.
func (q *qualifiedName) Enter(n ast.Node) (ast.Node, bool) {
	switch n := n.(type) {
	case *ast.SubqueryExpr:
		return n, true
	case *ast.ColumnName:
		if n.Table.O != "" {
			q.found = n
		}
	}
	return n, q.found != nil
}

// Leave implements ast.Visitor.
func (q *qualifiedName) Leave(n ast.Node) (ast.Node, bool) { return n, q.found == nil }

// limit binds a LIMIT clause; nil for none.
func (b *builder) limit(l *ast.Limit) (*scalar.Limit, error) {
	if l == nil {
		return nil, nil
	}
	s := &scalar.Limit{}
	var err error
	s.Count, s.Offset, err = bind.Limit(b.ctx.Env, l)
	return s, err
}
