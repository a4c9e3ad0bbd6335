package delimited

import (
	"unicode/utf8"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/collation"
	"cloudsql/storage/types"
)

// Width is how many bytes a column has in rows without separators, in a file of a character set: MySQL's display width.
func Width(t *types.Type, file collation.ID) int {
	perChar := file.MaxBytes()
	switch t.Class() {
	case types.ClassInt:
		return intWidth(t)
	case types.ClassFloat:
		return or(t.Length, map[bool]int{true: 12, false: 22}[t.ID == mysql.TypeFloat])
	case types.ClassDecimal:
		n := or(t.Length, 10)
		if t.Decimals > 0 {
			n++ // the point
		}
		if !t.Unsigned {
			n++ // the sign
		}
		return n
	case types.ClassDate:
		return 10
	case types.ClassTime:
		return 10 + fraction(t)
	case types.ClassDatetime:
		return 19 + fraction(t)
	case types.ClassEnum, types.ClassSet:
		longest, all := 0, 0
		for _, e := range t.Elems {
			n := utf8.RuneCountInString(e)
			longest, all = max(longest, n), all+n+1
		}
		if t.ID == mysql.TypeSet {
			longest = max(all-1, 0) // with commas
		}
		return longest * perChar
	case types.ClassBit:
		return or(t.Length, 1)
	case types.ClassString:
		if t.IsBinary() {
			perChar = 1
		}
		return max(t.Length, 0) * perChar
	}
	return 0
}

func intWidth(t *types.Type) int {
	width := map[byte]int{mysql.TypeTiny: 4, mysql.TypeShort: 6, mysql.TypeInt24: 9, mysql.TypeLong: 11, mysql.TypeYear: 4}[t.ID]
	switch {
	case width == 0:
		width = 20
	case t.Unsigned && t.ID != mysql.TypeYear:
		width-- // no sign
	}
	return or(t.Length, width)
}

func or(length, otherwise int) int {
	if length == types.Unspecified {
		return otherwise
	}
	return length
}

func fraction(t *types.Type) int {
	if t.Decimals > 0 && t.Decimals <= 6 {
		return 1 + t.Decimals
	}
	return 0
}

// ReadWidth is Width of a column that is read. One without a width takes the rest of its row.
func ReadWidth(t *types.Type, file collation.ID) int {
	if Blob(t) {
		return rest
	}
	return Width(t, file)
}

// Blob tells the types whose values have no width: without separators of fields, only what ends a line ends them.
func Blob(t *types.Type) bool {
	switch t.ID {
	case mysql.TypeTinyBlob, mysql.TypeBlob, mysql.TypeMediumBlob, mysql.TypeLongBlob, mysql.TypeJSON:
		return true
	}
	return t.Class() == types.ClassString && t.Length == types.Unspecified
}
