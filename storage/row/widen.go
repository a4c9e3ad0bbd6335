package row

import (
	"slices"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/collation"
	"cloudsql/storage/types"
)

// HasCharset tells whether t holds characters, so that a collation means something to it.
func HasCharset(t *types.Type) bool {
	switch t.Class() {
	case types.ClassString:
		return t.Collation != collation.Binary
	case types.ClassEnum, types.ClassSet:
		return true
	}
	return false
}

// Widens tells whether every row that was stored under from reads as the same value under to. It relies on what this package
// promises: integers of any width, fixed and floating point numbers and strings are stored alike, whatever the
// declared size; signed and unsigned integers are not.
func Widens(from, to *types.Type) bool {
	class := from.Class()
	if class != to.Class() {
		return false
	}
	switch class {
	case types.ClassInt:
		if from.ID == mysql.TypeYear || to.ID == mysql.TypeYear {
			return from.ID == to.ID
		}
		return from.Unsigned == to.Unsigned && to.StorageBytes() >= from.StorageBytes()
	case types.ClassFloat:
		return from.Unsigned == to.Unsigned && to.Decimals == from.Decimals && to.StorageBytes() >= from.StorageBytes()
	case types.ClassDecimal:
		return from.Unsigned == to.Unsigned && from.Decimals == to.Decimals && to.Length >= from.Length
	case types.ClassString:
		return widensString(from, to)
	case types.ClassEnum, types.ClassSet:
		return len(to.Elems) >= len(from.Elems) && slices.Equal(to.Elems[:len(from.Elems)], from.Elems) &&
			charsetHolds(to.Collation, from.Collation)
	case types.ClassDatetime, types.ClassTime:
		return from.ID == to.ID && to.Decimals >= from.Decimals
	case types.ClassBit:
		return to.Length >= from.Length
	}
	return from.ID == to.ID
}

func widensString(from, to *types.Type) bool {
	if (from.Collation == collation.Binary) != (to.Collation == collation.Binary) ||
		!charsetHolds(to.Collation, from.Collation) {
		return false
	}
	if to.ID == mysql.TypeString && from.ID != mysql.TypeString || from.IsBinary() && from.ID != to.ID {
		return false // CHAR strips trailing spaces and BINARY pads; what is stored did not
	}
	if from.IsBinary() && to.ID == mysql.TypeString {
		return to.Length == from.Length
	}
	return maxChars(to) >= maxChars(from)
}

// maxChars is how many characters t holds for certain.
func maxChars(t *types.Type) int {
	if t.IsLob() {
		return t.Length / t.Collation.MaxBytes()
	}
	return t.Length
}

// charsetHolds tells whether every text of from's character set is one of to's. Stored text is UTF-8 under each.
func charsetHolds(to, from collation.ID) bool {
	a, b := to.Charset(), from.Charset()
	return a == b || a == "utf8mb4" || b == "ascii" || a == "utf8mb3" && b == "latin1"
}

// SameKeys tells whether index entries made under from are those that to would make.
func SameKeys(from, to *types.Type) bool { return !HasCharset(from) || from.Collation == to.Collation }
