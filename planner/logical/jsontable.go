package logical

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/algebra"
	"cloudsql/planner/bind"
	"cloudsql/planner/jsontable"
	"cloudsql/planner/syntax"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// jsonTableBinder binds JSON_TABLE.
type jsonTableBinder struct {
	fromClause
	alias    string
	cols     []bind.Column
	seen     map[string]bool
	nestings int
}

func (q fromClause) fromJSONTable(t *syntax.JSONTable, alias string) (Node, []bind.Column, error) {
	if alias == "" {
		return nil, nil, mysqlerr.New(mysqlerr.TFMustHaveAlias)
	}
	doc, err := bind.Expr(q.binder("a table function argument"), &bind.Scope{Outer: q.lateralScope(alias)}, t.Doc)
	if err != nil {
		return nil, nil, err
	}
	b := &jsonTableBinder{fromClause: q, alias: alias, seen: map[string]bool{}}
	n := &algebra.JSONTable{Name: alias, Doc: q.b.fold(doc)}
	if n.Table, err = b.table(t); err != nil {
		return nil, nil, err
	}
	n.Table.Width = len(b.cols)
	for i := range b.cols {
		n.IDs = append(n.IDs, b.cols[i].ID)
	}
	return n, b.cols, nil
}

// maxNestedPaths is how many NESTED PATHs a JSON_TABLE has, as in MySQL.
const maxNestedPaths = 16

func (b *jsonTableBinder) table(t *syntax.JSONTable) (*jsontable.Table, error) {
	out := &jsontable.Table{}
	var err error
	if out.Path, err = expr.ParseJSONPath(t.Path); err != nil {
		return nil, err
	}
	for i := range t.Columns {
		c, err := b.column(&t.Columns[i])
		if err != nil {
			return nil, err
		}
		out.Columns = append(out.Columns, c)
	}
	return out, nil
}

func (b *jsonTableBinder) column(c *syntax.JSONColumn) (jsontable.Column, error) {
	out := jsontable.Column{Name: c.Name, At: len(b.cols), Exists: c.Kind == syntax.JSONExists}
	var err error
	if c.Kind == syntax.JSONNested {
		if b.nestings++; b.nestings > maxNestedPaths {
			return out, mysqlerr.New(mysqlerr.JTMaxNestedPath, maxNestedPaths, b.alias)
		}
		out.Nested, err = b.table(c.Nested)
		return out, err
	}
	low := strings.ToLower(c.Name)
	if b.seen[low] {
		return out, mysqlerr.New(mysqlerr.DupFieldName, c.Name)
	}
	b.seen[low] = true
	if c.Kind == syntax.JSONOrdinality {
		out.Type = types.Type{ID: mysql.TypeLong, Length: 10, Unsigned: true, Collation: types.CollationBinary}
	} else if err = b.value(c, &out); err != nil {
		return out, err
	}
	f := types.Field{Table: b.alias, Name: c.Name, OrgName: c.Name, Type: out.Type, Flags: bind.TypeFlags(&out.Type)}
	b.cols = append(b.cols, bind.Column{ID: b.b.newIDs(1), Field: f})
	return out, nil
}

// value binds the path, the type and the defaults of a column.
func (b *jsonTableBinder) value(c *syntax.JSONColumn, out *jsontable.Column) error {
	var err error
	if out.Path, err = expr.ParseJSONPath(c.Path); err != nil {
		return err
	}
	if b.b.ctx.ColumnType == nil {
		return mysqlerr.NotSupported("JSON_TABLE in this place")
	}
	if out.Type, err = b.b.ctx.ColumnType(c.Def); err != nil {
		return err
	}
	if out.OnEmpty, err = b.response(out, c.OnEmpty); err != nil {
		return err
	}
	out.OnError, err = b.response(out, c.OnError)
	return err
}

func (b *jsonTableBinder) response(c *jsontable.Column, r syntax.JSONResponse) (jsontable.Response, error) {
	out := jsontable.Response{Error: r.Error}
	if r.Default == nil {
		return out, nil
	}
	n, err := b.b.env.JSONDocument("json_table", types.Str(*r.Default))
	if err == nil {
		out.Value, err = c.Convert(n)
	}
	if err != nil {
		return out, mysqlerr.New(mysqlerr.InvalidDefault, c.Name)
	}
	return out, nil
}
