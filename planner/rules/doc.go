// Package rules is what a table's definition says of its rows by expressions over them: generated columns and CHECK constraints
// (decision 0033).
//
// Invariants: a generated column refers to earlier ones only, so that one pass in the order of the columns computes all; what is
// written at a shard follows the same expressions as what is written from here.
package rules
