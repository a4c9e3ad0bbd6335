package keys

import (
	"encoding/binary"
	"math"

	"cloudsql/storage/collation"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// AppendPrimary appends the primary key of a full row (positions of t.Columns, storage form), without prefix.
func AppendPrimary(dst []byte, t *schema.Table, row []types.Value) []byte {
	return appendColumns(dst, t, t.Primary(), row)
}

func appendColumns(dst []byte, t *schema.Table, ix *schema.Index, row []types.Value) []byte {
	for i := range ix.Columns {
		c := &ix.Columns[i]
		dst = AppendValue(dst, row[c.Column], &t.Columns[c.Column].Type, c.Prefix, c.Desc)
	}
	return dst
}

// AppendIndex appends a secondary index entry of a full row to dst, without prefix, and gives the entry's value. unique
// tells that the key alone decides about duplicates: the index is unique and no column is NULL. primary is the row's
// encoded primary key.
//
// value is the primary key for unique entries, otherwise the length of the index columns in front of it.
func AppendIndex(dst []byte, t *schema.Table, ix *schema.Index, row []types.Value, primary []byte) (key, value []byte, unique bool) {
	start := len(dst)
	dst = appendColumns(dst, t, ix, row)
	if ix.Unique && !anyNull(ix, row) {
		return dst, primary, true
	}
	value = binary.AppendUvarint(nil, uint64(len(dst)-start))
	return append(dst, primary...), value, false
}

// AppendEntry appends a full row's columns of an index that is unique over tablets, as the index's table of entries has them; ok is false for a
// row that has no entry there, since one of them is NULL.
func AppendEntry(dst []byte, t *schema.Table, ix *schema.Index, row []types.Value) (key []byte, ok bool) {
	if anyNull(ix, row) {
		return dst, false
	}
	return appendColumns(dst, t, ix, row), true
}

func anyNull(ix *schema.Index, row []types.Value) bool {
	for i := range ix.Columns {
		if row[ix.Columns[i].Column].IsNull() {
			return true
		}
	}
	return false
}

// PrimaryOfEntry gives the encoded primary key that a secondary entry leads to; key is without prefix. It aliases its
// arguments.
func PrimaryOfEntry(t *schema.Table, ix *schema.Index, key, value []byte) ([]byte, error) {
	if ix.Unique {
		null, err := entryHasNull(t, ix, key)
		if err != nil {
			return nil, err
		}
		if !null {
			return value, nil
		}
	}
	n, size := binary.Uvarint(value)
	if size <= 0 || n > uint64(len(key)) {
		return nil, ErrCorrupt
	}
	return key[n:], nil
}

// PrimaryInKey gives the encoded primary key of the row that an entry's key, without prefix, belongs to: one that ends in it, as those of the
// primary index and of indexes that are not unique do. Unlike PrimaryOfEntry it needs no value. It aliases its argument.
func PrimaryInKey(t *schema.Table, ix *schema.Index, key []byte) ([]byte, error) {
	if ix.ID == schema.PrimaryIndex {
		return key, nil
	}
	for i := range ix.Columns {
		c := &ix.Columns[i]
		n, err := skip(key, &t.Columns[c.Column].Type, c.Desc)
		if err != nil {
			return nil, err
		}
		key = key[n:]
	}
	return key, nil
}

func entryHasNull(t *schema.Table, ix *schema.Index, key []byte) (bool, error) {
	for i := range ix.Columns {
		c := &ix.Columns[i]
		if len(key) == 0 {
			return false, ErrCorrupt
		}
		if key[0] == tagNull && !c.Desc || key[0] == ^byte(tagNull) && c.Desc {
			return true, nil
		}
		n, err := skip(key, &t.Columns[c.Column].Type, c.Desc)
		if err != nil {
			return false, err
		}
		key = key[n:]
	}
	return false, nil
}

// Invertible tells whether a column's value can be read back from its key: not strings (their sort key loses letters'
// case and more, except binary ones), prefixes, JSON, ENUM and SET (their texts are in the type, so those can).
func Invertible(t *types.Type, prefix int) bool {
	if prefix > 0 {
		return false
	}
	switch t.Class() {
	case types.ClassInt, types.ClassFloat, types.ClassDate, types.ClassDatetime, types.ClassTime, types.ClassBit:
		return true
	case types.ClassString:
		return t.Collation == collation.Binary
	}
	return false
}

// DecodeColumns reads the index's columns back from a key without prefix into dst, one value for each index column, in
// storage form; a column that is not Invertible is skipped over and left NULL. Strings are fresh copies.
func DecodeColumns(dst []types.Value, t *schema.Table, ix *schema.Index, key []byte) ([]types.Value, []byte, error) {
	for i := range ix.Columns {
		c := &ix.Columns[i]
		typ := &t.Columns[c.Column].Type
		n, err := skip(key, typ, c.Desc)
		if err != nil {
			return dst, nil, err
		}
		v := types.Null
		if Invertible(typ, c.Prefix) {
			if v, err = decode(key[:n], typ, c.Desc); err != nil {
				return dst, nil, err
			}
		}
		dst, key = append(dst, v), key[n:]
	}
	return dst, key, nil
}

// HoldsColumns tells whether a key without prefix begins with the first n columns of the index in full, so that all keys that begin with it
// have these alike.
func HoldsColumns(t *schema.Table, ix *schema.Index, key []byte, n int) bool {
	for i := range n {
		c := &ix.Columns[i]
		size, err := skip(key, &t.Columns[c.Column].Type, c.Desc)
		if err != nil {
			return false
		}
		key = key[size:]
	}
	return true
}

func decode(b []byte, t *types.Type, desc bool) (types.Value, error) {
	if desc {
		b = append([]byte(nil), b...)
		invert(b)
	}
	if b[0] == tagNull {
		return types.Null, nil
	}
	switch t.Class() {
	case types.ClassFloat:
		if len(b) != 9 {
			return types.Null, ErrCorrupt
		}
		bits := binary.BigEndian.Uint64(b[1:])
		if bits>>63 != 0 {
			bits &^= 1 << 63
		} else {
			bits = ^bits
		}
		return types.Float(math.Float64frombits(bits)), nil
	case types.ClassString:
		return types.Bytes(unescape(b)), nil
	}
	u, negative, err := decodeMagnitude(b)
	if err != nil {
		return types.Null, err
	}
	return fromInteger(u, negative, t), nil
}

func decodeMagnitude(b []byte) (u uint64, negative bool, err error) {
	if b[0] > tagZero+8 || b[0] < tagZero-8 {
		return 0, false, ErrCorrupt
	}
	negative = b[0] < tagZero
	for _, c := range b[1:] {
		if negative {
			c = ^c
		}
		u = u<<8 | uint64(c)
	}
	return u, negative, nil
}

func fromInteger(u uint64, negative bool, t *types.Type) types.Value {
	i := int64(u)
	if negative {
		i = -i
	}
	fsp := max(t.Decimals, 0)
	switch t.Class() {
	case types.ClassDate:
		return types.Date(u)
	case types.ClassDatetime:
		if t.IsTimestamp() {
			return types.Timestamp(i, fsp)
		}
		return types.Datetime(u, fsp)
	case types.ClassTime:
		return types.Time(i, fsp)
	case types.ClassBit:
		return types.Bit(u, t.Length)
	}
	if t.Unsigned {
		return types.Uint(u)
	}
	return types.Int(i)
}

func unescape(b []byte) []byte {
	s := make([]byte, 0, len(b))
	for i := 1; i < len(b)-2; i++ {
		s = append(s, b[i])
		if b[i] == escape {
			i++
		}
	}
	return s
}
