// Package catalog is what every node knows of the cluster: databases, tables, users, nodes, shards and settings, as
// records of the system shard. Each node has a replica of that shard, so it reads the catalog from memory.
//
//	c/version        the version of all that has none of its own: each change expects the one that it was made on
//	c/scope/SCOPE    a scope's own version (since V2; decision 45): changes of user locks expect this one
//	c/next           the next id of the sequence that databases, tables, tablets, shards and nodes share
//	c/commit/NODE    the last change that a node asked for, so that it can tell a lost answer from a lost race; NODE/SCOPE of a scope
//	c/db/ID  c/table/ID  c/user/NAME@HOST  c/node/ID  c/shard/ID  c/set/NAME  c/rec/KIND/KEY
//	c/view/ID        a view; its id and name are of the tables' sequence and names (since V2)
//	c/move/TABLET    a tablet on its way, as a copy: to another shard, cut, or merged with its neighbours (since V2; decision 44)
//	c/stats/TABLE    what is known of a table's rows (package statistics); gone with the table
//
// Values are JSON. c/rec/cluster/version is the cluster's version (package version); fields of records that came after V1 are
// ignored by older programs and dropped when those change the record, so a record may need one only after the version that
// brought it is active.
//
// # Invariants
//
//   - A Snapshot is immutable: whoever holds one plans against one state, without locks. What it hands out is shared and must not be
//     changed; Clone and Put a copy. Its maps are persistent ones: the next Snapshot shares with it all that is the same, so a change
//     costs what it changes, however many tables there are. What a change asks must not cost more either: lookup.go has what would
//     otherwise be looked for in all tables.
//   - A change is one compare-and-set on its scope's version in the system shard's log, so a scope changes in one order
//     everywhere, and a lost race costs a retry, never an update. It neither reads nor puts records of another scope.
//   - A Snapshot's version is the log index of the last change of definitions: it grows, and versions of two nodes compare.
//   - Keys that this version does not know are kept and ignored.
package catalog
