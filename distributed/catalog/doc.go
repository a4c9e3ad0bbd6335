// Package catalog is what every node knows of the cluster: databases, tables, users, nodes, shards and settings, as
// records of the system shard. Each node has a replica of that shard, so it reads the catalog from memory.
//
//	c/version        the whole catalog's version: each change expects the one that it was made on
//	c/next           the next id of the sequence that databases, tables, tablets, shards and nodes share
//	c/commit/NODE    the last change that a node asked for, so that it can tell a lost answer from a lost race
//	c/db/ID  c/table/ID  c/user/NAME@HOST  c/node/ID  c/shard/ID  c/set/NAME  c/rec/KIND/KEY
//	c/view/ID        a view; its id and name are of the tables' sequence and names (since V2)
//	c/move/TABLET    a tablet on its way to another shard, as a copy (since V2; decision 44)
//	c/stats/TABLE    what is known of a table's rows (package statistics); gone with the table
//
// Values are JSON. c/rec/cluster/version is the cluster's version (package version); fields of records that came after V1 are
// ignored by older programs and dropped when those change the record, so a record may need one only after the version that
// brought it is active.
//
// # Invariants
//
//   - A Snapshot is immutable and copied on write: whoever holds one plans against one state, without locks. What it
//     hands out is shared and must not be changed; Clone and Put a copy.
//   - A change is one compare-and-set on c/version in the system shard's log, so the catalog changes in one order
//     everywhere, and a lost race costs a retry, never an update.
//   - A Snapshot's version is the log index of the change that made it: it grows, and versions of two nodes compare.
//   - Keys that this version does not know are kept and ignored.
package catalog
