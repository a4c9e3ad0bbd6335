package planner

import (
	"math"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// keyable tells whether keyValue can turn any value of type from into a key of a column of type col.
func keyable(col, from *types.Type) bool {
	c, f := col.Class(), from.Class()
	if f == types.ClassNull {
		return true
	}
	switch c {
	case types.ClassInt:
		return f == types.ClassInt || f == types.ClassDecimal || f == types.ClassString
	case types.ClassDecimal:
		return f == types.ClassInt || f == types.ClassDecimal
	case types.ClassFloat:
		return f == types.ClassInt || f == types.ClassDecimal || f == types.ClassFloat
	case types.ClassString:
		// A binary string against a character column compares bytes, which the column's key order does not.
		return f == types.ClassString && (col.IsBinary() || !from.IsBinary())
	case types.ClassDate, types.ClassDatetime:
		return (f == types.ClassDate || f == types.ClassDatetime || f == types.ClassString) && !col.IsTimestamp()
	}
	return false
}

// keyValue converts a constant that is compared for equality with a column into the column's storage form. ok is false
// when no value of the column can be equal (NULL, 1.5 for an integer column). Only for pairs that are keyable. A string
// that is no date gives 1525, as MySQL does.
func keyValue(v types.Value, col *types.Type, m *types.Mode) (key types.Value, ok bool, err error) {
	if v.IsNull() {
		return v, false, nil
	}
	switch col.Class() {
	case types.ClassInt:
		key, ok = integerKey(v, col)
	case types.ClassDecimal:
		d := types.Dec(v.ToDecimal(nil))
		key = types.RoundDecimal(d, col.Decimals)
		ok = types.Compare(key, d, types.CollationBinary) == 0
	case types.ClassFloat:
		key, ok = types.Float(v.ToFloat(nil)), true
	case types.ClassString:
		key, ok = types.String(v.Raw()), true
		if col.IsBinary() {
			key = types.Bytes(v.Raw())
		}
	case types.ClassDate, types.ClassDatetime:
		return timeKey(v, col, m)
	}
	return key, ok, nil
}

func integerKey(v types.Value, col *types.Type) (types.Value, bool) {
	switch v.Kind() {
	case types.KindInt:
		return signedKey(v.Int(), col)
	case types.KindUint:
		return unsignedKey(v.Uint(), col)
	case types.KindString, types.KindBytes:
		d, n, ok := types.ParseDecimal(v.Raw())
		if !ok || n != len(v.Raw()) {
			d = types.Float(v.ToFloat(nil))
		}
		v = d
	}
	if v.Kind() == types.KindFloat {
		f := v.Float()
		if f != math.Trunc(f) || math.Abs(f) >= 1<<63 {
			return types.Null, false
		}
		return signedKey(int64(f), col)
	}
	whole := types.RoundDecimal(v, 0)
	if types.Compare(whole, v, types.CollationBinary) != 0 {
		return types.Null, false
	}
	if i, clipped := whole.ToInt(nil); !clipped {
		return signedKey(i, col)
	}
	u, clipped := whole.ToUint(nil)
	if clipped {
		return types.Null, false
	}
	return unsignedKey(u, col)
}

func signedKey(i int64, col *types.Type) (types.Value, bool) {
	if col.Unsigned {
		return types.Uint(uint64(i)), i >= 0
	}
	return types.Int(i), true
}

func unsignedKey(u uint64, col *types.Type) (types.Value, bool) {
	if col.Unsigned {
		return types.Uint(u), true
	}
	return types.Int(int64(u)), u <= math.MaxInt64
}

func timeKey(v types.Value, col *types.Type, m *types.Mode) (types.Value, bool, error) {
	dt := v.ToDatetime(m, nil)
	if dt.IsNull() {
		name := "DATETIME"
		if col.Class() == types.ClassDate {
			name = "DATE"
		}
		return types.Null, false, mysqlerr.Newf(mysql.ErrWrongValue, "Incorrect %s value: '%s'", name, v.Text())
	}
	if col.Class() == types.ClassDate {
		day := dt.ToDate(m, nil)
		return day, day.Uint() == dt.Uint(), nil
	}
	return types.Datetime(dt.Uint(), max(col.Decimals, 0)), true, nil
}
