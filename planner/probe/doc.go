// Package probe carries what a join knows of its keys to the reads of its other side: semi-join filters.
//
//	HashJoin  1. reads its right side and has a table of it
//	   │      2. opens its left side, telling the keys
//	   ├── … ── scan: its fragments test the keys behind their own conditions, where the rows are
//	   └── right side
//
// What is told goes down with the context that operators are opened under, to one read of the plan: what opens something below
// (another join, a projection) need not know. Rows that have no partner are neither sent nor probed; a few that have none come along
// nevertheless (expr.KeySet), and the join drops them.
//
// Invariant: the conditions are such as the join would test, so that a read which knows nothing of them is right, too.
package probe
