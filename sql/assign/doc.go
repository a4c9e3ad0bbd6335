// Package assign runs SET: of system variables in the session and in the cluster, of user variables, of character sets and of the
// characteristics of transactions. What a variable may be and does is in sql/sysvar.
//
// Invariants: each assignment of a statement is checked and computed before the first is made, so that a wrong one changes nothing;
// those for the cluster are made in one change of the catalog, before those of the session.
package assign
