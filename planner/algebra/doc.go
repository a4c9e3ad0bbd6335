// Package algebra is what a query means: a tree of nodes over numbered columns, which planner/logical makes of syntax trees, passes
// (planner/rewrite) make other trees of, and planner/physical makes operators of.
//
//	project a.x, count(*)          nodes are immutable and print themselves (Text)
//	  group by a.x
//	    filter (b.y = 1)
//	      inner join on (a.id = b.a)
//	        table a
//	        table b
//
// # Invariants
//
//   - A node never changes once it is made, and its inputs may be shared.
//   - What a column's number means never changes: conditions move freely.
package algebra
