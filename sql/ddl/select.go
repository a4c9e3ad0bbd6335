package ddl

import (
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/sql/ddl/names"
	"cloudsql/storage/collation"
	"cloudsql/storage/conversion"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// ColumnsOf makes columns of a query's, for CREATE TABLE … SELECT. source gives the table's column that a field is, nil for
// what is computed or comes from a derived table.
func ColumnsOf(env *Env, fields []types.Field, source func(f *types.Field) *schema.Column) ([]schema.Column, error) {
	columns := make([]schema.Column, len(fields))
	for i := range fields {
		if err := names.Column(fields[i].Name); err != nil {
			return nil, err
		}
		columns[i] = ColumnOf(&fields[i], source(&fields[i]), env.strict())
	}
	return columns, nil
}

// ColumnOf makes a column of a query's. strict: what the type's zero is must be a date, or it is no default.
func ColumnOf(f *types.Field, source *schema.Column, strict bool) schema.Column {
	c := schema.Column{Name: f.Name, Type: f.Type, NotNull: uint(f.Flags)&mysql.NotNullFlag != 0}
	if source != nil {
		likeSource(&c, source)
	} else {
		storableType(&c.Type, f.Common)
		zeroDefault(&c, strict)
	}
	return c
}

// likeSource gives a column what the one has that it is selected from: all but AUTO_INCREMENT, how it is generated, and that it
// is invisible. It may be NULL where the query says so, as behind an outer join.
func likeSource(c, s *schema.Column) {
	c.Type, c.Comment = s.Type, s.Comment
	c.HasDefault, c.Default, c.DefaultExpr, c.OnUpdateNow = s.HasDefault, s.Default, s.DefaultExpr, s.OnUpdateNow
	if s.AutoIncrement {
		c.HasDefault, c.Default = true, types.AppendValue(nil, conversion.ImplicitDefault(&c.Type))
	}
}

// zeroDefault gives a column that is computed and never NULL its type's zero as default; where that is no date and sql_mode
// forbids such, none.
func zeroDefault(c *schema.Column, strict bool) {
	if !c.NotNull || c.Type.IsLob() {
		return
	}
	if class := c.Type.Class(); strict && (class == types.ClassDate || class == types.ClassDatetime) {
		return
	}
	c.HasDefault, c.Default = true, types.AppendValue(nil, conversion.ImplicitDefault(&c.Type))
}

// storableType turns an expression's type into one that a column can have; common is that of several queries.
func storableType(t *types.Type, common bool) {
	switch t.Class() {
	case types.ClassNull:
		*t = types.Type{ID: mysql.TypeString, Length: 0, Collation: collation.Binary}
	case types.ClassInt:
		if t.ID == mysql.TypeLonglong && t.Length < 10 && !common {
			t.ID = mysql.TypeLong // a small literal or BOOL: INT, as MySQL makes of it
		}
		if w, ok := displayWidth[t.ID]; ok {
			t.Length = w[0]
			if t.Unsigned {
				t.Length = w[1]
			}
		}
		t.Decimals = 0
		if t.ID == mysql.TypeYear {
			t.Unsigned = false // expressions take years for unsigned; columns store them signed (columnType)
		}
	case types.ClassFloat:
		t.Length, t.Decimals = 22, types.Unspecified
		if t.ID == mysql.TypeFloat {
			t.Length = 12
		}
	case types.ClassDecimal:
		t.Length, t.Decimals = min(max(t.Length, 1), maxPrecision), min(max(t.Decimals, 0), maxScale)
		t.Length = max(t.Length, t.Decimals)
	case types.ClassString:
		storableString(t)
	}
}

// maxSelectedVarchar is the longest string, in characters, that becomes a VARCHAR where it is computed.
const maxSelectedVarchar = 512

func storableString(t *types.Type) {
	t.Decimals = 0
	switch {
	case t.IsLob():
		blobType(t)
	case t.Length == 0:
		t.ID = mysql.TypeString
	case t.Length < 0:
		t.ID = mysql.TypeLongBlob
		blobType(t)
	case t.Length > maxSelectedVarchar:
		t.ID = mysql.TypeBlob
		blobType(t)
	default:
		t.ID = mysql.TypeVarchar
	}
}
