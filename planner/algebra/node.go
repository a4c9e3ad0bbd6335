package algebra

import (
	"slices"

	"cloudsql/distributed"
	"cloudsql/planner/access"
	"cloudsql/planner/exec"
	"cloudsql/planner/exec/window"
	"cloudsql/planner/scalar"
	"cloudsql/storage/collation"
	"cloudsql/storage/expr"
	"cloudsql/storage/types"
)

// Node is one step of a query over rows: an immutable value. Two nodes may share their inputs.
type Node interface {
	// Inputs are the nodes whose rows it takes. The slice is the caller's.
	Inputs() []Node
	// With is the node over other inputs.
	With(inputs []Node) Node
	// AddColumns adds the numbers of the columns that it gives.
	AddColumns(s *scalar.ColSet)
	// Exprs calls fn with each expression of the node itself.
	Exprs(fn func(expr.Expr))
	// Head is the node's line when it is printed.
	Head() string
}

// ColumnsOf is the set of columns that a node gives.
func ColumnsOf(n Node) scalar.ColSet {
	var s scalar.ColSet
	n.AddColumns(&s)
	return s
}

// Map is n with each input replaced by fn's node; n itself where all stay the same.
func Map(n Node, fn func(Node) Node) Node {
	switch n := n.(type) { // those with one input, without a list of them
	case *Table, *Virtual, *Values, *Empty, *Working, *JSONTable:
		return n
	case *Filter:
		return over(n, n.In, fn)
	case *Project:
		return over(n, n.In, fn)
	case *Group:
		return over(n, n.In, fn)
	case *Sort:
		return over(n, n.In, fn)
	case *Limit:
		return over(n, n.In, fn)
	case *PartitionTop:
		return over(n, n.In, fn)
	}
	in := n.Inputs()
	changed := false
	for i, x := range in {
		in[i] = fn(x)
		changed = changed || in[i] != x
	}
	if !changed {
		return n
	}
	return n.With(in)
}

func over(n, in Node, fn func(Node) Node) Node {
	if out := fn(in); out != in {
		return n.With([]Node{out})
	}
	return n
}

// Table is a base table.
type Table struct {
	access.Table
	DB    string
	Alias string
	Lock  Lock
}

// Lock is how rows are locked.
type Lock struct {
	Mode distributed.ReadMode
	Opts distributed.LockOptions
}

// IsExplicit tells that the statement says so.
func (l *Lock) IsExplicit() bool {
	return l.Mode == distributed.ReadForShare || l.Mode == distributed.ReadForUpdate
}

// Virtual is a virtual table: the gateway computes its rows.
type Virtual struct {
	Rows  exec.VirtualTable
	Name  string
	First int   // number of column 0
	Used  []int // positions of the columns that are read; nil: all
}

// Values gives rows of expressions without columns.
type Values struct {
	Rows [][]expr.Expr
	IDs  []int
}

// Empty gives no rows.
type Empty struct{ IDs []int }

// Working is the rows of the round before, within the members of a Recursive.
type Working struct {
	Recursion *Recursion
	IDs       []int
}

// Recursion is what a Recursive and the Working tables of its members have in common.
type Recursion struct{ Name string }

// Filter passes the rows that meet all conditions.
type Filter struct {
	In    Node
	Conds []expr.Expr
}

// Project computes columns.
type Project struct {
	In   Node
	List []expr.Expr
	IDs  []int // the numbers of the list
}

// Join joins two inputs. Semi and Anti give the columns of the left one alone.
type Join struct {
	Kind        exec.JoinKind
	Left, Right Node
	On          []expr.Expr
	Straight    bool // the left side is read first
	Driving     bool // Semi: the right side depends on nothing outside, and may be read first
	Ways        SemiWays
}

// Apply is EXISTS or IN at the top of WHERE: rows for which a subquery, run for each, has a row, or none.
type Apply struct {
	Kind    exec.JoinKind // Semi or Anti
	In      Node
	Sub     *Subquery
	Parts   []expr.Expr // IN: what is compared with the subquery's columns
	NoNulls bool        // IN: neither the parts nor the columns are ever NULL
	Cond    expr.Expr   // the same as a condition on a row
}

