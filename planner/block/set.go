package block

import (
	"errors"
	"strings"

	"slices"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/algebra"
	"cloudsql/planner/bind"
	"cloudsql/planner/scalar"
	"cloudsql/storage/collation"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Set is UNION, INTERSECT or EXCEPT of several queries. UNIONs of one kind in a row share a node.
type Set struct {
	OrderBy []expr.SortKey
	Limit   *scalar.Limit

	kind  algebra.SetKind
	all   bool
	parts []Query
	cols  []bind.Column
	outs  []Outer
}

// Columns are the results' columns, named by the first query.
func (s *Set) Columns() []bind.Column { return s.cols }

// Refs are the columns of outer blocks that the queries depend on.
func (s *Set) Refs() []Outer { return s.outs }

// AddRefs notes columns of outer blocks.
func (s *Set) AddRefs(refs []Outer) {
	for _, r := range refs {
		s.outs = addRef(s.outs, r)
	}
}

// Combine makes a set operation of two queries, whose common types are those of the session.
func Combine(ids *Numbers, typing *expr.Typing, kind algebra.SetKind, all bool, l, r Query) (Query, error) {
	lc, rc := l.Columns(), r.Columns()
	if len(lc) != len(rc) {
		return nil, mysqlerr.New(mysqlerr.WrongNumberOfColumnsInSelect)
	}
	s := &Set{kind: kind, all: all, parts: []Query{l, r}}
	added := s.parts // whose references are not in outs
	if u, ok := l.(*Set); ok && u.kind == algebra.Union && kind == algebra.Union && u.all == all && !u.settled() {
		s.parts, s.outs, added = append(u.parts, r), slices.Clip(u.outs), added[1:] // nobody else has u; there may be thousands
	}
	for i := range lc {
		typ, of, err := unified(typing, &lc[i], &rc[i])
		if err != nil {
			return nil, err
		}
		f := lc[i].Field
		f.Type, f.Common = typ, true
		notNull := f.Flags & rc[i].Field.Flags & uint16(mysql.NotNullFlag)
		f.Flags = bind.TypeFlags(&typ) | notNull
		f.Schema, f.Table, f.OrgTable, f.OrgName = "", "", "", ""
		s.cols = append(s.cols, bind.Column{ID: ids.New(1), Field: f, Of: of})
	}
	for _, p := range added {
		s.AddRefs(p.Refs())
	}
	return s, nil
}

// unified is the type that holds the values of both columns, and what the collation of its strings counts as.
func unified(typing *expr.Typing, l, r *bind.Column) (types.Type, expr.Expr, error) {
	same := scalar.SameType(&l.Field.Type, &r.Field.Type)
	if same && (l.Of == nil || r.Of == nil) {
		return l.Field.Type, nil, nil
	}
	e, err := typing.New("coalesce", l.Ref(), r.Ref())
	if my := (*mysqlerr.Error)(nil); errors.As(err, &my) && my.Code == mysqlerr.CantAggregate2collations {
		err = mysqlerr.Newf(my.Code, "%s", strings.Replace(my.Message, "operation 'coalesce'", "operation 'UNION'", 1))
	}
	if err != nil || same {
		return l.Field.Type, e, err
	}
	return *e.Type(), e, nil
}

// Decided is 1271 where two columns of a set operation's have collations of which neither wins.
func Decided(q Query, err error) (Query, error) {
	if err != nil {
		return nil, err
	}
	for _, c := range q.Columns() {
		if c.Of != nil && expr.Undecided(c.Of) {
			return nil, mysqlerr.New(mysqlerr.CantAggregateNcollations, "UNION")
		}
	}
	return q, nil
}

// settled tells whether the set has an order and a limit, over which nothing else may be.
func (s *Set) settled() bool { return s.Limit != nil || s.OrderBy != nil }

// Whole is a query as a set that may get an order and a limit: itself, or a set of it alone.
func Whole(ids *Numbers, q Query) *Set {
	if s, ok := q.(*Set); ok && !s.settled() {
		return s
	}
	s := &Set{kind: algebra.Union, all: true, parts: []Query{q}, outs: q.Refs()}
	for _, c := range q.Columns() {
		c.ID = ids.New(1)
		s.cols = append(s.cols, c)
	}
	return s
}

// Node is the set's tree.
func (s *Set) Node() algebra.Node {
	ids := make([]int, len(s.cols))
	typs := make([]types.Type, len(s.cols))
	colls := make([]collation.ID, len(s.cols))
	for i := range s.cols {
		ids[i], typs[i], colls[i] = s.cols[i].ID, s.cols[i].Field.Type, s.cols[i].Field.Type.Collation
	}
	op := &algebra.SetOp{Kind: s.kind, All: s.all, IDs: ids, Colls: colls}
	for _, part := range s.parts {
		op.Parts = append(op.Parts, converted(part, s.cols, ids))
	}
	n := algebra.Node(op)
	if s.kind == algebra.Union && len(s.parts) == 1 {
		n = op.Parts[0]
	}
	if s.kind == algebra.Union && !s.all {
		n = &algebra.Distinct{In: n, Types: typs}
	}
	if len(s.OrderBy) > 0 {
		n = &algebra.Sort{In: n, Keys: s.OrderBy}
	}
	if s.Limit != nil {
		n = &algebra.Limit{In: n, Limit: s.Limit}
	}
	return n
}

// member is a column on its way to the common type: a double becomes text with all its digits where there is room for them,
// whatever decimals its type shows.
func member(c *bind.Column, to *types.Type) expr.Expr {
	ref := c.Ref()
	if ref.Typ.Class() == types.ClassFloat && to.Class() == types.ClassString && (to.Length < 0 || to.Length >= types.TypeDouble.Length-1) {
		ref.Typ.Decimals = types.TypeDouble.Decimals
	}
	return ref
}

// converted is a member with its columns brought to the common types.
func converted(part Query, to []bind.Column, ids []int) *algebra.Project {
	cols := part.Columns()
	list := make([]expr.Expr, len(cols))
	for i := range cols {
		list[i] = scalar.Convert(member(&cols[i], &to[i].Field.Type), to[i].Field.Type)
	}
	return &algebra.Project{In: part.Node(), List: list, IDs: ids}
}
