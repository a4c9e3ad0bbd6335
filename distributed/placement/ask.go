package placement

import (
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// Op is a change of a raft group's configuration.
type Op string

// The changes.
const (
	Add     Op = "add" // as non-voting
	Promote Op = "promote"
	Remove  Op = "remove"
)

// StartRequest tells a node to run a replica.
type StartRequest struct {
	Shard     schema.ShardID `json:"shard"`
	Replica   uint64         `json:"replica"`
	NonVoting bool           `json:"nonVoting,omitempty"`
	Members   []uint64       `json:"members,omitempty"` // of a group that begins
	Marks     []shard.Mark   `json:"marks,omitempty"`   // entries that its group leaves out: it may be given them again
}
