package temporary

import (
	"context"

	"cloudsql/distributed"
	"cloudsql/distributed/catalog"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// definitions is distributed.DB for what changes temporary tables: its catalog has no others.
type definitions struct{ data }

// Definitions is the DB of definitions of temporary tables. Their names are theirs alone: it knows no other tables.
func (t *Tables) Definitions() distributed.DB { return &definitions{data{DB: t.db, t: t}} }

// Catalog has the temporary tables only.
func (d *definitions) Catalog() *catalog.Snapshot { return d.DB.Catalog().Private(d.t.own) }

// ChangeCatalog implements distributed.DB: there is nobody to race with.
func (d *definitions) ChangeCatalog(_ context.Context, fn func(tx *catalog.Tx) error) error {
	tx := d.Catalog().Begin()
	if err := fn(tx); err != nil {
		return err
	}
	d.t.setOwn(tx.Snapshot)
	return nil
}

// PlaceTable gives a table its tablet, and its id if it has none.
func (d *definitions) PlaceTable(ctx context.Context, _ *schema.Database, t *schema.Table) error {
	return d.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		if t.ID == 0 {
			t.ID = schema.TableID(tx.NewID())
		}
		t.Tablets = []schema.Tablet{{ID: schema.TabletID(tx.NewID()), Shard: schema.TemporaryShard}}
		return nil
	})
}

// InstallTable implements distributed.DB.
func (d *definitions) InstallTable(_ context.Context, t *schema.Table) error {
	if err := shard.CheckTable(t); err != nil {
		return err
	}
	if d.t.shard == nil {
		var err error
		if d.t.shard, d.t.id, err = d.t.store.shard(); err != nil {
			return err
		}
		d.t.index, d.t.ts = 0, 0
	}
	for i := range t.Tablets {
		if err := d.t.install(t.Tablets[i].ID, t); err != nil {
			return err
		}
	}
	return nil
}

// DropTablets implements distributed.DB.
func (d *definitions) DropTablets(_ context.Context, tablets []schema.Tablet) error {
	for i := range tablets {
		if err := d.t.install(tablets[i].ID, nil); err != nil {
			return err
		}
	}
	return nil
}

// AwaitSchema implements distributed.DB: nobody else uses the tables.
func (d *definitions) AwaitSchema(context.Context, *schema.Table) error { return nil }
