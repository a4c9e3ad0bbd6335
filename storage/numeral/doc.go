// Package numeral reads and writes numbers as text: the number that a text starts with, as MySQL's implicit conversions take it,
// and doubles as MySQL shows them. It knows no values and no types; what is behind a number, and what that means, is the caller's
// business.
//
// # Invariants
//
//   - A reader takes the longest number that the text starts with, after white space, and says how many bytes that were: 0 where
//     there is none. It never fails: what is too large becomes the nearest number, and it says so.
//   - ParseFloat of what AppendFloat wrote is the same double.
package numeral
