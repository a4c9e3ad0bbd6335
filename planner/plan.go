package planner

import (
	"context"

	"cloudsql/distributed/catalog"
	"cloudsql/planner/exec"
	"cloudsql/storage/expr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Context is what planning one statement may look at.
type Context struct {
	Catalog *catalog.Snapshot
	DB      string // current database, may be ""
	// Virtual finds a table whose rows the gateway makes up (information_schema, performance_schema, mysql, sys); nil: none.
	Virtual func(db, table string) (exec.VirtualTable, bool)
	// Env has the session's mode, time and answers. Params holds the present values of a prepared statement's
	// parameters; plans bind to their types, not to their values.
	Env   *expr.Env
	Stats func(t *schema.Table) (rows, bytes uint64)
	// Access is asked once for each table and privilege (parser/mysql.PrivilegeType); nil allows all.
	Access func(priv uint64, db, table string) error
	Settings

	rowIDs  bool          // hidden columns can be named: data changes find their rows by them
	changes bool          // the statement is a data change
	into    []*types.Type // the columns that a query's values go into; nil: a query for itself
	naive   bool          // tests: every table is read whole, and nothing runs inside the shards
}

// Plan is a planned statement: immutable, reusable while every table in Tables keeps its version.
type Plan interface {
	Tables() []TableVersion
	// Cacheable: another execution with parameters of the same types may use the plan.
	Cacheable() bool
	// Explain gives EXPLAIN's lines, outermost first.
	Explain() []ExplainLine
}

// TableVersion names what a plan depends on.
type TableVersion struct {
	ID      schema.TableID
	Version uint64
}

// ExplainLine is one operator for EXPLAIN.
type ExplainLine struct {
	Depth    int
	Operator string // "TableScan", "IndexLookup", "PointGet", "HashJoin", …
	EstRows  float64
	Where    string // "gateway", "shard 3 @ node 1 (fragment)"
	Object   string // table, index
	Info     string // conditions, columns
}

// Rows is a plan that gives rows (SELECT, VALUES, TABLE, set operations).
type Rows interface {
	Plan
	Fields() []types.Field
	// Point gives at most a page of rows by key without operators: the session takes it when it is not nil.
	Point() *PointGet
	// Open starts an execution. The Operator's batches are in the order and width of Fields.
	Open(ctx context.Context, rt *exec.Runtime) (exec.Operator, error)
	// ForUpdate tells whether rows get locked.
	ForUpdate() bool
}

// Modify is a plan that changes rows (INSERT, REPLACE, UPDATE, DELETE).
type Modify interface {
	Plan
	// NeedsTxn: several steps; the session wraps an autocommit statement into a transaction. Otherwise Run with a nil
	// rt.Txn goes through in one consensus round.
	NeedsTxn() bool
	Run(ctx context.Context, rt *exec.Runtime) (*exec.ModifyResult, error)
}
