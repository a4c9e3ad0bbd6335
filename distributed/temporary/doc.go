// Package temporary is where a node has its sessions' temporary tables (decision 35). A session's are a shard of their own
// (storage/shard) in an engine that all sessions of the node share, so that rows, keys, unique checks and AUTO_INCREMENT are
// those of any table; but there is no raft group, no lease and no log: what is written is applied at once.
//
//	session ─ Tables ─┬─ own catalog: their descriptors, before the cluster's
//	                  ├─ DB()          reads and writes: by tablet, here or the node's
//	                  ├─ Definitions() what CREATE, ALTER and DROP change, for sql/ddl/online
//	                  └─ Within(txn)   a transaction of the cluster with the rows of temporary tables in it
//	Store ─ engine (without write-ahead log) ─ shard 1, shard 2, … one a session
//
// ROLLBACK: versions from before are kept while a transaction is open, and what has changed since is brought back from them
// (shard.Reversal). A savepoint is a timestamp.
//
// Memory and disk: the engine's memtables and cache are of a fixed size, charged to the process while it is open; rows
// beyond are in its files, which count as temporary files do (Config.Take, 1114).
//
// Invariants: one goroutine at a time changes a session's Tables (several may read). Nothing survives the session, and
// nothing the process: the directory is emptied before it is used.
package temporary
