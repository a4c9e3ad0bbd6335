// Package usage counts what one execution of a statement reads, and where: rows, shards, scans of whole tables, temporary files. Digests and
// the slow log tell of it (sql/digest).
//
// Invariants: counting takes no lock and allocates nothing; a nil Total counts nothing.
package usage
