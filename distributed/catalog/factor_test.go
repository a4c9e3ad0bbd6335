package catalog

import (
	"maps"
	"testing"

	"cloudsql/storage/schema"
	"cloudsql/storage/version"
)

// A shard has the largest factor of the databases that have something in it, and the cluster's where one of them has none of its own.
func TestFactors(t *testing.T) {
	s := Empty()
	change := func(fn func(tx *Tx) error) {
		t.Helper()
		tx := s.Begin()
		if err := fn(tx); err != nil {
			t.Fatal(err)
		}
		next, err := s.Apply(s.Version()+1, tx.Command(1, s.Version()+1).Sets)
		if err != nil {
			t.Fatal(err)
		}
		s = next
	}
	want := func(what string, shards map[schema.ShardID]int) {
		t.Helper()
		if got := Factors(s, 3); !maps.Equal(got, shards) {
			t.Errorf("%s: %v, not %v", what, got, shards)
		}
	}
	change(func(tx *Tx) error {
		tx.PutDatabase(&schema.Database{ID: 1, Name: "a", Shard: 2})
		tx.PutDatabase(&schema.Database{ID: 2, Name: "b", Shard: 3})
		tx.PutDatabase(&schema.Database{ID: 3, Name: "c", Shard: 4})
		tx.PutTable(&schema.Table{ID: 10, Database: 1, Name: "t", Tablets: []schema.Tablet{{ID: 20, Shard: 2}, {ID: 21, Shard: 5}}})
		tx.PutTable(&schema.Table{ID: 11, Name: "10.1.x", Tablets: []schema.Tablet{{ID: 22, Shard: 6}}})
		tx.PutTable(&schema.Table{ID: 12, Database: 3, Name: "t", Tablets: []schema.Tablet{{ID: 23, Shard: 4}, {ID: 24, Shard: 5}}})
		return nil
	})
	want("nobody asks", nil)
	change(func(tx *Tx) error { return SetFactor(tx, "a", 1) })
	want("a has 1", map[schema.ShardID]int{2: 1, 5: 3, 6: 1})
	change(func(tx *Tx) error { return SetFactor(tx, "c", 5) })
	want("c has 5, too", map[schema.ShardID]int{2: 1, 4: 5, 5: 5, 6: 1})
	change(func(tx *Tx) error { return SetFactor(tx, "c", 2) })
	want("c has 2", map[schema.ShardID]int{2: 1, 4: 2, 5: 2, 6: 1})
	change(func(tx *Tx) error { return SetFactor(tx, "a", 0) })
	want("a has none", map[schema.ShardID]int{4: 2, 5: 3})
	tx := s.Begin()
	if err := SetFactor(tx, "b", 5); err != nil || tx.Check(version.V1) == nil || tx.Check(version.V2) != nil {
		t.Error(err, "programs of version 1 would not carry it out")
	}
	for db, factor := range map[string]uint64{"nowhere": 3, "b": 8} {
		if SetFactor(s.Begin(), db, factor) == nil {
			t.Errorf("%s was given %d", db, factor)
		}
	}
	if FactorOf(s, 3) != 2 || FactorOf(s, 1) != 0 {
		t.Error(FactorOf(s, 3), FactorOf(s, 1))
	}
}
