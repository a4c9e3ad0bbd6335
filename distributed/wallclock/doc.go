// Package wallclock compares the nodes' times of day.
//
// Heartbeats carry them; whoever has called subtracts half of the round trip, and keeps
// the other's clock as a difference from its own monotonic one, so that a jump of its own wall clock is seen at once.
//
//	members' clocks   ──┬──┬─┬──────────────────────────┬──→
//	                    majority, within MaxClockOffset  off: says so, and does not own timestamps
//
// Nothing that clients are promised rests on wall clocks (package tso). They decide how near timestamps are to the time
// of day, for AS OF TIMESTAMP, and what NOW() shows.
package wallclock
