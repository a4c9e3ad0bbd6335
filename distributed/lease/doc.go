// Package lease decides who may serve a shard.
//
// A lease is a record in the shard's log (shard.LeaseCommand, compare-and-set on the epoch and on how often it was
// renewed). Machine decides, as a pure state machine, without clock, goroutines or I/O: package replica gives it time and a log,
// model_test.go every order of events (docs/model.md), the scripts in testdata those that were worth telling.
//
//	holder:    proposes ├──────── serves ────────┤margin│ expired
//	successor:      applies ├──────────────── waits ──────────────┤ takes epoch + 1
//
// Invariants, and what each prevents:
//
//   - A holder counts its lease from before it proposed it, others from when they applied it, and the holder stops a
//     margin earlier. So the two never serve at once, however long messages take; the clocks' rates may differ by
//     margin/duration. Reads look at the clock again when they are done: a holder that was frozen in the middle of a
//     read does not hand out what it found (testdata/anomaly_stale_read_after_pause).
//   - Only an epoch that this very process took is served. An earlier run's proposals may still be in the log, unknown
//     to this run's registry of writes in flight; under a new epoch apply refuses them.
//   - A lease that lapsed may be renewed under its epoch by the process that took it: if nobody took it meanwhile,
//     nobody wrote, and locks and transactions are as good as before. Idle shards let it lapse, and pay one round to
//     wake up.
//   - A replica whose state was found to be wrong is fenced (Abdicate): it serves nothing from then on, takes no lease, and
//     hands on the one it has.
//   - A state that arrived as a snapshot may contain renewals that were never seen one by one: count from its arrival.
//   - Writes need no clock: a batch carries its epoch, and apply refuses one of another epoch.
package lease
