// Package canonical prints expressions as MySQL 8.0 keeps and shows those of definitions: generated columns, CHECKs, defaults, index parts
// and partitionings. It is the other direction of planner/syntax, which reads what is printed here.
//
// Invariants:
//   - The text means the same whatever the session that reads it: strings say their character set, operations have parentheses.
//   - Read again and printed again it is the same text. Descriptors keep it, so that what was printed once has to be readable for ever.
package canonical
