package exec

import (
	"context"
	"io"
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/catalog"
	"cloudsql/planner/analysis"
	"cloudsql/planner/spill"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Runtime is the circumstances of one execution of a plan.
type Runtime struct {
	DB         distributed.DB
	Txn        distributed.Txn // nil: autocommit, newest state
	Env        *expr.Env       // Params, Now, Session …
	spill.Room                 // for what the operators hold
	LockWait   time.Duration   // innodb_lock_wait_timeout, for autocommit writes
	Session    uint64          // the client's connection
	// Committed is where autocommit writes tell their timestamps; may be nil.
	Committed *mvcc.Timestamp
	// Warn receives conditions that came from shards.
	Warn          func(w fragment.Warning)
	FoundRowsFlag bool
	// InsertID is insert_id: what the next AUTO_INCREMENT values begin with, which spends it; 0, and nil: with the table's own.
	InsertID *uint64
	// Input opens the file of LOAD DATA; it may be called once. Progress is told how many of its rows were written; may be nil.
	Input    func(ctx context.Context) (io.ReadCloser, error)
	Progress func(rows uint64)
	// Catalog tells which shards tablets are in, for Room.Used; nil: they are not counted.
	Catalog *catalog.Snapshot
	// Processors lends what is idle of the machine; nil: nothing is.
	Processors Processors
	// Analysis counts what operators do; nil, as for all statements but EXPLAIN ANALYZE: nobody asks.
	Analysis *analysis.Analysis
	// RowsOnly: no columnar copy is read.
	RowsOnly bool
}

// Processors are those of this node, of which an execution has one.
type Processors interface {
	Idle() bool   // one is idle, as things stand
	Borrow() bool // takes an idle one, if there is one
	Return()      // gives it back
}

// Operator is a gateway operator: a pull-based stream of row batches.
type Operator = spill.Operator

// VirtualTable is a table without storage: the gateway computes its rows.
type VirtualTable interface {
	Name() (db, table string)
	Columns() []VirtualColumn
	// Scan calls fn for each row.
	Scan(ctx context.Context, q VirtualQuery, fn func(row []types.Value) error) error
}

// VirtualQuery is what a virtual table may use to do less.
type VirtualQuery struct {
	// Equal holds conditions of the form column = constant string (lower-case column name → value); the caller filters anyway.
	Equal map[string]string
	// Used are the positions of the columns that are looked at; nil: all. What rows have in the others does not matter.
	Used []int
}

// VirtualView is a virtual table that is a view: its rows are those of a query.
type VirtualView interface {
	VirtualTable
	View() *schema.View
}

// VirtualColumn is a column of a VirtualTable.
type VirtualColumn struct {
	Name    string
	Type    types.Type
	NotNull bool
}

// ModifyResult is a data change's outcome for the OK packet.
type ModifyResult struct {
	Affected     uint64
	LastInsertID uint64 // for the OK packet and LAST_INSERT_ID(); 0: unchanged
	ExplicitID   uint64 // for the OK packet alone where LastInsertID is 0: an AUTO_INCREMENT value that the statement named
	Info         string
}
