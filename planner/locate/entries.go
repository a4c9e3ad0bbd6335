package locate

import (
	"bytes"
	"slices"

	"cloudsql/distributed/catalog"
	"cloudsql/planner/access"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// A row that is asked for by a whole key that is unique over tablets (decision 51) is in the tablet of the primary key that the key's entry has.
// The row is then read by the key in that tablet, as it would be in each of them: what else is said of it, which rows are locked, and whether its
// shard has the index still, and had it when the snapshot was taken, is found out there.

// Keyed are keys whose rows can be in a tablet only.
type Keyed struct {
	Tablet *schema.Tablet
	Keys   [][]byte
}

// ByEntries deals encoded keys of an index, which rise, to the tablets of the rows that have them. read reads fragments of the entries as the rows
// are going to be read: at the same snapshot, or under the same locks. A key without an entry is nobody's, which counts as long as the index is
// there: if none has one, the first tablet is asked for the first of them. nil: the catalog does not have the entries.
func ByEntries(c *catalog.Snapshot, t *schema.Table, ix *schema.Index, list [][]byte,
	read func(frags []*fragment.Read, each func(row []types.Value) error) error) (dealt []Keyed, err error) {
	if c == nil {
		return nil, nil
	}
	entries, ok := c.TableByID(ix.Entries)
	if !ok {
		return nil, nil
	}
	at := map[string]*schema.Tablet{}
	err = read(entryReads(entries, list), func(row []types.Value) error {
		at[string(row[0].Raw())] = t.TabletFor(row[1].Raw())
		return nil
	})
	if err != nil {
		return nil, err
	}
	parts := map[*schema.Tablet][][]byte{}
	for _, key := range list {
		if tablet := at[string(key)]; tablet != nil {
			parts[tablet] = append(parts[tablet], key)
		}
	}
	for i := range t.Tablets {
		if part := parts[&t.Tablets[i]]; len(part) > 0 {
			dealt = append(dealt, Keyed{&t.Tablets[i], part})
		}
	}
	if len(dealt) == 0 {
		dealt = []Keyed{{&t.Tablets[0], list[:1]}}
	}
	return dealt, nil
}

// Reads are f in the tablets of the rows that keys were dealt to.
func Reads(f *fragment.Read, dealt []Keyed) []*fragment.Read {
	out := make([]*fragment.Read, len(dealt))
	for i, k := range dealt {
		one, env := *f, *f.Env
		one.Tablet, one.Spans, one.Env = k.Tablet.ID, access.Wholes(k.Keys), &env
		out[i] = &one
	}
	return out
}

// entryReads are the reads of some keys' entries, by tablets.
func entryReads(entries *schema.Table, list [][]byte) []*fragment.Read {
	f := &fragment.Read{
		SchemaVersion: entries.Version, Index: schema.PrimaryIndex, Table: entries, Columns: entries.ColumnIDs(), Env: &expr.Env{Mode: *types.DefaultMode()},
	}
	own := make([][]byte, len(list))
	for i, key := range list {
		own[i] = keys.AppendPrimary(nil, entries, []types.Value{types.Bytes(key), types.Null})
	}
	slices.SortFunc(own, bytes.Compare)
	return access.PointReads(f, entries, entries.Tablets, entries.Primary(), own)
}
