package change

import (
	"context"
	"hash/fnv"
	"time"

	"cloudsql/distributed"
	"cloudsql/storage/conversion"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// Differing names the unique keys over tablets of a table whose entries are not those of its rows.
func Differing(ctx context.Context, db distributed.DB, t *schema.Table) (names []string, err error) {
	if !t.HasEntries() {
		return nil, nil
	}
	at, err := db.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	sums := map[schema.IndexID]uint64{} // of the rows' entries less those that are there, in whatever order
	utc := types.Mode{Loc: time.UTC, AllowInvalid: true}
	err = eachRow(ctx, db, t, at, func(row []types.Value) error {
		if err := Stored(t, row, &utc); err != nil {
			return err
		}
		for i := range t.Indexes {
			if ix := &t.Indexes[i]; hasAllEntries(ix) {
				if key, ok := keys.AppendEntry(nil, t, ix, row); ok {
					sums[ix.ID] += entrySum(key, keys.AppendPrimary(nil, t, row))
				}
			}
		}
		return nil
	})
	for i := range t.Indexes {
		ix := &t.Indexes[i]
		if !hasAllEntries(ix) || err != nil {
			continue
		}
		if e, ok := db.Catalog().TableByID(ix.Entries); ok {
			err = eachRow(ctx, db, e, at, func(row []types.Value) error {
				sums[ix.ID] -= entrySum(row[0].Raw(), row[1].Raw())
				return nil
			})
		}
		if sums[ix.ID] != 0 {
			names = append(names, ix.Name)
		}
	}
	return names, err
}

// hasAllEntries: one that is being made, or goes, has some.
func hasAllEntries(ix *schema.Index) bool { return ix.Entries != 0 && ix.State == schema.Public }

func entrySum(key, row []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte{byte(len(key) >> 8), byte(len(key))})
	_, _ = h.Write(key)
	_, _ = h.Write(row)
	return h.Sum64()
}

// Stored gives a full row that was read in UTC the form in which it is stored.
func Stored(t *schema.Table, row []types.Value, utc *types.Mode) (err error) {
	for i := range row {
		if c := &t.Columns[i]; c.Type.IsTimestamp() && !row[i].IsNull() {
			if row[i], err = conversion.Assign(row[i], &c.Type, c.Name, 1, utc, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// eachRow reads a table as of a timestamp.
func eachRow(ctx context.Context, db distributed.DB, t *schema.Table, at mvcc.Timestamp, fn func(row []types.Value) error) error {
	for i := range t.Tablets {
		r := &fragment.Read{
			Tablet: t.Tablets[i].ID, SchemaVersion: t.Version, Index: schema.PrimaryIndex, Spans: []fragment.Span{{}}, Columns: t.ColumnIDs(),
			Env: &expr.Env{Mode: types.Mode{Loc: time.UTC, AllowInvalid: true}}, Table: t,
		}
		if err := readAll(ctx, db, r, at, fn); err != nil {
			return err
		}
	}
	return nil
}

func readAll(ctx context.Context, db distributed.DB, r *fragment.Read, at mvcc.Timestamp, fn func(row []types.Value) error) error {
	rows, err := db.ReadAt(ctx, r, at)
	if err != nil {
		return err
	}
	return distributed.EachPage(ctx, rows, func(page *fragment.Page) error {
		for i := range page.Batch.Len() {
			if err := fn(page.Batch.Row(i)); err != nil {
				return err
			}
		}
		return nil
	})
}
