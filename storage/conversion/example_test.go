package conversion_test

import (
	"fmt"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/conversion"
	"cloudsql/storage/types"
)

// Assign is what INSERT does to a value: it becomes one of the column's type, or an error of MySQL's.
func ExampleAssign() {
	small := types.Type{ID: mysql.TypeTiny}
	price := types.Type{ID: mysql.TypeNewDecimal, Length: 6, Decimals: 2}
	for _, c := range []struct {
		v types.Value
		t *types.Type
	}{{types.Str("12"), &small}, {types.Int(128), &small}, {types.Str("9.999"), &price}} {
		v, err := conversion.Assign(c.v, c.t, "a", 1, types.DefaultMode(), func(uint16, string) {})
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(v.Text())
	}
	// Output:
	// 12
	// ERROR 1264 (22003): Out of range value for column 'a' at row 1
	// 10.00
}
