// Package catalogs keeps a node's view of the catalog (Store), and commits the node's changes of it (Changes): what waits together
// shares a commit, and nodes take turns at the system shard's log (Turns).
//
//	Change(fn) ─→ queue ─→ one goroutine leads: fn of all that wait, on one transaction ─→ one command, compare-and-set
//	           ←─ each its own result ←─ applied here                                   ←─ lost: fn runs again on the newer one
//
// Each scope of the catalog has a lane of its own, with such a queue: what changes definitions, and what changes locks, do not wait for
// each other.
//
// Invariants: only one attempt at a change can commit, since each expects the catalog that it began with; a change has ended when
// this node's catalog shows it; whose function refuses, or panics, has its answer from a state that is committed. Turns are a
// courtesy: what a change expects decides.
package catalogs
