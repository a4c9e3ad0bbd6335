// Package planner turns SQL into fragments: AST → bound logical plan → physical plan cut into what shards do and what
// the gateway merges. It is the only place that does.
//
//	Build
//	 ├─ SELECT by a whole key ── PointGet (point.go, keyed.go): no optimizer, no operators
//	 ├─ data changes ─────────── dml_*.go: keyed ones are a write fragment each, others find their keys by a SELECT first
//	 └─ queries ──────────────── a builder (build.go)
//
// # From a query to operators
//
// A query block is bound first as a whole (select.go, from.go, aggregate.go, subquery.go, setop.go, cte.go, window.go)
// and planned afterwards (selectplan.go and below), so that a table's scan knows which of its columns anything in the
// statement reads. Every column of every table, and every computed one, has a number that is unique in the statement;
// expressions name columns by number until an operator is made, which resolves them to positions in its input (planner/scalar).
// What a number means never changes, so conditions move freely: into derived tables, along equalities, across joins.
//
//	FROM        joins are flattened, outer joins that lose their NULL rows anyway become inner ones, the cheapest order is
//	            searched greedily (joinplan.go); each join is a lookup by index, a hash join or a nested loop (join.go)
//	WHERE       conditions on one table go to its scan; an index bounds them (planner/access); common terms leave ORs
//	subqueries  without outer columns: computed once, when somebody asks. EXISTS and IN at the top of WHERE: semi and anti
//	            joins (semijoin.go). The rest: a function of the outer columns, with its results remembered
//	single scan filter, projection, partial aggregate, DISTINCT, top-N and LIMIT go into the read fragment (scan.go)
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
//   - Fragments hold Pure expressions. What needs the session is folded when the plan is opened; what is volatile stays at
//     the gateway, once per row.
//   - One plan reads one state: a transaction's, or, where several fragments are read in autocommit, one snapshot's.
//   - Every error that a user can cause is a *mysqlerr.Error with MySQL's code; 1105 from here is a fault of ours.
package planner
