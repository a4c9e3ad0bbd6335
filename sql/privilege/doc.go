// Package privilege knows what accounts may do. Accounts are records of the catalog (catalog.User); an Account is one as a catalog has
// it, so that what is granted or revoked holds at once.
//
//	accounts.go     which account a client is: user and host, the most specific first; masks of privileges
//	needs.go        what a statement needs: derived from all names in it, before it does anything
//	privileges.go   whether an account has that
//	users.go        CREATE USER, GRANT and their kin; SHOW GRANTS
//
// Invariants: needs.go is the one place that says what a statement needs, and a kind of statement that it does not know can't be run;
// a statement's privileges are checked before it has an effect; what a plan uses beyond what was derived is asked for again, so that
// no mistake in the derivation opens a table.
package privilege
