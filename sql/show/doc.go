// Package show answers questions about the server: SHOW statements, DESCRIBE, and the virtual tables that tell of objects
// and accounts.
//
//	SHOW …, DESCRIBE t ──► Run ──────► a Result: all rows, then LIKE or WHERE
//	                        │  column.go      what is told of a column, in SHOW and information_schema alike
//	                        │  create.go      the text of CREATE TABLE
//	SELECT … FROM i_s.t ──► virtual.Lookup ──► infoschema.go, system.go: a function for each table
//
// Package virtual is below: what a virtual table is, which objects an account may see, and the Context through which a
// session tells everything. Package monitor has the tables that tell of what runs.
//
// Invariants: nothing here changes anything; an object that the account may not see is neither listed nor described; what
// SHOW CREATE TABLE prints makes the same table again.
package show
