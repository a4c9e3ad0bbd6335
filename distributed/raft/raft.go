package raft

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// Errors of groups.
var (
	// ErrNoLeader: nothing was proposed, because no leader is known.
	ErrNoLeader = errors.New("raft: no leader is known")
	// ErrDropped: the proposal never reached the log.
	ErrDropped = errors.New("raft: proposal dropped")
	// ErrTimeout: the proposal was not applied in time; it may still be.
	ErrTimeout = errors.New("raft: proposal timed out")
	// ErrStopped: the replica is being stopped; a proposal under way may still be applied elsewhere.
	ErrStopped = errors.New("raft: replica stopped")
	// ErrBusy: too many proposals or membership changes are under way.
	ErrBusy = errors.New("raft: busy")
	// ErrLogCut: a replica that failed lacks entries that are no longer in its log; it needs a copy.
	ErrLogCut = errors.New("raft: entries that were not applied are no longer in the log")
	// ErrTooBig: the command exceeds what a log entry takes.
	ErrTooBig = errors.New("raft: command too big")
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
	// OnRecovered registers who is told when a snapshot has replaced the shard's state. Such a state may contain changes that
	// OnApplied never told about.
	OnRecovered(fn func())
	// OnLeader registers who is told of leadership changes.
	OnLeader(fn func(leader schema.NodeID, term uint64))
}

// ReplicaID makes the id of a shard's replica on a node; seq counts the shard's replicas (catalog.Shard.NextReplica).
func ReplicaID(node schema.NodeID, seq uint64) uint64 { return uint64(node)<<32 | seq }

// NodeOf is the node of a replica.
func NodeOf(replica uint64) schema.NodeID { return schema.NodeID(replica >> 32) }

// target is how raft's configuration names a node.
func target(node schema.NodeID) string { return "n" + strconv.FormatUint(uint64(node), 10) }

func nodeOfTarget(t string) (schema.NodeID, error) {
	digits, ok := strings.CutPrefix(t, "n")
	id, err := strconv.ParseUint(digits, 10, 32)
	if !ok || err != nil || id == 0 {
		return 0, fmt.Errorf("raft: %q does not name a node", t)
	}
	return schema.NodeID(id), nil
}
