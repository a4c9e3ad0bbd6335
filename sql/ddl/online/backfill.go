package online

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/catalog"
	"cloudsql/sql/ddl"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/spawn"
	"cloudsql/storage/types"
)

// Bounds of an index build.
const (
	backfillChunk    = 512               // rows whose entries one fragment derives
	backfillRead     = 8 * backfillChunk // rows whose keys are read at one snapshot
	backfillLockWait = 10 * time.Second  // of one attempt, for a row that a transaction holds
	backfillRetries  = 60                // of one chunk that fails for another reason, with pauses in between
	backfillPause    = 100 * time.Millisecond
	progressEvery    = 2 * time.Second        // between updates of the job's record
	firstReport      = 200 * time.Millisecond // before the first of them
)

// backfill derives the entries of the WriteOnly indexes of t for the rows that are there, from where job is. Errors: 1062 for a unique
// index that the rows do not allow.
func (x *Executor) backfill(ctx context.Context, t *schema.Table, job *catalog.DefinitionJob, progress func(state string)) error {
	b := &backfiller{x: x, t: t, progress: progress, reported: time.Now().Add(firstReport - progressEvery)}
	var parts []catalog.BuildPart
	if job != nil && job.Build != nil {
		b.done, b.resumes, parts = job.RowsDone, true, job.Build.Parts
	}
	for i := range t.Tablets {
		b.add(&t.Tablets[i])
	}
	for _, w := range b.shards {
		w.goOn(parts)
	}
	return b.run(ctx)
}

// backfiller builds indexes, in several shards at a time: a shard's leaseholder has one tablet after the other to do.
type backfiller struct {
	x       *Executor
	t       *schema.Table
	resumes bool // the job's record is to say how far it is
	shards  []*shardFiller

	mu       sync.Mutex
	progress func(state string) // nil: nobody looks
	done     uint64
	reported time.Time
}

// shardFiller is a backfiller at the tablets of one shard.
type shardFiller struct {
	*backfiller
	tablets []*schema.Tablet
	keys    [][]byte
	part    catalog.BuildPart // how far it is; others look at it under b.mu
}

// add takes in a tablet.
func (b *backfiller) add(tb *schema.Tablet) {
	for _, w := range b.shards {
		if w.tablets[0].Shard == tb.Shard {
			w.tablets = append(w.tablets, tb)
			return
		}
	}
	b.shards = append(b.shards, &shardFiller{backfiller: b, tablets: []*schema.Tablet{tb}})
}

// goOn leaves out what is done already.
func (b *shardFiller) goOn(parts []catalog.BuildPart) {
	for _, p := range parts {
		if i := slices.IndexFunc(b.tablets, func(tb *schema.Tablet) bool { return tb.ID == p.Tablet }); i >= 0 {
			b.tablets, b.part = b.tablets[i:], p
			return
		}
	}
	b.part.Tablet = b.tablets[0].ID
}

// backfillShards bounds the shards that are at work at the same time.
const backfillShards = 8

func (b *backfiller) run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	err := spawn.Each(len(b.shards), backfillShards, "building indexes", func(i int) error {
		for _, tb := range b.shards[i].tablets {
			if err := b.shards[i].fill(ctx, tb); err != nil {
				stop(err)
				return err
			}
		}
		return nil
	})
	if first := context.Cause(ctx); err != nil && first != nil { // which has ended the others
		return first
	}
	return err
}

// fill walks a tablet's primary keys and hands them on in chunks, with a snapshot for some thousands of them only. The rows may change under the
// walk: those that are written after it passed, or before it came, have had their entries made by the writer.
func (b *shardFiller) fill(ctx context.Context, tablet *schema.Tablet) error {
	if b.part.Tablet != tablet.ID {
		b.reach(catalog.BuildPart{Tablet: tablet.ID}, 0)
	}
	for more := true; more; {
		start := tablet.Start
		if b.part.After != nil {
			start = b.part.After // once more, which does no harm
		}
		read := &fragment.Read{
			Tablet: tablet.ID, SchemaVersion: b.t.Version, Index: schema.PrimaryIndex,
			Spans:   []fragment.Span{{Start: start, End: tablet.End}},
			Columns: []schema.ColumnID{b.t.Columns[b.t.Primary().Columns[0].Column].ID}, WithKeys: true, Limit: backfillRead,
			Env: &expr.Env{Mode: *types.DefaultMode()},
		}
		met := 0
		err := b.x.scanTablet(ctx, read, func(page *fragment.Page) error {
			for _, k := range page.Keys {
				if met++; met == 1 && b.part.After != nil && bytes.Equal(k, b.part.After) {
					continue
				}
				b.keys = append(b.keys, append([]byte(nil), k...)) // a page lives until the next one
				if len(b.keys) == backfillChunk {
					if err := b.flush(ctx); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err == nil {
			err = b.flush(ctx)
		}
		if err != nil {
			return err
		}
		more = met == backfillRead
	}
	return nil
}

// reach notes how far it is, after so many more rows.
func (b *shardFiller) reach(p catalog.BuildPart, rows int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.part = p
	b.done += uint64(rows)
}

func (b *shardFiller) flush(ctx context.Context) error {
	if len(b.keys) == 0 {
		return nil
	}
	w := &fragment.Write{
		Kind: fragment.Reindex, Tablet: b.part.Tablet, SchemaVersion: b.t.Version, Keys: b.keys,
		Env: &expr.Env{Mode: *types.DefaultMode()},
	}
	began := time.Now()
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
	b.reach(catalog.BuildPart{Tablet: b.part.Tablet, After: b.keys[len(b.keys)-1]}, len(b.keys))
	b.keys = b.keys[:0]
	pace(ctx, time.Since(began))
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
	return enterRows(ctx, b.x, b.t, w)
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

// report tells how far the build is, and writes it into the job's record now and then.
func (b *backfiller) report(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.progress != nil {
		b.progress("altering table: " + strconv.FormatUint(b.done, 10) + " rows indexed")
	}
	if time.Since(b.reported) < progressEvery {
		return nil
	}
	b.reported = time.Now()
	return changeJob(ctx, b.x, b.t.ID, func(job *catalog.DefinitionJob) {
		job.State, job.RowsDone = "backfill", b.done
		if b.resumes && job.Build != nil {
			job.Build.Parts = nil
			for _, w := range b.shards {
				job.Build.Parts = append(job.Build.Parts, w.part)
			}
		}
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
	return distributed.EachPage(ctx, rows, fn)
}
