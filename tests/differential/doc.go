// Package differential runs random statements on cloudsql and on MariaDB and compares what both say: rows, numbers of errors,
// counts of changed rows, warnings and notes, the columns' names and types, all that is said of a table's columns; after a change
// what the tables have, after DDL what information_schema has of them.
//
//	generator.go  what is made next; expressions by kind (number, text, time, truth, JSON)
//	grammar.go    templates of expressions, and literals
//	forms.go      rarer forms of queries: locking, NATURAL, nested joins, sorted and ranked groups, JSON_TABLE
//	words.go      forms that MariaDB has in other words: LATERAL, GROUPING, frames of intervals, functional keys, VALUES ROW; LOAD DATA
//	query.go      joins, groups, windows, set operations, subqueries in all places, WITH
//	change.go     INSERT, REPLACE, UPDATE and DELETE of every form
//	schema.go     random tables: CREATE, ALTER, views, keys, CHECK, generated columns
//	session.go    variables, prepared statements, sql_mode, transactions with savepoints
//	server.go     a server, and what it said of a statement
//	script_test.go a difference written down with its tables, so that it can be made again
//	parts.go      the parts of a query, to find the smallest in which the two differ
//	known.go      where MySQL 8.0 and MariaDB differ, each with its reason
//
// MySQL 8.0 cannot be had here; MariaDB is of the same family. What both should say alike and do not is a fault, a difference
// between the two (known.go), or something that this list has to learn. Statements go by their seed, and by which of them succeeded.
//
// make differential STATEMENTS=200000 SEED=1 runs it where mariadbd is installed; what differs is told once a kind.
package differential
