// Package collation knows MySQL's character sets and collations: which characters a set has and which bytes they are, and how
// strings are compared, sorted and matched.
//
// Text is UTF-8 in storage and in memory whatever the character set of its column; a set says which characters may be in it, and
// which bytes they become where somebody asks for bytes (charset.go). An ID, MySQL's number of a collation, stands for both the
// order and the set that it belongs to; a number that has no collation counts as Default.
//
// # Invariants
//
//   - bytes.Compare of sort keys is CompareStrings, and keys are equal exactly when the strings are, under PAD SPACE too
//     (collate.go explains how). Sort keys are what index keys hold: they never change for a collation.
//   - What a set has, and what its characters' bytes are, never changes either; testdata/fingerprints.txt pins both.
//   - Text of ASCII alone takes a path of its own, without tables, to the same result.
//
// The tables come from Vitess; those that it lacks from golang.org/x/text, from rules (extra.go), and one from a server's weights (weights.go).
package collation
