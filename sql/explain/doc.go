// Package explain shows a plan as MySQL 8.0 does: EXPLAIN FORMAT=TREE, FORMAT=JSON and FORMAT=TRADITIONAL. All three are made of the
// lines that the planner gives of its physical operators (planner.ExplainLine), and so tell of the same plan as FORMAT=BRIEF, our own,
// which shows beside it where each part runs. EXPLAIN without a format is FORMAT=TRADITIONAL, for that is what clients read.
//
// Invariants: what the shapes of MySQL have no place for is left out, never misnamed; each table that is read is in each of them once.
package explain
