// Package fragment holds the serialized, shard-local plans: what a gateway asks of a shard.
//
// Invariants: a fragment carries everything that its execution depends on besides the shard's own state (time, mode,
// parameters are constants inside it); every format starts with a version, and an unknown one is an error, never
// skipped; executing the same write fragments in the same order gives the same bytes on every replica.
package fragment
