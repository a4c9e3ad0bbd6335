package online

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"cloudsql/distributed/catalog"
	"cloudsql/distributed/clock"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// Moves has tablets moved to other shards, cut and merged, which package moves does, and waits for it. Who stops waiting cancels it.
type Moves struct{ *Executor }

// MoveTablet has a tablet of a table, or of its unique keys' entries, moved to another shard.
func (x Moves) MoveTablet(ctx context.Context, name Name, tablet schema.TabletID, to schema.ShardID) error {
	return x.start(ctx, name, "MOVE TABLET", func(tx *catalog.Tx, t *schema.Table) (schema.TabletID, error) {
		if begun, err := tx.BeginMove(partWith(tx.Snapshot, t, tablet), tablet, to); err != nil || !begun {
			return 0, err
		}
		return tablet, nil
	})
}

// partWith is the table, or that of its unique keys' entries, that has a tablet; the table where none has it.
func partWith(s *catalog.Snapshot, t *schema.Table, tablet schema.TabletID) *schema.Table {
	for _, part := range catalog.WithEntries(s, t) {
		if slices.ContainsFunc(part.Tablets, func(tb schema.Tablet) bool { return tb.ID == tablet }) {
			return part
		}
	}
	return t
}

// SplitTablet has a tablet of a table cut; which and how, is told of the table as it is then.
func (x Moves) SplitTablet(ctx context.Context, name Name, how func(t *schema.Table) (schema.TabletID, catalog.Split, error)) error {
	return x.start(ctx, name, "SPLIT TABLET", func(tx *catalog.Tx, t *schema.Table) (schema.TabletID, error) {
		tablet, split, err := how(t)
		if err != nil {
			return 0, err
		}
		tx.PutCutHere(t.ID, false) // from now on it is as statements say
		return tablet, tx.BeginSplit(t, tablet, split)
	})
}

// MergeTablets has neighbouring tablets of a table, or without any named all of them, become one, in a shard; 0: where the first of them is. All are
// those of one partition after the other.
func (x Moves) MergeTablets(ctx context.Context, name Name, tablets []schema.TabletID, to schema.ShardID) (err error) {
	for more := true; more && err == nil; {
		err = x.start(ctx, name, "MERGE TABLETS", func(tx *catalog.Tx, t *schema.Table) (schema.TabletID, error) {
			merged := tablets
			if len(merged) == 0 {
				merged = catalog.FirstCut(t)
			}
			if more = len(tablets) == 0 && len(merged) > 0 && t.Partitioning != nil; len(merged) == 0 { // it is one already
				return 0, nil
			}
			tx.PutCutHere(t.ID, false)
			return tx.BeginMerge(t, merged, to)
		})
	}
	return err
}

// start has begin note a move, and waits for it. begin tells the tablet by which the move is known; 0: there is nothing to do.
func (x Moves) start(ctx context.Context, name Name, statement string, begin func(tx *catalog.Tx, t *schema.Table) (schema.TabletID, error)) error {
	var tablet schema.TabletID
	var id schema.TableID
	err := x.withTable(ctx, name, statement, func(_ *schema.Database, t *schema.Table) error {
		id = t.ID
		return x.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
			now, ok := tx.Snapshot.TableByID(t.ID)
			if !ok {
				return mysqlerr.New(mysqlerr.NoSuchTable, name.DB, name.Table)
			}
			var err error
			tablet, err = begin(tx, now)
			return err
		})
	})
	if err != nil || tablet == 0 {
		return err
	}
	return x.awaitMove(ctx, name, id, tablet)
}

// awaitMove waits until a move has been made, or is none any more.
func (x Moves) awaitMove(ctx context.Context, name Name, table schema.TableID, tablet schema.TabletID) error {
	for {
		changed := catalogChanged(x.Executor)
		m := catalog.MoveOf(x.DB.Catalog(), tablet)
		switch {
		case m == nil || m.State == catalog.MoveLeaving:
			return x.moved(name, table, tablet)
		case m.State == catalog.MoveFailed:
			return errors.Join(mysqlerr.Newf(mysqlerr.GetErrmsg, "Got error 1 '%s' from cloudsql", m.Error), x.DB.ChangeCatalog(context.WithoutCancel(ctx), func(tx *catalog.Tx) error {
				tx.DeleteMove(tablet)
				return nil
			}))
		}
		if clock.Await(ctx, changed, busyWait); ctx.Err() != nil {
			return errors.Join(context.Cause(ctx), x.cancelMove(context.WithoutCancel(ctx), tablet))
		}
	}
}

// moved tells what has become of a move that is over.
func (x Moves) moved(name Name, table schema.TableID, tablet schema.TabletID) error {
	c := x.DB.Catalog()
	t, ok := c.TableByID(table)
	if !ok {
		return mysqlerr.New(mysqlerr.NoSuchTable, name.DB, name.Table)
	}
	if slices.ContainsFunc(partWith(c, t, tablet).Tablets, func(tb schema.Tablet) bool { return tb.ID == tablet }) {
		return mysqlerr.New(mysqlerr.QueryInterrupted) // somebody has cancelled it
	}
	return nil
}

// CancelMove has a tablet stay where it is, if it has not moved yet. 1525 where it does not move.
func (x Moves) CancelMove(ctx context.Context, name Name, tablet schema.TabletID) error {
	t, ok := x.DB.Catalog().Table(name.DB, name.Table)
	if !ok {
		return mysqlerr.New(mysqlerr.NoSuchTable, name.DB, name.Table)
	}
	m := catalog.MoveFrom(x.DB.Catalog(), tablet)
	if m == nil || m.Table != partWith(x.DB.Catalog(), t, tablet).ID || m.State != catalog.MoveCopying {
		return mysqlerr.New(mysqlerr.WrongValue, "TABLET", strconv.FormatUint(uint64(tablet), 10))
	}
	return x.cancelMove(ctx, m.Tablet)
}

func (x Moves) cancelMove(ctx context.Context, tablet schema.TabletID) error {
	return x.DB.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		if m := catalog.MoveOf(tx.Snapshot, tablet); m != nil && m.State == catalog.MoveCopying {
			cancelled := *m
			cancelled.Cancel = true
			tx.PutMove(&cancelled)
		}
		return nil
	})
}
