package online

import (
	"context"
	"errors"

	"cloudsql/distributed"
	"cloudsql/distributed/catalog"
	"cloudsql/planner/partition"
	"cloudsql/sql/ddl"
	"cloudsql/storage/conversion"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// runExchange has the rows of a partition and those of a table change places: both get new tablets, into which the other's rows are copied.
// (A tablet belongs to one table for good.)
func (x *Executor) runExchange(ctx context.Context, env *ddl.Env, db *schema.Database, c *ddl.Change) (err error) {
	if env.Locks == nil {
		return mysqlerr.NotSupported("EXCHANGE PARTITION")
	}
	other, in, err := x.exchanged(db, c)
	if err != nil {
		return err
	}
	release, err := x.acquire(ctx, other.ID, "EXCHANGE")
	if err != nil {
		return err
	}
	defer release()
	unlock, err := env.Exclusive(ctx, c.From, other)
	if err != nil {
		return err
	}
	defer unlock()
	if other, in, err = x.exchanged(db, c); err != nil {
		return err
	}
	e := &exchange{x: x, env: env, leaf: c.Exchange.Leaf, from: [2]*schema.Table{c.From, other}}
	if err := e.place(ctx, [2]*schema.Database{db, in}); err != nil {
		return errors.Join(err, x.dropAll(ctx, e.made))
	}
	if err := e.copy(ctx, c.Exchange.Validate); err != nil {
		return errors.Join(err, x.dropAll(ctx, e.made))
	}
	err = x.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		for i, t := range e.to {
			now, ok := tx.Snapshot.TableByID(e.from[i].ID)
			if !ok {
				return mysqlerr.New(mysqlerr.NoSuchTable, "", t.Name)
			}
			if err := putRelated(tx, now, t); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return errors.Join(err, x.dropAll(ctx, e.made))
	}
	return x.dropAll(ctx, e.gone)
}

// exchanged is the table that the change's changes places with.
func (x *Executor) exchanged(db *schema.Database, c *ddl.Change) (t *schema.Table, in *schema.Database, err error) {
	name := Name{DB: db.Name, Table: c.Exchange.With.Name.O}
	if s := c.Exchange.With.Schema.O; s != "" {
		name.DB = s
	}
	t, ok := x.DB.Catalog().Table(name.DB, name.Table)
	if !ok {
		return nil, nil, mysqlerr.New(mysqlerr.NoSuchTable, name.DB, name.Table)
	}
	in, _ = x.DB.Catalog().Database(name.DB)
	return t, in, ddl.MayExchange(c.From, t)
}

// exchange is a partitioned table and another, as they were and as they will be.
type exchange struct {
	x          *Executor
	env        *ddl.Env
	leaf       int
	from, to   [2]*schema.Table
	made, gone []schema.Tablet
}

// place gives both new tablets for what is exchanged.
func (e *exchange) place(ctx context.Context, dbs [2]*schema.Database) (err error) {
	parted, plain := e.from[0].Clone(), e.from[1].Clone()
	parted.Version++
	plain.Version++
	parted.Partitioning = parted.Partitioning.Clone()
	parted.Partitioning.Leaves()[e.leaf].ID = parted.Partitioning.NextID
	parted.Partitioning.NextID++
	e.to = [2]*schema.Table{parted, plain}
	if e.made, e.gone, err = e.x.retablet(ctx, dbs[0], e.from[0], parted); err != nil {
		return err
	}
	plain.Tablets = nil
	if err := e.x.DB.PlaceTable(ctx, dbs[1], plain); err != nil {
		return err
	}
	e.made, e.gone = append(e.made, plain.Tablets...), append(e.gone, e.from[1].Tablets...)
	for i, t := range e.to {
		next, err := e.x.AutoIncOf(ctx, e.from[i])
		if err == nil {
			err = e.x.DB.InstallTable(ctx, t)
		}
		if err == nil && t.AutoIncColumn() >= 0 && next > 1 {
			err = e.x.DB.SetAutoInc(ctx, t, next)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// copy copies the rows. 1737 for one that does not belong into the partition.
func (e *exchange) copy(ctx context.Context, validate bool) error {
	m, err := partition.Of(e.to[0])
	if err != nil {
		return err
	}
	belongs := func(row []types.Value) error {
		leaf, err := m.Leaf(row)
		if err == nil && leaf == e.leaf || !validate {
			return nil
		}
		return mysqlerr.New(mysqlerr.RowDoesNotMatchPartition)
	}
	for i := range e.from[1].Tablets {
		if err := e.rows(ctx, e.from[1], &e.from[1].Tablets[i], e.to[0], &e.to[0].Tablets[e.leaf], belongs); err != nil {
			return err
		}
	}
	return e.rows(ctx, e.from[0], &e.from[0].Tablets[e.leaf], e.to[1], &e.to[1].Tablets[0], func([]types.Value) error { return nil })
}

// rows copies those of one tablet to another, as they are.
func (e *exchange) rows(ctx context.Context, from *schema.Table, source *schema.Tablet, to *schema.Table, target *schema.Tablet, check func([]types.Value) error) error {
	r := &fragment.Read{
		Tablet: source.ID, SchemaVersion: from.Version, Index: schema.PrimaryIndex, Spans: []fragment.Span{{}}, Columns: from.ColumnIDs(),
		Env: &expr.Env{Mode: e.env.Mode},
	}
	return e.x.scanTablet(ctx, r, func(page *fragment.Page) error {
		var batch types.Batch
		batch.Reset(len(to.Columns))
		size := 0
		for i := range page.Batch.Len() {
			row := page.Batch.Row(i)
			for k := range row {
				c := &to.Columns[k]
				v, err := conversion.Assign(row[k], &c.Type, c.Name, 1, &e.env.Mode, nil)
				if err != nil {
					return err
				}
				row[k] = v
				size += 16 + len(v.Raw())
			}
			if err := check(row); err != nil {
				return err
			}
			batch.Append(row)
			if batch.Len() >= copyRows || size >= copyBytes || i == page.Batch.Len()-1 {
				if err := e.write(ctx, to, target, batch); err != nil {
					return err
				}
				batch.Reset(len(to.Columns))
				size = 0
			}
		}
		return nil
	})
}

func (e *exchange) write(ctx context.Context, to *schema.Table, target *schema.Tablet, rows types.Batch) error {
	w := &fragment.Write{
		Kind: fragment.Insert, Tablet: target.ID, SchemaVersion: to.Version, Columns: to.ColumnIDs(), Rows: rows, Env: &expr.Env{Mode: e.env.Mode}, FirstRow: 1,
	}
	results, err := e.x.DB.Write(ctx, &distributed.TxnOptions{LockWait: backfillLockWait}, w)
	for i := range results {
		if err == nil && results[i].Err != nil {
			err = results[i].Err
		}
	}
	return err
}
