// Package status tells statements apart by their kinds, as SHOW STATUS does (Com_select, Com_insert, …), and declares what the sessions
// of a node count.
//
// Invariants: a statement has one kind, whichever way it comes (text, prepared, by the plan of its like). Counting takes no lock and
// allocates nothing. /metrics, SHOW STATUS and docs/metrics.md derive from what the fields of Stats say (storage/metric).
package status
