// Package types holds SQL values, their types, conversions and collations: the alphabet that every other package spells
// rows and expressions with.
//
// Invariants: a Value is small and passed by value; no conversion is lossy without an error or a warning; two values are
// equal under Compare exactly when their HashKeys and sort keys are.
package types
