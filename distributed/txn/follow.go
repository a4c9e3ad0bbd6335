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
// read there is what would have been: a snapshot, or the newest rows under locks; an index's order and a top-N are merged (gather.go). Where that
// is not enough, the rows themselves are read, and what the shard would have made of them is made of them here (finish.go). Not followed is a table that was
// changed otherwise.

// piece is a read that goes on at a place.
type piece struct {
	read *fragment.Read
	from []byte
	only *schema.Tablet // the bounds of the rows that are wanted; nil: all that come
}

// follow has the read go on where its rows are now; false: that is not known, or not possible.
func (r *rows) follow(ctx context.Context) bool {
	list, how := r.c.pieces(ctx, r.q.Read)
	if len(list) == 0 {
		return false
	}
	if (len(list) > 1 || how != inTurn) && r.q.At == 0 && r.q.Lock == lock.None && r.startOver(ctx) != nil { // all of them at one state
		return false
	}
	for i := range list {
		if list[i].from = r.q.From; r.only != nil {
			list[i].only = r.only
		}
	}
	r.bound(r.q.Read)
	if how != inTurn {
		r.gather(ctx, list, how)
		return true
	}
	r.rest = append(list, r.rest...)
	return r.turn()
}

// bound has the rows end where a read's limit is, which its tablets do not know of each other's rows.
func (r *rows) bound(read *fragment.Read) {
	if r.limit == 0 && read.Agg == nil {
		r.limit = read.Limit
	}
}

// clip leaves out of a page what is beyond the limit, where there is one: it is the last page then.
func (r *rows) clip(page *fragment.Page) {
	n := page.Batch.Len()
	if left := r.limit - r.given; r.limit > 0 && uint64(n) >= left { //nolint:gosec // a number of rows
		n = int(left) //nolint:gosec // likewise
		page.Batch.Truncate(n)
		page.Keys, page.Next, r.rest = page.Keys[:min(len(page.Keys), n)], nil, nil
	}
	r.given += uint64(n) //nolint:gosec // likewise
}

// turn goes to what is read next; false: there is nothing.
func (r *rows) turn() bool {
	if len(r.rest) == 0 {
		return false
	}
	next := r.rest[0]
	r.rest = r.rest[1:]
	r.endGathering()
	r.q.Read, r.q.From, r.only = next.read, next.from, next.only
	r.q.Shard, _ = r.c.cfg.Router.ShardOf(next.read.Tablet) // 0: it has moved on, and is followed
	if r.txn != nil && r.q.Shard != 0 {
		r.txn.address(&r.q)
	}
	return true
}

// present is a read whose tablet nobody knows any more, or several one after the other, of where the rows are now; r itself where that is not
// known, or not possible.
func (c *caller) present(ctx context.Context, r *fragment.Read) ([]piece, gathering) {
	if list, how := c.pieces(ctx, r); len(list) > 0 {
		return list, how
	}
	return []piece{{read: r}}, inTurn
}

// begin has r read what read was to, by the tablets that have its rows now.
func (r *rows) begin(ctx context.Context, read *fragment.Read, list []piece, how gathering) *rows {
	if list[0].read != read {
		r.bound(read)
	}
	if how != inTurn {
		r.q.Read = read
		r.gather(ctx, list, how)
		return r
	}
	r.only, r.rest = list[0].only, list[1:]
	return r
}

// pieces are the reads of what r would read by the tablets of a newer catalog than it was planned with, and how they are put together; none: there
// is no such catalog, or they would not give the same.
func (c *caller) pieces(ctx context.Context, r *fragment.Read) ([]piece, gathering) {
	if r.Table == nil {
		return nil, 0
	}
	if list, how := piecesBy(c.cfg.Router.Table(r.Table.ID), r); len(list) > 0 {
		return list, how
	}
	if c.cfg.Router.Refresh(ctx) != nil {
		return nil, 0
	}
	return piecesBy(c.cfg.Router.Table(r.Table.ID), r)
}

func piecesBy(now *schema.Table, r *fragment.Read) ([]piece, gathering) {
	if now == nil || now.Version <= r.SchemaVersion || !defineSame(now, r.Table) {
		return nil, 0
	}
	at := slices.IndexFunc(r.Table.Tablets, func(tb schema.Tablet) bool { return tb.ID == r.Tablet })
	if at < 0 {
		return nil, 0
	}
	old := &r.Table.Tablets[at]
	tablets := successors(now, old)
	how, only, ok := gives(r, old, tablets)
	base := r
	if how == here || how == hereByIndex {
		base = unfinished(r)
	}
	if ok && (how == byIndex || how == hereByIndex) {
		base, ok = withEntry(base, now)
	}
	if !ok {
		return nil, 0
	}
	list := make([]piece, len(tablets))
	for i := range tablets {
		one := *base
		if only != nil {
			one.Limit = 0 // which others' rows do not count for
		}
		one.Tablet, one.SchemaVersion, one.Table = tablets[i].ID, now.Version, now
		one.WithKeys = one.WithKeys || only != nil
		list[i] = piece{read: &one, only: only}
	}
	if r.Reverse || r.Keys != nil && !slices.IsSortedFunc(r.Keys, bytes.Compare) {
		slices.Reverse(list)
	}
	return list, how
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
	return schema.TabletsIn(now.LeafOf(old.Partition), old.Start, old.End)
}

// gives tells whether reads of the tablets that have a tablet's rows now give what one of it did, and how they are put together; only: if others' rows
// are left out.
func gives(r *fragment.Read, old *schema.Tablet, now []schema.Tablet) (how gathering, only *schema.Tablet, ok bool) {
	if len(now) == 0 {
		return 0, nil, false
	}
	several, secondary := len(now) > 1, r.Index != schema.PrimaryIndex
	same := bytes.Equal(now[0].Start, old.Start) && bytes.Equal(now[len(now)-1].End, old.End)
	if !same && (secondary || !within(r, old)) {
		only = old
	}
	byEntry := several && secondary && r.Ordered && len(r.Order) == 0
	switch finished := r.Agg != nil || len(r.Order) > 0; {
	case !several && (only == nil || !finished):
		return inTurn, only, true
	case r.Agg != nil && len(r.Order) > 0: // no plan has that
		return 0, nil, false
	case finished && byEntry && r.Agg != nil && len(r.Agg.GroupBy) > 0:
		return hereByIndex, only, true
	case finished && only != nil:
		return here, only, true
	case r.Agg != nil && len(r.Agg.GroupBy) == 0:
		return asOne, nil, true
	case len(r.Order) > 0:
		return byOrder, nil, true
	case byEntry && !finished:
		return byIndex, only, true
	}
	return inTurn, only, secondary || inOrder(r.Keys)
}

// within tells whether what a read of the primary index asks for lies within a tablet's bounds.
func within(r *fragment.Read, tb *schema.Tablet) bool {
	if r.Keys != nil {
		return !slices.ContainsFunc(r.Keys, func(key []byte) bool { return !tb.Holds(key) })
	}
	if len(r.Spans) == 0 {
		return tb.Whole()
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
