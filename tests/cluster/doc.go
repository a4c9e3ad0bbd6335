// Package cluster tests real processes: nodes that join, die, freeze, leave and come back while clients write.
//
// TestFaults goes through every event in a cluster's life once. Its checker (checker_test.go) remembers every write that
// was acknowledged and whether reads were stale; replicas are compared by the hashes that nodes tell on /debug/replicas
// (status_test.go). `make soak` repeats the deaths under sysbench's load and prints what an operator would feel: how long
// writes paused, how long a restart took.
//
// # Checks
//
// TestCheck starts three processes behind a network with faults (harness.Mesh) and with clocks that can be falsified,
// lets the clients of several workloads work while a nemesis makes trouble, and judges what the clients saw:
//
//	bank       money moves between shards: the total is constant in every snapshot, at every level, at every node
//	lists      transactions of reads and appends at all isolation levels: no anomaly that the level forbids (package history)
//	rows       the same, where an append first counts the rows of a range: no phantoms
//	registers  reads, writes, compare-and-set, read-modify-write: linearizable (porcupine)
//	claims     unique keys: one owner, and who was told that he is it, is it; no half transactions
//	snapshots  read-only transactions that stay open for seconds: nothing appears in what has been read
//	tpcc       TPC-C in small: its consistency conditions in every snapshot
//	large      transactions of several log entries a shard: all or nothing
//	past       reads at followers: all the money, no effect without its cause, within their bound, the same everywhere
//	definitions  foreign keys, checks, generated columns and indexes come and go: rows keep to the definition of their moment
//	gateways   what one gateway acknowledged, every other shows at once
//
//	none, kill (-9 and restart), freeze (SIGSTOP), partition (cut, silent, one-way, one link, slow), clock (jumps of the
//	wall clock, rates of the monotonic one within the margin of leases), restart (SIGTERM), all in turn
//
// A client whose COMMIT or autocommit change got no answer records that it knows nothing; the judges allow both. The
// seed decides what clients do and which faults come, not how the processes run: a failure is explained by its evidence
// (the shortest cycle, the operations around), a seed only makes a similar run.
//
//	make check FAULT=partition TIME=10m [WORKLOAD=lists,bank] [SEED=1]
//	make mutants      the same checks, with a rule of the database switched off (package mutant): they must fail
package cluster
