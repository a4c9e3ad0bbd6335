package expr

import (
	"math"
	"strconv"

	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// JSON_STORAGE_SIZE and JSON_STORAGE_FREE. Documents are kept as texts here; what is told is what they take in MySQL's binary format,
// of which an update that rewrites a document leaves nothing free.

var jsonSizeDefs = []def{
	{name: "json_storage_size", min: 1, max: 1, since: version.V2, typ: typeIntLen(21), f1: func(c *Call, env *Env, a types.Value) (types.Value, error) {
		t, err := c.doc(env, 0, a)
		if err != nil {
			return types.Null, err
		}
		return types.Int(1 + int64(t.storageSize())), nil
	}},
	{name: "json_storage_free", min: 1, max: 1, since: version.V2, typ: typeIntLen(21), f1: func(c *Call, env *Env, a types.Value) (types.Value, error) {
		_, err := c.doc(env, 0, a)
		return types.Int(0), err
	}},
}

// storageSize is the size of a value in MySQL's binary format, without the byte for its type.
func (t *jsonTree) storageSize() int {
	switch t.kind {
	case '[', '{':
		if n := t.containerSize(2); n <= math.MaxUint16 {
			return n
		}
		return t.containerSize(4)
	case '"':
		n := len(t.unquoted())
		return lengthSize(n) + n
	}
	if size := t.wordSize(); size > 0 {
		return size
	}
	return 8
}

// containerSize is the size of an array or an object whose offsets and numbers of members have some bytes each: both in front, then
// for each member its key's place and length and its type and place, the keys, and the values that are larger than a place.
func (t *jsonTree) containerSize(offset int) int {
	n := 2*offset + len(t.items)*(1+offset)
	for _, k := range t.keys {
		n += offset + 2 + len(k)
	}
	for _, it := range t.items {
		if w := it.wordSize(); w == 0 || w > offset {
			n += it.storageSize()
		}
	}
	return n
}

// wordSize is the size of null, true, false and an integer of up to four bytes; 0 of others.
func (t *jsonTree) wordSize() int {
	if t.kind != 's' {
		return 0
	}
	if !isJSONNumber(t) {
		return 1
	}
	i, err := strconv.ParseInt(string(t.text), 10, 32)
	switch {
	case err != nil:
		return 0
	case i >= math.MinInt16 && i <= math.MaxInt16:
		return 2
	}
	return 4
}

// lengthSize is the size of a string's length, seven bits in a byte.
func lengthSize(n int) int {
	size := 1
	for n >>= 7; n > 0; n >>= 7 {
		size++
	}
	return size
}
