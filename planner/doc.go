// Package planner turns SQL into fragments. It is the only place that does.
//
//	Build
//	 ├─ SELECT by a whole key ── PointGet (point.go, keyed.go): no optimizer, no operators
//	 ├─ data changes ─────────── dml_*.go: keyed ones are a write fragment each, others find their keys by a query first
//	 │                           (dml.Change, dml.Insert); rows.go completes all rows that are written
//	 └─ queries ──────────────── logical.Bind → rewrite.Apply → physical.New (build.go)
//
//	planner/logical    names to nodes          SELECT blocks become trees
//	planner/block      clauses to a tree       a block whose names are known: grouping, set operations, order
//	planner/windowing  OVER (…)                window functions, one by one
//	planner/dml        roots of data changes   and the tables that they write to
//	planner/algebra    nodes                   immutable; they print themselves
//	planner/rewrite    nodes to nodes          Passes: decorrelate, outer to inner, push conditions, prune columns, …
//	planner/physical   nodes to operators      indexes, join order, what runs inside the shards, EXPLAIN
//	planner/access     keys, ranges, costs     one conversion from constants to keys
//	planner/scalar     expressions             over numbered columns
//
// Each knows those below it and none above (tests/floors_test.go). docs/architecture.md walks a join through them; decision
// 0021 says why, 0027 of data changes.
//
// # Parameters
//
// A plan is immutable and reusable: it holds expressions, not values. Index spans are computed when it is opened, from
// constants, parameters and the values of subqueries. A correlated subquery's outer columns are parameters of its inner
// plan: numbers behind the statement's own. A subquery without outer columns (expr.NewOnce) is computed when it is first
// asked for, so that what no row needs is not run; spans and fragments ask for it, where it is certain to matter
// (expr.MayNotAsk), as they travel with constants.
//
// # Invariants
//
//   - A query means the same without passes, with all tables read whole and nothing inside the shards (Context.NoPasses).
//   - One plan reads one state: a transaction's, or, where several fragments are read in autocommit, one snapshot's.
//   - Every error that a user can cause is a *mysqlerr.Error with MySQL's code; 1105 from here is a fault of ours.
package planner
