package change

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"cloudsql/distributed"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// The entries of unique keys over tablets (decision 51). A write of the rows tells what became of them, and their entries follow in the same
// transaction, by keys alone: the one of the row before goes, that of the row after comes, and must be absent (1062). Who holds an entry's
// lock holds the key, as a row's lock in InnoDB's index does, so that of two transactions with the same key one waits for the other.
//
// Row by row, as InnoDB has it, an UPDATE may fail that would be right as a whole, and a REPLACE may take away a row that it has brought. Together
// go only what can't meet: keys of which none is taken away and given, in whichever order.

// uniqueKey is an index of a table with the table of its entries.
type uniqueKey struct {
	index *schema.Index
	table *schema.Table
}

// findEntries finds the unique keys over tablets of which a statement may change entries.
func (b *relationsBuilder) findEntries(r *related) error {
	for i := range r.table.Indexes {
		ix := &r.table.Indexes[i]
		if ix.Entries == 0 || !r.inserted && !r.deleted && !r.updatesAny(ix) && !r.updatesAny(r.table.Primary()) {
			continue
		}
		t, ok := b.ctx.Catalog.TableByID(ix.Entries)
		if !ok {
			return fmt.Errorf("planner: index %s of table %s has lost its entries", ix.Name, r.table.Name)
		}
		r.entries = append(r.entries, uniqueKey{ix, t})
	}
	return nil
}

func (r *related) updatesAny(ix *schema.Index) bool {
	for _, c := range ix.Columns {
		if r.updated[r.table.Columns[c.Column].ID] {
			return true
		}
	}
	return false
}

// entry is a row of a table of entries.
type entry struct {
	key, row []byte
	of       []types.Value // the row that it is of
}

// entryOf gives the entry of an image of a row; nil: it has none.
func (k *uniqueKey) entryOf(t *schema.Table, row []types.Value) *entry {
	key, ok := keys.AppendEntry(nil, t, k.index, row)
	if !ok {
		return nil
	}
	return &entry{key, keys.AppendPrimary(nil, t, row), row}
}

func (e *entry) values() []types.Value { return []types.Value{types.Bytes(e.key), types.Bytes(e.row)} }

// enter has the entries follow the rows that f has written. 1062.
func (w *Writer) enter(ctx context.Context, r *related, f *fragment.Write, images *fragment.Images) (*mysqlerr.Error, error) {
	if len(r.entries) == 0 || len(images.Kinds) == 0 {
		return nil, nil
	}
	if len(images.Kinds) == 1 || !r.entriesMeet(images) {
		return w.enterTogether(ctx, r, f, images)
	}
	for i := range images.Kinds {
		one := &fragment.Images{Kinds: images.Kinds[i : i+1], Rows: types.Batch{Width: images.Rows.Width}}
		one.Rows.Append(images.Rows.Row(i))
		if failed, err := w.enterTogether(ctx, r, f, one); failed != nil || err != nil {
			return failed, err
		}
	}
	return nil, nil
}

// entriesMeet tells whether an entry goes and comes in what became of some rows.
func (r *related) entriesMeet(images *fragment.Images) bool {
	return slices.ContainsFunc(r.entries, func(k uniqueKey) bool { return meet(k.changes(r.table, images)) })
}

// enterTogether takes all entries away that go, and then makes those that come.
func (w *Writer) enterTogether(ctx context.Context, r *related, f *fragment.Write, images *fragment.Images) (*mysqlerr.Error, error) {
	for i := range r.entries {
		gone, come := r.entries[i].changes(r.table, images)
		if failed, err := w.enterAll(ctx, r, f, &r.entries[i], gone, come); failed != nil || err != nil {
			return failed, err
		}
	}
	return nil, nil
}

// changes are the entries that go and come with rows.
func (k *uniqueKey) changes(t *schema.Table, images *fragment.Images) (gone, come []*entry) {
	n := images.Rows.Width / 2
	for i, kind := range images.Kinds {
		row := images.Rows.Row(i)
		var was, is *entry
		if kind != fragment.RowCame {
			was = k.entryOf(t, row[:n])
		}
		if kind != fragment.RowWent {
			is = k.entryOf(t, row[n:])
		}
		if was != nil && is != nil && bytes.Equal(was.key, is.key) && bytes.Equal(was.row, is.row) {
			continue
		}
		if was != nil {
			gone = append(gone, was)
		}
		if is != nil {
			come = append(come, is)
		}
	}
	return gone, come
}

