// Package peers is what the SQL layers of a cluster's nodes ask each other: which sessions there are (the process list), that one of them
// ends (KILL), whether an engine that a lock or a schema change is of still runs, and what the members of a deadlock were doing.
//
// Invariants: payloads are JSON, whose readers ignore what they do not know; a node that does not answer in time is left out of a list,
// and given the benefit of the doubt about its locks until its transactions are rolled back too.
package peers
