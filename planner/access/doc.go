// Package access works out how a base table can be read: which index, which ranges of its keys, what is left to filter,
// and what that costs.
//
//	conditions ── Match ──→ Cond, one column each ── Best ──→ Path: index, bounds of its leading columns, filter, price
//	                                                            │ when the plan is opened
//	                                                            ▼
//	                                            Spans: each constant → Bounds → intervals → key ranges
//
// # From constants to keys
//
// Bounds is the one place where a constant becomes a key. It tells where the constant lies among the values of a column:
// exactly at one, within a pair of neighbours, or nobody knows where. Ranges take its two ends. Key, for whole keys (point
// gets, keyed changes), takes what is exact as the row's key and everything else as no row; Keyable tells for which pairs
// of types that is the whole truth. An index join converts the left side's values in the same way.
//
// # Invariants
//
//   - Spans may cover more than what a condition lets through, never less. A condition is left out of Path.Filter only where
//     its intervals are exact for every value that its constants can take (Cond.Exact), and all index columns before it are
//     single values for sure.
//   - Nothing but estimates depends on the values of parameters before Spans: a Path is made once and opened many times.
//   - Costs are in units of reading one row in order.
//
// Estimates rest on a table's statistics (storage/statistics) and, where there are none, on its row count and the shapes of
// conditions (estimate.go). A plan is made for the parameters of its first execution as far as ranges go; for an equality with
// a parameter, all values are as likely.
package access
