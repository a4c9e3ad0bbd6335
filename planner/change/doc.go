// Package change writes the rows that a data change has found or computed.
//
//	planner   rows, with their keys and tablets ─→ fragments
//	change    Writer ─┬─ Write        to their shards, at once or into the transaction
//	                  │                └─ where foreign keys concern them (Ties): parents looked for, children visited    related.go
//	                  │                └─ where a unique key is one over tablets: its entries follow                       entries.go
//	                  └─ WriteMoving  changes that may take rows to other tablets                                      moving.go
//
// Each row that a statement writes, by whatever plan, passes here once it is complete, and what a shard answers is added up here:
// counts, warnings, the statement's own failure.
//
// Ties are found when the statement is planned (ties.go): all tables that it may come to change through any number of cascades, and
// those that it may have to look into. A plan holds as long as they are what they were (Ties.Holds). See decision 0032.
package change
