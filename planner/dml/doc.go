// Package dml is what data changes are above the query that finds their rows: the roots of their trees, Change and Insert, and the tables
// that they write to.
//
//	update t set a = b + 1      Change: the keys and new values of each Target are columns of In, by place
//	  filter (t.c > 5)          planner/logical binds the query, the passes see what is below the root alone,
//	    table t                 and the statement's plan (planner/dml*.go) writes fragments of its rows
//
// # Invariants
//
//   - A root's expressions are over rows by position: the table's own, or those of In. It has none that a pass might move.
//   - What a column is given is bound here (Assigned, RowValue), whatever statement gives it: DEFAULT, and 3105 for generated ones.
//   - What a table's definition adds to rows is not here but in planner/rows.go (decision 27).
package dml
