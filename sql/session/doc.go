// Package session is the SQL layer of a node: one Engine for the node, one Session for each connection.
//
// A statement's text goes through the plan cache (a plan is found by the text without its literals), or through the
// parser to whoever carries it out: planner for SELECT and data changes, sql/ddl for schema changes, sql/show for what
// tells about the server, and this package for transactions, variables, prepared statements, accounts and locks.
//
//	text ─► split ─► plan cache ──hit──────────────► runPlanned ─► rows, OK
//	                    └─miss─► parse ─► dispatch ─► makePlan ─┘
//
// Invariants:
//   - a session runs one statement at a time; only Cancel and the registry's views come from other goroutines;
//   - a failed statement leaves nothing behind: in a transaction its effects are undone by a savepoint, and an autocommit
//     statement is a transaction of its own;
//   - until the first byte of a result was handed to the writer, a statement may be planned and run again (the catalog
//     moved on, a conflict was lost); afterwards never;
//   - a plan is used only while the circumstances that it was made under hold (catalog version, account, database,
//     sql_mode, collation, …);
//   - a variable that is accepted is honoured; one that is not is refused.
package session
