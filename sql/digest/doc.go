// Package digest sums up the statements of a node by their kind: a statement's text with ? in place of its literals.
//
//	SELECT c FROM t WHERE id IN (1, 2)   →   SELECT `c` FROM `t` WHERE `id` IN (...)   +   what executions took and did
//
// Text makes MySQL's digest text. Words that are keywords here and there are told from names as well as that goes without a
// grammar. Table keeps a Statement for each text and database, up to a number and as long as there is memory; what comes after that is
// counted under no name, as MySQL does. Reset begins anew.
//
// Invariants: recording an execution of a known statement takes no lock and allocates nothing; who executes a plan again
// keeps the Statement with it. What sessions record goes to different stripes, so that a statement that all of them execute is no
// one cache line. A record names no literals but those of the slowest execution's text, and of data statements only: others may hold
// passwords.
package digest
