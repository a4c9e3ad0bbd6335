// Package shard is one replica's state of one shard: what its log did to the node's key space, and how it is read.
//
// # Keys
//
// Everything of a shard lies under its id in the node's engine, so that a snapshot is one range and dropping it is one
// range deletion. Tablet 0 is no tablet; its "indexes" are the shard's own records:
//
//	shard(4) tablet(4) index(2)  key columns …  ^timestamp(8)     rows (index 1) and secondary entries, package keys
//	shard(4) 0(4)      1(2)                                       state: applied index, hash, lease, watermark …
//	shard(4) 0(4)      2(2)      tablet(4)                        descriptors: the current and the one before
//	shard(4) 0(4)      3(2)      tablet(4)                        counters: rows, largest AUTO_INCREMENT value
//	shard(4) 0(4)      4(2)      log index(8)                     outcomes of the transactions in that log entry
//	shard(4) 0(4)      5(2)      key                              system records
//	shard(4) 0(4)      6(2)      transaction(16)                  parts of transactions over several shards
//	shard(4) 0(4)      6(2)      transaction(16) number(4)        pieces of large parts
//	shard(4) 0(4)      7(2)      log index(8)                     marks of entries that are not to be executed (marked.go)
//	shard(4) 0(4)      8(2)      tablet(4) log index(8)           which versions entries wrote of a tablet that moves (move.go)
//
// # Applying the log
//
// Apply evaluates entries in order. A proposal's changes gather in an overlay, which later proposals of the same call
// read through; a proposal that fails takes its changes back out. At the end all changes, the outcomes and the applied
// index become visible in one engine batch. What is applied depends on the log alone: not on how entries are gathered
// into calls, on restarts between them, on clocks, or on how far garbage collection has come on this replica.
//
//	entry → Decode → Batch → Proposal → Write ─ evaluator ─┐        ┌─ engine batch (at the end of Apply)
//	                                  → Effects ───────────┴ overlay┴─ chained hash (entry by entry)
//
// The same evaluator serves Evaluate at the leaseholder, where a transaction's Workspace takes the overlay's place.
//
// A statement's failure (1062 …), a stale epoch, timestamp or descriptor are results. So is a payload that can't be
// decoded, panics or wants too much (failure.go): one proposal's, and nothing of it stays. An error of Apply stops the
// replica for good (*EntryError): what only a later version of this program knows, or an engine that fails.
//
// # Nothing twice
//
// The outcome of each transaction is kept in the same batch as its effects, and a proposal under the same id gets it
// (Duplicate). Outcomes are forgotten, by the log's own time, number and bytes. Every proposal therefore carries First, a
// timestamp that was known before it could be executed anywhere; where that is at or below the newest timestamp ever
// forgotten, it may be a repetition, and the result is Forgotten: nothing is done (outcome.go).
//
// # Reading
//
// A read fragment runs over one consistent state of the engine: a source (point gets, or spans of an index with the
// lookup of rows where the index does not cover the columns) merged with the transaction's own writes, then filter, joins with
// other tablets of the shard or with rows that came along (join.go), projection or partial aggregation, top-N, limit, and pages. Values in a page are copies that stay valid.
//
// A locking read works on the newest state, under locks of the caller's Locker: ranges before they are read, rows as they
// are met (readlock.go says which when).
//
// # Invariants
//
// Every engine batch carries the applied index of all that it holds. No version is committed at or below the closed
// timestamp or the watermark. In batches of FormatLengths, what is proposed is above all that was committed in earlier entries, on
// whatever rows: otherwise an entry that comes late would add to a past that a reader of the newest state has seen without
// it. A row and its index entries change in one batch. Entries exist for exactly the indexes
// that the current descriptor maintains (Public, WriteOnly). An index that has become Public holds every row from then
// on; snapshots from before may not use it (1412).
package shard