// Group groups, or gives one group of all rows where By is empty.
type Group struct {
	In     Node
	By     []expr.Expr
	ByIDs  []int // numbers of the groups' columns
	Aggs   []AggItem
	Rollup bool
	Level  int // number of the column that tells how many of By a group of Rollup goes by; 0: nobody asks
}

// AggItem is an aggregate and the number of its result.
type AggItem struct {
	Agg *expr.Agg
	ID  int
}

// Window adds the results of window functions.
type Window struct {
	In    Node
	Items []*WindowItem
}

// WindowItem is a window function and the number of its result.
type WindowItem struct {
	ID        int
	Name      string
	Fn        window.Func
	Partition []expr.Expr
	Order     []expr.SortKey
}

// IsOver tells whether w goes over the same rows in the same order as another one.
func (w *WindowItem) IsOver(other *WindowItem) bool {
	return slices.EqualFunc(w.Partition, other.Partition, scalar.Same) &&
		slices.EqualFunc(w.Order, other.Order, func(a, b expr.SortKey) bool { return a.Desc == b.Desc && scalar.Same(a.Expr, b.Expr) })
}

// PartitionTop leaves out rows that at least Most others of their partition come before: those that a Window above it would give a
// higher rank. It may pass more. All keys are columns.
type PartitionTop struct {
	In        Node
	Partition []expr.Expr
	Order     []expr.SortKey
	Most      expr.Expr // a constant or a parameter
}

// Distinct removes rows whose columns, the first of them that it has types for, have come before.
type Distinct struct {
	In    Node
	Types []types.Type
}

// Sort sorts.
type Sort struct {
	In   Node
	Keys []expr.SortKey
}

// Limit passes some of the rows.
type Limit struct {
	In    Node
	Limit *scalar.Limit
	Loose bool // more rows than these do no harm
}

// SetKind is a set operation.
type SetKind uint8

// The set operations.
const (
	Union SetKind = iota
	Intersect
	Except
)

func (k SetKind) String() string { return [...]string{"Union", "Intersect", "Except"}[k] }

// SetOp is UNION ALL, INTERSECT or EXCEPT. The columns of its inputs have its numbers and types.
type SetOp struct {
	Kind  SetKind
	All   bool
	Parts []Node
	IDs   []int
	Colls []collation.ID
}

// Recursive is WITH RECURSIVE: the seed's rows, and those of the members over the rows of the round before, until none
// are new.
type Recursive struct {
	Recursion *Recursion
	Seed      Node
	Members   []Node
	Distinct  bool
	Limit     *scalar.Limit // the rounds end when it is reached
	Depth     int
	IDs       []int
	Colls     []collation.ID
}

// NewFilter is in with conditions; in itself where there are none.
func NewFilter(in Node, conds []expr.Expr) Node {
	if len(conds) == 0 {
		return in
	}
	return &Filter{In: in, Conds: conds}
}

// TableOf is the base table that a tree reads with conditions on its rows alone; nil where it reads anything else.
func TableOf(n Node) (*Table, []expr.Expr) {
	switch n := n.(type) {
	case *Table:
		return n, nil
	case *Filter:
		if t, ok := n.In.(*Table); ok && !slices.ContainsFunc(n.Conds, scalar.Fixed) {
			return t, n.Conds
		}
	}
	return nil, nil
}

// EachInner goes over nested inner joins: input gets what is joined, from left to right, and join each join after its inputs.
func EachInner(n Node, input func(Node), join func(*Join)) {
	j, ok := n.(*Join)
	if !ok || j.Kind != exec.Inner {
		input(n)
		return
	}
	EachInner(j.Left, input, join)
	EachInner(j.Right, input, join)
	join(j)
}

