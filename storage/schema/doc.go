// Package schema holds the descriptors of databases, tables, columns and indexes: what a gateway plans with and what a
// shard interprets its rows with.
//
// Invariants: descriptors are immutable values once published; ids are never reused, so a row or key written under one
// version can be read under any later one.
package schema
