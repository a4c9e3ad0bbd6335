package mysqlerr_test

import (
	"errors"
	"fmt"

	"cloudsql/storage/mysqlerr"
)

// An error is born with MySQL's number, SQLSTATE and text, whatever wraps it on its way to the client.
func ExampleNew() {
	err := mysqlerr.New(mysqlerr.DupEntry, "7", "t.PRIMARY")
	fmt.Println(err)

	wrapped := fmt.Errorf("shard 3: %w", err)
	fmt.Println(mysqlerr.Code(wrapped), mysqlerr.From(wrapped) == err)
	fmt.Println(mysqlerr.Code(errors.New("what nobody expected")))
	// Output:
	// ERROR 1062 (23000): Duplicate entry '7' for key 't.PRIMARY'
	// 1062 true
	// 1105
}

func ExampleNotSupported() {
	fmt.Println(mysqlerr.NotSupported("CREATE TRIGGER"))
	// Output: ERROR 1235 (42000): This version of cloudsql doesn't yet support 'CREATE TRIGGER'
}
