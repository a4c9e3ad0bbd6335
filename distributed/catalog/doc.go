// Package catalog is the system shard's content as Go values: databases, tables, users, nodes, shards and settings.
//
// Every node holds a replica of the system shard, so a Snapshot is read from memory; a change is a compare-and-set
// transaction on the records (storage/shard.SystemCommand).
package catalog
