// Package cluster tests real processes: nodes that join, die, freeze, leave and come back while clients write.
//
// A checker (checker_test.go) remembers every write that was acknowledged and whether reads were stale; replicas are
// compared by the hashes that nodes tell on /debug/replicas (status_test.go). The ordinary run goes through every fault
// once with one cluster; `make soak` repeats the deaths under sysbench's load and prints what an operator would feel:
// how long writes paused, how long a restart took.
package cluster
