// Package inshard is what scans do inside the shards beyond reading rows: partial aggregates, and joins.
//
//	HashJoin, IndexJoin                       FinalAgg
//	  └ scan ── rows ──► the gateway joins      └ scan ⋈ … ⋈ … ── groups ──► the gateway merges
//
// A join goes there together with the aggregate above it, by which few rows come back. Its right side is another tablet of the same shard,
// whose rows are looked up by an index (co-located tables), or rows that the gateway reads first and sends along with the read (broadcast).
//
// # Invariants
//
//   - What goes into a shard gives the groups that the gateway would make of the join's rows, and may always be left to the gateway: where
//     tablets have moved, rows must be locked or there are too many to send, Either turns to the gateway's own plan before it has given a row.
//   - A shard never waits for another one, and keeps no more of a join than the rows that were sent (maxRows, maxBytes).
package inshard
