// Package block is a query whose names are known, clause by clause, and the tree that becomes of it.
//
//	planner/logical ── clauses of bound expressions ─→ Select ── SettleGroups ─→ Node: one tree a block
//	                                                   Set, Recursive: the trees of several queries in one
//
// A clause is added to as it is bound. What is computed of groups is written down as if it were computed of rows, and settled at the end,
// when the terms of GROUP BY and all aggregates are known (settle.go). Which columns others determine, for ONLY_FULL_GROUP_BY, is
// planner/dependence's matter.
//
// # Invariants
//
//   - No names and no syntax trees: what a name means has been found by planner/logical before it comes here.
//   - Columns returns the results in the order of the tree's columns, under the same numbers.
//   - Node is called once, when all clauses are there: the tree shares them, and nobody changes them any more.
package block
