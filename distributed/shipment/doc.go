// Package shipment is what a planned transfer of the lease passes along: the open transactions, with their locks and what they have
// written, and the rule by which they are installed at the next leaseholder.
//
//	source                          target
//	Begin, Append* ── TakeOver ──→  Read ── See: what the log says of the lease ──→ Came with this epoch: installed
//	                                                                            └─→ somebody else serves: dropped
//
// The message is  shard  nonce  epoch  { id(16)  session  seq  workspace(bool, …)  locks (lock.Held) }.
//
// # Invariants
//
//   - What was shipped belongs to one entry of the log, by its nonce: it is installed only where that very entry has given the lease, and
//     nobody wrote since, because the target's own taking follows it.
//   - A damaged message is an error, never a panic.
package shipment
