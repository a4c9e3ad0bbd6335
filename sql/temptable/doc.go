// Package temptable is a session's temporary tables as its statements meet them: under which names they are found, who changes
// them, which plans and transactions have to do with them. Their rows are in distributed/temporary.
//
// Invariants: a session that has none runs on the node's own DB, and pays for the question alone. Whoever adds or removes a table is
// followed by a new look at the catalog before the session plans anything.
package temptable
