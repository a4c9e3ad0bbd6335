// Package tso hands out the cluster's timestamps.
//
// The leaseholder of the system shard owns the sequence: its Owner reserves a window of some seconds in the shard's log
// and then gives out timestamps from memory. Every other node's Client asks it, all that wait on a node in one call.
//
//	limit of the last window ──┐                     ┌── limit in the log
//	  ─────────────────────────┤ ... handed out ... ├──────────→
//	                           └ a successor begins above the limit in the log
//
// # Invariants
//
//   - Each call's timestamps are above all that were handed out anywhere before the call began. An owner checks after
//     drawing that its lease still holds, so it never hands one out when a successor may have begun; a successor begins
//     above the limit that the log has, which no predecessor exceeded; and a reservation is a compare-and-set on the
//     limit, so a late one of a predecessor fails.
//   - The physical part advances with the owner's monotonic clock, and is steered towards the time that a majority of the
//     members' wall clocks shows (pace.go): never back, at most twice and at least half as fast as time passes. It stands
//     still for no jump, and leaps for none: only for a lead that is agreed on and stands for some seconds, and for
//     the time that has passed when a process reserves its first window.
//   - A request joins only a call to the owner that begins after it.
//   - Nothing is written while nobody asks: an idle cluster reserves no windows.
package tso
