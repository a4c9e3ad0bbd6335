package online

import (
	"context"
	"errors"
	"slices"
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/catalog"
	"cloudsql/planner/change"
	"cloudsql/sql/ddl"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// Unique keys over tablets (decision 51). Their entries are in tables of their own, which come before the version of the table that has
// such an index, and go after the last one that has it. Gateways make the entries, so that all of them have to know of the index: the
// table is locked until they do, as for any new unique key.

// makeEntries has the unique keys that a change builds have tables of entries, where the table is of several tablets, was, or is about to be.
func makeEntries(ctx context.Context, x *Executor, env *ddl.Env, db *schema.Database, c *ddl.Change, last *schema.Table) error {
	var made []*schema.Table
	for _, id := range c.Build {
		ix := last.IndexByID(id)
		if !ix.IsUnique() {
			continue
		}
		if ix.Unique, ix.Entries = true, 0; !c.Spread && !c.From.Cut() && !c.From.HasEntries() {
			continue
		}
		if c.From.Partitioning != nil { // entries would have to go with partitions that are dropped, emptied or exchanged
			return mysqlerr.NotSupported("a UNIQUE key of a partition of several tablets")
		}
		if env.Locks == nil {
			return mysqlerr.NotSupported("a UNIQUE key of a table of several tablets")
		}
		// Older programs would write rows without their entries.
		if err := version.Check(version.V2, x.DB.Catalog().ClusterVersion().Active, "a UNIQUE key of a table of several tablets"); err != nil {
			return err
		}
		e := schema.NewEntries(last, ix)
		if err := x.place(ctx, db, e); err != nil {
			return err
		}
		ix.Unique, ix.Entries = false, e.ID
		made = append(made, e)
	}
	if len(made) == 0 {
		return nil
	}
	return x.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		for _, e := range made {
			tx.PutTable(e)
		}
		return nil
	})
}

// dropUnused drops what has entries of a table and is no index's any more, once the transactions that may have written there have ended (they would
// be told 1412). Who is not let wait for them leaves it to the next change: nobody needs it.
func dropUnused(ctx context.Context, x *Executor, env *ddl.Env, id schema.TableID) error {
	if len(unused(x.DB.Catalog(), id)) == 0 {
		return nil
	}
	unlock, err := env.ExclusiveIDs(ctx, id)
	if err != nil {
		return nil //nolint:nilerr // the change is made
	}
	defer unlock()
	ctx = context.WithoutCancel(ctx)
	var gone []*schema.Table
	err = x.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		gone = unused(tx.Snapshot, id)
		for _, e := range gone {
			tx.DeleteTable(e.ID)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return x.dropTablets(ctx, gone)
}

func unused(s *catalog.Snapshot, id schema.TableID) []*schema.Table {
	t, ok := s.TableByID(id)
	if !ok {
		return nil
	}
	return slices.DeleteFunc(catalog.EntriesOf(s, id), func(e *schema.Table) bool {
		return slices.ContainsFunc(t.Indexes, func(ix schema.Index) bool { return ix.Entries == e.ID })
	})
}

// emptyEntries gives the tables of a table's entries as they are and with fresh tablets.
func emptyEntries(ctx context.Context, x *Executor, db *schema.Database, t *schema.Table) (was, empty []*schema.Table, err error) {
	for _, e := range catalog.EntriesOf(x.DB.Catalog(), t.ID) {
		next := e.Clone()
		next.Version++
		next.Tablets = nil
		if err = x.DB.PlaceTable(ctx, db, next); err == nil {
			err = x.DB.InstallTable(ctx, next)
		}
		if err != nil {
			return nil, nil, err
		}
		was, empty = append(was, e), append(empty, next)
	}
	return was, empty, nil
}

// enterRows makes the entries of the rows of which w fills indexes, locked meanwhile. 1062.
func enterRows(ctx context.Context, x *Executor, t *schema.Table, w *fragment.Write) (err error) {
	var fills []*schema.Index
	for i := range t.Indexes {
		if ix := &t.Indexes[i]; ix.Entries != 0 && ix.State == schema.WriteOnly {
			fills = append(fills, ix)
		}
	}
	if len(fills) == 0 {
		return nil
	}
	txn := x.DB.Begin(distributed.TxnOptions{Isolation: distributed.ReadCommitted, LockWait: backfillLockWait})
	defer func() {
		if err != nil {
			err = errors.Join(err, txn.Rollback(context.WithoutCancel(ctx)))
		}
	}()
	rows, err := lockRows(ctx, txn, t, w)
	if err != nil {
		return err
	}
	for _, ix := range fills {
		e, ok := x.DB.Catalog().TableByID(ix.Entries)
		if !ok {
			return noSuchTable(x.DB.Catalog(), t)
		}
		if err := change.Enter(ctx, txn, t, ix, e, rows); err != nil {
			return err
		}
	}
	return txn.Commit(ctx)
}

// lockRows reads the rows of w's keys that are still there, in storage form, which nobody changes until txn ends.
func lockRows(ctx context.Context, txn distributed.Txn, t *schema.Table, w *fragment.Write) (list [][]types.Value, err error) {
	utc := types.Mode{Loc: time.UTC, AllowInvalid: true}
	rows, err := txn.Read(ctx, &fragment.Read{
		Tablet: w.Tablet, SchemaVersion: t.Version, Index: schema.PrimaryIndex, Keys: w.Keys, Columns: t.ColumnIDs(), Env: &expr.Env{Mode: utc},
	}, distributed.ReadForShare, distributed.LockOptions{})
	if err != nil {
		return nil, err
	}
	err = distributed.EachPage(ctx, rows, func(page *fragment.Page) error {
		for i := range page.Batch.Len() {
			row := slices.Clone(page.Batch.Row(i))
			if err := change.Stored(t, row, &utc); err != nil {
				return err
			}
			list = append(list, row)
		}
		return nil
	})
	return list, err
}
