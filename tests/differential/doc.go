// Package differential runs random statements on cloudsql and on MariaDB and compares what both say: rows, numbers of errors,
// warnings, and the columns' names and types.
//
//	generator.go  statements over a few tables of every type: expressions by kind (number, text, time, truth), joins, groups, windows,
//	              subqueries, set operations, data changes
//	server.go     a server, and what it said of a statement
//	known.go      where MySQL 8.0 and MariaDB differ, each with its reason
//
// MySQL 8.0 cannot be had here; MariaDB is of the same family. What both should say alike and do not is a fault, a difference
// between the two (known.go), or something that this list has to learn. Statements go by their seed alone, so each can be repeated.
//
// make differential STATEMENTS=200000 SEED=1 runs it where mariadbd is installed; what differs is told once a kind.
package differential