// meet tells whether a key goes and comes.
func meet(gone, come []*entry) bool {
	if len(gone) == 0 {
		return false
	}
	went := make(map[string]bool, len(gone))
	for _, e := range gone {
		went[string(e.key)] = true
	}
	for _, e := range come {
		if went[string(e.key)] {
			return true
		}
	}
	return false
}

// enterAll takes entries away and makes others.
func (w *Writer) enterAll(ctx context.Context, r *related, f *fragment.Write, k *uniqueKey, gone, come []*entry) (*mysqlerr.Error, error) {
	gone, err := k.own(ctx, w.rt.Txn, gone)
	if err != nil {
		return nil, err
	}
	failed, err := w.writeEntries(ctx, f, k.writes(fragment.Delete, gone))
	if failed != nil || err != nil || len(come) == 0 {
		return failed, err
	}
	mark := w.rt.Txn.Savepoint()
	if failed, err = w.writeEntries(ctx, f, k.writes(fragment.Insert, come)); failed == nil || err != nil {
		return failed, err
	}
	if len(come) > 1 { // which of them it is, one after the other tells
		if err := w.rt.Txn.RollbackTo(ctx, mark); err != nil {
			return nil, err
		}
	}
	for _, e := range come {
		if len(come) > 1 {
			if failed, err = w.writeEntries(ctx, f, k.writes(fragment.Insert, []*entry{e})); err != nil {
				return nil, err
			}
		}
		if failed == nil {
			continue
		}
		if f.Kind == fragment.Replace {
			if w.inTheWay, err = EntryRow(ctx, w.rt.Txn, k.table, e.key); err != nil {
				return nil, err
			}
		}
		return keys.Duplicate(r.table, k.index, e.of, w.rt.Env.Mode.Loc), nil
	}
	return nil, nil
}

// writes are the fragments that make entries, or take them away.
func (k *uniqueKey) writes(kind fragment.Kind, list []*entry) (writes []*fragment.Write) {
	at := map[schema.TabletID]*fragment.Write{}
	for _, e := range list {
		key := keys.AppendPrimary(nil, k.table, e.values())
		tablet := k.table.TabletFor(key).ID
		f := at[tablet]
		if f == nil {
			f = &fragment.Write{Kind: kind, Tablet: tablet, SchemaVersion: k.table.Version, Env: entryEnv(), FirstRow: 1}
			if kind == fragment.Insert {
				f.Columns, f.Rows = k.table.ColumnIDs(), types.Batch{Width: len(k.table.Columns)}
			}
			at[tablet] = f
			writes = append(writes, f)
		}
		if kind == fragment.Insert {
			f.Rows.Append(e.values())
		} else {
			f.Keys = append(f.Keys, key)
		}
	}
	return writes
}

func entryEnv() *expr.Env { return &expr.Env{Mode: *types.DefaultMode()} }

// writeEntries writes entries. What they count is not the statement's.
func (w *Writer) writeEntries(ctx context.Context, f *fragment.Write, writes []*fragment.Write) (*mysqlerr.Error, error) {
	for _, e := range writes {
		e.FirstRow = f.FirstRow
		w.rt.Used.AddTablet(w.rt.Catalog, e.Tablet)
		if res, err := w.rt.Txn.Write(ctx, e); err != nil || res.Err != nil {
			return resultError(res), err
		}
	}
	return nil, nil
}

// EntryRow finds the encoded primary key of the row that has a key, and locks the key, whether there is one or not (nil).
func EntryRow(ctx context.Context, txn distributed.Txn, entries *schema.Table, key []byte) ([]byte, error) {
	e := &entry{key: key}
	at := keys.AppendPrimary(nil, entries, e.values())
	r := &fragment.Read{
		Tablet: entries.TabletFor(at).ID, SchemaVersion: entries.Version, Index: schema.PrimaryIndex, Keys: [][]byte{at},
		Columns: entries.ColumnIDs()[1:], Env: entryEnv(),
	}
	var page fragment.Page
	err := txn.ReadPoint(ctx, r, distributed.ReadForUpdate, distributed.LockOptions{Ranges: true}, &page)
	if err != nil || page.Batch.Len() == 0 {
		return nil, err
	}
	return bytes.Clone(page.Batch.Row(0)[0].Raw()), nil
}

