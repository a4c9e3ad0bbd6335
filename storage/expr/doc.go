// Package expr is the language of values: bound, typed scalar expressions and aggregates that gateways and shards
// evaluate alike.
//
// Invariants: an expression is immutable and safe for concurrent use; Eval of a Pure expression depends on its row and
// the constants of its Env only, so that every replica computes the same; Encode and Decode are inverse.
package expr
