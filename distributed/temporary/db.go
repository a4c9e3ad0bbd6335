package temporary

import (
	"context"
	"errors"

	"cloudsql/distributed"
	"cloudsql/distributed/catalog"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// pageBytes is how much is read at once.
const pageBytes = 256 << 10

// data is distributed.DB for a session with temporary tables: what is of them is here, all else is the node's.
type data struct {
	distributed.DB
	t *Tables
}

// DB is the node's, with the temporary tables in it.
func (t *Tables) DB() distributed.DB { return &data{DB: t.db, t: t} }

func (d *data) Catalog() *catalog.Snapshot { return d.t.Catalog() }

// Write implements distributed.DB.
func (d *data) Write(ctx context.Context, o *distributed.TxnOptions, w ...*fragment.Write) ([]fragment.WriteResult, error) {
	if len(w) > 0 && d.t.has(w[0].Tablet) {
		return d.t.write(ctx, w)
	}
	return d.DB.Write(ctx, o, w...)
}

// Read implements distributed.DB.
func (d *data) Read(ctx context.Context, r *fragment.Read) (distributed.Rows, error) {
	if d.t.has(r.Tablet) {
		return d.t.read(r), nil
	}
	return d.DB.Read(ctx, r)
}

// ReadPoint implements distributed.DB.
func (d *data) ReadPoint(ctx context.Context, r *fragment.Read, page *fragment.Page) error {
	if d.t.has(r.Tablet) {
		return d.t.page(ctx, r, shard.ReadOptions{}, page)
	}
	return d.DB.ReadPoint(ctx, r, page)
}

// ReadAt implements distributed.DB: nobody else changes the rows, so their newest state is that of any snapshot.
func (d *data) ReadAt(ctx context.Context, r *fragment.Read, at mvcc.Timestamp) (distributed.Rows, error) {
	if d.t.has(r.Tablet) {
		return d.t.read(r), nil
	}
	return d.DB.ReadAt(ctx, r, at)
}

// Begin implements distributed.DB.
func (d *data) Begin(o distributed.TxnOptions) distributed.Txn { return d.t.Within(d.DB.Begin(o)) }

// ReserveAutoInc implements distributed.DB.
func (d *data) ReserveAutoInc(ctx context.Context, t *schema.Table, n uint64) (uint64, error) {
	if t.Temporary() {
		return d.t.reserve(t, n)
	}
	return d.DB.ReserveAutoInc(ctx, t, n)
}

// AutoInc implements distributed.DB.
func (d *data) AutoInc(ctx context.Context, t *schema.Table) (uint64, error) {
	if t.Temporary() {
		return d.t.reserve(t, 0)
	}
	return d.DB.AutoInc(ctx, t)
}

// SetAutoInc implements distributed.DB.
func (d *data) SetAutoInc(ctx context.Context, t *schema.Table, next uint64) error {
	if !t.Temporary() {
		return d.DB.SetAutoInc(ctx, t, next)
	}
	now, err := d.t.reserve(t, 0)
	if err == nil && next > now {
		_, err = d.t.reserve(t, next-now)
	}
	return err
}

// TableStats implements distributed.DB.
func (d *data) TableStats(t *schema.Table) (rows, bytes uint64) {
	if t.Temporary() {
		return d.t.shard.TabletStats(t.Tablets[0].ID)
	}
	return d.DB.TableStats(t)
}

// SplitKeys implements distributed.DB: temporary tables are read in one go.
func (d *data) SplitKeys(t *schema.Tablet) [][]byte {
	if d.t.has(t.ID) {
		return nil
	}
	return d.DB.SplitKeys(t)
}

func (t *Tables) reserve(table *schema.Table, n uint64) (uint64, error) {
	first, err := t.shard.ReserveAutoInc(table.Tablets[0].ID, n)
	return first, public(err)
}

func (t *Tables) read(r *fragment.Read) distributed.Rows { return &rows{t: t, r: r} }

func (t *Tables) page(ctx context.Context, r *fragment.Read, o shard.ReadOptions, page *fragment.Page) error {
	return public(t.shard.Read(ctx, r, o, page))
}

// rows pages through a read of the newest state.
type rows struct {
	t    *Tables
	r    *fragment.Read
	from []byte
	done bool
}

// Next implements distributed.Rows.
func (r *rows) Next(ctx context.Context, page *fragment.Page) (bool, error) {
	for !r.done {
		if err := r.t.page(ctx, r.r, shard.ReadOptions{From: r.from, MaxBytes: pageBytes}, page); err != nil {
			return false, err
		}
		r.from = append(r.from[:0], page.Next...)
		r.done = page.Next == nil
		if page.Batch.Len() > 0 || r.r.Report && page.Seen > 0 {
			return true, nil
		}
	}
	page.Clear()
	page.Batch.Truncate(0)
	page.Keys, page.Next = page.Keys[:0], nil
	return false, nil
}

// Close implements distributed.Rows.
func (r *rows) Close() { r.done = true }

// public turns a shard's error into what distributed.DB promises.
func public(err error) error {
	if errors.Is(err, shard.ErrSchemaChanged) || errors.Is(err, shard.ErrNoTablet) {
		return distributed.ErrSchemaChanged
	}
	return err
}

// failed is a statement's error as the result of its write.
func failed(err error) ([]fragment.WriteResult, error) {
	var e *mysqlerr.Error
	if errors.As(err, &e) {
		return []fragment.WriteResult{{Err: e}}, nil
	}
	return nil, public(err)
}
