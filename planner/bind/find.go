package bind

import (
	"strings"
	"unicode/utf8"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"
	"github.com/pingcap/tidb/pkg/parser/opcode"

	"cloudsql/planner/syntax"
	"cloudsql/storage/mysqlerr"
)

// OfPartitions tells whether a FROM clause names one table and some of its partitions.
func OfPartitions(from *ast.TableRefsClause) bool {
	src := singleSource(from)
	if src == nil {
		return false
	}
	name, ok := src.Source.(*ast.TableName)
	return ok && len(name.PartitionNames) > 0
}

// singleSource is the only part of a FROM clause; nil where there is more.
func singleSource(from *ast.TableRefsClause) *ast.TableSource {
	if from == nil || from.TableRefs == nil || from.TableRefs.Right != nil {
		return nil
	}
	src, _ := from.TableRefs.Left.(*ast.TableSource)
	return src
}

// SingleTable gives the one table of a FROM clause and the name it goes by; nil where there is more.
func SingleTable(from *ast.TableRefsClause) (name *ast.TableName, alias string) {
	src := singleSource(from)
	if src == nil {
		return nil, ""
	}
	name, ok := src.Source.(*ast.TableName)
	if !ok || len(name.PartitionNames) > 0 || len(name.IndexHints) > 0 || name.AsOf != nil {
		return nil, ""
	}
	if alias = src.AsName.O; alias == "" {
		alias = name.Name.O
	}
	return name, alias
}

// subqueries finds out whether a tree holds one.
type subqueries struct{ found bool }

func (s *subqueries) Enter(n ast.Node) (ast.Node, bool) {
	if _, ok := n.(*ast.SubqueryExpr); ok {
		s.found = true
	}
	return n, s.found
}

func (s *subqueries) Leave(n ast.Node) (ast.Node, bool) { return n, true }

// HasSubquery tells whether an expression holds a subquery.
func HasSubquery(n ast.ExprNode) bool {
	var s subqueries
	n.Accept(&s)
	return s.found
}

// variableFinder looks for user variables, whose types a plan is made for and any statement may change.
type variableFinder struct{ sets, found bool }

func (f *variableFinder) Enter(n ast.Node) (ast.Node, bool) {
	if v, ok := n.(*ast.VariableExpr); ok && !v.IsSystem && (!f.sets || v.Value != nil) {
		f.found = true
	}
	return n, f.found
}

func (f *variableFinder) Leave(n ast.Node) (ast.Node, bool) { return n, true }

// NamesUserVariable tells whether a statement names one.
func NamesUserVariable(n ast.Node) bool {
	f := &variableFinder{}
	n.Accept(f)
	return f.found
}

// SetsUserVariable tells whether a statement gives one a value (@v := …).
func SetsUserVariable(n ast.Node) bool {
	f := &variableFinder{sets: true}
	n.Accept(f)
	return f.found
}

// newRowFinder looks for VALUES(c).
type newRowFinder struct{ found bool }

func (f *newRowFinder) Enter(n ast.Node) (ast.Node, bool) {
	if _, ok := n.(*ast.ValuesExpr); ok {
		f.found = true
	}
	return n, f.found
}

func (f *newRowFinder) Leave(n ast.Node) (ast.Node, bool) { return n, true }

// NamesNewRow tells whether an expression has a VALUES(c).
func NamesNewRow(n ast.ExprNode) bool {
	f := &newRowFinder{}
	n.Accept(f)
	return f.found
}

// tableFinder looks for an unqualified table name.
type tableFinder struct {
	name  string
	found bool
}

func (f *tableFinder) Enter(n ast.Node) (ast.Node, bool) {
	if t, ok := n.(*ast.TableName); ok && t.Schema.O == "" && t.Name.L == f.name {
		f.found = true
	}
	return n, f.found
}

func (f *tableFinder) Leave(n ast.Node) (ast.Node, bool) { return n, true }

// NamesTable tells whether a query names a table without its database.
func NamesTable(n ast.Node, name string) bool {
	f := &tableFinder{name: name}
	n.Accept(f)
	return f.found
}

// columnFinder lists the columns that an expression names outside of its subqueries and of aggregates within it.
type columnFinder struct {
	whole ast.Node
	names []*ast.ColumnName
}

func (f *columnFinder) Enter(n ast.Node) (ast.Node, bool) {
	switch n := n.(type) {
	case *ast.SubqueryExpr:
		return n, true
	case *ast.AggregateFuncExpr:
		return n, ast.Node(n) != f.whole
	case *ast.ColumnName:
		f.names = append(f.names, n)
	}
	return n, false
}

func (f *columnFinder) Leave(n ast.Node) (ast.Node, bool) { return n, true }

// NamedColumns lists the columns that a node names outside of its subqueries and of aggregates within it.
func NamedColumns(n ast.Node) []*ast.ColumnName {
	f := columnFinder{whole: n}
	n.Accept(&f)
	return f.names
}

// IsSubquery tells whether an expression is nothing but a subquery.
func IsSubquery(n ast.ExprNode) bool {
	_, ok := syntax.Unparen(n).(*ast.SubqueryExpr)
	return ok
}

// InSubquery is IN with the subquery that stands in parentheses of its own taken out of them: a IN ((SELECT …)).
func InSubquery(n *ast.PatternInExpr) *ast.PatternInExpr {
	if n.Sel != nil || len(n.List) != 1 || !IsSubquery(n.List[0]) {
		return n
	}
	in := *n
	in.Sel, in.List = syntax.Unparen(n.List[0]), nil
	return &in
}

// Conjuncts takes a AND b AND (c AND d) apart.
func Conjuncts(dst []ast.ExprNode, n ast.ExprNode) []ast.ExprNode {
	switch x := n.(type) {
	case nil:
		return dst
	case *ast.ParenthesesExpr:
		return Conjuncts(dst, x.Expr)
	case *ast.BinaryOperationExpr:
		if x.Op == opcode.LogicAnd {
			return Conjuncts(Conjuncts(dst, x.L), x.R)
		}
	}
	return append(dst, n)
}

// StripNot takes NOTs off, and tells whether their number is odd.
func StripNot(n ast.ExprNode) (ast.ExprNode, bool) {
	negate := false
	for {
		switch x := n.(type) {
		case *ast.ParenthesesExpr:
			n = x.Expr
			continue
		case *ast.UnaryOperationExpr:
			if x.Op == opcode.Not || x.Op == opcode.Not2 {
				n, negate = x.V, !negate
				continue
			}
		}
		return n, negate
	}
}

// NoTable is the error of a table that is not there: 1146, or that no table can have the name: 1059, 1103.
func NoTable(db, name string) error {
	switch {
	case utf8.RuneCountInString(name) > mysql.MaxTableNameLength:
		return mysqlerr.New(mysqlerr.TooLongIdent, name)
	case strings.HasSuffix(name, " "):
		return mysqlerr.New(mysqlerr.WrongTableName, name)
	}
	return mysqlerr.New(mysqlerr.NoSuchTable, db, name)
}
