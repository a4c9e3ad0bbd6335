package leaseholder

import (
	"context"
	"fmt"
	"time"

	"cloudsql/distributed/lock"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/version"
	"cloudsql/storage/wire"
)

// NotLeaseholder is the answer of a replica that cannot serve: Holder is who can, as far as it knows (0: unknown).
type NotLeaseholder struct {
	Shard  schema.ShardID
	Holder schema.NodeID
	Epoch  uint64
	// Doubtful: the request was proposed before the lease went, and may have been executed.
	Doubtful bool
}

func (e *NotLeaseholder) Error() string {
	return fmt.Sprintf("replica: shard %d is served by node %d (epoch %d), not here", e.Shard, e.Holder, e.Epoch)
}

// ReadRequest asks for one page of a read.
type ReadRequest struct {
	Shard    schema.ShardID
	Read     *fragment.Read
	At       mvcc.Timestamp // 0: newest
	Follower bool           // with At: any replica may serve it. For gateways; not sent to other nodes
	From     []byte
	MaxBytes int

	// In a transaction: its id (the leaseholder merges its buffered writes) and, for locking reads, how.
	Txn                fragment.TxnID // zero: none
	Join               bool           // the transaction's first request here; without it, an unknown one gets 1213
	Session            uint64         // with Join: the client's connection, for views of locks; 0: unknown
	Lock               lock.Mode
	NoWait, SkipLocked bool
	Ranges             bool // lock what is scanned as a whole, gaps included; not with SkipLocked
	LockWait           time.Duration

	columnar bool // the answer's report tells of columnar copies
}

// WriteRequest carries an autocommit transaction, or one write of an interactive one (Buffer).
type WriteRequest struct {
	Shard    schema.ShardID
	Txn      fragment.TxnID
	Buffer   bool   // evaluate into Txn's workspace instead of proposing
	Join     bool   // with Buffer: as in ReadRequest
	Session  uint64 // as in ReadRequest, and of autocommit writes
	Seq      uint64 // with Buffer: numbers what changes the workspace, rising; a late copy is refused. 0: not numbered
	Writes   []*fragment.Write
	LockWait time.Duration

	// Of autocommit writes: First was known before the request was made for the first time, anywhere (shard.Proposal.First;
	// 0: it does not say). Alone: it is made for the first time, by a caller in this process who makes no other before this
	// one returns. Then its wait for locks may be as long as it likes. Not sent to other nodes.
	First mvcc.Timestamp
	Alone bool

	// Vouched is the version that another node's gateway knew the cluster to have, by what its request has; 0: it says nothing, and what is
	// logged for it is of the version that this node knows of.
	Vouched version.Version
}

// ByKeys tells whether the request is one write of nothing but rows that are there under its keys, so many at most, and wants to know no more of
// them than their number.
func (q *WriteRequest) ByKeys(most int) bool {
	if len(q.Writes) != 1 {
		return false
	}
	w := q.Writes[0]
	return (w.Kind == fragment.Update || w.Kind == fragment.Delete) && len(w.Keys) <= most && w.Report == nil
}

// WriteReply is a WriteRequest's answer. Mark is the workspace's savepoint mark after it.
type WriteReply struct {
	Results []fragment.WriteResult
	TS      mvcc.Timestamp
	Mark    uint64
}

// Service is what a leaseholder offers; package replica serves it, Remote asks another node for it. Errors: *NotLeaseholder
// (not executed, unless Doubtful: safe to retry elsewhere), *mysqlerr.Error, shard.ErrSchemaChanged …; anything else leaves
// the outcome unknown, and a retry with the same TxnID finds it, or that it is forgotten: ErrForgotten.
type Service interface {
	Read(ctx context.Context, q *ReadRequest, page *fragment.Page) error
	Write(ctx context.Context, q *WriteRequest) (*WriteReply, error)
	// Commit proposes Txn's workspace and releases its locks; Rollback drops it; RollbackTo goes back to a mark (seq as
	// WriteRequest.Seq). Commit may be repeated, also elsewhere, until its outcome is known; first as WriteRequest.First.
	Commit(ctx context.Context, s schema.ShardID, txn fragment.TxnID, first mvcc.Timestamp) (mvcc.Timestamp, error)
	Rollback(ctx context.Context, s schema.ShardID, txn fragment.TxnID) error
	// Release is Rollback for a transaction that has only locked, with error 1213 if its locks had been lost.
	Release(ctx context.Context, s schema.ShardID, txn fragment.TxnID) error

	// The steps of a commit over several shards; all may be repeated, also elsewhere. Prepare gives the least timestamp at
	// which Txn can commit, Resolve ends it at ts (0: aborts), Inspect tells how it stands (abort: and rules out that
	// it prepares later), Forget drops what is remembered of transactions that all participants have resolved.
	Prepare(ctx context.Context, s schema.ShardID, txn fragment.TxnID, participants []schema.ShardID, first mvcc.Timestamp) (mvcc.Timestamp, error)
	Resolve(ctx context.Context, s schema.ShardID, txn fragment.TxnID, ts mvcc.Timestamp) error
	Inspect(ctx context.Context, s schema.ShardID, txn fragment.TxnID, abort bool, first mvcc.Timestamp) (Standing, error)
	Forget(ctx context.Context, s schema.ShardID, txns []fragment.TxnID) error
	RollbackTo(ctx context.Context, s schema.ShardID, txn fragment.TxnID, mark, seq uint64) error
	// KeepAlive tells that the gateway still knows these transactions: others are rolled back after Config.TxnTTL.
	KeepAlive(ctx context.Context, s schema.ShardID, txns []fragment.TxnID) error
	// ReserveAutoInc hands out n consecutive AUTO_INCREMENT values.
	ReserveAutoInc(ctx context.Context, s schema.ShardID, t schema.TabletID, n uint64) (first uint64, err error)
	// ClosedUpTo promises, for follower reads, that nothing more will commit at or below a timestamp.
	ClosedUpTo(ctx context.Context, s schema.ShardID, want mvcc.Timestamp) (Promise, error)
}

// Server is who serves a shard on this node: a Service, and what leaseholders tell each other.
type Server interface {
	Service
	// TakeOver keeps the transactions that are about to come here with the lease, encoded by the present leaseholder.
	TakeOver(msg *wire.Reader) error
}
