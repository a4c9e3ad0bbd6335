package dialect_test

import (
	"fmt"

	"cloudsql/sql/dialect"
)

// A text of several statements is cut before it is parsed: each statement may change how the next one is read.
func ExampleSplit() {
	text := "INSERT INTO t VALUES ('a;b'); /* ; */ SELECT 1; -- done"
	for text != "" {
		var one string
		one, text = dialect.Split(text, 0)
		fmt.Printf("%q\n", one)
	}
	// Output:
	// "INSERT INTO t VALUES ('a;b')"
	// " /* ; */ SELECT 1"
}

// Statements that the parser doesn't know are recognised ahead of it.
func ExampleRecognise() {
	stmt, err := dialect.Recognise("ROLLBACK WORK TO SAVEPOINT before_lunch", 0)
	fmt.Printf("%+v %v\n", stmt, err)
	// Output: {Savepoint:before_lunch} <nil>
}
