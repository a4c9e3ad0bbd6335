package logical

import (
	"regexp"
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/bind"
	"cloudsql/planner/block"
	"cloudsql/planner/lexer"
	"cloudsql/planner/scalar"
	"cloudsql/planner/syntax"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// expandStar adds the columns of * or t.*.
func (q *selectQuery) expandStar(w *ast.WildCardField, i int) error {
	if q.Source == nil {
		return mysqlerr.New(mysqlerr.NoTablesUsed)
	}
	if i > 0 && w.Table.O == "" {
		// MySQL takes a bare * in the first place only.
		return mysqlerr.Syntax("*", 1)
	}
	found := false
	var star []bind.Column
	for k := range q.scope.Cols {
		c := &q.scope.Cols[k]
		if c.Hidden || c.Invisible || w.Table.O == "" && c.Shadowed || w.Table.O != "" && !c.InTable(w.Schema.O, w.Table.O) {
			continue
		}
		found = true
		value := c.Value()
		q.Fields = append(q.Fields, block.Field{Col: q.computed(c.Field, value), Expr: value, Name: c.Field.Name})
		star = append(star, *c)
	}
	if notes := q.b.o.Notes; notes != nil {
		notes.Stars[w] = star
	}
	if !found {
		return mysqlerr.New(mysqlerr.BadTable, w.Table.O)
	}
	return nil
}

func (q *selectQuery) outColumn(f types.Field) bind.Column {
	return bind.Column{ID: q.IDs.New(1), Field: f}
}

// computed is the column that a term of the select list makes.
func (q *selectQuery) computed(f types.Field, e expr.Expr) bind.Column {
	c := q.outColumn(f)
	c.Of = e
	return c
}

// addField adds a term of the select list: e, which was bound as written and folded since.
func (q *selectQuery) addField(f *ast.SelectField, e, written expr.Expr) {
	name := f.AsName.O
	field := types.Field{Type: *e.Type()}
	src := q.ColumnOf(e)
	if src == nil {
		src = (merging{q}).computedColumn(f.Expr, e)
	}
	switch {
	case src != nil:
		field = src.Field
		if name == "" && isInfoSchema(src.Field.Schema) {
			name = src.Field.Name // MySQL 8.0 shows TABLE_NAME, however the statement writes it
		} else if name == "" {
			name = fieldName(f.Expr, src.Field.Name)
		}
	case name == "":
		name = FieldText(f)
	}
	if src == nil {
		field.Flags = bind.TypeFlags(&field.Type)
		if scalar.DeclaredNotNull(written, func(e expr.Expr) bool { return q.NotNull(e) || q.numbers(e) || isCustom(e) && q.NotNull(q.b.fold(e)) }) {
			field.Flags |= uint16(mysql.NotNullFlag)
		}
	}
	field.Name = name
	q.Fields = append(q.Fields, block.Field{Col: q.computed(field, e), Expr: e, Name: name})
}

// isCustom tells of what no function's name says anything about, such as a subquery.
func isCustom(e expr.Expr) bool {
	c, ok := e.(*expr.Call)
	return ok && c.Custom()
}

// numbers tells whether e is a window function that numbers or counts rows.
func (q *selectQuery) numbers(e expr.Expr) bool {
	c, ok := e.(*expr.Column)
	return ok && slices.ContainsFunc(q.Windows, func(w *WindowItem) bool {
		switch w.Name {
		case "row_number", "rank", "dense_rank", "ntile", "percent_rank", "cume_dist", "count":
			return w.ID == c.Index
		}
		return false
	})
}

// fieldName is the name of a plain column: as the statement writes it.
func fieldName(n ast.ExprNode, name string) string {
	if c, ok := syntax.Unparen(n).(*ast.ColumnNameExpr); ok {
		return c.Name.Name.O
	}
	return name
}

// maxFieldName is the length of a column's name, in characters.
const maxFieldName = 256

// literalText is how strings begin, also those of a character set.
var literalText = regexp.MustCompile(`^([nN]|_\w+\s*)?['"]`)

// FieldText names a column after its expression's text, as MySQL does.
func FieldText(f *ast.SelectField) string {
	text := strings.TrimSpace(lexer.WithoutComments(syntax.WrittenText(f.Text())))
	named := syntax.NamedBy(f.Expr)
	if v, ok := named.(ast.ValueExpr); ok && (named != f.Expr || literalText.MatchString(text)) {
		text = v.GetString()
	}
	if r := []rune(text); len(r) > maxFieldName {
		text = string(r[:maxFieldName])
	}
	return text
}

// computedColumn finds the column of a merged view that a name means, where e is what it is computed from.
func (q merging) computedColumn(n ast.ExprNode, e expr.Expr) *bind.Column {
	name, ok := n.(*ast.ColumnNameExpr)
	if !ok || q.scope == nil {
		return nil
	}
	if c, err := q.scope.Find(name.Name, bind.FieldList); err == nil && c != nil && c.Expr != nil && scalar.Same(c.Expr, e) {
		return c
	}
	return nil
}