// replace takes away a row that REPLACE's row meets in another tablet.
func (w *Writer) replace(ctx context.Context, r *related, f *fragment.Write, row []byte) error {
	gone := &fragment.Write{
		Kind: fragment.Delete, Tablet: r.table.TabletFor(row).ID, SchemaVersion: r.table.Version, Keys: [][]byte{row}, Env: f.Env, FirstRow: f.FirstRow,
	}
	w.rt.Used.AddTablet(w.rt.Catalog, gone.Tablet)
	_, failed, err := w.writeOnce(ctx, r, gone)
	if err == nil && failed != nil {
		err = failed
	}
	w.Sum.Duplicates++
	return err
}

// Enter makes the entries of rows that are there already, in a transaction: of images of all columns, in storage form. An entry that is there
// is its row's. 1062.
func Enter(ctx context.Context, txn distributed.Txn, t *schema.Table, ix *schema.Index, entries *schema.Table, rows [][]types.Value) error {
	k := &uniqueKey{ix, entries}
	var come []*entry
	for _, row := range rows {
		if e := k.entryOf(t, row); e != nil {
			come = append(come, e)
		}
	}
	there, err := k.present(ctx, txn, come)
	if err != nil {
		return err
	}
	come = slices.DeleteFunc(come, func(e *entry) bool { return bytes.Equal(there[string(e.key)], e.row) })
	for _, e := range come {
		if there[string(e.key)] != nil {
			return keys.Duplicate(t, ix, e.of, types.DefaultMode().Loc)
		}
	}
	for _, f := range k.writes(fragment.Insert, come) {
		res, err := txn.Write(ctx, f)
		if err != nil {
			return err
		}
		if res.Err != nil {
			return enteredTwice(t, ix, come, res.Err)
		}
	}
	return nil
}

// own leaves those of some entries that are there, where an index is being made: rows of before may have the same key, and one of them its entry.
func (k *uniqueKey) own(ctx context.Context, txn distributed.Txn, list []*entry) ([]*entry, error) {
	if k.index.State == schema.Public || len(list) == 0 {
		return list, nil
	}
	there, err := k.present(ctx, txn, list)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list, func(e *entry) bool { return !bytes.Equal(there[string(e.key)], e.row) }), nil
}

// present gives the rows, by their keys, of those of some entries that are there, and locks the keys.
func (k *uniqueKey) present(ctx context.Context, txn distributed.Txn, list []*entry) (map[string][]byte, error) {
	there := map[string][]byte{}
	for _, f := range k.writes(fragment.Delete, list) { // by tablets
		slices.SortFunc(f.Keys, bytes.Compare)
		r := &fragment.Read{
			Tablet: f.Tablet, SchemaVersion: f.SchemaVersion, Index: schema.PrimaryIndex, Keys: slices.CompactFunc(f.Keys, bytes.Equal),
			Columns: k.table.ColumnIDs(), Env: f.Env,
		}
		rows, err := txn.Read(ctx, r, distributed.ReadForUpdate, distributed.LockOptions{Ranges: true})
		if err != nil {
			return nil, err
		}
		err = distributed.EachPage(ctx, rows, func(page *fragment.Page) error {
			for i := range page.Batch.Len() {
				row := page.Batch.Row(i)
				there[string(row[0].Raw())] = bytes.Clone(row[1].Raw())
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return there, nil
}

// enteredTwice is 1062 for the first of some entries whose key one before it has.
func enteredTwice(t *schema.Table, ix *schema.Index, come []*entry, err *mysqlerr.Error) error {
	seen := map[string]bool{}
	for _, e := range come {
		if seen[string(e.key)] {
			return keys.Duplicate(t, ix, e.of, types.DefaultMode().Loc)
		}
		seen[string(e.key)] = true
	}
	return err
}
