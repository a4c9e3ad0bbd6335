package wire_test

import (
	"encoding/binary"
	"fmt"

	"cloudsql/storage/wire"
)

// A message is its fields one behind the other. A reader keeps its first error, so it is asked once, at the end.
func Example() {
	msg := wire.AppendString(nil, "orders")
	msg = binary.AppendUvarint(msg, 300)
	msg = wire.AppendBool(msg, true)
	fmt.Printf("%q\n", msg)

	r := wire.NewReader(msg)
	fmt.Println(r.String(), r.Uvarint(), r.Bool(), r.End())

	r = wire.NewReader(msg[:4])
	fmt.Printf("%q %d %v\n", r.String(), r.Uvarint(), r.End())
	// Output:
	// "\x06orders\xac\x02\x01"
	// orders 300 true <nil>
	// "" 0 wire: corrupt message
}
