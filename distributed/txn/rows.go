package txn

import (
	"context"
	"errors"
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/leaseholder"
	"cloudsql/distributed/lock"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/spawn"
)

// rows pages through a read. A read on the newest state that does not fit one page starts over at a snapshot, because
// later pages would show later states: small reads need no timestamp, and large ones lose one page.
//
// Pages of a leaseholder on this node are read straight into the caller's; those of another are fetched one ahead.
type rows struct {
	c     *Client
	q     leaseholder.ReadRequest
	txn   *Txn // whose locks the rows get; nil: none
	pin   *pin // keeps the snapshot's versions
	begun bool
	done  bool

	only *schema.Tablet // the bounds of the rows that are wanted, of a tablet that was merged meanwhile; nil: all that come
	rest []piece        // what is read behind this, of a tablet that was cut meanwhile

	gathered     source // instead of q.Read: reads of its tablet's successors, side by side
	limit, given uint64 // of rows, where there are several reads; 0: none. given by now

	ahead  chan fetched // the page after the last one, being fetched
	cancel context.CancelFunc
}

type fetched struct {
	page *fragment.Page
	err  error
}

func (c *Client) newRows(ctx context.Context, r *fragment.Read, at mvcc.Timestamp) (*rows, error) {
	list, how := []piece{{read: r}}, inTurn
	s, err := c.shardOf(r.Tablet)
	if err != nil {
		list, how = c.present(ctx, r)
		s, err = c.shardOf(list[0].read.Tablet)
	}
	if err != nil {
		return nil, err
	}
	x := &rows{c: c, q: leaseholder.ReadRequest{Shard: s, Read: list[0].read, At: at, MaxBytes: c.cfg.PageBytes}}
	if (len(list) > 1 || how != inTurn) && at == 0 {
		if err := x.startOver(ctx); err != nil { // all of them at one state
			return nil, err
		}
	}
	return x.begin(ctx, r, list, how), nil
}

var _ distributed.Rows = (*rows)(nil)

// Next implements distributed.Rows.
func (r *rows) Next(ctx context.Context, page *fragment.Page) (bool, error) {
	for !r.done {
		if err := r.fetch(ctx, page); err != nil {
			r.Close()
			return false, err
		}
		if !r.begun && page.Next != nil && r.q.At == 0 && r.q.Lock == lock.None {
			if err := r.startOver(ctx); err != nil {
				r.Close()
				return false, err
			}
			continue
		}
		r.begun = true
		r.clip(page)
		if r.q.From = page.Next; page.Next != nil {
			r.prefetch(ctx)
		} else if !r.turn() {
			r.end()
		}
		if page.Batch.Len() > 0 || r.q.Read.Report && page.Seen > 0 {
			return true, nil
		}
	}
	page.Clear()
	page.Batch.Truncate(0)
	page.Keys, page.Next = page.Keys[:0], nil
	return false, nil
}

func (r *rows) startOver(ctx context.Context) error {
	at, err := r.c.Snapshot(ctx)
	if err != nil {
		return err
	}
	r.q.At = at
	r.pin = r.c.pinSnapshot(at)
	return nil
}

// fetch gets the next page, from wherever its rows are by now.
func (r *rows) fetch(ctx context.Context, page *fragment.Page) error {
	var begun time.Time // of waiting
	for {
		if r.gathered != nil {
			return r.gathered.next(ctx, page)
		}
		err := r.fetchHere(ctx, page)
		if err == nil && r.only != nil {
			keep(page, r.only)
		}
		if !errors.Is(err, distributed.ErrSchemaChanged) {
			return err
		}
		if r.follow(ctx) {
			begun = time.Time{}
			continue
		}
		// Whoever drives the move may have died while the tablet was frozen, and another one will go on.
		if begun.IsZero() {
			begun = time.Now()
		}
		if r.q.Shard == 0 || !r.c.cfg.Router.Copied(r.q.Read.Tablet) || time.Since(begun) > frozenMost {
			return err
		}
	}
}

func (r *rows) fetchHere(ctx context.Context, page *fragment.Page) error {
	if r.q.Shard == 0 {
		return distributed.ErrSchemaChanged
	}
	if r.txn != nil && r.q.Txn != (fragment.TxnID{}) {
		return r.txn.fetch(ctx, &r.q, page)
	}
	if r.ahead == nil {
		return r.c.readPage(ctx, &r.q, page)
	}
	select {
	case f := <-r.ahead:
		r.ahead = nil
		if f.err != nil {
			return f.err
		}
		*page, *f.page = *f.page, *page
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// prefetch begins to fetch the next page from another node. Within a transaction's own turn there is no fetching ahead:
// its operations run one at a time.
func (r *rows) prefetch(ctx context.Context) {
	if r.gathered != nil || r.txn != nil && r.q.Txn != (fragment.TxnID{}) || r.c.Leaseholder(r.q.Shard) == r.c.cfg.Node {
		return
	}
	if r.cancel == nil {
		ctx, r.cancel = context.WithCancel(ctx)
	}
	q, c, ahead := r.q, r.c, make(chan fetched, 1)
	r.ahead = ahead
	spawn.Go("reading ahead", func() {
		page := new(fragment.Page)
		err := spawn.Do("reading ahead", func() error { return c.readPage(ctx, &q, page) })
		ahead <- fetched{page, err}
	})
}

func (r *rows) end() {
	r.done = true
	r.endGathering()
	if r.pin != nil {
		r.c.unpin(r.pin)
		r.pin = nil
	}
	if r.cancel != nil {
		r.cancel()
		r.cancel = nil
	}
}

func (r *rows) endGathering() {
	if r.gathered != nil {
		r.gathered.close()
		r.gathered = nil
	}
}

// Close implements distributed.Rows.
func (r *rows) Close() {
	r.end()
	r.ahead = nil
}
