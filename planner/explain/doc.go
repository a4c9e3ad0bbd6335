// Package explain is what operators tell of themselves: the lines of EXPLAIN, before a format makes a text of them (sql/explain).
//
// Invariant: a line says what the operator was planned to do, in words that do not depend on the format.
package explain
