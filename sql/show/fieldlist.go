package show

import (
	"time"

	"cloudsql/storage/collation"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// FieldList is COM_FIELD_LIST's answer: those of a table's columns whose names are LIKE a pattern, with their defaults in a time zone. t is
// nil for what is no table.
func FieldList(columns []types.Field, t *schema.Table, pattern string, like func(pattern, s string) bool, loc *time.Location) (
	cols []types.Field, defaults [][]byte) {
	for _, c := range columns {
		if pattern != "" && !collation.Default.EqualStrings([]byte(c.Name), []byte(pattern)) && !like(pattern, c.Name) {
			continue
		}
		cols, defaults = append(cols, c), append(defaults, localDefault(t, c.OrgName, loc))
	}
	return cols, defaults
}

// localDefault is a column's default; nil where it has none, or one that is computed.
func localDefault(t *schema.Table, column string, loc *time.Location) []byte {
	if t == nil {
		return nil
	}
	i := t.ColumnByName(column)
	if i < 0 || t.Columns[i].Default == nil {
		return nil
	}
	v, _, err := types.DecodeValue(t.Columns[i].Default)
	if err != nil {
		return nil
	}
	return types.ToLocal(v, loc).AppendText([]byte{}, &t.Columns[i].Type)
}
