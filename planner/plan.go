package planner

import (
	"context"

	"cloudsql/distributed/catalog"
	"cloudsql/planner/exec"
	"cloudsql/planner/explain"
	"cloudsql/planner/logical"
	"cloudsql/storage/types"
)

// Context is what planning one statement may look at.
type Context = logical.Context

// Settings are the variables of a session that plans depend on.
type Settings = logical.Settings

// Inserted is what sql_auto_is_null goes by.
type Inserted = logical.Inserted

// Switches are the flags of optimizer_switch that plans go by.
type Switches = logical.Switches

// Series is what AUTO_INCREMENT values are of.
type Series = logical.Series

// TableVersion names what a plan depends on.
type TableVersion = logical.TableVersion

// ExplainLine is one operator for EXPLAIN.
type ExplainLine = explain.Line

// ExplainTable is how an operator reads a table.
type ExplainTable = explain.Table

// Plan is a planned statement: immutable, reusable while every table in Tables keeps its version.
type Plan interface {
	Tables() []TableVersion
	// Cacheable: another execution with parameters of the same types may use the plan.
	Cacheable() bool
	// Explain gives EXPLAIN's lines, outermost first.
	Explain() []ExplainLine
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
	// Holds tells whether the foreign keys of and to the tables that change are what they were when the plan was made.
	Holds(c *catalog.Snapshot) bool
	Run(ctx context.Context, rt *exec.Runtime) (*exec.ModifyResult, error)
}

// Finds is a data change that a query finds the rows of, and computes the values: one of several tables. EXPLAIN ANALYZE runs that.
type Finds interface {
	Modify
	Found() Rows
}

// LooksAt is how many rows the operator with the most is expected to have.
func LooksAt(p Plan) (rows float64) {
	for _, l := range p.Explain() {
		rows = max(rows, l.EstRows)
	}
	return rows
}
