package algebra

import (
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// SubqueryKind is what a subquery's rows are made into.
type SubqueryKind uint8

// The kinds.
const (
	Scalar     SubqueryKind = iota // (SELECT …): the only row's value
	Exists                         // whether there is a row
	Quantified                     // left op ANY|ALL (SELECT …), IN among them
	Row                            // (SELECT …) of several columns: a row of the only row's values
)

// Subquery is a query within an expression: a function of the outer columns that it names, which are parameters within
// its tree. One that names none is computed once, when its value is first asked for.
type Subquery struct {
	Kind   SubqueryKind
	Node   Node
	Refs   []OuterRef
	What   string // for EXPLAIN
	Once   bool
	Negate bool // NOT EXISTS, NOT IN
	Apart  bool // it is not to become a semi join
	Ways   SemiWays

	// Of Quantified: the comparison of the parts, each over the left values followed by an inner row.
	Parts   []expr.Expr
	Types   []types.Type // of the columns that the parts are compared with
	NotNull []bool       // what is known of these columns
	Compare []expr.Expr
	All     bool
	Equal   bool // the comparison is =: rows can be looked up

	Members []*Code // of Row: how each value is computed
	code    *Code
}

// NewSubquery is a subquery of a tree, whose code is not made yet.
func NewSubquery(n Node) *Subquery { return &Subquery{Node: n, code: NewCode()} }

// OuterRef is a column of an outer block and the parameter that it is in a subquery.
type OuterRef struct {
	Col  *expr.Column
	Slot int
}

// Code is how the value of a subquery is computed. Expressions have it from the start; a physical plan fills it in.
type Code struct {
	Eval func(env *expr.Env, args []types.Value) (types.Value, error)
}

// NewCode is code that is not made yet.
func NewCode() *Code { return &Code{Eval: outsidePlan} }

func outsidePlan(*expr.Env, []types.Value) (types.Value, error) {
	return types.Null, mysqlerr.Internal("planner: a subquery is evaluated outside of its plan")
}

// Code is the subquery's, for the physical plan to fill in.
func (s *Subquery) Code() *Code { return s.code }

// Over is the subquery with another tree.
func (s *Subquery) Over(n Node) *Subquery {
	if n == s.Node {
		return s
	}
	out := *s
	out.Node = n
	return &out
}

// WithoutList is the query of an EXISTS, whose select list is never evaluated.
func WithoutList(n Node) Node {
	p, ok := n.(*Project)
	if !ok {
		return n
	}
	out := &Project{In: p.In, IDs: p.IDs, List: make([]expr.Expr, len(p.List))}
	for i, e := range p.List {
		out.List[i] = e
		if _, call := e.(*expr.Call); call {
			out.List[i] = expr.NewInt(1)
		}
	}
	return out
}
