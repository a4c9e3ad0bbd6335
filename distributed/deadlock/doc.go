// Package deadlock finds cycles of transactions (wait-for cycles) that wait for each other in different shards or nodes.
//
// A lock table finds the cycles within itself when the request that closes one is made. What goes through several
// tables nobody sees whole, so the nodes report their waits to one detector, at the system shard's leaseholder:
//
//	node 1  ── T1 waits for T2 (shard 3) ──┐                     ┌─ still so? ──→ nodes of the cycle
//	node 2  ── T2 waits for T3 (shard 4) ──┤→ Detector ─ cycle ─┤
//	node 3  ── T3 waits for T1 (shard 5) ──┘                     └─ refuse ─────→ the victim's node: 1213
//
// Detector is a pure state machine: reports in, cycles out. Package lockwatch carries the messages. A node reports only
// while requests wait there for longer than a few milliseconds: where nobody waits for long, nothing is sent.
//
// # Why there are no false victims
//
// The reports of a cycle were taken at different times, so the cycle may never have stood: a wait may have ended by
// a timeout or KILL before another began. Therefore a cycle is a suspicion, and every node in it is asked again. A
// wait that was in a report (taken before the suspicion) and is confirmed (after it) under the same id stood all the
// time between, so all waits of a confirmed cycle stood together when it was suspected. Transactions keep their locks
// until they end, and none of these can end while it waits: the cycle is a deadlock, without a look at any clock. A
// prepared transaction waits for nobody, so it is in no cycle.
//
// The victim is the member with the fewest locks; of equals, the one that began to wait last, which closed the cycle.
package deadlock
