package logical

import (
	"regexp"
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/bind"
	"cloudsql/planner/scalar"
	"cloudsql/planner/syntax"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// expandStar adds the columns of * or t.*.
func (q *selectQuery) expandStar(w *ast.WildCardField, i int) error {
	if q.source == nil {
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
		q.fields = append(q.fields, outField{col: q.outColumn(c.Field), expr: c.Value(), name: c.Field.Name})
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
	return bind.Column{ID: q.b.newIDs(1), Field: f}
}

// addField adds a term of the select list: e, which was bound as written and folded since.
func (q *selectQuery) addField(f *ast.SelectField, e, written expr.Expr) {
	name := f.AsName.O
	field := types.Field{Type: *e.Type()}
	src := q.columnOf(e)
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
		if scalar.DeclaredNotNull(written, func(e expr.Expr) bool { return notNull(e, q) || q.numbers(e) || isCustom(e) && notNull(q.b.fold(e), q) }) {
			field.Flags |= uint16(mysql.NotNullFlag)
		}
	}
	field.Name = name
	q.fields = append(q.fields, outField{col: q.outColumn(field), expr: e, name: name, text: f.Text()})
}

// isCustom tells of what no function's name says anything about, such as a subquery.
func isCustom(e expr.Expr) bool {
	c, ok := e.(*expr.Call)
	return ok && c.Custom()
}

// numbers tells whether e is a window function that numbers or counts rows.
func (q *selectQuery) numbers(e expr.Expr) bool {
	c, ok := e.(*expr.Column)
	return ok && slices.ContainsFunc(q.windows, func(w *WindowItem) bool {
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
	text := strings.TrimSpace(syntax.WithoutComments(syntax.WrittenText(f.Text())))
	if v, ok := f.Expr.(ast.ValueExpr); ok && literalText.MatchString(text) {
		text = v.GetString()
	}
	if r := []rune(text); len(r) > maxFieldName {
		text = string(r[:maxFieldName])
	}
	return text
}

// columnOf finds the column that e is, nil for anything else.
func (q *selectQuery) columnOf(e expr.Expr) *bind.Column {
	c, ok := e.(*expr.Column)
	if !ok || q.scope == nil {
		return nil
	}
	for i := range q.scope.Cols {
		if q.scope.Cols[i].ID == c.Index {
			return &q.scope.Cols[i]
		}
	}
	return nil
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

// notNull tells whether e is known not to be NULL.
func notNull(e expr.Expr, q *selectQuery) bool {
	switch x := e.(type) {
	case *expr.Const:
		return !x.Val.IsNull()
	case *expr.Column:
		if c := q.columnOf(e); c != nil {
			return c.Field.Flags&uint16(mysql.NotNullFlag) != 0
		}
		for _, a := range q.aggs {
			if a.ID == x.Index {
				return a.Agg.Name == "count" || strings.HasPrefix(a.Agg.Name, "bit_")
			}
		}
		for _, g := range q.groupings {
			if g.id == x.Index {
				return true
			}
		}
	case *expr.Call:
		switch x.Name() {
		case "is null", "is not null", "is true", "is not true", "is false", "is not false", "<=>":
			return true
		case "=", "<>", "<", "<=", ">", ">=", "and", "or", "not", "between", "in", "like", "+", "-", "*",
			"neg", "concat", "lower", "upper", "length":
			for _, a := range x.Args() {
				if !notNull(a, q) {
					return false
				}
			}
			return true
		case "ifnull", "coalesce":
			return notNull(x.Args()[len(x.Args())-1], q)
		case "now", "curdate", "curtime", "version", "connection_id", "pi", "rand", "uuid":
			return true
		}
	}
	return false
}
