// Package engine is the node's one key-value store: a Pebble that all shards of the node share.
//
// The key space is cut by the first four bytes, a shard id in big-endian order:
//
//	0x00000000 …            the node's own records (NodeGet, NodeSet): what it is, marks of unfinished work
//	shard(4) …              everything of one shard, laid out by package shard
//
// The raft log is the write-ahead log. A shard commits each batch of effects together with the index it applied,
// without waiting for the disk; after a crash the raft log replays what had not reached it. Pebble keeps a prefix of
// the batches in the order of their commits, so that a shard never sees a later effect without an earlier one. Sync
// makes everything committed so far durable; it is called before a raft log is cut.
//
// Rows are read by seeking to the newest version of a key, with Pebble's own byte-wise comparer (measured: twice as
// fast over versions as one with a Split function). Bloom filters would need a Split to know where a version begins and
// could not serve such seeks; none are built.
//
// What cannot be read is told with the bounds of its table (Options.OnDamage); whose it is, Meets finds out. Excise drops
// it without reading it. An error of the write-ahead log ends the process; one of a flush or a compaction is repeated.
//
// Invariants: one process holds a directory (ErrLocked); a directory that something else wrote is refused before
// anything in it is changed (ErrForeign); so is one of a later format (ErrNewerFormat).
package engine
