package raft

import (
	"context"

	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// Group is one raft group's replica on this node, as package replica uses it.
type Group interface {
	Shard() schema.ShardID
	// Propose appends cmd to the log and returns once it was accepted for proposal; its result comes to the listener that
	// was registered for the group (OnApplied) when this node applies it. A nil error does not say that it will be applied.
	// dropped is called (from any goroutine) if the proposal is known or presumed lost: terminated, dropped, timed out.
	Propose(ctx context.Context, cmd []byte, dropped func(error)) error
	// ReadIndex returns when everything that was committed before the call is applied here.
	ReadIndex(ctx context.Context) error
	// Leader tells the current leader's node and term as known here; 0 if none is known.
	Leader() (node schema.NodeID, term uint64)
	IsLeader() bool
	// Transfer asks the leader (this node) to hand leadership to another voter.
	Transfer(to schema.NodeID) error
	State() shard.API
	// OnApplied registers who gets the results of each applied entry, in log order, from the apply goroutine (be quick).
	OnApplied(fn func(results []shard.Result))
	// OnLeader registers who is told of leadership changes.
	OnLeader(fn func(leader schema.NodeID, term uint64))
}
