// Package spawn starts the process's goroutines. A panic in one is a bug, and ends the piece of work in which it happened:
// a statement, a request of another node, one round of a loop. It never ends the process, which would take every other
// client and every healthy replica with it, and again at each repetition.
//
//	Go    a piece of work of its own             ends
//	Do    a piece that somebody waits for        ends with an error
//	Keep  a loop that something depends on       goes on after a pause
//
// Every panic is logged with its stack and counted by part (Panics; the metric cloudsql_panics_total).
//
// # Invariants
//
//   - There are no go statements outside of this package, but for tests (tests/spawn_test.go).
//   - Whoever waits for a goroutine hears of its end: what is told or released at the end is deferred, or delivered
//     from the error of Do.
//   - What a panic left half done must not be trusted by those who come next: locks are released by defer where a panic
//     under them is conceivable, and the state machine of a shard is not used again (raft.Host tells its node, which takes that
//     replica out of service).
package spawn
