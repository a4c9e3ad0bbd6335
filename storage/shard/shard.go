package shard

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// Errors of reads, evaluations and tablet commands, to be tested for with errors.Is.
var (
	// ErrSchemaChanged: the fragment was planned with a descriptor that the tablet no longer accepts: plan again.
	ErrSchemaChanged = errors.New("shard: the table's descriptor has changed")
	// ErrNoTablet: the tablet is not (any more) in this shard.
	ErrNoTablet = errors.New("shard: the tablet is not in this shard")
	// ErrTooOld: the read's timestamp is below the watermark; its versions may be gone.
	ErrTooOld = errors.New("shard: the snapshot is older than the versions that are kept")
	// ErrExpect: a system command's expectation did not hold.
	ErrExpect = errors.New("shard: a system record has changed")
	// ErrIncomplete: a crash interrupted a snapshot's recovery; DestroyData the shard, then Open it again (empty).
	ErrIncomplete = errors.New("shard: the replica's data is incomplete")
	// ErrCorrupt: records of the shard do not add up.
	ErrCorrupt = errors.New("shard: corrupt record")
)

// Locker grants row locks while a locking read or an evaluation runs; the lock table is the leaseholder's.
type Locker interface {
	// Lock locks one index key of a tablet (PrimaryIndex for the row itself; unique indexes for keys being claimed).
	// waited: others may have changed the row since it was read, read it again. skip: SKIP LOCKED left it out.
	Lock(ctx context.Context, tablet schema.TabletID, index schema.IndexID, key []byte) (waited, skip bool, err error)
	// Unlock gives back what the last Lock has granted, if it was new: the row is not wanted after all.
	Unlock()
	// LockAbsent keeps others from inserting a key that has no row; several may do so. waited: as of Lock.
	LockAbsent(ctx context.Context, tablet schema.TabletID, index schema.IndexID, key []byte) (waited bool, err error)
	// LockEntry claims an entry of a secondary index that a write adds or removes, against others' ranges.
	LockEntry(ctx context.Context, tablet schema.TabletID, index schema.IndexID, key []byte) error
	// LockRange locks the part of an index that is about to be scanned, rows and gaps; after it the newest state shows
	// all that others have done to it. NarrowRange tells which rows the scan has met: from first to last, nil if none.
	LockRange(ctx context.Context, tablet schema.TabletID, index schema.IndexID, span fragment.Span) error
	NarrowRange(first, last []byte)
}

// ReadOptions are the circumstances of a read.
type ReadOptions struct {
	At        mvcc.Timestamp // 0: newest applied state
	Workspace *Workspace     // the transaction's own writes, merged in; may be nil
	Locker    Locker         // not nil: newest state, each row that passes the filter is locked
	Ranges    bool           // with Locker: what is scanned is locked as a whole, gaps included
	Shared    bool           // with Ranges: others may read it
	From      []byte         // Page.Next of the page before
	MaxBytes  int            // approximate page size; 0: no paging
	// Watch, if it is not nil, must be Was when the state that is read has been opened; otherwise: ErrUnsteady.
	Watch *atomic.Uint64
	Was   uint64
}

// ErrUnsteady: what a read relies on has changed before it began (ReadOptions.Watch). Read again.
var ErrUnsteady = errors.New("shard: something has changed before a read began")

// LockKey is what a write claims.
type LockKey struct {
	Index schema.IndexID
	Key   []byte
}

