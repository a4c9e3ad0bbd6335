// Package limits is the one table of sizes that encoders and decoders of fragments share. What an encoder would write
// beyond them is that statement's own error; what a decoder meets beyond them no encoder wrote.
//
// Invariant: a limit is never lowered, because logs and stores hold what was written under it. One that is raised goes with
// a cluster version, like any other format.
package limits

import "math"

// Of a type.
const (
	TypeLength   = math.MaxUint32 // characters or bytes: a LONGBLOB's
	TypeDecimals = math.MaxUint8
	Collation    = math.MaxUint16
)

// Of an expression.
const (
	ExprDepth   = 2000 // of nested calls: decoding and evaluating recurse
	ExprNodes   = 1 << 20
	ColumnIndex = math.MaxInt32 // position in a row
)

// Of a batch of rows.
const BatchWidth = 1 << 16

// Prealloc is how many elements a decoder makes room for before it has seen any: a count says how many bytes follow at
// least, and an element takes more in memory than in the message.
const Prealloc = 1024

// Of a proposal and of a log entry. They bound what one apply call holds in memory and how long an entry takes.
const (
	ProposalBytes   = 64 << 20 // larger transactions come in pieces
	ProposalRows    = 1 << 20  // rows and keys of writes
	ProposalEffects = 1 << 20
	EntryProposals  = 1 << 16
	EntryBytes      = 128 << 20
)

// Packet is the largest max_allowed_packet, and so the largest value.
const Packet = 1 << 30

// Of what evaluating one proposal takes, counted from its fragments and the rows' values, so that all replicas agree.
const (
	EvalBytes = 1 << 30 // of large results of functions
	EvalSteps = 1 << 32 // bytes that functions look at, each call counted as some
	EvalCalls = 1 << 27 // of functions and operators, in one fragment
)
