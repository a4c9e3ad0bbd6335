// Package harness starts real cloudsql processes for tests: free loopback ports, temporary directories, and every
// process stopped by its pid when the test ends. A Mesh between the processes is a network with faults, and Clock gives
// a node false clocks.
//
//	client ─────────────────────────────► sql-addr of each node
//	node 1 ─► advertise-addr of node 2 = a proxy of the Mesh, which reads in the hello who calls ─► node-addr of node 2
package harness
