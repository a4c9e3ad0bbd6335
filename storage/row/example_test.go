package row_test

import (
	"fmt"
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/collation"
	"cloudsql/storage/row"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// A row is encoded whole; a reader decodes the columns that it needs, and a column that is younger than the row reads as the
// table says.
func Example() {
	t := &schema.Table{Columns: []schema.Column{
		{ID: 1, Name: "id", Type: types.Type{ID: mysql.TypeLonglong}},
		{ID: 2, Name: "name", Type: types.Type{ID: mysql.TypeVarchar, Length: 20, Collation: collation.Default}},
	}}
	stored := row.Encode(nil, t, []types.Value{types.Int(7), types.Str("Ada")})
	fmt.Printf("%d bytes\n", len(stored))

	later := &schema.Table{Columns: append(t.Columns, schema.Column{
		ID: 3, Name: "born", Type: types.Type{ID: mysql.TypeLonglong}, Missing: types.AppendValue(nil, types.Int(1815)),
	})}
	d := row.NewDecoder(later, []schema.ColumnID{2, 3})
	vals := make([]types.Value, d.Width())
	if err := d.Decode(stored, vals, time.UTC); err != nil {
		fmt.Println(err)
	}
	fmt.Println(vals[0].Text(), vals[1].Text())
	// Output:
	// 14 bytes
	// Ada 1815
}
