// Package autostats has what is known of tables' rows (storage/statistics) keep up with them: the system shard's leaseholder looks
// at tables that have outgrown their statistics, one at a time, the worst first.
//
// Invariants: work is bounded, whatever the number and the sizes of tables; nobody waits for it; where it fails, statistics stay
// what they are, and the table's turn comes again.
package autostats
