// Package replica serves one shard at its leaseholder: the lease, the proposer, row locks, and interactive transactions.
//
//	Read  ─→ lease valid? ─→ [wait for writes in flight] ─→ shard.Read ─→ lease still valid? ─→ page
//	Write ─→ lease ─→ auto locks = in flight ─→ proposer ─→ timestamps ─→ one entry ─→ raft ─→ apply ─→ release, answer
//	Txn   ─→ row locks ─→ shard.Evaluate into the workspace … Commit ─→ in flight ─→ proposer ─→ as above
//
// # Layers
//
// A Replica is a stack of layers, each with its own state and methods (layers.go): leases, reads, writes, transactions, commits,
// transfers. What they are asked, and over which network, is package leaseholder.
//
// # The lease
//
// Package lease decides, as a pure state machine; lease_loop.go gives it time and the log. Its invariants stand there.
//
// What belongs to one epoch is a tenure. When the log shows a later epoch, the tenure is closed at once: whoever waits in
// it is sent elsewhere, and its transactions are lost (1213). A planned transfer of the lease (Transfer) passes them along,
// with their locks and workspaces (shipment.go, package shipment).
//
// # Timestamps, and writes in flight
//
// A write is registered as in flight on its keys before its timestamp is fetched, and stays so until its outcome is known.
// A snapshot read at T, whose T was handed out before it began, waits for the writes in flight on what it reads unless
// their timestamps are known to be above T: because they have been fetched, or because the write registered when T, or a
// later timestamp, was known here already (lock.Flights.Saw). A write that registers later gets a higher timestamp than T. So nothing at or
// below T can appear after a read at T. The registry is the lock table: an in-flight write is an owner of locks. Writes
// that may touch rows they do not name (REPLACE, ON DUPLICATE KEY UPDATE) also hold the key lock.TabletWide.
//
// # Reads of the newest state
//
// They wait for what is prepared on their rows, and then open a state. What becomes prepared is marked and counted
// (Replica.prepares) before a state can show it or what came after it; a read whose count has changed when its state is open begins
// again. Entries are applied in the order of their timestamps (apply refuses others), so such a read is one point in it: decision 19.
//
// # Reads without the lease
//
// A replica serves reads at closed timestamps from its own state (follower.go, package closedts): at or below what the batches that it
// has applied closed, or what the leaseholder promised beside the log (leaseholder.Promise has the argument). A shard without writes
// closes timestamps only when a follower asks, and writes nothing for it.
//
// # The proposer
//
// One round at a time: take what waits, fetch a timestamp for all of it, encode one entry, propose it. Three entries
// may be on their way at once (Config.Pipeline), the later ones when as many wait as fly; what comes meanwhile makes
// the next entry fuller. The transactions of an entry take effect at one timestamp, in their order: no snapshot lies
// between them. At low load a round runs in the writer's own goroutine; there are no timers. A proposal that raft
// dropped, or that a change of leadership may have lost, is proposed again under the same transaction id: the shard
// remembers outcomes and answers Duplicate with the first one. What it may have forgotten, it refuses (ErrForgotten), by
// the timestamp that each request brings from before its first try (WriteRequest.First); a request that surely was not
// executed before is stamped anew instead (alone). A client may stop waiting (its context, or half a minute
// without a quorum); the registration stays until the outcome is known or the epoch is over.
//
// Heavy writes, of many rows or bytes, wait before they are submitted until what is on its way leaves room for them (package flow, admit.go), in
// the shard and on the node: a lease's renewal is applied after what was proposed before it, and what is on its way is held in memory
// several times. They wait with their locks; so nothing that a wait for locks may end with waits for room itself: steps that end a
// transaction are light, and a write that meets a prepared transaction's claim gives its room back.
//
// # Locks
//
// See package lock. A tenure has a table; it begins with the locks of what is prepared in the log, and with those that came
// along with the lease. An autocommit write that may meet what it does not name, while others have locked that, is evaluated
// first for the keys that it touches (doubt.go).
//
// Lock order: Replica.mu, then proposer.mu or tenure.mu, then the lock table's. None is held while waiting or proposing.
package replica
