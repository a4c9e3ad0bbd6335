// Package txn is the gateway's side of statements and transactions: it finds the leaseholder, repeats what may be
// repeated, pages through rows, and keeps an interactive transaction's place.
//
//	call ─→ local leaseholder? ─ yes ─→ *replica.Replica, no copy, no RPC
//	             └ no ─→ hint, or raft's leader, or any replica ─→ NotLeaseholder{holder} ─→ … (bounded by RetryFor)
//
// Invariants:
//
//   - A statement is executed once. Autocommit writes and commits carry a transaction id that is never used twice, and
//     are repeated under it until their outcome is known. A buffered write whose answer was lost is taken back to the
//     mark before it, or else the transaction is aborted; writes are numbered, so that a late copy is refused.
//   - After its first answer (joined) a transaction is only served by a leaseholder that knows it. Another one, after a
//     failover, answers 1213: locks and writes are gone, and going on would lose updates. Aborted tells.
//   - A transaction has a participant in each shard in which it writes or locks. With one, COMMIT is one proposal. With
//     several, all prepare at once, and the transaction is committed when all have: the client is answered then. Resolving
//     them is background work, which their leaseholders take over if this node does not get to it (see commit.go).
//   - A plain read costs a timestamp once a transaction (or statement, under READ COMMITTED), and an autocommit read none
//     unless it does not fit a page.
//   - A read whose tablet is moved, cut or merged meanwhile goes on where its rows are (follow.go), put together as one tablet would have given them
//     (gather.go).
//   - Follower reads (follower.go) show the state at their timestamp wherever they run. A state that is chosen for a bound
//     is a moment (moments.go): a timestamp that this node drew, not long enough ago to break the bound by its own
//     monotonic clock.
//   - Snapshots in use are known (OldestSnapshot), so that garbage collection keeps their versions; leaseholders hear
//     regularly of the transactions that are open here, and drop others.
package txn
