package show

import (
	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/sql/show/virtual"
	"cloudsql/storage/types"
)

// Conditions lists conditions from an offset on, up to a limit; below 0: all.
func Conditions(list []virtual.Condition, onlyErrors bool, offset, limit int) *Result {
	res := &Result{Fields: []types.Field{
		TextField("Level", 7), {Name: "Code", Type: codeType, Flags: uint16(mysql.NotNullFlag | mysql.UnsignedFlag)},
		TextField("Message", 512),
	}}
	for _, c := range list {
		if onlyErrors && c.Level != "Error" {
			continue
		}
		if offset > 0 {
			offset--
			continue
		}
		if limit == 0 {
			break
		}
		limit--
		res.Rows = append(res.Rows, []types.Value{types.Str(c.Level), types.Uint(uint64(c.Code)), types.Str(c.Message)})
	}
	return res
}

var codeType = types.Type{ID: mysql.TypeLong, Unsigned: true, Length: 4, Collation: types.CollationBinary}

// Help answers HELP: there is none.
func Help() *Result {
	return &Result{Fields: []types.Field{TextField("source_category_name", 64), TextField("name", 64), TextField("is_it_category", 1)}}
}
