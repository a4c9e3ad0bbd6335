// Package maintain is ANALYZE, CHECKSUM, OPTIMIZE, CHECK and REPAIR TABLE. The first looks at tables' rows (storage/statistics) and keeps
// what it finds in the catalog, the second sums them up; the others have nothing to do. ALTER
// CLUSTER asks nodes to leave.
//
// Invariants: a statement answers with lines about each table that it names, also where one fails; what cannot be found out about
// one table does not keep it from the next.
package maintain
