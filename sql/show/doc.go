// Package show answers questions about the server: SHOW statements, DESCRIBE, and the tables of information_schema,
// performance_schema, mysql and sys that the gateway makes up.
//
//	SHOW …, DESCRIBE t ──► Run ──────► a Result: all rows, then LIKE or WHERE
//	                        │
//	   catalog, DB, session │  objects.go  what the account may see
//	   (Context) ◄──────────┤  column.go   what is told of a column, in SHOW and information_schema alike
//	                        │  create.go   the text of CREATE TABLE
//	SELECT … FROM i_s.t ──► Virtual ──► a table: Scan calls a function for each row
//
// A virtual table is a list of columns, in the two embedded .txt files, and a function that makes its rows; a table with
// no function is empty, as those are whose objects do not exist here. Its columns have the form of a descriptor, so that
// DESCRIBE and SHOW CREATE TABLE treat it like any other table.
//
// Everything that is told comes through a Context, which a session gives: the catalog as the session sees it, the
// session's variables, the sessions of the cluster. Invariants: nothing here changes anything; an object that the account
// may not see is neither listed nor described; the rows of a Scan are a superset of those that its conditions leave, so
// conditions save work and never decide; what SHOW CREATE TABLE prints makes the same table again.
package show
