// Package distributed is what the planner and the SQL layer see of the cluster: a catalog, transactions whose reads
// and writes go to the shards' leaseholders, and schema changes. Package node implements it.
package distributed

import (
	"context"
	"errors"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/distributed/load"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// ErrSchemaChanged: a fragment was planned with a descriptor that its tablet no longer accepts, or its tablet has moved
// away. The gateway refreshes its catalog and plans again; clients never see it.
var ErrSchemaChanged = errors.New("distributed: the table's descriptor has changed, plan again")

// DB is a node's view of the cluster. Safe for concurrent use.
type DB interface {
	// Catalog is the newest catalog that this node has applied; immutable, free to call.
	Catalog() *catalog.Snapshot
	// RefreshCatalog waits until Catalog is at least as new as every change acknowledged anywhere before the call.
	// Used before an error such as 1146 is believed.
	RefreshCatalog(ctx context.Context) error
	// ChangeCatalog runs fn on the newest catalog and commits what it put; fn is run again when somebody else's change
	// came between. On return this node's Catalog shows the change.
	ChangeCatalog(ctx context.Context, fn func(tx *catalog.Tx) error) error
	// ChangeUserLocks is ChangeCatalog of the records that catalog.UserLocks names: fn looks at no others, and puts no others.
	ChangeUserLocks(ctx context.Context, fn func(tx *catalog.Tx) error) error

	// InstallTable gives t's descriptor (a new table's, or a higher version) to the shards of its tablets through their
	// logs. Called before the catalog publishes t. Idempotent.
	InstallTable(ctx context.Context, t *schema.Table) error
	// DropTablets removes tablets with their rows; called after the catalog has dropped them.
	DropTablets(ctx context.Context, tablets []schema.Tablet) error
	// PlaceTable chooses the shard of a new table of database d and gives it its first tablet, RowsSince, and its id if it has none. One that
	// comes with several ranges of rows keeps them, in their shards, under new ids.
	PlaceTable(ctx context.Context, d *schema.Database, t *schema.Table) error
	// AwaitSchema waits until no gateway plans with a version of t older than t.Version. Who uses one already is not waited for
	// (sql/metalock does).
	AwaitSchema(ctx context.Context, t *schema.Table) error

	// Write runs autocommit write fragments of one shard as one transaction in one consensus round: the statement is
	// durable when it returns without an error. A failed statement is WriteResult.Err of the last result, not err.
	Write(ctx context.Context, o *TxnOptions, w ...*fragment.Write) ([]fragment.WriteResult, error)
	// Read runs an autocommit read of one tablet on the newest state at its leaseholder; no timestamp, no raft message.
	Read(ctx context.Context, r *fragment.Read) (Rows, error)
	// ReadPoint is Read for fragments with Keys, into page (reset first): the point-get path, all rows at once.
	ReadPoint(ctx context.Context, r *fragment.Read, page *fragment.Page) error
	// Snapshot is a timestamp for consistent autocommit reads over several tablets.
	Snapshot(ctx context.Context) (mvcc.Timestamp, error)
	ReadAt(ctx context.Context, r *fragment.Read, at mvcc.Timestamp) (Rows, error)

	// Begin starts a transaction; it costs nothing until its first statement.
	Begin(o TxnOptions) Txn

	// NextRowIDs gives n values for hidden row ids of tables without a primary key; unique in the cluster, rising.
	// An error: the node stops.
	NextRowIDs(ctx context.Context, n int) (uint64, error)
	// ReserveAutoInc hands out n consecutive AUTO_INCREMENT values of a table.
	ReserveAutoInc(ctx context.Context, t *schema.Table, n uint64) (first uint64, err error)
	// SetAutoInc raises the counter (ALTER TABLE … AUTO_INCREMENT = next). AutoInc reads the next value (SHOW TABLE STATUS).
	SetAutoInc(ctx context.Context, t *schema.Table, next uint64) error
	AutoInc(ctx context.Context, t *schema.Table) (uint64, error)
	// TableStats estimates rows and bytes of a table, from what leaseholders last reported; free to call.
	TableStats(t *schema.Table) (rows, bytes uint64)
	// SplitKeys gives primary keys, rising, that cut a tablet's rows into sections of about the same size; nil: it is small, or they are not
	// known yet. Any keys will do for who reads section by section: others than these cost balance only. Free to call.
	SplitKeys(t *schema.Tablet) [][]byte
	// ColumnCopies lists the columnar copies on this node.
	ColumnCopies() []shard.ColumnCopy
	// TabletWork estimates the reads and the rows written a second of a tablet, likewise.
	TabletWork(t *schema.Tablet) (reads, writes float64)
	// Leaseholder is the node that serves a shard now as far as this node knows (0: unknown), for EXPLAIN.
	Leaseholder(s schema.ShardID) schema.NodeID
	// PastReader is the node that serves reads of a shard's past to this node's clients (0: the leaseholder): this one, if it has a replica, or
	// one that is nearer than the leaseholder's.
	PastReader(s schema.ShardID) schema.NodeID
	NodeID() schema.NodeID
	// ShardLoad is how large a shard is and how busy its leader, as that one last told; zero where nobody has.
	ShardLoad(s schema.ShardID) load.Load
	// NodeAlive tells whether a node was heard from lately.
	NodeAlive(n schema.NodeID) bool
	// Call runs a named call (registered with RegisterCall) on a node: KILL and PROCESSLIST across nodes.
	Call(ctx context.Context, n schema.NodeID, method string, payload []byte) ([]byte, error)
	RegisterCall(method string, fn func(ctx context.Context, payload []byte) ([]byte, error))
}

// TxnOptions are a transaction's properties. LockWait and the flags may differ from statement to statement (see
// Txn.SetLockWait).
type TxnOptions struct {
	Isolation    Isolation
	ReadOnly     bool
	LockWait     time.Duration // innodb_lock_wait_timeout; 0: NOWAIT
	Session      uint64        // the client's connection, for views of locks; 0: none
	FollowerRead *FollowerRead // not nil: reads of a past state, at replicas that are near
	// Committed is raised to the timestamp of what was committed, if that is known; nil: nobody wants it. All that the
	// transaction has read is older.
	Committed *mvcc.Timestamp
}

// Isolation is a transaction's isolation level. READ UNCOMMITTED is served as ReadCommitted, which it allows.
type Isolation uint8

// The levels. Locking reads and the scans of UPDATE and DELETE lock the ranges that they read, except under
// ReadCommitted, where they lock the rows that they keep.
const (
	RepeatableRead Isolation = iota // one snapshot for all plain reads
	ReadCommitted                   // a snapshot a statement
	Serializable                    // plain reads are ReadForShare: what was read stays as it is until the end
)

// ReadMode is what a read in a transaction sees.
type ReadMode uint8

// The modes.
const (
	ReadSnapshot  ReadMode = iota // the transaction's (or statement's) snapshot and its own writes
	ReadForShare                  // newest rows, locked shared
	ReadForUpdate                 // newest rows, locked exclusively
	// ReadForChange is of tables that a data change takes its values from: as ReadForShare, but ReadSnapshot under
	// ReadCommitted. So INSERT … SELECT copies what a DELETE after it removes.
	ReadForChange
)

// LockOptions refine a locking read.
type LockOptions struct {
	NoWait     bool // 3572
	SkipLocked bool
	Ranges     bool // lock ranges under READ COMMITTED, too
}

// Txn is an interactive transaction. Not safe for concurrent use, except that several Rows may be open at once.
// After an error 1213 (and 1205 with innodb_rollback_on_timeout, off by default) the transaction is rolled back and
// Aborted tells so.
type Txn interface {
	Read(ctx context.Context, r *fragment.Read, mode ReadMode, lo LockOptions) (Rows, error)
	ReadPoint(ctx context.Context, r *fragment.Read, mode ReadMode, lo LockOptions, page *fragment.Page) error
	// Write evaluates w under exclusive locks and buffers its effects; all of w or, on WriteResult.Err, nothing.
	Write(ctx context.Context, w *fragment.Write) (*fragment.WriteResult, error)
	// Savepoint marks the present state of the buffered writes, RollbackTo returns to a mark (locks stay).
	Savepoint() uint64
	RollbackTo(ctx context.Context, mark uint64) error
	// StartStatement begins a new statement: a new snapshot under READ COMMITTED.
	StartStatement()
	// TakeSnapshot fixes the snapshot now (START TRANSACTION WITH CONSISTENT SNAPSHOT).
	TakeSnapshot(ctx context.Context) error
	SetLockWait(d time.Duration)
	Commit(ctx context.Context) error
	Rollback(ctx context.Context) error
	Aborted() bool
	HasWrites() bool
}

// Rows is a stream of batches.
type Rows interface {
	// Next fills page (reset first) and reports whether it has rows; false ends the stream. The bytes of the rows' values are nobody
	// else's: they stay when the next page comes.
	Next(ctx context.Context, page *fragment.Page) (bool, error)
	Close()
}

// EachPage gives fn one page after the other, which is filled anew when it returns, and closes rows.
func EachPage(ctx context.Context, rows Rows, fn func(page *fragment.Page) error) error {
	defer rows.Close()
	var page fragment.Page
	for {
		more, err := rows.Next(ctx, &page)
		if err != nil || !more {
			return err
		}
		if err := fn(&page); err != nil {
			return err
		}
	}
}
