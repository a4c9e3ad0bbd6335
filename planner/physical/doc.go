// Package physical makes operators of a logical tree: it chooses an index for each table (planner/access), an order and a way
// for joins, and how much of a block its only scan does inside the shards.
//
//	plan.go    node → operator; a table's scan with the conditions on it
//	joins.go   joins: by index (join.go), by hash, or nested loops; search.go finds the order, greedily, from each first input
//	semi.go    semi and anti joins, before, within or after the inner join that they are about
//	inshard.go  joins below an aggregation that the shards do (planner/inshard)
//	having.go  how many groups a HAVING leaves
//	top.go     LIMIT, ORDER BY, DISTINCT and the select list of a block
//	push.go    what a scan takes over: projection, partial aggregate, top-N, DISTINCT, LIMIT
//	scan.go    a scan as read fragments, cut along the tablets
//
// # Invariants
//
//   - A plan is immutable and holds expressions, not values: spans are computed when it is opened. Taking something over makes
//     another scan.
//   - Fragments hold Pure expressions. What needs the session is folded when the plan is opened; what is volatile stays at
//     the gateway, once per row.
//   - Every operator is opened by open (node.go), so that EXPLAIN ANALYZE counts what each of them does.
//   - Operators see columns by position; the numbers of their rows' columns are known at planning time only (node.ids).
package physical