func each(list []expr.Expr, fn func(expr.Expr)) {
	for _, e := range list {
		fn(e)
	}
}

// Inputs and its kin make a *Table a Node, and so on.
func (t *Table) Inputs() []Node        { return nil }
func (t *Table) With([]Node) Node      { return t }
func (t *Table) Exprs(func(expr.Expr)) {}
func (t *Table) AddColumns(s *scalar.ColSet) {
	s.PutRange(t.First, len(t.Desc.Columns))
}

func (v *Virtual) Inputs() []Node        { return nil }
func (v *Virtual) With([]Node) Node      { return v }
func (v *Virtual) Exprs(func(expr.Expr)) {}
func (v *Virtual) AddColumns(s *scalar.ColSet) {
	s.PutRange(v.First, len(v.Rows.Columns()))
}

func (v *Values) Inputs() []Node              { return nil }
func (v *Values) With([]Node) Node            { return v }
func (v *Values) AddColumns(s *scalar.ColSet) { s.PutAll(v.IDs) }
func (v *Values) Exprs(fn func(expr.Expr)) {
	for _, row := range v.Rows {
		each(row, fn)
	}
}

func (e *Empty) Inputs() []Node              { return nil }
func (e *Empty) With([]Node) Node            { return e }
func (e *Empty) AddColumns(s *scalar.ColSet) { s.PutAll(e.IDs) }
func (e *Empty) Exprs(func(expr.Expr))       {}

func (w *Working) Inputs() []Node              { return nil }
func (w *Working) With([]Node) Node            { return w }
func (w *Working) AddColumns(s *scalar.ColSet) { s.PutAll(w.IDs) }
func (w *Working) Exprs(func(expr.Expr))       {}

func (f *Filter) Inputs() []Node              { return []Node{f.In} }
func (f *Filter) With(in []Node) Node         { return &Filter{In: in[0], Conds: f.Conds} }
func (f *Filter) AddColumns(s *scalar.ColSet) { f.In.AddColumns(s) }
func (f *Filter) Exprs(fn func(expr.Expr))    { each(f.Conds, fn) }

func (p *Project) Inputs() []Node              { return []Node{p.In} }
func (p *Project) AddColumns(s *scalar.ColSet) { s.PutAll(p.IDs) }
func (p *Project) Exprs(fn func(expr.Expr))    { each(p.List, fn) }
func (p *Project) With(in []Node) Node {
	out := *p
	out.In = in[0]
	return &out
}

func (j *Join) Inputs() []Node           { return []Node{j.Left, j.Right} }
func (j *Join) Exprs(fn func(expr.Expr)) { each(j.On, fn) }
func (j *Join) With(in []Node) Node {
	out := *j
	out.Left, out.Right = in[0], in[1]
	return &out
}
func (j *Join) AddColumns(s *scalar.ColSet) {
	j.Left.AddColumns(s)
	if j.Kind == exec.Inner || j.Kind == exec.Left {
		j.Right.AddColumns(s)
	}
}

func (a *Apply) Inputs() []Node              { return []Node{a.In, a.Sub.Node} }
func (a *Apply) AddColumns(s *scalar.ColSet) { a.In.AddColumns(s) }
func (a *Apply) Exprs(fn func(expr.Expr)) {
	each(a.Parts, fn)
	fn(a.Cond)
}
func (a *Apply) With(in []Node) Node {
	out := *a
	out.In, out.Sub = in[0], a.Sub.Over(in[1])
	return &out
}

func (g *Group) Inputs() []Node { return []Node{g.In} }
func (g *Group) AddColumns(s *scalar.ColSet) {
	s.PutAll(g.ByIDs)
	for i := range g.Aggs {
		s.Put(g.Aggs[i].ID)
	}
	if g.Level != 0 {
		s.Put(g.Level)
	}
}
func (g *Group) Exprs(fn func(expr.Expr)) {
	each(g.By, fn)
	for i := range g.Aggs {
		aggExprs(g.Aggs[i].Agg, fn)
	}
}
func (g *Group) With(in []Node) Node {
	out := *g
	out.In = in[0]
	return &out
}

