package exec

import (
	"bytes"
	"context"

	"cloudsql/planner/spill"
	"cloudsql/storage/collation"
	"cloudsql/storage/expr"
	"cloudsql/storage/types"
)

// OrderedAgg merges partial results that come group by group, as fragments give them that read an index which begins with the columns of
// GROUP BY. It keeps one group at a time, and gives what HashAgg gives. Its aggregates are such as stay as large as one value.
type OrderedAgg struct {
	run   *Run
	in    Operator
	spec  AggSpec // Final, and without Rollup
	width []int   // of each aggregate's partial values
	colls []collation.ID

	batch  types.Batch
	at     int
	vals   []types.Value // of the row's group
	key    []byte        // of the present group
	next   []byte        // of the row's
	group  []types.Value // values of the present group
	states []expr.State  // nil: there is none
}

// NewOrderedAgg groups in.
func NewOrderedAgg(run *Run, in Operator, spec AggSpec) *OrderedAgg {
	o := &OrderedAgg{run: run, in: in, spec: spec, vals: make([]types.Value, len(spec.GroupBy))}
	for _, g := range spec.GroupBy {
		o.colls = append(o.colls, g.Type().Collation)
	}
	for _, a := range spec.Aggs {
		o.width = append(o.width, len(a.PartialTypes()))
	}
	return o
}

// Next gives groups that have ended.
func (o *OrderedAgg) Next(ctx context.Context, b *types.Batch) (bool, error) {
	b.Reset(len(o.spec.GroupBy) + len(o.spec.Aggs))
	for b.Len() < spill.MaxBatch {
		if o.at >= o.batch.Len() {
			ok, err := o.in.Next(ctx, &o.batch)
			if err != nil {
				return false, err
			}
			if o.at = 0; !ok {
				o.batch.Reset(0)
				err := o.end(b)
				return b.Len() > 0, err
			}
			continue
		}
		if err := o.add(b, o.batch.Row(o.at)); err != nil {
			return false, err
		}
		o.at++
	}
	return true, nil
}

// add gives a row to its group. Where that is another one than the row's before, that one has ended.
func (o *OrderedAgg) add(b *types.Batch, row []types.Value) error {
	for i, g := range o.spec.GroupBy {
		v, err := g.Eval(o.run.Env, row)
		if err != nil {
			return err
		}
		o.vals[i] = v
	}
	o.next = spill.HashRow(o.next[:0], o.vals, o.colls)
	if o.states == nil || !bytes.Equal(o.key, o.next) {
		if err := o.end(b); err != nil {
			return err
		}
		o.begin()
	}
	at := len(o.spec.GroupBy)
	for i, s := range o.states {
		if err := s.Merge(row[at : at+o.width[i]]); err != nil {
			return err
		}
		at += o.width[i]
	}
	return nil
}

// begin makes the row's group the present one.
func (o *OrderedAgg) begin() {
	o.key, o.next = o.next, o.key
	o.group = o.group[:0]
	for _, v := range o.vals {
		o.group = append(o.group, v.Clone())
	}
	o.states = make([]expr.State, len(o.spec.Aggs))
	for i, a := range o.spec.Aggs {
		o.states[i] = a.NewState()
	}
}

// end gives the present group, if there is one.
func (o *OrderedAgg) end(b *types.Batch) error {
	if o.states == nil {
		return nil
	}
	b.Vals = append(b.Vals, o.group...)
	for _, s := range o.states {
		v, err := s.Result(o.run.Env)
		if err != nil {
			return err
		}
		b.Vals = append(b.Vals, v)
	}
	o.states = nil
	return nil
}

// Close ends the input.
func (o *OrderedAgg) Close() { o.in.Close() }
