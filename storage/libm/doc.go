// Package libm has the elementary functions rounded as those of the C library are that MySQL calls: to the nearest double but for one value in
// many. Go's own are off by one in the last digit for a quarter of all values. They compute with pairs of doubles, the unevaluated sum of a double and
// what it lacks (T. J. Dekker, A floating-point technique for extending the available precision, 1971).
//
// # Invariants
//
//   - A function of the same numbers gives the same number on every processor: products are rounded before they are added, or fused on purpose.
//   - What is no number, infinite, or so large or small that pairs don't help, is Go's own function's.
package libm
