package txn

import (
	"context"

	"cloudsql/storage/fragment"
	"cloudsql/storage/shard"
)

// finishing makes of rows what their fragment would have had a shard make of them: groups in an index's order and the first rows of an order can't
// be put together from what the tablets make of theirs, or of others' rows beside them.
type finishing struct {
	read *fragment.Read
	rows *rows // as they pass the fragment's filter
	ops  *shard.Operators
	page fragment.Page
}

// finish is the source of r's fragment by the rows of several reads.
func (r *rows) finish(ctx context.Context, list []piece, how gathering) *finishing {
	x := &rows{c: r.c, txn: r.txn, q: r.q, begun: true}
	x.q.Read = unfinished(r.q.Read)
	if how == hereByIndex {
		x.gather(ctx, list, byIndex)
	} else {
		x.rest = list
		x.turn()
	}
	return &finishing{read: r.q.Read, rows: x, ops: shard.NewOperators(ctx, r.q.Read)}
}

// unfinished is the read of a fragment's rows: nothing is done to them behind the filter.
func unfinished(r *fragment.Read) *fragment.Read {
	one := *r
	one.Project, one.Agg, one.Order, one.Limit = nil, nil, nil, 0
	return &one
}

// next implements source. Groups that come in order leave with each page of rows, since who asked may have enough of them; the last of a page
// comes again then with the next one.
func (f *finishing) next(ctx context.Context, page *fragment.Page) error {
	page.Clear()
	page.Keys, page.Next = page.Keys[:0], nil
	page.Batch.Truncate(0)
	for {
		more, err := f.rows.Next(ctx, &f.page)
		if err != nil {
			return err
		}
		if !more {
			return f.ops.Flush(page, true)
		}
		page.Add(&f.page.Report)
		for i := range f.page.Batch.Len() {
			if err := f.ops.Add(ctx, f.page.Batch.Row(i), page); err != nil {
				return err
			}
		}
		if f.ops.Enough() {
			return f.ops.Flush(page, true)
		}
		if ordered := f.read.Ordered && f.read.Agg != nil && len(f.read.Agg.GroupBy) > 0; ordered || f.ops.Overflows() {
			page.Next = []byte{} // there may be more
			return f.ops.Flush(page, false)
		}
	}
}

func (f *finishing) close() {
	f.rows.Close()
	f.ops.Close()
}
