package change

import (
	"context"

	"cloudsql/planner/locate"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// WriteMoving writes changes that may take rows to other tablets: each row is changed where it is, by its shard, and what does not
// belong there any more is taken out and inserted where it does.
func (w *Writer) WriteMoving(ctx context.Context, p *locate.Place, ignore bool, writes ...*fragment.Write) error {
	for _, f := range writes {
		w.rt.Used.AddTablet(w.rt.Catalog, f.Tablet)
		if w.relations != nil && w.relations.tablets[f.Tablet] != nil {
			if err := w.writeRelated(ctx, f); err != nil {
				return err
			}
			continue
		}
		f.Report = p.Table.ColumnIDs()
		if !ignore {
			failed, err := w.changeAndMove(ctx, p, f)
			if err == nil && failed != nil {
				err = failed
			}
			if err != nil {
				return err
			}
			continue
		}
		for i := range max(len(f.Keys), f.Rows.Len()) {
			mark := w.rt.Txn.Savepoint()
			one := f.Row(i)
			failed, err := w.changeAndMove(ctx, p, one)
			if err != nil {
				return err
			}
			if failed == nil {
				continue
			}
			if !Spared(failed) {
				return failed
			}
			if err := w.rt.Txn.RollbackTo(ctx, mark); err != nil {
				return err
			}
			w.forgive(one, nil, failed)
		}
	}
	return nil
}

// Spared tells of errors that leave a row as it is under IGNORE.
func Spared(err error) bool {
	switch mysqlerr.Code(err) {
	case mysqlerr.DupEntry, mysqlerr.NoPartitionForValue, mysqlerr.RowNotInGivenPartitions:
		return true
	}
	return false
}

// changeAndMove writes one fragment. A failure of the statement's own is failed.
func (w *Writer) changeAndMove(ctx context.Context, p *locate.Place, f *fragment.Write) (failed *mysqlerr.Error, err error) {
	res, err := w.rt.Txn.Write(ctx, f)
	if err != nil || res.Err != nil {
		return resultError(res), err
	}
	if failed, err := w.relocate(ctx, p, f, res.Images); failed != nil || err != nil {
		return failed, err
	}
	return nil, w.add(f, res)
}

// relocate takes the rows that f has changed to where they belong. Their images are of all columns.
func (w *Writer) relocate(ctx context.Context, p *locate.Place, f *fragment.Write, images *fragment.Images) (failed *mysqlerr.Error, err error) {
	n := len(p.Table.Columns)
	for i, kind := range images.Kinds {
		if kind != fragment.RowChanged {
			continue
		}
		row := images.Rows.Row(i)[n:]
		to, err := p.Of(row)
		if err != nil {
			return mysqlerr.From(err), nil
		}
		if to.ID == f.Tablet {
			continue
		}
		if failed, err := w.move(ctx, p, f, row, to); failed != nil || err != nil {
			return failed, err
		}
	}
	return nil, nil
}

// move takes a row from where f has changed it to where it belongs.
func (w *Writer) move(ctx context.Context, p *locate.Place, f *fragment.Write, row []types.Value, to *schema.Tablet) (failed *mysqlerr.Error, err error) {
	gone := &fragment.Write{
		Kind: fragment.Delete, Tablet: f.Tablet, SchemaVersion: f.SchemaVersion, Keys: [][]byte{keys.AppendPrimary(nil, p.Table, row)},
		Env: f.Env, FirstRow: f.FirstRow,
	}
	came := &fragment.Write{
		Kind: fragment.Insert, Tablet: to.ID, SchemaVersion: f.SchemaVersion, Columns: p.Table.ColumnIDs(), Rows: types.Batch{Width: len(row)},
		Env: f.Env, FirstRow: f.FirstRow,
	}
	came.Rows.Append(row)
	for _, step := range []*fragment.Write{gone, came} {
		w.rt.Used.AddTablet(w.rt.Catalog, step.Tablet)
		res, err := w.rt.Txn.Write(ctx, step)
		if err != nil || res.Err != nil {
			return resultError(res), err
		}
	}
	return nil, nil
}
