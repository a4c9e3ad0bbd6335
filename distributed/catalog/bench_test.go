package catalog

import (
	"fmt"
	"testing"

	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// benchTable is a table of eight columns, two of them indexed.
func benchTable(id uint64, shards int) *schema.Table {
	t := &schema.Table{
		ID: schema.TableID(id), Database: 1, Name: fmt.Sprint("table_", id), Version: 1, NextColumnID: 9, NextIndexID: 4,
		Tablets: []schema.Tablet{{ID: schema.TabletID(id), Shard: schema.ShardID(2 + id%uint64(shards))}},
	}
	for i := range 8 {
		t.Columns = append(t.Columns, schema.Column{ID: schema.ColumnID(i + 1), Name: fmt.Sprint("column_", i), Type: types.Type{Length: 120}})
	}
	for i := range 3 {
		t.Indexes = append(t.Indexes, schema.Index{ID: schema.IndexID(i + 1), Name: fmt.Sprint("index_", i), Columns: []schema.IndexColumn{{Column: i}}})
	}
	return t
}

func benchCatalog(tables int) *Snapshot {
	tx := Empty().Begin()
	tx.PutDatabase(&schema.Database{ID: 1, Name: "d"})
	for i := range uint64(tables) {
		tx.PutTable(benchTable(1000+i, 4))
	}
	return tx.Snapshot
}

// benchSizes are the tables that a catalog has already.
var benchSizes = []int{100, 1000, 10_000}

// BenchmarkCreateTable is what a new table costs the catalog of a node: the change is made as one of those that share a commit, and
// followed when it is applied.
func BenchmarkCreateTable(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, t := benchCatalog(n), benchTable(1<<20, 4)
			benchChange(b, s, func(tx *Tx) { tx.PutTable(t) })
		})
	}
}

// BenchmarkDropTable is the same of a table that goes.
func BenchmarkDropTable(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			benchChange(b, benchCatalog(n), func(tx *Tx) { tx.DeleteTable(schema.TableID(1000 + n/2)) })
		})
	}
}

func benchChange(b *testing.B, s *Snapshot, fn func(tx *Tx)) {
	b.ReportAllocs()
	for b.Loop() {
		tx := s.Begin()
		part := tx.Part()
		fn(part)
		part.Join()
		if _, err := s.Apply(1, tx.Command(1, 1).Sets); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFind is a table by its name, and by its id: what each statement that is planned asks.
func BenchmarkFind(b *testing.B) {
	for _, n := range benchSizes {
		s := benchCatalog(n)
		name := fmt.Sprint("table_", 1000+n/3)
		b.Run(fmt.Sprint("name/", n), func(b *testing.B) {
			for b.Loop() {
				if _, ok := s.Table("d", name); !ok {
					b.Fatal("not found")
				}
			}
		})
		b.Run(fmt.Sprint("id/", n), func(b *testing.B) {
			for b.Loop() {
				if _, ok := s.TableByID(schema.TableID(1000 + n/3)); !ok {
					b.Fatal("not found")
				}
			}
		})
	}
}
