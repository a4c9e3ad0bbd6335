package planner

import (
	"context"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/bind"
	"cloudsql/planner/exec"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

func lower(s string) string { return strings.ToLower(s) }

// setKind is a set operation.
type setKind uint8

const (
	setUnion setKind = iota
	setIntersect
	setExcept
)

var setNames = [...]string{"Union", "Intersect", "Except"}

// setQuery is UNION, INTERSECT or EXCEPT of several queries. UNIONs of one kind in a row share a node.
type setQuery struct {
	b       *builder
	kind    setKind
	all     bool
	parts   []query
	cols    []bind.Column
	orderBy []expr.SortKey
	limit   *limitSpec
	outs    []outerRef
}

func (s *setQuery) columns() []bind.Column { return s.cols }
func (s *setQuery) refs() []outerRef       { return s.outs }

func (b *builder) bindSetOpr(n *ast.SetOprStmt, outer *bind.Scope, ctes *cteScope) (query, error) {
	var err error
	if n.With != nil {
		if ctes, err = b.bindWith(n.With, ctes); err != nil {
			return nil, err
		}
	}
	q, err := b.bindSetList(n.SelectList, outer, ctes)
	if err != nil {
		return nil, err
	}
	return b.orderSet(q, n.OrderBy, n.Limit)
}

// bindSetList binds the members. INTERSECT binds closer than the others, which go from left to right.
func (b *builder) bindSetList(n *ast.SetOprSelectList, outer *bind.Scope, ctes *cteScope) (query, error) {
	var err error
	if n.With != nil {
		if ctes, err = b.bindWith(n.With, ctes); err != nil {
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
			if list[n-1].q, err = b.combine(setIntersect, m.op == ast.IntersectAll, list[n-1].q, m.q); err != nil {
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
			q, err = b.combine(setUnion, m.op == ast.UnionAll, q, m.q)
		case ast.Except, ast.ExceptAll:
			q, err = b.combine(setExcept, m.op == ast.ExceptAll, q, m.q)
		default:
			err = mysqlerr.NotSupported("this set operation")
		}
		if err != nil {
			return nil, err
		}
	}
	return b.orderSet(q, n.OrderBy, n.Limit)
}

// combine makes a set operation of two queries.
func (b *builder) combine(kind setKind, all bool, l, r query) (query, error) {
	lc, rc := l.columns(), r.columns()
	if len(lc) != len(rc) {
		return nil, mysqlerr.New(mysql.ErrWrongNumberOfColumnsInSelect)
	}
	s := &setQuery{b: b, kind: kind, all: all, parts: []query{l, r}}
	if u, ok := l.(*setQuery); ok && u.kind == setUnion && kind == setUnion && u.all == all && u.limit == nil && u.orderBy == nil {
		s.parts = append(append([]query(nil), u.parts...), r)
	}
	for i := range lc {
		typ, err := unify(lc[i].Field.Type, rc[i].Ref())
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
	for _, p := range s.parts {
		for _, o := range p.refs() {
			found := false
			for _, have := range s.outs {
				found = found || have.slot == o.slot
			}
			if !found {
				s.outs = append(s.outs, o)
			}
		}
	}
	return s, nil
}

// unify finds the type of a column that comes from values of type a and from e.
func unify(a types.Type, e expr.Expr) (types.Type, error) {
	if scalar.SameType(&a, e.Type()) {
		return a, nil
	}
	c, err := expr.New("coalesce", &expr.Column{Typ: a}, e)
	if err != nil {
		return a, err
	}
	return *c.Type(), nil
}

// convertTo converts e to a type that unify found.
func convertTo(e expr.Expr, t types.Type) expr.Expr {
	from := e.Type()
	if scalar.SameType(from, &t) || from.Class() == types.ClassNull || sameForm(from, &t) {
		return e
	}
	return expr.NewCast(e, t)
}

// sameForm tells whether values of one type are values of the other as they are.
func sameForm(from, to *types.Type) bool {
	switch {
	case from.Class() != to.Class() || from.Unsigned != to.Unsigned:
		return false
	case to.Class() == types.ClassString:
		return from.IsBinary() == to.IsBinary()
	}
	return to.Class() == types.ClassInt
}

// orderSet puts ORDER BY and LIMIT on a set operation, whose columns are named by its first query.
func (b *builder) orderSet(q query, order *ast.OrderByClause, limit *ast.Limit) (query, error) {
	if order == nil && limit == nil {
		return q, nil
	}
	s, ok := q.(*setQuery)
	if !ok || s.limit != nil || s.orderBy != nil {
		s = &setQuery{b: b, kind: setUnion, all: true, parts: []query{q}, outs: q.refs()}
		for _, c := range q.columns() {
			c.ID = b.newIDs(1)
			s.cols = append(s.cols, c)
		}
	}
	if order != nil {
		sc := &bind.Scope{Cols: s.cols}
		for _, item := range order.Items {
			if p, ok := item.Expr.(*ast.PositionExpr); ok {
				if p.N < 1 || p.N > len(s.cols) {
					return nil, mysqlerr.Newf(mysql.ErrBadField, "Unknown column '%d' in 'order clause'", p.N)
				}
				s.orderBy = append(s.orderBy, expr.SortKey{Expr: s.cols[p.N-1].Ref(), Desc: item.Desc})
				continue
			}
			e, err := bind.Expr(&bind.Binder{Env: b.ctx.Env, Clause: bind.OrderBy}, sc, item.Expr)
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

func (s *setQuery) plan(push []expr.Expr) (node, error) {
	var ids []int
	var typs []types.Type
	for i := range s.cols {
		ids = append(ids, s.cols[i].ID)
		typs = append(typs, s.cols[i].Field.Type)
	}
	below, above := push, []expr.Expr(nil)
	if s.limit != nil || s.kind != setUnion {
		below, above = nil, push
	}
	n := &setNode{kind: s.kind, all: s.all}
	n.cols = ids
	for _, t := range typs {
		n.colls = append(n.colls, t.Collation)
	}
	for _, part := range s.parts {
		in, err := s.planPart(part, ids, below)
		if err != nil {
			return nil, err
		}
		n.parts = append(n.parts, in)
		n.est += in.rows()
		n.price += in.cost()
	}
	out := node(n)
	if s.kind == setUnion && len(s.parts) == 1 {
		out = n.parts[0]
	}
	if s.kind == setUnion && !s.all {
		out = newDistinct(out, typs)
	}
	var err error
	switch {
	case len(s.orderBy) > 0:
		if out, err = newSort(out, s.orderBy, s.limit); err != nil {
			return nil, err
		}
	case s.limit != nil:
		out = newLimit(out, s.limit)
	}
	return newFilter(out, above)
}

// planPart plans a member and brings its columns to the common types.
func (s *setQuery) planPart(part query, ids []int, push []expr.Expr) (node, error) {
	cols := part.columns()
	by := map[int]expr.Expr{}
	exprs := make([]expr.Expr, len(cols))
	plain := true
	for i := range cols {
		ref := expr.Expr(cols[i].Ref())
		exprs[i] = convertTo(ref, s.cols[i].Field.Type)
		plain = plain && exprs[i] == ref
		by[ids[i]] = exprs[i]
	}
	var conds []expr.Expr
	for _, c := range push {
		conds = append(conds, scalar.Substitute(c, by))
	}
	in, err := part.plan(conds)
	if err != nil {
		return nil, err
	}
	return newProject(in, exprs, ids)
}

// setNode concatenates, intersects or subtracts its inputs.
type setNode struct {
	base
	kind  setKind
	all   bool
	parts []node
	colls []types.Collation
}

func (s *setNode) open(ctx context.Context, run *exec.Run) (exec.Operator, error) {
	if s.kind == setUnion {
		var open []func(context.Context) (exec.Operator, error)
		for _, p := range s.parts {
			open = append(open, func(ctx context.Context) (exec.Operator, error) { return p.open(ctx, run) })
		}
		return exec.NewConcat(open), nil
	}
	left, err := s.parts[0].open(ctx, run)
	if err != nil {
		return nil, err
	}
	right, err := s.parts[1].open(ctx, run)
	if err != nil {
		left.Close()
		return nil, err
	}
	return exec.NewSetOp(run, left, right, s.kind == setExcept, s.all, s.colls), nil
}

func (s *setNode) explain(x *explainer, depth int) {
	info := ""
	if s.all {
		info = "all"
	}
	x.add(depth, setNames[s.kind], s.est, "", info)
	for _, p := range s.parts {
		p.explain(x, depth+1)
	}
}
