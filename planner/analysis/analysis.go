// Package analysis counts what the operators of one execution do, for EXPLAIN ANALYZE.
//
// Invariants: an execution without an Analysis is not slowed by it, for operators are wrapped as they are opened; what is counted of an
// operator is written by whoever calls it, and of a tablet's reads by whoever reads that tablet.
package analysis

import (
	"context"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/planner/spill"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Analysis counts what the operators of one execution do. It belongs to the statement's goroutine, as they do.
type Analysis struct {
	now       func() time.Time
	operators map[any]*Actual
}

// Actual is what an operator did, in all its executions together.
type Actual struct {
	Loops, Rows  uint64
	First, Total time.Duration // until its first batch, and until its last
	Tablets      []*Tablet     // of what reads a table: in the order of their opening
}

// Tablet is what an operator's reads of a tablet did.
type Tablet struct {
	ID         schema.TabletID
	Shard      schema.ShardID // 0: not known
	Loops      uint64
	Seen, Rows uint64 // rows that the shard looked at, and that it gave
	Columnar   uint64 // of those that it looked at, in a columnar copy
}

// Fragment begins a read of a tablet.
func (a *Actual) Fragment(c *catalog.Snapshot, t schema.TabletID) *Tablet {
	for _, f := range a.Tablets {
		if f.ID == t {
			f.Loops++
			return f
		}
	}
	f := &Tablet{ID: t, Loops: 1}
	if c != nil {
		f.Shard, _ = c.ShardOf(t)
	}
	a.Tablets = append(a.Tablets, f)
	return f
}

// Seen is how many rows the shards looked at.
func (a *Actual) Seen() (n uint64) {
	for _, f := range a.Tablets {
		n += f.Seen
	}
	return n
}

// Columnar is how many of them were looked at in columnar copies.
func (a *Actual) Columnar() (n uint64) {
	for _, f := range a.Tablets {
		n += f.Columnar
	}
	return n
}

// New makes an empty one.
func New(now func() time.Time) *Analysis {
	return &Analysis{now: now, operators: map[any]*Actual{}}
}

// Of gives what the operator of a plan's node did; nil where it was never opened, or where nothing is counted.
func (a *Analysis) Of(node any) *Actual {
	if a == nil {
		return nil
	}
	return a.operators[node]
}

// Open opens the operator of a node, and counts what it does.
func (a *Analysis) Open(node any, open func() (spill.Operator, error)) (spill.Operator, error) {
	act := a.operators[node]
	if act == nil {
		act = &Actual{}
		a.operators[node] = act
	}
	act.Loops++
	start := a.now()
	op, err := open()
	took := a.now().Sub(start)
	act.First += took
	act.Total += took
	if err != nil {
		return nil, err
	}
	return &analysed{Operator: op, analysis: a, actual: act}, nil
}

// analysed is an operator whose work is counted.
type analysed struct {
	spill.Operator
	analysis *Analysis
	actual   *Actual
	begun    bool
}

func (o *analysed) Next(ctx context.Context, b *types.Batch) (bool, error) {
	start := o.analysis.now()
	ok, err := o.Operator.Next(ctx, b)
	took := o.analysis.now().Sub(start)
	o.actual.Total += took
	if !o.begun {
		o.begun = true
		o.actual.First += took
	}
	if ok {
		o.actual.Rows += uint64(b.Len()) //nolint:gosec // a number of rows
	}
	return ok, err
}
