package types

import "github.com/pingcap/tidb/pkg/parser/mysql"

// StorageBytes is what MySQL counts for a column in the length of a row and of a key.
func (t *Type) StorageBytes() int {
	switch t.ID {
	case mysql.TypeTiny, mysql.TypeYear:
		return 1
	case mysql.TypeShort:
		return 2
	case mysql.TypeInt24, mysql.TypeDate:
		return 3
	case mysql.TypeLong, mysql.TypeFloat:
		return 4
	case mysql.TypeLonglong, mysql.TypeDouble:
		return 8
	case mysql.TypeTimestamp:
		return 4 + (t.Decimals+1)/2
	case mysql.TypeDatetime:
		return 5 + (t.Decimals+1)/2
	case mysql.TypeDuration:
		return 3 + (t.Decimals+1)/2
	case mysql.TypeNewDecimal:
		return decimalBytes(t.Length-t.Decimals) + decimalBytes(t.Decimals)
	case mysql.TypeBit:
		return (t.Length + 7) / 8
	case mysql.TypeEnum:
		if len(t.Elems) > 255 {
			return 2
		}
		return 1
	case mysql.TypeSet:
		n := (len(t.Elems) + 7) / 8
		if n > 4 {
			return 8
		}
		return n
	}
	return t.Length * t.Collation.MaxBytes()
}

// decimalBytes is what MySQL's packed DECIMAL takes for digits on one side of the point.
func decimalBytes(digits int) int {
	rest := [...]int{0, 1, 1, 2, 2, 3, 3, 4, 4}
	return digits/9*4 + rest[digits%9]
}

// KeyLength is how much of a column stands in a key that has all of it: characters of text, bytes of anything else.
func (t *Type) KeyLength() int {
	if t.Class() == ClassString {
		return t.Length
	}
	return t.StorageBytes()
}
