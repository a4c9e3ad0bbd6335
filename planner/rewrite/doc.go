// Package rewrite makes trees that cost less from trees that mean the same: Passes, each a function from node to node, run
// one after the other over a query and its subqueries.
//
//	terms            common terms leave ORs, rows in IN lists say something of each member        terms.go
//	constants        conditions that always or never hold                                         terms.go
//	decorrelate      EXISTS and IN become semi and anti joins                                     decorrelate.go
//	outer to inner   outer joins whose NULL rows are discarded anyway                             outer.go
//	push conditions  to the tables, along equalities, into derived tables and unions              push.go
//	generated        columns for the expressions that they follow from, where an index has them   generated.go
//	partition top    the first rows of each partition, where a condition on their rank wants      parttop.go
//	                 no others
//	prune columns    what nobody reads                                                            prune.go
//	min and max      one end of an index instead of all rows                                      minmax.go
//
// testdata has a script of before and after for each pass. The random-query test of planner compares all of them with none.
//
// A pass changes no node that it is given, and returns the very same node where it has nothing to do.
package rewrite
