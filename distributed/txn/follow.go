package txn

import (
	"bytes"
	"context"
	"reflect"
	"slices"

	"cloudsql/distributed/lock"
	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
)

// A tablet may be handed over, cut or merged between two pages of a read (decision 44). A statement that has given rows of it, or of another
// tablet of the table, can't be planned again: its reads go on where the rows are now, at the same place in the order of the keys. What is
// read there is what would have been: a snapshot, or the newest rows under locks. Not followed is what needs more than that: a secondary index's
// order, a limit or a top-N over several tablets; and a table that was changed otherwise.

// piece is a read that goes on at a place.
type piece struct {
	read *fragment.Read
	from []byte
	only *schema.Tablet // the bounds of the rows that are wanted; nil: all that come
}

// follow has the read go on where its rows are now; false: that is not known, or not possible.
func (r *rows) follow(ctx context.Context) bool {
	list := r.c.pieces(ctx, r.q.Read)
	if len(list) == 0 {
		return false
	}
	if len(list) > 1 && r.q.At == 0 && r.q.Lock == lock.None && r.startOver(ctx) != nil { // all of them at one state
		return false
	}
	ahead := make([]piece, len(list), len(list)+len(r.rest))
	for i := range list {
		ahead[i] = list[i]
		if ahead[i].from = r.q.From; r.only != nil {
			ahead[i].only = r.only
		}
	}
	r.rest = append(ahead, r.rest...)
	return r.turn()
}

// turn goes to what is read next; false: there is nothing.
func (r *rows) turn() bool {
	if len(r.rest) == 0 {
		return false
	}
	next := r.rest[0]
	r.rest = r.rest[1:]
	r.q.Read, r.q.From, r.only = next.read, next.from, next.only
	r.q.Shard, _ = r.c.cfg.Router.ShardOf(next.read.Tablet) // 0: it has moved on, and is followed
	if r.txn != nil && r.q.Shard != 0 {
		r.txn.address(&r.q)
	}
	return true
}

// present is a read whose tablet nobody knows any more, or several one after the other, of where the rows are now; r itself where that is not
// known, or not possible.
func (c *caller) present(ctx context.Context, r *fragment.Read) (first piece, rest []piece) {
	if list := c.pieces(ctx, r); len(list) > 0 {
		return list[0], list[1:]
	}
	return piece{read: r}, nil
}

// pieces are the reads of what r would read by the tablets of a newer catalog than it was planned with, one after the other; none: there is
// no such catalog, or they would not give the same.
func (c *caller) pieces(ctx context.Context, r *fragment.Read) []piece {
	if r.Table == nil {
		return nil
	}
	if list := piecesBy(c.cfg.Router.Table(r.Table.ID), r); len(list) > 0 {
		return list
	}
	if c.cfg.Router.Refresh(ctx) != nil {
		return nil
	}
	return piecesBy(c.cfg.Router.Table(r.Table.ID), r)
}

func piecesBy(now *schema.Table, r *fragment.Read) []piece {
	if now == nil || now.Version <= r.SchemaVersion || !defineSame(now, r.Table) {
		return nil
	}
	at := slices.IndexFunc(r.Table.Tablets, func(tb schema.Tablet) bool { return tb.ID == r.Tablet })
	if at < 0 {
		return nil
	}
	old := &r.Table.Tablets[at]
	tablets := successors(now, old)
	only, ok := gives(r, old, tablets)
	if !ok {
		return nil
	}
	list := make([]piece, len(tablets))
	for i := range tablets {
		one := *r
		one.Tablet, one.SchemaVersion, one.Table = tablets[i].ID, now.Version, now
		one.WithKeys = one.WithKeys || only != nil
		list[i] = piece{read: &one, only: only}
	}
	if r.Reverse || r.Keys != nil && !slices.IsSortedFunc(r.Keys, bytes.Compare) {
		slices.Reverse(list)
	}
	return list
}

// defineSame tells whether two versions of a table differ by their tablets only.
func defineSame(a, b *schema.Table) bool {
	x, y := *a, *b
	x.Tablets, x.Version = nil, 0
	y.Tablets, y.Version = nil, 0
	return reflect.DeepEqual(&x, &y)
}

// successors are the tablets that have the rows of what was one of the table's tablets, in their order.
func successors(now *schema.Table, old *schema.Tablet) []schema.Tablet {
	if now.Partitioning == nil {
		return now.TabletsIn(old.Start, old.End)
	}
	for i := range now.Tablets {
		if now.Tablets[i].Partition == old.Partition {
			return now.Tablets[i : i+1]
		}
	}
	return nil
}

// gives tells whether a read of a tablet gives the same, one tablet after the other, where its rows are now; only: if others' rows are left out.
func gives(r *fragment.Read, old *schema.Tablet, now []schema.Tablet) (only *schema.Tablet, ok bool) {
	if len(now) == 0 {
		return nil, false
	}
	same := bytes.Equal(now[0].Start, old.Start) && bytes.Equal(now[len(now)-1].End, old.End)
	if same && len(now) == 1 {
		return nil, true
	}
	plain := r.Limit == 0 && len(r.Order) == 0 && (r.Agg == nil || len(r.Agg.GroupBy) > 0)
	switch {
	case r.Index == schema.PrimaryIndex:
		return nil, within(r, old) && (len(now) == 1 || plain && inOrder(r.Keys))
	case !plain || r.Ordered && len(now) > 1:
		return nil, false
	case same:
		return nil, true
	}
	return old, r.Agg == nil
}

// within tells whether what a read of the primary index asks for lies within a tablet's bounds.
func within(r *fragment.Read, tb *schema.Tablet) bool {
	if r.Keys != nil {
		return !slices.ContainsFunc(r.Keys, func(key []byte) bool { return !tb.Holds(key) })
	}
	if len(r.Spans) == 0 {
		return tb.Start == nil && tb.End == nil
	}
	return !slices.ContainsFunc(r.Spans, func(s fragment.Span) bool {
		return bytes.Compare(s.Start, tb.Start) < 0 || tb.End != nil && (s.End == nil || bytes.Compare(s.End, tb.End) > 0)
	})
}

// inOrder tells whether keys rise, or fall.
func inOrder(list [][]byte) bool {
	return slices.IsSortedFunc(list, bytes.Compare) || slices.IsSortedFunc(list, func(a, b []byte) int { return bytes.Compare(b, a) })
}

// keep leaves out of a page what is none of a tablet's rows.
func keep(page *fragment.Page, tb *schema.Tablet) {
	kept, width := 0, page.Batch.Width
	for i, key := range page.Keys {
		if tb.Holds(key) {
			copy(page.Batch.Vals[kept*width:], page.Batch.Row(i))
			page.Keys[kept] = key
			kept++
		}
	}
	page.Keys = page.Keys[:kept]
	page.Batch.Truncate(kept)
}
