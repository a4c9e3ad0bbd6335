// Package session is the SQL layer of a node: an Engine that knows the accounts and opens a Session for each connection,
// and the sessions, which read statements, see to transactions, and have them planned and run.
//
//	text ─ dialect.Split ─ plan cache ─────────────────────────────┐ (text without its tree.Literals)
//	         └─ dialect.Recognise, parser ─┬─ SELECT, … ─ makePlan ┴─ runStatement ─ runPlanned ─┬─ runPoint
//	prepared statement ────────────────────┤ (planner.Build)           (again after a change     ├─ runRows
//	                                       │                            of schema, a conflict)   └─ runModify
//	                                       └─ SET, SHOW, DDL, GRANT, LOCK … ─ dispatch
//
// # Parts
//
// A Session has what a connection has; what it does is the business of its parts (views.go), each the session as one kind of work
// sees it: texts, preparation, execution, commands, definitions, variables. What is a thing of its own is in a package
// of its own: sql/dialect (texts), planned (plans, and when they serve again), privilege (accounts), assign (SET), definition and ddl (CREATE, ALTER, DROP), metalock (locks on tables
// and names), transaction, sysvar, admission (how many statements run), status and digest (what they came to), peers, show.
//
// # Statements
//
// A plan holds for circumstances: the account, the database, sql_mode and the like, and the versions of its tables; the
// kinds of its parameters too. A prepared statement keeps the plan of its last execution; texts share theirs through the
// engine. Executing a plan that holds takes no lock, no timer, no context and next to no memory: a session has one
// context for all statements of a connection until one is cancelled, and reuses its Env, Runtime, page and batch.
//
// Until something has been sent to the client, an execution that failed has had no effect: runStatement plans again when
// the schema has changed under it, and once, on a fresh catalog, before it believes that a table or column is missing. An
// autocommit statement that lost a conflict is run again a few times.
//
// # Transactions
//
// Session.tx is the session's transaction (sql/transaction); past.go runs the queries that see a past state.
//
// # Variables
//
// Session.vars are the values of the system variables (sql/sysvar), in the form in which statements use them; variables.go has what
// only the session knows. What plans depend on is one value, vars.Settings.
//
// # Locks of the whole cluster
//
// Locks on tables and GET_LOCK's are in sql/metalock, where a session has an Owner; locks.go reads the statements that take some.
//
// Invariants: a Session is used by one goroutine, but for Cancel and what the process list reads; a session never keeps a
// Value of a result or parameter beyond the statement without cloning it; errors that reach the client are
// *mysqlerr.Error, and the last one is also the statement's condition.
package session
