// Package virtual is the ground of sql/show: the tables of information_schema, performance_schema, mysql and sys that the
// gateway makes up, and what they are made of.
//
//	Context      a session's view of the server: the catalog, its variables, the sessions of the cluster
//	objects.go   the databases and tables, of either kind, that its account may see
//	sysviews.go  the views of sys, from sys_views.sql: the planner merges their queries into statements as it does with any view's
//	table.go     a virtual table: columns from the embedded .txt files, and a function that makes its rows (Fill)
//
// A table with no function is empty, as those are whose objects do not exist here. Its columns have the form of a
// descriptor, so that DESCRIBE and SHOW CREATE TABLE treat it like any other table.
//
// Invariants: everything that is told comes through the Context; the rows of a Scan are a superset of those that its
// conditions leave, so conditions save work and never decide.
package virtual
