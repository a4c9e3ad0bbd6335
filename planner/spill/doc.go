// Package spill holds the rows and keys that operators keep: in memory while there is room, and then in temporary files.
//
//	RowStore   copies of rows in memory
//	RowFile    rows in parts: sorted runs (Sort), partitions by a hash of the key (Tasks)
//	RowBuffer  rows that are read again: windows, right sides of nested loops, recursion, subqueries
//	KeySet     keys that are asked for
//	Sort       rows in order: sorted runs that are merged; NewReorder puts the rows of partitions back in order
//
// A Room is what a statement may take: its account of memory, and the node's Space for temporary files. What is kept is charged to
// the account by a memory.Hold of its own. Before it takes more than its share (Hold.Crowded) it goes on in a file. Which rows go
// there, and what their partitions mean, is the business of the operators (planner/exec).
//
// Partitions are dealt with one after the other (Tasks), and divided again where they are too large.
//
// Invariants: what is read is the same, in the same order, in memory as in files; Close may be called at any time, and then nothing is
// charged and no file is open; a file has no name, so that a process that dies leaves none; a damaged file is an error, not other
// rows. Nothing here knows plans, the cluster or a session.
package spill
