// Package explore walks through every state that a model can reach, breadth first, and finds the shortest way to one
// that breaks a rule.
//
// A model is a comparable value (its state), a function that lists what may happen next, and what must hold. Small
// models of a few transactions and nodes are walked through to the end, which no amount of random testing does:
// distributed/replica does it with its lease machine, tests/model with the commit protocol.
//
//	states found ─→ frontier ─→ Next: all successors ─→ seen before? ─ no ─→ Check ─→ next frontier
//
// Of a state that has been visited only a 64-bit hash is kept, with the number of the state before it and which of its
// successors it was: 16 bytes. Two states with the same hash are taken for one; among ten million states that happens
// to any with a probability of about 3 in a million, and each run uses another hash. A way to a violation is found by
// walking it again.
package explore
