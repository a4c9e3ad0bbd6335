// Package closedts keeps what a replica knows about reading it without the lease (follower reads): up to which timestamp nothing
// more will commit that it has not applied.
//
//	log:      batch(Closed=c1) … batch(Closed=c2)          applied up to here │
//	promises:                        (p1, index) ─ applied: serves ≤ p1       │ (p2, later index): waits
//
// A replica serves any read at or below the larger of the closed timestamp that it has applied (shard.Batch.Closed) and the
// promises whose index it has applied (Tracker). leaseholder.Promise has the argument for a promise; the leaseholder's side is
// package replica's closed.go. What is closed never falls while the process runs; promises are forgotten by a restart.
package closedts
