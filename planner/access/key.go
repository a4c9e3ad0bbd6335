package access

import (
	"math"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Keyable tells whether keyValue can turn any value of type from into a key of a column of type col.
func Keyable(col, from *types.Type) bool {
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

// Key converts a constant that is compared for equality with a column into the column's storage form. ok is false
// when no value of the column can be equal (NULL, 1.5 for an integer column). Only for pairs that are keyable. A string
// that is no date gives 1525, as MySQL does.
func Key(v types.Value, col *types.Type, m *types.Mode) (key types.Value, ok bool, err error) {
	if v.IsNull() {
		return v, false, nil
	}
	key, _, fit := Bounds(v, col, m)
	class := col.Class()
	switch fit {
	case Within:
		return types.Null, false, nil
	case Unknown:
		switch class {
		case types.ClassInt:
			key, ok = roundKey(v, col)
			return key, ok, nil
		case types.ClassDate, types.ClassDatetime:
			return types.Null, false, notADate(v, class)
		}
		return types.Null, false, nil
	}
	switch class {
	case types.ClassInt:
		if key.Kind() == types.KindUint {
			key, ok = UnsignedKey(key.Uint(), col)
		} else {
			key, ok = signedKey(key.Int(), col)
		}
		return key, ok, nil
	case types.ClassString:
		if col.IsBinary() {
			return types.Bytes(v.Raw()), true, nil
		}
		return types.String(v.Raw()), true, nil
	case types.ClassDatetime:
		return types.Datetime(key.Uint(), max(col.Decimals, 0)), true, nil
	}
	return key, true, nil
}

// roundKey is the integer that a text means which is compared as a floating-point number too large to tell its neighbours.
func roundKey(v types.Value, col *types.Type) (types.Value, bool) {
	if v.Kind() == types.KindDecimal {
		return types.Null, false // beyond all integers, or between two
	}
	f := v.ToFloat(nil)
	if f != math.Trunc(f) || math.Abs(f) >= 1<<63 {
		return types.Null, false
	}
	return signedKey(int64(f), col)
}

func notADate(v types.Value, class types.Class) error {
	name := "DATETIME"
	if class == types.ClassDate {
		name = "DATE"
	}
	return mysqlerr.New(mysqlerr.WrongValue, name, v.Text())
}

func signedKey(i int64, col *types.Type) (types.Value, bool) {
	if col.Unsigned {
		return types.Uint(uint64(i)), i >= 0
	}
	return types.Int(i), true
}

func UnsignedKey(u uint64, col *types.Type) (types.Value, bool) {
	if col.Unsigned {
		return types.Uint(u), true
	}
	return types.Int(int64(u)), u <= math.MaxInt64
}
