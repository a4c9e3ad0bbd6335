// Package definition runs the data definition statements of a session: it resolves the names that a statement has, waits for locks on
// tables, and has sql/ddl and sql/ddl/online make the change.
//
//	CREATE, ALTER, DROP … ─ Statements.Run ─ Admit (locks) ─ names ─┬─ ddl.CreateTable, PlanAlter, … (descriptors)
//	                                                                └─ online.Executor (steps that nobody is cut off by)
//
// CREATE TABLE … SELECT, which runs a query as well, is the session's: it makes the table by this package's means.
//
// Invariants: the open transaction has been committed before Run; what Run is told of the session (Env, In) is that of the statement.
package definition
