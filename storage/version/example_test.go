package version_test

import (
	"fmt"

	"cloudsql/storage/version"
)

// What is newer than what all nodes of a cluster know is not written; a client gets 1235.
func ExampleCheck() {
	gate := version.At(version.V1)
	fmt.Println(version.Check(version.V2, gate.Active(), "the function SHINY"))
	gate.Raise(version.V2)
	fmt.Println(version.Check(version.V2, gate.Active(), "the function SHINY"))
	// Output:
	// ERROR 1235 (42000): This version of cloudsql doesn't yet support 'the function SHINY before the cluster's version is raised from 1 to 2'
	// <nil>
}
