package shard

import (
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"time"
)

// CommandKind is the first byte after the version in a log entry.
type CommandKind uint8

// The commands of a shard's log. Numbers are part of the log format: never reuse one.
const (
	CommandBatch     CommandKind = 1 // proposals of write fragments under one lease epoch
	CommandLease     CommandKind = 2 // take, renew or release the lease
	CommandTablet    CommandKind = 3 // create, change or drop a tablet's descriptor
	CommandWatermark CommandKind = 4 // raise the garbage collection watermark and the closed timestamp
	CommandSystem    CommandKind = 5 // compare-and-set transaction on the system shard's records
	CommandMove      CommandKind = 6 // a step of a tablet's way to another shard
)

// Batch is many transactions' proposals in one log entry, in timestamp order.
type Batch struct {
	Format    Format // of the entry
	ID        uint64 // unique per proposing node and start: matches results with those who wait
	Proposer  schema.NodeID
	Epoch     uint64         // of the lease it was proposed under; apply refuses an older one than the shard's
	Closed    mvcc.Timestamp // no later entry commits at or below it
	Proposals []Proposal
}

// ProposalKind says what a proposal's effects become.
type ProposalKind uint8

// The kinds. Prepare and those after it are the steps of a commit over several shards; see prepared.go.
const (
	ProposalCommit  ProposalKind = 1
	ProposalPrepare ProposalKind = 2 // Effects wait for Resolve, their keys are claimed; Participants are recorded
	ProposalResolve ProposalKind = 3 // the effects become versions at CommitTS, or vanish (CommitTS 0)
	ProposalAbort   ProposalKind = 4 // abort mark: a later Commit or Prepare of Txn fails
	ProposalForget  ProposalKind = 5 // all participants have resolved the transactions in Forget
	ProposalStage   ProposalKind = 6 // a piece of a large part, before Prepare brings the last one
)

// Proposal is one transaction's part in this shard.
type Proposal struct {
	Kind ProposalKind
	Txn  fragment.TxnID
	TS   mvcc.Timestamp // commit timestamp; Prepare: the least that it may become
	// First is not above the timestamp of any execution of this transaction: it was known before the first one could be.
	// 0: unknown, as in batches of FormatPlain. See outcome.go.
	First mvcc.Timestamp
	// Autocommit statements carry Writes, evaluated at apply; interactive transactions carry resolved Effects.
	Writes       []*fragment.Write
	Effects      []fragment.Effect
	Participants []schema.ShardID // Prepare: all shards of the transaction
	Piece        uint32           // Stage, Prepare: number of the piece that Effects are; all before it have come
	Ranges       []Range          // Prepare: where the transaction relies on nothing being written
	CommitTS     mvcc.Timestamp   // Resolve
	Forget       []fragment.TxnID // Forget

	body   []byte // what is still to be decoded
	damage error  // why it cannot be
}

// Range is a part of an index that a transaction has locked.
type Range struct {
	Tablet     schema.TabletID
	Index      schema.IndexID
	Start, End []byte // encoded keys; End is exclusive, nil: no end
}

// Status is how a proposal ended.
type Status uint8

// The outcomes.
const (
	Committed      Status = 1
	Failed         Status = 2 // a write's own error, or the proposal's (WriteResult.Err of the last element): nothing changed
	Conflict       Status = 3 // an Expect did not hold (→ 1213)
	StaleEpoch     Status = 4 // proposed under an older lease: retry at the new leaseholder
	StaleTimestamp Status = 5 // a written key has a newer version: retry with a new timestamp
	SchemaChanged  Status = 6 // a SchemaVersion is neither current nor the one before: re-plan
	Duplicate      Status = 7 // Txn was applied before; the recorded outcome is returned beside it
	NoTablet       Status = 8 // the tablet is not (any more) in this shard
	Prepared       Status = 9 // the effects wait for Resolve; TS is the least commit timestamp
	Aborted        Status = 10
	Staged         Status = 12 // the piece is kept
	Claimed        Status = 11 // a key belongs to a prepared transaction (Blocker): wait for its end and retry
	Forgotten      Status = 13 // how Txn ended may have been known once (First): nothing was done
)

// ProposalResult is what applying a proposal gave.
type ProposalResult struct {
	Txn    fragment.TxnID
	Status Status
	// Recorded is the outcome that a Duplicate's first execution had; TS and Writes are that one's.
	Recorded Status
	TS       mvcc.Timestamp
	Writes   []fragment.WriteResult
	Blocker  fragment.TxnID // of Claimed
	// Damage tells, for this node's own log, why the payload was no good. It is not replicated.
	Damage string
}

// Lease is the right to serve the shard, as its log has it.
type Lease struct {
	Epoch    uint64
	Holder   schema.NodeID // 0: nobody
	Duration time.Duration // counted by each side on its own monotonic clock (see design, Leases)
	Serial   uint64        // rises by one whenever it is taken, renewed or given up
}

// LeaseCommand takes (Epoch = Prev+1) or renews (Epoch = Prev) the lease if the shard's current epoch is Prev and its
// Serial is the next: whoever has not seen the last renewal cannot take the lease for expired, and an entry that comes
// late cannot undo what was decided meanwhile.
type LeaseCommand struct {
	Prev uint64
	Lease
	Nonce uint64 // tells the proposer's own entries apart
}

// TabletCommand installs a table's descriptor for one of its tablets, or removes the tablet with its rows.
type TabletCommand struct {
	Tablet schema.TabletID
	Table  *schema.Table // nil: drop
}

// SystemCommand changes the system shard's records if all of Expect holds; records are small (JSON) values under string
// keys.
type SystemCommand struct {
	ID     uint64
	Expect []SystemExpect
	Sets   []SystemSet
}

// SystemExpect demands that a key's version (the log index that last changed it, 0 if absent) is unchanged. The key ""
// stands for the whole: the index of the last system change.
type SystemExpect struct {
	Key     string
	Version uint64
}

// SystemSet sets a record; a nil Value deletes it.
type SystemSet struct {
	Key   string
	Value []byte
}

// Entry is one log entry to apply.
type Entry struct {
	Index uint64
	Cmd   []byte
}

// Result is what applying an Entry gave.
type Result struct {
	Kind    CommandKind
	Batch   uint64 // Batch.ID or SystemCommand.ID or LeaseCommand.Nonce
	Results []ProposalResult
	OK      bool // lease, tablet and system commands: it took effect
	Lease   Lease
	Err     error // a tablet or system command's refusal; of any command: it was not executed, being no good
}
