// Package partition tells which partition of a partitioned table a row belongs to, and which ones a condition can be met in
// (decision 0042).
//
// Invariants: the answer follows from the row's stored values and the table's definition alone, not from a session: expressions are
// evaluated in UTC and under no sql_mode. Values that a unique key takes for equal are in the same partition. Pruning may keep
// partitions that have no such row; it never leaves one out that may.
package partition
