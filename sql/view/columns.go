package view

import (
	"cloudsql/planner/logical"
	"cloudsql/sql/ddl"
	"cloudsql/storage/schema"
)

// Columns are a view's columns in the form of a descriptor, with the types and defaults that a table made of its query would have.
func Columns(ctx *logical.Context, v *schema.View, db string) ([]schema.Column, error) {
	cols, _, _, err := logical.ViewShape(ctx, v, db)
	if err != nil {
		return nil, err
	}
	list := make([]schema.Column, len(cols))
	for i := range cols {
		var from *schema.Column
		if src := cols[i].Source; src != nil {
			from = &src.Columns[cols[i].Pos]
		}
		list[i] = ddl.ColumnOf(&cols[i].Field, from, false)
		list[i].OnUpdateNow = false
	}
	return list, nil
}
