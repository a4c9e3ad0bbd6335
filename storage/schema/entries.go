package schema

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/collation"
	"cloudsql/storage/types"
)

// A unique key of a table that is cut has its entries in a table of their own (Index.Entries, decision 51), which is in no database. Those who
// write the rows write it in the same transaction.

// IsUnique tells whether no two rows of the table have the same key, whoever sees to it.
func (ix *Index) IsUnique() bool { return ix.Unique || ix.Entries != 0 }

// HasEntries tells whether an index of the table has its entries in another table.
func (t *Table) HasEntries() bool {
	return slices.ContainsFunc(t.Indexes, func(ix Index) bool { return ix.Entries != 0 })
}

// UniqueHere leaves all unique keys to the shards: of a table that is written anew in one tablet, or in partitions.
func (t *Table) UniqueHere() {
	for i := range t.Indexes {
		if ix := &t.Indexes[i]; ix.Entries != 0 {
			ix.Unique, ix.Entries = true, 0
		}
	}
}

// maxEntryBytes is the length of the columns of a table of entries: more than any key has.
const maxEntryBytes = 65535

// NewEntries is the descriptor of an index's table of entries: a key, as the index's columns are encoded, and the encoded primary key of the row
// that has it. Its id and its tablets are left to who places it.
func NewEntries(t *Table, ix *Index) *Table {
	bytes := types.Type{ID: mysql.TypeVarchar, Length: maxEntryBytes, Decimals: types.Unspecified, Collation: collation.Binary}
	return &Table{
		Name: entriesPrefix(t.ID) + strconv.FormatUint(uint64(ix.ID), 10), Collation: collation.Binary, Version: 1,
		Columns:      []Column{{ID: 1, Name: "entry", Type: bytes, NotNull: true}, {ID: 2, Name: "row", Type: bytes, NotNull: true}},
		NextColumnID: 3,
		Indexes:      []Index{{ID: PrimaryIndex, Name: "PRIMARY", Unique: true, Columns: []IndexColumn{{Column: 0}}}},
		NextIndexID:  PrimaryIndex + 1,
	}
}

// entriesPrefix begins the names of a table's tables of entries. They are for who looks into the catalog.
func entriesPrefix(id TableID) string { return strconv.FormatUint(uint64(id), 10) + "." }

// EntriesFor is the table whose entries t has; false: t is another kind of table.
func (t *Table) EntriesFor() (TableID, bool) {
	if t.Database != 0 {
		return 0, false
	}
	id, _, ok := strings.Cut(t.Name, ".")
	n, err := strconv.ParseUint(id, 10, 64)
	return TableID(n), ok && err == nil
}

// EntriesOf tells whether t has entries of another table.
func (t *Table) EntriesOf(id TableID) bool {
	of, ok := t.EntriesFor()
	return ok && of == id
}
