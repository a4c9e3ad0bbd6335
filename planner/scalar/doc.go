// Package scalar is what the planner's floors know of expressions: which columns they have, which of them say the same,
// how conditions fall apart into terms, and what follows from them.
//
// A column is a number that is unique in its statement (ColSet is a set of them) until an operator is made: Resolve then
// turns numbers into positions in the operator's input. What a number means never changes, so conditions move freely.
//
// Expressions are immutable: every function here gives new ones.
package scalar
