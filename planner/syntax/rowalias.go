package syntax

import (
	"strconv"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/mysqlerr"
)

// The new row's name in INSERT … VALUES (…) AS new(m, n) ON DUPLICATE KEY UPDATE c = new.m, which the parser does not know: it is
// taken out of the text, and in the tree new.m becomes what it stands for, VALUES(c).

// rowAlias is the name of the new row and those of its columns.
type rowAlias struct {
	name    string
	columns []string
}

// NewRowColumn is the name that VALUES() has in a tree for the i-th column that is inserted into, where the statement does not name it.
func NewRowColumn(i int) string { return "\x00" + strconv.Itoa(i) }

// NewRowPosition is the inverse of NewRowColumn, -1 for another name.
func NewRowPosition(name string) int {
	if digits, ok := strings.CutPrefix(name, "\x00"); ok {
		if i, err := strconv.Atoi(digits); err == nil {
			return i
		}
	}
	return -1
}

// newRowSchema marks a name that VALUES() has as the user wrote it, with the new row's own.
const newRowSchema = "\x00"

// NewRowName tells a name that VALUES() has as the user wrote it, and gives it without the new row's.
func NewRowName(n *ast.ColumnName) (*ast.ColumnName, bool) {
	return &ast.ColumnName{Name: n.Name}, n.Schema.O == newRowSchema
}

// parseAliased tries a text that the parser could not read without a name of the new row: err is what it said.
func parseAliased(text string, o Options, err error) (node, rest ast.StmtNode, _ error) {
	without, a, ok := takeRowAlias(text, o.Mode)
	if !ok {
		return nil, nil, err
	}
	if node, rest, e := parse(without, o); e == nil && node != nil {
		node.SetText(nil, text)
		return node, rest, a.put(node)
	}
	return nil, nil, err
}

// takeRowAlias takes the new row's name out of an INSERT of values; ok tells whether there was one.
func takeRowAlias(text string, mode mysql.SQLMode) (without string, a rowAlias, ok bool) {
	f := aliasFinder{scanner: newScanner(text, mode)}
	depth, values := 0, false
	for i := f.space(0); i < len(text); {
		end := f.token(i)
		word := strings.ToLower(text[i:end])
		switch {
		case word == "(":
			depth++
		case word == ")":
			depth--
		case depth > 0:
		case word == "select" || word == "table":
			return text, a, false
		case word == "values" || word == "value" || word == "set":
			values = true
		case word == "as" && values:
			to, a, ok := f.alias(f.space(end))
			if ok {
				f.replace(i, to, " ")
			}
			return f.changed(), a, ok
		}
		i = f.space(end)
	}
	return text, a, false
}

type aliasFinder struct{ scanner }

// alias reads name [(name, …)] at i, behind which the statement ends or says what becomes of duplicates.
func (f *aliasFinder) alias(i int) (to int, a rowAlias, ok bool) {
	next := func() string {
		if i >= len(f.text) {
			return ""
		}
		to = f.token(i)
		for f.text[i] == '`' && to < len(f.text) && f.text[to] == '`' { // a doubled one within the name
			to = f.token(to)
		}
		w := f.text[i:to]
		i = f.space(to)
		return w
	}
	if a.name = next(); !isName(a.name) {
		return 0, a, false
	}
	a.name = unquoteName(a.name)
	end := to
	after := next()
	if after == "(" {
		for after != ")" {
			name := next()
			if !isName(name) {
				return 0, a, false
			}
			a.columns = append(a.columns, unquoteName(name))
			if after = next(); after != "," && after != ")" {
				return 0, a, false
			}
		}
		end = to
		after = next()
	}
	return end, a, after == "" || after == ";" || strings.EqualFold(after, "on")
}

func unquoteName(token string) string {
	if token[0] != '`' {
		return token
	}
	return strings.ReplaceAll(token[1:len(token)-1], "``", "`")
}

// put puts VALUES() in the place of the new row's columns.
func (a rowAlias) put(node ast.StmtNode) error {
	s, ok := node.(*ast.InsertStmt)
	if !ok || len(s.Lists) == 0 {
		return errPanic
	}
	if t := tableOf(s); strings.EqualFold(t, a.name) {
		return mysqlerr.New(mysqlerr.NonuniqTable, a.name)
	}
	for i, c := range a.columns {
		for _, other := range a.columns[:i] {
			if strings.EqualFold(c, other) {
				return mysqlerr.New(mysqlerr.DupFieldName, c)
			}
		}
	}
	if width := len(s.Lists[0]); a.columns != nil && len(a.columns) != width {
		return mysqlerr.New(mysqlerr.ViewWrongList)
	}
	r := newRow{rowAlias: a, named: s.Columns}
	for _, set := range s.OnDuplicate {
		e, _ := set.Expr.Accept(&r)
		set.Expr = e.(ast.ExprNode)
	}
	return nil
}

func tableOf(s *ast.InsertStmt) string {
	if s.Table != nil && s.Table.TableRefs != nil {
		if src, ok := s.Table.TableRefs.Left.(*ast.TableSource); ok {
			if name, ok := src.Source.(*ast.TableName); ok {
				return name.Name.O
			}
		}
	}
	return ""
}

// newRow is the visitor of put.
type newRow struct {
	rowAlias
	named []*ast.ColumnName
	depth int // of subqueries, whose tables' columns come first
}

func (r *newRow) Enter(n ast.Node) (ast.Node, bool) {
	switch n.(type) {
	case *ast.ValuesExpr:
		return n, true
	case *ast.SubqueryExpr:
		r.depth++
	}
	return n, false
}

func (r *newRow) Leave(n ast.Node) (ast.Node, bool) {
	switch n := n.(type) {
	case *ast.SubqueryExpr:
		r.depth--
	case *ast.ColumnNameExpr:
		if c := r.meant(n.Name); c != nil {
			return &ast.ValuesExpr{Column: &ast.ColumnNameExpr{Name: c}}, true
		}
	}
	return n, true
}

// meant is the table's column that a name means as one of the new row's, nil where it means none.
func (r *newRow) meant(n *ast.ColumnName) *ast.ColumnName {
	qualified := strings.EqualFold(n.Table.O, r.name)
	if !qualified && (n.Table.O != "" || r.columns == nil || r.depth > 0) {
		return nil
	}
	if r.columns == nil {
		for _, c := range r.named {
			if c.Name.L == n.Name.L {
				return c
			}
		}
		if len(r.named) > 0 {
			return nil
		}
		return &ast.ColumnName{Schema: ast.NewCIStr(newRowSchema), Table: n.Table, Name: n.Name}
	}
	for i, c := range r.columns {
		switch {
		case !strings.EqualFold(c, n.Name.O):
		case len(r.named) > i:
			return r.named[i]
		default:
			return &ast.ColumnName{Name: ast.NewCIStr(NewRowColumn(i))}
		}
	}
	return nil
}
