// Package metric makes series out of what the parts of a node count.
//
// A part counts in the fields of a struct, and the field says there what it is:
//
//	type Stats struct {
//		Reads  atomic.Uint64    `counter:"replica_lease_reads_total" help:"reads under the lease" status:"Cloudsql_lease_reads"`
//		Open   atomic.Int64     `gauge:"sql_connections" help:"client connections open"`
//		Commit metric.Histogram `histogram:"txn_commit_seconds" help:"COMMIT, until the client can be answered"`
//	}
//
// Everything else is derived from that: /metrics and SHOW GLOBAL STATUS read the fields when they are asked (Source), and the
// page of metrics in docs/operations.md is compared with the tags by a test (Families). What nobody counts but can be computed is
// a struct that is filled when it is asked for.
//
// Invariants:
//
//   - Counting is an atomic addition, an observation two: no lock, no allocation, no map, whatever is watching. A field
//     works without having been registered anywhere.
//   - A counter's name ends in _total, a histogram's in _seconds; times are in seconds. A name belongs to one field of one struct.
//   - Histograms have the same bounds everywhere, two to the doubling, so that those of several parts can be added.
package metric
