package view

import (
	"strconv"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/opcode"

	"cloudsql/planner/bind"
	"cloudsql/planner/driver"
	"cloudsql/planner/logical"
	"cloudsql/storage/mysqlerr"
)

// refusals looks for what a view's query may not have: 1350, 1351.
type refusals struct{ err error }

// Enter implements ast.Visitor.
func (r *refusals) Enter(n ast.Node) (ast.Node, bool) {
	switch n := n.(type) {
	case *driver.ParamMarkerExpr, *ast.VariableExpr:
		r.err = mysqlerr.New(mysqlerr.ViewSelectVariable)
	case *ast.SelectStmt:
		switch {
		case n.SelectIntoOpt != nil:
			r.err = mysqlerr.New(mysqlerr.ViewSelectClause, "INTO")
		case n.LockInfo != nil && n.LockInfo.LockType != ast.SelectLockNone:
			r.err = mysqlerr.NotSupported("a locking clause in a view")
		}
	case *ast.TableName:
		if n.AsOf != nil {
			r.err = mysqlerr.NotSupported("AS OF TIMESTAMP in a view")
		}
	}
	return n, r.err != nil
}

// Leave implements ast.Visitor.
func (r *refusals) Leave(n ast.Node) (ast.Node, bool) { return n, r.err == nil }

// qualifier writes into a tree what binding it has told: the tables of columns, the databases of tables, what * and USING stand for.
type qualifier struct {
	notes *logical.Notes
}

// Enter implements ast.Visitor.
func (q *qualifier) Enter(n ast.Node) (ast.Node, bool) {
	switch n := n.(type) {
	case *ast.ColumnName:
		if c, ok := q.notes.Columns[n]; ok {
			*n = *columnName(&c)
		}
	case *ast.TableName:
		if db, ok := q.notes.Tables[n]; ok {
			n.Schema = ast.NewCIStr(db)
		}
	case *ast.SelectStmt:
		if n.Kind == ast.SelectStmtKindTable && n.Fields != nil {
			n.Kind = ast.SelectStmtKindSelect
		}
	case *ast.SetOprStmt:
		q.keepGlobal(n.OrderBy)
	case *ast.SetOprSelectList:
		q.keepGlobal(n.OrderBy)
	case *ast.FieldList:
		q.fields(n)
	case *ast.Join:
		q.using(n)
	}
	return n, false
}

// Leave implements ast.Visitor.
func (q *qualifier) Leave(n ast.Node) (ast.Node, bool) { return n, true }

// keepGlobal leaves names as they are in the ORDER BY of a whole, which has columns and no tables: 1250.
func (q *qualifier) keepGlobal(o *ast.OrderByClause) {
	if o != nil {
		o.Accept(globalNames{q.notes})
	}
}

// globalNames forgets the tables of columns outside of subqueries.
type globalNames struct{ notes *logical.Notes }

// Enter implements ast.Visitor.
func (g globalNames) Enter(n ast.Node) (ast.Node, bool) {
	switch n := n.(type) {
	case *ast.SubqueryExpr:
		return n, true
	case *ast.ColumnName:
		delete(g.notes.Columns, n)
	}
	return n, false
}

// Leave implements ast.Visitor.
func (g globalNames) Leave(n ast.Node) (ast.Node, bool) { return n, true }

func columnName(c *bind.Column) *ast.ColumnName {
	f := &c.Field
	n := &ast.ColumnName{Table: ast.NewCIStr(f.Table), Name: ast.NewCIStr(f.Name)}
	if f.Schema != "" && f.Table == f.OrgTable {
		n.Schema = ast.NewCIStr(f.Schema)
	}
	return n
}

// fields writes out what * stands for, and the names of columns without an alias.
func (q *qualifier) fields(l *ast.FieldList) {
	l.Fields = expand(q.notes, l.Fields)
	for _, f := range l.Fields {
		if f.WildCard == nil && f.AsName.O == "" {
			f.AsName = ast.NewCIStr(autoName(f))
		}
	}
}

// expand is a select list with columns in the place of stars.
func expand(notes *logical.Notes, fields []*ast.SelectField) (list []*ast.SelectField) {
	for _, f := range fields {
		if f.WildCard == nil {
			list = append(list, f)
			continue
		}
		star, ok := notes.Stars[f.WildCard]
		if !ok {
			list = append(list, f) // of a common table expression that nobody names
		}
		for i := range star {
			c := &star[i]
			list = append(list, &ast.SelectField{Expr: &ast.ColumnNameExpr{Name: columnName(c)}, AsName: ast.NewCIStr(c.Field.Name)})
		}
	}
	return list
}

// autoName is the name of a column that has no alias; it stays what it is when the expression is printed otherwise.
func autoName(f *ast.SelectField) string {
	n := f.Expr
	for {
		switch x := n.(type) {
		case *ast.ParenthesesExpr:
			n = x.Expr
			continue
		case *ast.ColumnNameExpr:
			return x.Name.Name.O
		}
		return logical.FieldText(f)
	}
}

// using makes ON of USING and NATURAL.
func (q *qualifier) using(n *ast.Join) {
	pairs := q.notes.Using[n]
	if !n.NaturalJoin && len(n.Using) == 0 {
		return
	}
	n.NaturalJoin, n.Using = false, nil
	var on ast.ExprNode
	for i := range pairs {
		var eq ast.ExprNode = &ast.BinaryOperationExpr{
			Op: opcode.EQ, L: &ast.ColumnNameExpr{Name: columnName(&pairs[i][0])}, R: &ast.ColumnNameExpr{Name: columnName(&pairs[i][1])},
		}
		if on != nil {
			eq = &ast.BinaryOperationExpr{Op: opcode.LogicAnd, L: on, R: eq}
		}
		on = eq
	}
	if on != nil {
		n.On = &ast.OnCondition{Expr: on}
	}
}

// firstSelect is the SELECT whose list names the columns of a query; nil for VALUES.
func firstSelect(n ast.Node) *ast.SelectStmt {
	switch n := n.(type) {
	case *ast.SelectStmt:
		return n
	case *ast.SetOprStmt:
		return firstSelect(n.SelectList)
	case *ast.SetOprSelectList:
		return firstSelect(n.Selects[0])
	}
	return nil
}

// unqualifier leaves out the database where it is one's own.
type unqualifier struct {
	db    string
	other bool // there are tables of other databases
}

// Enter implements ast.Visitor.
func (u *unqualifier) Enter(n ast.Node) (ast.Node, bool) {
	if t, ok := n.(*ast.TableName); ok && t.Schema.O != "" && t.Schema.O != u.db {
		u.other = true
	}
	return n, false
}

// Leave implements ast.Visitor.
func (u *unqualifier) Leave(n ast.Node) (ast.Node, bool) {
	switch n := n.(type) {
	case *ast.TableName:
		if n.Schema.O == u.db {
			n.Schema = ast.CIStr{}
		}
	case *ast.ColumnName:
		if n.Schema.O == u.db {
			n.Schema = ast.CIStr{}
		}
	}
	return n, true
}

// uniqueName is a name for a column that was named by its expression's text, which another column has.
func uniqueName(name string, taken map[string]bool) string {
	for i := 0; ; i++ {
		to := "My_exp_" + name
		if i > 0 {
			to = "My_exp_" + strconv.Itoa(i) + "_" + name
		}
		if r := []rune(to); len(r) > maxName {
			to = string(r[:maxName])
		}
		if !taken[strings.ToLower(to)] {
			return to
		}
	}
}
