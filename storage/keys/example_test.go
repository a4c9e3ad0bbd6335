package keys_test

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/collation"
	"cloudsql/storage/keys"
	"cloudsql/storage/types"
)

// Encoded values compare as bytes in the order of the values under the column's collation.
func ExampleAppendValue() {
	text := types.Type{ID: mysql.TypeVarchar, Length: 20, Collation: collation.Default}
	words := []string{"straße", "Strasse", "strand", "STREET"}
	key := func(s string) []byte { return keys.AppendValue(nil, types.Str(s), &text, 0, false) }
	slices.SortStableFunc(words, func(a, b string) int { return bytes.Compare(key(a), key(b)) })
	fmt.Println(words)
	fmt.Println(bytes.Equal(key("straße"), key("Strasse")))

	number := types.Type{ID: mysql.TypeLonglong}
	for _, n := range []int64{-300, -1, 0, 7, 300} {
		fmt.Printf("%x ", keys.AppendValue(nil, types.Int(n), &number, 0, false))
	}
	// Output:
	// [strand straße Strasse STREET]
	// true
	// 12fed3 13fe 14 1507 16012c
}

// A span from a prefix to its successor holds all keys that begin with the prefix.
func ExampleSpanSuccessor() {
	table := keys.AppendPrefix(nil, 2, 70, 1)
	fmt.Printf("%x up to %x\n", table, keys.SpanSuccessor(table))
	// Output: 00000002000000460001 up to 00000002000000460002
}