// API is what the layers above use of a shard's replica. All methods are safe for concurrent use; Apply is called by
// one goroutine at a time.
type API interface {
	// Apply executes entries in order and commits all effects with the applied index in one engine batch (not synced).
	// An error means that the replica must stop (unknown version, engine failure), never a statement's failure.
	Apply(entries []Entry) ([]Result, error)
	AppliedIndex() uint64
	// Closed is the timestamp at or below which nothing will commit after the applied index. PreparedFloor is one at or
	// below which no transaction that is prepared at the applied index commits (ask for it before the index).
	Closed() mvcc.Timestamp
	PreparedFloor() mvcc.Timestamp
	// Lease is the lease as of the applied index.
	Lease() Lease
	// Read fills page (reset first). Errors: schema mismatch (ErrSchemaChanged), ErrNoTablet, a read below the
	// watermark (ErrTooOld), or an expression's *mysqlerr.Error.
	Read(ctx context.Context, r *fragment.Read, o ReadOptions, page *fragment.Page) error
	// Evaluate runs a write on the newest state under locks and puts its effects into ws (all or, when WriteResult.Err
	// is set, none). ws records the version seen of each row that it touches.
	Evaluate(ctx context.Context, w *fragment.Write, ws *Workspace, l Locker) (*fragment.WriteResult, error)
	// WriteKeys appends the keys that w will claim: primary keys and unique keys of new rows.
	WriteKeys(dst []LockKey, w *fragment.Write) ([]LockKey, error)
	// CheckProposal tells whether replicas can execute a proposal; its error is the statement's. See check.go.
	CheckProposal(encoded []byte) *mysqlerr.Error
	// FillAutoInc gives w's NULL auto-increment values (and notes them in w.Generated), from counters in memory that begin
	// at what is applied; valid at the leaseholder only. It must see every write that inserts, so that explicit values
	// move the counter. ReserveAutoInc hands out n consecutive values; n = 0 tells the next one.
	FillAutoInc(w *fragment.Write) error
	ReserveAutoInc(t schema.TabletID, n uint64) (first uint64, err error)
	// ResetAutoInc forgets the counters in memory (when a lease is taken). KeepAutoInc takes in what a transaction that comes along with the lease
	// has inserted.
	ResetAutoInc()
	KeepAutoInc(ws *Workspace)
	// Table is the descriptor of a tablet.
	Table(t schema.TabletID) (*schema.Table, bool)
	Tablets() []schema.TabletID
	// Frozen tells whether a tablet is about to move to another shard, and takes no writes.
	Frozen(t schema.TabletID) bool
	// Hash is the chained hash of all that was applied up to index.
	Hash() (index, hash uint64)
	// System records (system shard).
	SystemGet(key string) (value []byte, version uint64)
	SystemScan(prefix string, fn func(key string, value []byte, version uint64) bool)
	SystemVersion() uint64
	// Parts are the prepared and decided parts of transactions over several shards; Outcome tells how one transaction
	// stands here (0: unknown). Both as of what is applied; they wait for an Apply that is under way.
	Parts() []Part
	Outcome(txn fragment.TxnID) (Status, mvcc.Timestamp, error)
	// Recorded is what proposing a transaction would be answered where it has ended here, or may have: Duplicate or Forgotten. Another
	// status: it has not, as of what is applied. first is Proposal.First.
	Recorded(txn fragment.TxnID, first mvcc.Timestamp) (ProposalResult, error)
	// OnPrepared registers who is told which transactions are prepared before any reader can see the state in which they
	// are, from the goroutine of Apply: be quick and do not call back.
	OnPrepared(fn func([]fragment.TxnID))
	// Snapshot streaming: Prepare pins a state, Save writes it (stop is closed to abort), Recover replaces this
	// replica's range by what Save wrote.
	PrepareSnapshot() (any, error)
	SaveSnapshot(prepared any, w io.Writer, stop <-chan struct{}) error
	RecoverSnapshot(r io.Reader, stop <-chan struct{}) error
	// Stats: approximate bytes, row count estimates per tablet for the planner and placement.
	TabletStats(t schema.TabletID) (rows, bytes uint64)
	// SplitKeys gives keys that cut a tablet's rows into sections of the same size.
	SplitKeys(ctx context.Context, t schema.TabletID) ([][]byte, error)
	// TabletWork is how much this replica has read and written of a tablet, to be compared with what it was before.
	TabletWork(t schema.TabletID) (reads, writes uint64)
}
