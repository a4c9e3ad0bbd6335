// Package planned is a statement's plan with what its executions share, and the circumstances under which it serves again.
//
//	Making ── what planning notes: tables, privileges, definers ─→ New ─→ Plan ── Holds? ─→ the next execution
//	                                                                        └─ Cache: for all sessions, by Key
//
// # Invariants
//
//   - A Plan that others may have is immutable, but for what it counts of its own.
//   - A Plan that Holds gives what planning the statement now would give: whatever decides about a plan is in its Circumstances, in the
//     versions of its tables, in the kinds of its parameters, or it is not cacheable.
//   - Asking whether a plan holds allocates nothing and takes no lock.
package planned
