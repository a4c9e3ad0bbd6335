// Package leaseholder is what a shard's leaseholder offers to those who read and write: requests, answers and errors (Service),
// and the same over the node RPC (Remote asks, Register answers). Package replica serves it; packages txn and node ask.
//
//	gateway ─→ Service ─┬─ a replica on this node
//	                    └─ Remote ─→ rpc ─→ Register's handlers ─→ a replica on that node
//
// Who is asked by mistake answers NotLeaseholder, and who to ask instead. What a request's failure says about its
// execution is in the error: nothing was done, unless OutcomeUnknown; then the same request, under the same transaction id,
// finds the outcome, or that it is forgotten (ErrForgotten).
//
// A transaction over several shards is decided by how it stands in all of them, and by nothing else: Judge is the whole
// rule, for its gateway and for whoever takes the gateway's place (Decide).
//
// Methods, flags and codes of answers are numbers of the protocol between nodes: they are never reused. What earlier
// versions sent is in golden/.
package leaseholder
