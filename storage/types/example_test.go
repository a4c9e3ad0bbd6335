package types_test

import (
	"fmt"

	"cloudsql/storage/collation"
	"cloudsql/storage/types"
)

// Compare goes by the collation.
func ExampleCompare() {
	binary, _ := collation.ByName("utf8mb4_bin")
	a, b := types.Str("straße"), types.Str("STRASSE")
	fmt.Println(types.Compare(a, b, collation.Default), types.Compare(a, b, binary))
	// Output: 0 1
}
