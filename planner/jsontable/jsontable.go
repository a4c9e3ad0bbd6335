// Package jsontable is JSON_TABLE: what was written becomes a Table (bind.go), which makes rows of documents.
//
//	path '$[*]'  ──→  a, b, n for each value        nested path '$.b[*]'  ──→  for each of them as many rows as it finds,
//	                                                                           one nested path after the other
//
// Invariants: a document gives the same rows in the same order; a row is the caller's to copy; nothing here keeps anything.
package jsontable

import (
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/conversion"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Table is JSON_TABLE: for each value that Path finds, a row of Columns.
type Table struct {
	Path    *expr.JSONPath
	Columns []Column
	Width   int // columns of a whole row
}

// Column is a column of a Table, or with Nested several.
type Column struct {
	Name             string
	At               int // place in a row
	Type             types.Type
	Path             *expr.JSONPath // nil: the row's number
	Exists           bool           // whether Path finds something
	OnEmpty, OnError Response
	Nested           *Table
}

// Response is what a column has where there is no value, or one that is none of its type.
type Response struct {
	Error bool
	Value types.Value
}

// maker makes rows of a document.
type maker struct {
	env *expr.Env
	add func(row []types.Value) error
	row []types.Value
}

// Rows calls add with each row of a document.
func (t *Table) Rows(env *expr.Env, doc expr.Expr, add func(row []types.Value) error) error {
	v, err := doc.Eval(env, nil)
	if err != nil || v.IsNull() {
		return err
	}
	root, err := env.JSONDocument("json_table", v)
	if err != nil {
		return err
	}
	m := &maker{env: env, add: add, row: make([]types.Value, t.Width)}
	_, err = m.table(t, root)
	return err
}

// table adds the rows of a table for a value, and tells whether there are any.
func (m *maker) table(t *Table, at expr.JSONNode) (some bool, err error) {
	number := uint64(0)
	found := t.Path.Find(m.env, at, func(n expr.JSONNode) bool {
		number++
		some = true
		err = m.matched(t, n, number)
		return err == nil
	})
	if err == nil {
		err = found
	}
	t.clear(m.row)
	return some, err
}

// clear takes the columns' values out of a row.
func (t *Table) clear(row []types.Value) {
	for i := range t.Columns {
		if c := &t.Columns[i]; c.Nested != nil {
			c.Nested.clear(row)
		} else {
			row[c.At] = types.Null
		}
	}
}

// matched adds the rows of one value that the path of a table has found: those of one nested table after the other, or one.
func (m *maker) matched(t *Table, n expr.JSONNode, number uint64) error {
	for i := range t.Columns {
		c := &t.Columns[i]
		if c.Nested != nil {
			continue
		}
		v, err := m.column(c, n, number)
		if err != nil {
			return err
		}
		m.row[c.At] = v
	}
	some := false
	for i := range t.Columns {
		if c := &t.Columns[i]; c.Nested != nil {
			has, err := m.table(c.Nested, n)
			if err != nil {
				return err
			}
			some = some || has
		}
	}
	if some {
		return nil
	}
	return m.add(m.row)
}

// column gives a column's value.
func (m *maker) column(c *Column, n expr.JSONNode, number uint64) (types.Value, error) {
	if c.Path == nil {
		return types.Uint(number), nil
	}
	var found []expr.JSONNode
	err := c.Path.Find(m.env, n, func(n expr.JSONNode) bool {
		found = append(found, n)
		return !c.Exists
	})
	switch {
	case err != nil:
		return types.Null, err
	case c.Exists:
		return c.store(expr.JSONInt(len(found)))
	case len(found) == 0 && c.OnEmpty.Error:
		return types.Null, mysqlerr.New(mysqlerr.MissingJSONTableValue, c.Name)
	case len(found) == 0:
		return c.OnEmpty.Value, nil
	case len(found) > 1:
		return c.store(expr.JSONArray(found))
	}
	return c.store(found[0])
}

// store makes a value of a column's type of one in the document.
func (c *Column) store(n expr.JSONNode) (types.Value, error) {
	v, err := c.Convert(n)
	if err == nil {
		return v, nil
	}
	if c.OnError.Error {
		return types.Null, err
	}
	return c.OnError.Value, nil
}

// Convert makes a value of the column's type; 3666 and 3669 where that can't be.
func (c *Column) Convert(n expr.JSONNode) (types.Value, error) {
	if c.Type.Class() == types.ClassJSON {
		return n.Value(), nil
	}
	v, scalar := n.Scalar(&c.Type)
	if !scalar {
		return types.Null, mysqlerr.New(mysqlerr.WrongJSONTableValue, c.Name)
	}
	typ := c.Type
	if typ.ID == mysql.TypeTimestamp {
		typ.ID = mysql.TypeDatetime // as it is where rows are not stored
	}
	v, err := conversion.Assign(v, &typ, c.Name, 1, strictMode, nil)
	if err != nil {
		return types.Null, mysqlerr.New(mysqlerr.JTValueOutOfRange, c.Name)
	}
	return v, nil
}

// strictMode is how JSON values become a column's: what does not fit is an error.
var strictMode = types.DefaultMode()
