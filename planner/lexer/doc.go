// Package lexer tells the tokens of a statement's text apart as MySQL does, for all that looks at a text without parsing it.
//
// Invariants: it allocates nothing and fails on nothing; each byte is looked at a bounded number of times, whatever a client sends.
package lexer
