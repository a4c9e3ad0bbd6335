// Package logical is what a statement's names mean: a tree of nodes, made from the syntax tree.
//
//	Bind: SELECT … ── from.go ─→ Table, Join ── select.go, group.go, window.go, subquery.go ─→ planner/block: one tree a block
//	BindUpdate, BindDelete, BindRows, BindKey: dml.go ─→ the roots of planner/dml above the query that finds their rows
//	                                           target.go: the tables that names of data changes mean
//
//	project a.x, count(*)          nodes (planner/algebra) are immutable and print themselves;
//	  group by a.x                 passes (planner/rewrite) make other trees of them,
//	    filter (b.y = 1)           planner/physical makes operators of them
//	      inner join on (a.id = b.a)
//	        table a
//	        table b
//
// A block's clauses, as they are bound, are a block.Select, which knows no names; selectQuery is that with what its names are looked up
// in. Window functions are planner/windowing's, single expressions planner/bind's.
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
