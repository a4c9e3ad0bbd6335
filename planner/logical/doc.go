// Package logical is what a query means: a tree of nodes, made from the syntax tree with all its names resolved.
//
//	Bind: SELECT … ── from.go ─→ Table, Join ── select.go, group.go, window.go, subquery.go ─→ block.go: one tree a block
//	BindUpdate, BindDelete, BindKey: dml.go ─→ Change, Insert above the query that finds their rows
//
//	project a.x, count(*)          nodes (planner/algebra) are immutable and print themselves;
//	  group by a.x                 passes (planner/rewrite) make other trees of them,
//	    filter (b.y = 1)           planner/physical makes operators of them
//	      inner join on (a.id = b.a)
//	        table a
//	        table b
//
// Every column of every table, and every computed one, has a number that is unique in the statement (planner/scalar); what a
// number means never changes. EXISTS and IN at the top of WHERE are Apply nodes. All other subqueries are functions in
// expressions: Subquery has the tree, its Code is filled in by the physical plan. Columns of outer blocks are parameters
// within a subquery's tree, behind those of the statement.
//
// # Invariants
//
//   - Binding finds every error of names, types and grouping, in MySQL's order; what comes after it does not fail for
//     reasons of the user's.
//   - A tree means the same without any pass having run: that is what tests compare.
package logical
