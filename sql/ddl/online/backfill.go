package online

import (
	"context"
	"errors"
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/catalog"
	"cloudsql/sql/ddl"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Bounds of an index build.
const (
	backfillChunk    = 512              // rows whose entries one fragment derives
	backfillLockWait = 10 * time.Second // of one attempt, for a row that a transaction holds
	backfillRetries  = 60               // of one chunk that fails for another reason, with pauses in between
	backfillPause    = 100 * time.Millisecond
	progressEvery    = 5 * time.Second // between updates of the job's record
)

// backfill derives the entries of the WriteOnly indexes of t for the rows that are there. Errors: 1062 for a unique
// index that the rows do not allow.
func (x *Executor) backfill(ctx context.Context, t *schema.Table, _ []schema.IndexID) error {
	b := &backfiller{x: x, t: t, reported: time.Now()}
	for i := range t.Tablets {
		if err := b.tablet(ctx, &t.Tablets[i]); err != nil {
			return err
		}
	}
	return nil
}

type backfiller struct {
	x        *Executor
	t        *schema.Table
	done     uint64
	reported time.Time
	keys     [][]byte
}

// tablet walks a tablet's primary keys and hands them on in chunks. The rows may change under the walk: those that are
// written after it passed, or before it came, have had their entries made by the writer.
func (b *backfiller) tablet(ctx context.Context, tablet *schema.Tablet) error {
	read := &fragment.Read{
		Tablet: tablet.ID, SchemaVersion: b.t.Version, Index: schema.PrimaryIndex,
		Spans:   []fragment.Span{{Start: tablet.Start, End: tablet.End}},
		Columns: []schema.ColumnID{b.t.Columns[b.t.Primary().Columns[0].Column].ID}, WithKeys: true,
		Env: &expr.Env{Mode: *types.DefaultMode()},
	}
	err := b.x.scanTablet(ctx, read, func(page *fragment.Page) error {
		for _, k := range page.Keys {
			b.keys = append(b.keys, append([]byte(nil), k...)) // a page lives until the next one
			if len(b.keys) == backfillChunk {
				if err := b.flush(ctx, tablet); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return b.flush(ctx, tablet)
}

func (b *backfiller) flush(ctx context.Context, tablet *schema.Tablet) error {
	if len(b.keys) == 0 {
		return nil
	}
	w := &fragment.Write{
		Kind: fragment.Reindex, Tablet: tablet.ID, SchemaVersion: b.t.Version, Keys: b.keys,
		Env: &expr.Env{Mode: *types.DefaultMode()},
	}
	wait, cancel := lockWait(ctx) // a row's holder is waited for as long as any lock
	defer cancel()
	for try := 0; ; {
		err := b.write(wait, w)
		if err == nil {
			break
		}
		if wait.Err() != nil {
			return context.Cause(wait)
		}
		if mysqlerr.Code(err) != mysqlerr.LockWaitTimeout {
			try++
		}
		if !passing(err) || try == backfillRetries {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(backfillPause):
		}
	}
	b.done += uint64(len(b.keys))
	b.keys = b.keys[:0]
	return b.report(ctx)
}

func (b *backfiller) write(ctx context.Context, w *fragment.Write) error {
	results, err := b.x.DB.Write(ctx, &distributed.TxnOptions{LockWait: backfillLockWait}, w)
	if err != nil {
		return err
	}
	for i := range results {
		if results[i].Err != nil {
			return results[i].Err
		}
	}
	return nil
}

// passing tells whether a chunk may go through at the next attempt: its rows were locked, or their shard had no leader.
func passing(err error) bool {
	if errors.Is(err, distributed.ErrSchemaChanged) {
		return true
	}
	switch mysqlerr.Code(err) {
	case mysqlerr.LockWaitTimeout, mysqlerr.LockDeadlock:
		return true
	}
	return false
}

// report writes the build's progress into the job's record now and then.
func (b *backfiller) report(ctx context.Context) error {
	if time.Since(b.reported) < progressEvery {
		return nil
	}
	b.reported = time.Now()
	return b.x.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		var job Job
		if !tx.Snapshot.Record(jobKind, jobKey(b.t.ID), &job) || job.Owner != b.x.Owner {
			return mysqlerr.New(mysqlerr.QueryInterrupted) // the table is dropped, or another gateway believed us dead
		}
		job.State, job.RowsDone = "backfill", b.done
		tx.PutRecord(jobKind, jobKey(b.t.ID), job)
		return nil
	})
}

// checkNotNull looks for NULLs in columns that have become NOT NULL. 1138.
func (x *Executor) checkNotNull(ctx context.Context, t *schema.Table, columns []schema.ColumnID) error {
	for _, id := range columns {
		c := &t.Columns[t.ColumnByID(id)]
		isNull, err := expr.New("is null", &expr.Column{Typ: c.Type, Name: c.Name})
		if err != nil {
			return err
		}
		found := false
		read := fragment.Read{Columns: []schema.ColumnID{id}, Filter: isNull, Limit: 1}
		if err := x.scan(ctx, t, schema.PrimaryIndex, read, func([]types.Value) { found = true }); err != nil {
			return err
		}
		if found {
			return mysqlerr.New(mysqlerr.InvalidUseOfNull)
		}
	}
	return nil
}

// checkNoRows gives the error that c has for a table with rows, if it has one and there are any.
func (x *Executor) checkNoRows(ctx context.Context, c *ddl.Change) error {
	if c.NoRows == nil {
		return nil
	}
	found := false
	read := fragment.Read{Columns: []schema.ColumnID{c.From.Columns[0].ID}, Limit: 1}
	err := x.scan(ctx, c.From, schema.PrimaryIndex, read, func([]types.Value) { found = true })
	if err == nil && found {
		err = c.NoRows
	}
	return err
}

// highest is the largest value of an AUTO_INCREMENT column, 0 for none.
func (x *Executor) highest(ctx context.Context, t *schema.Table, pos int) (uint64, error) {
	var top uint64
	var lead *schema.Index
	for i := range t.Indexes {
		if p := t.Indexes[i].Columns[0]; p.Column == pos && !p.Desc {
			lead = &t.Indexes[i]
			break
		}
	}
	read := fragment.Read{Columns: []schema.ColumnID{t.Columns[pos].ID}}
	index := schema.PrimaryIndex
	if lead != nil {
		index, read.Reverse, read.Limit = lead.ID, true, 1
	}
	err := x.scan(ctx, t, index, read, func(row []types.Value) {
		if v := row[0]; !v.IsNull() && (v.Kind() == types.KindUint || v.Int() > 0) {
			top = max(top, v.Uint())
		}
	})
	return top, err
}

// scan reads from every tablet of t.
func (x *Executor) scan(ctx context.Context, t *schema.Table, index schema.IndexID, read fragment.Read,
	fn func(row []types.Value)) error {
	for i := range t.Tablets {
		r := read
		r.Tablet, r.SchemaVersion, r.Index = t.Tablets[i].ID, t.Version, index
		r.Spans = []fragment.Span{{}}
		r.Env = &expr.Env{Mode: *types.DefaultMode()}
		err := x.scanTablet(ctx, &r, func(page *fragment.Page) error {
			for i := range page.Batch.Len() {
				fn(page.Batch.Row(i))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// scanTablet gives fn one page of rows after the other, which are gone when it returns.
func (x *Executor) scanTablet(ctx context.Context, r *fragment.Read, fn func(page *fragment.Page) error) error {
	rows, err := x.DB.Read(ctx, r)
	if err != nil {
		return err
	}
	defer rows.Close()
	var page fragment.Page
	for {
		more, err := rows.Next(ctx, &page)
		if err != nil || !more {
			return err
		}
		if err := fn(&page); err != nil {
			return err
		}
	}
}
