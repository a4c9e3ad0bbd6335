// Package statistics is what is known of a table's rows: how many there are, and for each column its share of NULLs, how many
// different values it has and how they are distributed (decision 0026). The planner's costs rest on it.
//
//	rows of a snapshot ── Collect: all of a small table, blocks all over a large one ──→ Table ── the catalog's record c/stats/ID
//	                                                                                       │ planner/access
//	                                                                                       ▼
//	                                                                        shares of rows that conditions let through
//
// # Invariants
//
//   - A Table is immutable once it is in the catalog; its Serial grows by each change, so that plans can tell.
//   - Work is bounded: Collect reads Options.Rows rows or so, of whatever table, and what it makes is at most MaxBytes as JSON.
//   - Nothing that is replicated depends on it: it is a guess, made at one node, and wrong ones cost time only.
package statistics
