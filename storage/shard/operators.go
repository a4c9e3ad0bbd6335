package shard

import (
	"context"

	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Operators do what a read fragment has a shard do to its rows behind the filter, as the shard does it, but elsewhere: where the rows of several
// tablets, or some of one's, have to come together first. They take in rows (Add), laid out as the fragment's Columns, and give the
// output page by page (Flush). A fragment without Agg and Order has nothing to be done.
type Operators struct {
	read    *fragment.Read
	env     expr.Env
	account *memory.Account
	arena   types.Arena // of the page that is next
	agg     *aggregation
	top     *topN
	flushed bool
}

// NewOperators begins with no rows. What they hold is charged to ctx's statement.
func NewOperators(ctx context.Context, r *fragment.Read) *Operators {
	o := &Operators{read: r, env: expr.Env{Mode: *types.DefaultMode()}, account: memory.FromContext(ctx, nil)}
	if r.Env != nil {
		o.env = *r.Env
	}
	if len(r.Order) > 0 {
		o.top = newTopN(r.Order, int(r.Limit), o.account) //nolint:gosec // the planner bounds it
	}
	o.begin()
	return o
}

// begin takes an empty page, and no groups.
func (o *Operators) begin() {
	o.arena = types.Arena{}
	if o.read.Agg != nil {
		o.agg = newAggregation(o.read.Agg, &o.arena, o.account, false)
	}
}

// Add takes in a row, whose values it copies. What the evaluation warns of goes to page.
func (o *Operators) Add(ctx context.Context, row []types.Value, page *fragment.Page) error {
	o.env.Ctx = ctx
	if o.read.Report {
		o.env.Warn = page.Warn
	}
	if o.agg != nil {
		return o.agg.add(&o.env, row)
	}
	out, err := o.projected(row)
	if err != nil {
		return err
	}
	return o.top.add(&o.env, out)
}

// projected is the output row of an input row.
func (o *Operators) projected(row []types.Value) ([]types.Value, error) {
	if o.read.Project == nil {
		return row, nil
	}
	out := make([]types.Value, len(o.read.Project))
	for i, e := range o.read.Project {
		v, err := e.Eval(&o.env, row)
		if err != nil {
			return nil, mysqlerr.From(err)
		}
		out[i] = v
	}
	return out, nil
}

// Overflows tells that the groups must leave now, for want of memory. They may come again.
func (o *Operators) Overflows() bool { return o.agg != nil && o.agg.overflows() }

// Enough tells that no further row would change what comes out.
func (o *Operators) Enough() bool { return o.agg != nil && o.agg.enough(o.read) }

// Flush fills page with what has come together, and begins anew. last: there are no more rows.
func (o *Operators) Flush(page *fragment.Page, last bool) error {
	page.Batch.Reset(outputWidth(o.read))
	deliver := func(out []types.Value, _ []byte) error {
		at := len(page.Batch.Vals)
		page.Batch.Append(out)
		for i := at; i < len(page.Batch.Vals); i++ {
			o.arena.Own(&page.Batch.Vals[i])
		}
		return nil
	}
	if o.top != nil {
		return o.top.flush(func(out []types.Value) error { return deliver(out, nil) })
	}
	err := o.agg.flush(&o.env, last && !o.flushed, deliver)
	o.flushed = true
	o.agg.hold.Close() // whoever gets the page charges it
	o.begin()
	return err
}

// Close lets go of what they hold.
func (o *Operators) Close() {
	if o.agg != nil {
		o.agg.hold.Close()
	}
	if o.top != nil {
		o.top.hold.Close()
	}
}
