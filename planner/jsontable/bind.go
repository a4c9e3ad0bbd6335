package jsontable

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/bind"
	"cloudsql/planner/syntax"
	"cloudsql/storage/collation"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Binder makes a Table of JSON_TABLE as it was written.
type Binder struct {
	Alias      string
	Env        *expr.Env
	Typing     *expr.Typing
	ColumnType bind.ColumnType // nil: there are none
	Columns    []bind.Column   // of the table, once it is bound; without numbers

	seen     map[string]bool
	nestings int
}

// Bind binds the path, and the columns.
func (b *Binder) Bind(t *syntax.JSONTable) (*Table, error) {
	b.seen = map[string]bool{}
	out, err := b.table(t)
	if err == nil {
		out.Width = len(b.Columns)
	}
	return out, err
}

// maxNestedPaths is how many NESTED PATHs a JSON_TABLE has, as in MySQL.
const maxNestedPaths = 16

func (b *Binder) table(t *syntax.JSONTable) (*Table, error) {
	out := &Table{}
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

func (b *Binder) column(c *syntax.JSONColumn) (Column, error) {
	out := Column{Name: c.Name, At: len(b.Columns), Exists: c.Kind == syntax.JSONExists}
	var err error
	if c.Kind == syntax.JSONNested {
		if b.nestings++; b.nestings > maxNestedPaths {
			return out, mysqlerr.New(mysqlerr.JTMaxNestedPath, maxNestedPaths, b.Alias)
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
		out.Type = types.Type{ID: mysql.TypeLong, Length: 10, Unsigned: true, Collation: collation.Binary}
	} else if err = b.value(c, &out); err != nil {
		return out, err
	}
	f := types.Field{Table: b.Alias, Name: c.Name, OrgName: c.Name, Type: bind.OperandType(out.Type), Flags: bind.TypeFlags(&out.Type)}
	b.Columns = append(b.Columns, bind.Column{Field: f})
	return out, nil
}

// value binds the path, the type and the defaults of a column.
func (b *Binder) value(c *syntax.JSONColumn, out *Column) error {
	var err error
	if out.Path, err = expr.ParseJSONPath(c.Path); err != nil {
		return err
	}
	if b.ColumnType == nil {
		return mysqlerr.NotSupported("JSON_TABLE in this place")
	}
	if out.Type, err = b.ColumnType(c.Def, b.Typing.Connection()); err != nil {
		return err
	}
	if out.OnEmpty, err = b.response(out, c.OnEmpty); err != nil {
		return err
	}
	out.OnError, err = b.response(out, c.OnError)
	return err
}

func (b *Binder) response(c *Column, r syntax.JSONResponse) (Response, error) {
	out := Response{Error: r.Error}
	if r.Default == nil {
		return out, nil
	}
	n, err := b.Env.JSONDocument("json_table", types.Str(*r.Default))
	if err == nil {
		out.Value, err = c.Convert(n)
	}
	if err != nil {
		return out, mysqlerr.New(mysqlerr.InvalidDefault, c.Name)
	}
	return out, nil
}