func aggExprs(a *expr.Agg, fn func(expr.Expr)) {
	each(a.Args, fn)
	for i := range a.OrderBy {
		fn(a.OrderBy[i].Expr)
	}
}

func (w *Window) Inputs() []Node      { return []Node{w.In} }
func (w *Window) With(in []Node) Node { return &Window{In: in[0], Items: w.Items} }
func (w *Window) AddColumns(s *scalar.ColSet) {
	w.In.AddColumns(s)
	for _, x := range w.Items {
		s.Put(x.ID)
	}
}
func (w *Window) Exprs(fn func(expr.Expr)) {
	for _, x := range w.Items {
		each(x.Partition, fn)
		each(x.Fn.Args, fn)
		if x.Fn.Agg != nil {
			aggExprs(x.Fn.Agg, fn)
		}
		for i := range x.Order {
			fn(x.Order[i].Expr)
		}
	}
}

func (t *PartitionTop) Inputs() []Node              { return []Node{t.In} }
func (t *PartitionTop) AddColumns(s *scalar.ColSet) { t.In.AddColumns(s) }
func (t *PartitionTop) With(in []Node) Node {
	out := *t
	out.In = in[0]
	return &out
}
func (t *PartitionTop) Exprs(fn func(expr.Expr)) {
	each(t.Partition, fn)
	for i := range t.Order {
		fn(t.Order[i].Expr)
	}
	fn(t.Most)
}

func (d *Distinct) Inputs() []Node              { return []Node{d.In} }
func (d *Distinct) With(in []Node) Node         { return &Distinct{In: in[0], Types: d.Types} }
func (d *Distinct) AddColumns(s *scalar.ColSet) { d.In.AddColumns(s) }
func (d *Distinct) Exprs(func(expr.Expr))       {}

func (s *Sort) Inputs() []Node               { return []Node{s.In} }
func (s *Sort) With(in []Node) Node          { return &Sort{In: in[0], Keys: s.Keys} }
func (s *Sort) AddColumns(to *scalar.ColSet) { s.In.AddColumns(to) }
func (s *Sort) Exprs(fn func(expr.Expr)) {
	for i := range s.Keys {
		fn(s.Keys[i].Expr)
	}
}

func (l *Limit) Inputs() []Node              { return []Node{l.In} }
func (l *Limit) With(in []Node) Node         { return &Limit{In: in[0], Limit: l.Limit, Loose: l.Loose} }
func (l *Limit) AddColumns(s *scalar.ColSet) { l.In.AddColumns(s) }
func (l *Limit) Exprs(fn func(expr.Expr)) {
	fn(l.Limit.Count)
	if l.Limit.Offset != nil {
		fn(l.Limit.Offset)
	}
}

func (s *SetOp) Inputs() []Node               { return append([]Node(nil), s.Parts...) }
func (s *SetOp) AddColumns(to *scalar.ColSet) { to.PutAll(s.IDs) }
func (s *SetOp) Exprs(func(expr.Expr))        {}
func (s *SetOp) With(in []Node) Node {
	out := *s
	out.Parts = in
	return &out
}

func (r *Recursive) Inputs() []Node              { return append([]Node{r.Seed}, r.Members...) }
func (r *Recursive) AddColumns(s *scalar.ColSet) { s.PutAll(r.IDs) }
func (r *Recursive) Exprs(func(expr.Expr))       {}
func (r *Recursive) With(in []Node) Node {
	out := *r
	out.Seed, out.Members = in[0], in[1:]
	return &out
}

// Outputs are the columns of a whole query's tree, in order.
func Outputs(n Node) []int {
	switch n := n.(type) {
	case *Project:
		return n.IDs
	case *SetOp:
		return n.IDs
	case *Values:
		return n.IDs
	case *Recursive:
		return n.IDs
	case *Empty:
		return n.IDs
	}
	return Outputs(n.Inputs()[0])
}
