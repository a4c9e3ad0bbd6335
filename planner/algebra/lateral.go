package algebra

import (
	"cloudsql/planner/exec"
	"cloudsql/planner/jsontable"
	"cloudsql/planner/scalar"
	"cloudsql/storage/expr"
)

// Lateral joins each row of Left with the rows of Right for it: Refs are columns of Left, which are parameters in Right.
type Lateral struct {
	Kind        exec.JoinKind // Inner or Left
	Left, Right Node
	On          []expr.Expr
	Refs        []OuterRef
}

// JSONTable gives the rows that JSON_TABLE makes of a document.
type JSONTable struct {
	Name  string
	Doc   expr.Expr // without columns
	Table *jsontable.Table
	IDs   []int
}

// Inputs and its kin make a *Lateral a Node, and a *JSONTable.
func (l *Lateral) Inputs() []Node { return []Node{l.Left, l.Right} }
func (l *Lateral) AddColumns(s *scalar.ColSet) {
	l.Left.AddColumns(s)
	l.Right.AddColumns(s)
}
func (l *Lateral) Exprs(fn func(expr.Expr)) {
	each(l.On, fn)
	for _, r := range l.Refs {
		fn(r.Col)
	}
}
func (l *Lateral) With(in []Node) Node {
	out := *l
	out.Left, out.Right = in[0], in[1]
	return &out
}

// Head prints it.
func (l *Lateral) Head() string {
	s := l.Kind.String() + " lateral join"
	for i, r := range l.Refs {
		s += [...]string{" by ", ", "}[min(i, 1)] + r.Col.String()
	}
	if len(l.On) > 0 {
		s += " on " + scalar.Texts(l.On)
	}
	return s
}

func (t *JSONTable) Inputs() []Node              { return nil }
func (t *JSONTable) With([]Node) Node            { return t }
func (t *JSONTable) AddColumns(s *scalar.ColSet) { s.PutAll(t.IDs) }
func (t *JSONTable) Exprs(fn func(expr.Expr))    { fn(t.Doc) }

// Head prints it.
func (t *JSONTable) Head() string { return "json table " + t.Name + " of " + t.Doc.String() }
