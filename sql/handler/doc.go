// Package handler is HANDLER: a session's handles to tables, each at a place in the order of an index. A read is a query in that order which goes
// on at the place: the values of the index's columns and of the primary key (or the row id) of the row that was read last, or what was looked
// for in vain. So rows that come and go between two reads move nothing.
//
//	HANDLER t READ k NEXT   ->   SELECT *, k…, id FROM t FORCE INDEX (k) WHERE (k…, id) > (last) ORDER BY k…, id LIMIT 1
//
// Invariants: a handle holds no lock and no snapshot. Definitions of the session's own close its handles to the table, those of others (and FLUSH
// TABLES) lose the place; a handle to a table that is gone is closed where it is used.
package handler
