// Package transaction is a session's transaction: whether it is in one, what the next one will be, and which state of the data reads see.
//
// A statement that fails inside of one is undone by itself, by a savepoint; an error after which the transaction is gone (1213) takes
// the session out of it. What MySQL commits implicitly before, is: definitions, accounts, LOCK TABLES, BEGIN. A COMMIT is not
// interrupted by KILL QUERY: its client must hear what became of it.
//
// # The past
//
// With cloudsql_read_staleness_ms, plain SELECT statements and READ ONLY transactions see a state that is at most so old, and so may run
// on this node whoever holds the lease (past.go). Within a session time does not run backwards: such a read sees what the session has
// committed or read before, because its state is not older than the newest commit and the newest past state that the session knows of,
// nor than the end of the last statement or transaction that met the present without a commit to tell when.
//
// Invariants: a Transaction is used by its session's goroutine, but for Shown; tables of the open transaction are held (metalock.Owner)
// until its commit is done.
package transaction
