package logical

import (
	"slices"
	"strconv"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/algebra"
	"cloudsql/planner/bind"
	"cloudsql/planner/scalar"
	"cloudsql/storage/collation"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// setQuery is UNION, INTERSECT or EXCEPT of several queries. UNIONs of one kind in a row share a node.
type setQuery struct {
	b       *builder
	kind    algebra.SetKind
	all     bool
	parts   []query
	cols    []bind.Column
	orderBy []expr.SortKey
	limit   *scalar.Limit
	outs    []outerRef
}

func (s *setQuery) columns() []bind.Column { return s.cols }
func (s *setQuery) refs() []outerRef       { return s.outs }

func (b *builder) bindSetOpr(n *ast.SetOprStmt, outer *bind.Scope, ctes *cteScope) (query, error) {
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
func (b *builder) bindSetList(n *ast.SetOprSelectList, outer *bind.Scope, ctes *cteScope) (query, error) {
	var err error
	if n.With != nil {
		if ctes, err = b.bindWith(n.With, outer, ctes); err != nil {
			return nil, err
		}
	}
	type member struct {
		q  query
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
			if list[n-1].q, err = b.combine(algebra.Intersect, m.op == ast.IntersectAll, list[n-1].q, m.q); err != nil {
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
			q, err = b.combine(algebra.Union, m.op == ast.UnionAll, q, m.q)
		case ast.Except, ast.ExceptAll:
			q, err = b.combine(algebra.Except, m.op == ast.ExceptAll, q, m.q)
		default:
			err = mysqlerr.NotSupported("this set operation")
		}
		if err != nil {
			return nil, err
		}
	}
	return b.orderSet(q, n.OrderBy, n.Limit, outer, ctes)
}

// combine makes a set operation of two queries.
func (b *builder) combine(kind algebra.SetKind, all bool, l, r query) (query, error) {
	lc, rc := l.columns(), r.columns()
	if len(lc) != len(rc) {
		return nil, mysqlerr.New(mysqlerr.WrongNumberOfColumnsInSelect)
	}
	s := &setQuery{b: b, kind: kind, all: all, parts: []query{l, r}}
	added := s.parts // whose references are not in outs
	if u, ok := l.(*setQuery); ok && u.kind == algebra.Union && kind == algebra.Union && u.all == all && u.limit == nil && u.orderBy == nil {
		s.parts, s.outs, added = append(u.parts, r), slices.Clip(u.outs), added[1:] // nobody else has u; there may be thousands
	}
	for i := range lc {
		typ, err := scalar.Unify(lc[i].Field.Type, rc[i].Ref())
		if err != nil {
			return nil, err
		}
		f := lc[i].Field
		f.Type = typ
		notNull := f.Flags & rc[i].Field.Flags & uint16(mysql.NotNullFlag)
		f.Flags = bind.TypeFlags(&typ) | notNull
		f.Schema, f.Table, f.OrgTable, f.OrgName = "", "", "", ""
		s.cols = append(s.cols, bind.Column{ID: b.newIDs(1), Field: f})
	}
	for _, p := range added {
		s.addRefs(p.refs())
	}
	return s, nil
}

func (s *setQuery) addRefs(refs []outerRef) {
	for _, o := range refs {
		if !slices.ContainsFunc(s.outs, func(have outerRef) bool { return have.Slot == o.Slot }) {
			s.outs = append(s.outs, o)
		}
	}
}

// orderSet puts ORDER BY and LIMIT on a set operation, whose columns are named by its first query.
func (b *builder) orderSet(q query, order *ast.OrderByClause, limit *ast.Limit, outer *bind.Scope, ctes *cteScope) (query, error) {
	if order == nil && limit == nil {
		return q, nil
	}
	s, ok := q.(*setQuery)
	if !ok || s.limit != nil || s.orderBy != nil {
		s = &setQuery{b: b, kind: algebra.Union, all: true, parts: []query{q}, outs: q.refs()}
		for _, c := range q.columns() {
			c.ID = b.newIDs(1)
			s.cols = append(s.cols, c)
		}
	}
	if order != nil {
		// Subqueries of ORDER BY are inside a block whose columns are those of the whole.
		around := &selectQuery{b: b, outer: outer, ctes: ctes}
		around.scope = around.scopeOf(s.cols)
		b.stack = append(b.stack, around)
		defer func() {
			b.stack = b.stack[:len(b.stack)-1]
			s.addRefs(around.outs)
		}()
		for i, item := range order.Items {
			if p, ok := item.Expr.(*ast.PositionExpr); ok {
				if p.N < 1 || p.N > len(s.cols) {
					return nil, mysqlerr.New(mysqlerr.BadField, strconv.Itoa(p.N), bind.OrderBy)
				}
				s.orderBy = append(s.orderBy, expr.SortKey{Expr: s.cols[p.N-1].Ref(), Desc: item.Desc})
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
			s.orderBy = append(s.orderBy, expr.SortKey{Expr: e, Desc: item.Desc})
		}
	}
	var err error
	s.limit, err = b.bindLimit(limit)
	return s, err
}

func (s *setQuery) node() Node {
	ids := make([]int, len(s.cols))
	typs := make([]types.Type, len(s.cols))
	colls := make([]collation.ID, len(s.cols))
	for i := range s.cols {
		ids[i], typs[i], colls[i] = s.cols[i].ID, s.cols[i].Field.Type, s.cols[i].Field.Type.Collation
	}
	op := &SetOp{Kind: s.kind, All: s.all, IDs: ids, Colls: colls}
	for _, part := range s.parts {
		op.Parts = append(op.Parts, converted(part, s.cols, ids))
	}
	n := Node(op)
	if s.kind == algebra.Union && len(s.parts) == 1 {
		n = op.Parts[0]
	}
	if s.kind == algebra.Union && !s.all {
		n = &Distinct{In: n, Types: typs}
	}
	if len(s.orderBy) > 0 {
		n = &Sort{In: n, Keys: s.orderBy}
	}
	if s.limit != nil {
		n = &Limit{In: n, Limit: s.limit}
	}
	return n
}

// converted is a member with its columns brought to the common types.
func converted(part query, to []bind.Column, ids []int) *Project {
	cols := part.columns()
	list := make([]expr.Expr, len(cols))
	for i := range cols {
		list[i] = scalar.Convert(cols[i].Ref(), to[i].Field.Type)
	}
	return &Project{In: part.node(), List: list, IDs: ids}
}
