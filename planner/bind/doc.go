// Package bind resolves names and turns the parser's expressions into storage/expr ones.
//
// A Scope lists the columns that names may mean. Every column has a number that the planner gives it, unique in the
// whole statement; a bound column reference is expr.Column{Index: number}. Only when a physical operator is built are
// the numbers replaced by positions in its input row, so that binding knows nothing of join orders. Callers whose row
// layout is fixed from the start (a keyed UPDATE over a table's full row) simply number the columns by position.
//
//	Scope{Cols: t.id=0 t.name=1 u.id=2}   "name = u.id"   ->   (#1 = #2)
//
// What an expression may contain besides columns and functions depends on where it stands: aggregates, subqueries,
// window functions, VALUES(c) and select-list aliases are hooks of the Binder; a nil hook refuses with the error that
// MySQL has for the place.
//
// Invariants: binding changes neither the syntax tree nor the Scope; every error is a *mysqlerr.Error; a column is
// looked up in the innermost scope that knows its name, and an ambiguous name never goes on to an outer scope.
package bind
