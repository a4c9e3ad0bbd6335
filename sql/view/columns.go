package view

import (
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/planner/logical"
	"cloudsql/storage/schema"
)

// Columns are a view's columns in the form of a descriptor, with the defaults of the tables' columns that they are.
func Columns(ctx *logical.Context, v *schema.View, db string) ([]schema.Column, error) {
	cols, _, _, err := logical.ViewShape(ctx, v, db)
	if err != nil {
		return nil, err
	}
	list := make([]schema.Column, len(cols))
	for i := range cols {
		f := &cols[i].Field
		list[i] = schema.Column{Name: f.Name, Type: f.Type, NotNull: f.Flags&uint16(mysql.NotNullFlag) != 0}
		if src := cols[i].Source; src != nil {
			from := &src.Columns[cols[i].Pos]
			list[i].HasDefault, list[i].Default, list[i].DefaultExpr = from.HasDefault, from.Default, from.DefaultExpr
			list[i].Comment = from.Comment
		}
	}
	return list, nil
}
