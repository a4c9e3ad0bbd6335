package schema

import (
	"encoding/json"
	"reflect"
	"testing"

	"cloudsql/storage/types"
)

func sample() *Table {
	return &Table{
		ID: 7, Name: "t", Version: 3,
		Columns: []Column{
			{ID: 1, Name: "Id", Type: types.TypeInt, NotNull: true, AutoIncrement: true},
			{ID: 4, Name: "name", Type: types.TypeString, HasDefault: true, Default: types.AppendValue(nil, types.Str("x"))},
			{ID: 5, Name: HiddenColumnName, Type: types.TypeUint, Hidden: true},
		},
		Indexes: []Index{
			{ID: PrimaryIndex, Name: "PRIMARY", Unique: true, Columns: []IndexColumn{{Column: 0}}},
			{ID: 2, Name: "by_name", Columns: []IndexColumn{{Column: 1, Prefix: 3, Desc: true}}, State: WriteOnly},
		},
		Options: map[string]string{"row_format": "DYNAMIC"},
		Tablets: []Tablet{{ID: 1, Shard: 2, End: []byte("g")}, {ID: 2, Shard: 3, Start: []byte("g"), End: []byte("p")}, {ID: 3, Shard: 2, Start: []byte("p")}},
	}
}

func TestLookups(t *testing.T) {
	s := sample()
	if s.ColumnByName("ID") != 0 || s.ColumnByName("NAME") != 1 || s.ColumnByName(HiddenColumnName) != -1 || s.ColumnByName("no") != -1 {
		t.Error("ColumnByName")
	}
	if s.ColumnByID(4) != 1 || s.ColumnByID(2) != -1 || s.AutoIncColumn() != 0 {
		t.Error("ColumnByID, AutoIncColumn")
	}
	if s.IndexByID(2) != &s.Indexes[1] || s.IndexByID(9) != nil || s.IndexByName("BY_NAME") != &s.Indexes[1] || s.IndexByName("x") != nil {
		t.Error("IndexByID, IndexByName")
	}
	if !s.HasPrimaryKey() || s.Primary() != &s.Indexes[0] {
		t.Error("Primary")
	}
	s.Indexes[0].Columns[0].Column = 2
	if s.HasPrimaryKey() {
		t.Error("a table clustered by its row id has no primary key")
	}
}

// Every key belongs to exactly one tablet, and ranges meet all the tablets that they overlap.
func TestTablets(t *testing.T) {
	s := sample()
	for key, want := range map[string]TabletID{"": 1, "a": 1, "fzz": 1, "g": 2, "o": 2, "p": 3, "z": 3} {
		if got := s.TabletFor([]byte(key)).ID; got != want {
			t.Errorf("key %q: tablet %d, want %d", key, got, want)
		}
		for i := range s.Tablets {
			if tb := &s.Tablets[i]; tb.Holds([]byte(key)) != (tb.ID == want) {
				t.Errorf("key %q: tablet %d holds it: %v", key, tb.ID, tb.Holds([]byte(key)))
			}
			if one := s.ForTablet(&s.Tablets[i]); len(one.Tablets) != 1 || one.Tablets[0].ID != s.Tablets[i].ID || s.Split() == one.Split() {
				t.Errorf("the shard of tablet %d gets %+v", s.Tablets[i].ID, one.Tablets)
			}
		}
	}
	for _, c := range []struct {
		start, end string
		want       []TabletID
	}{{"", "", []TabletID{1, 2, 3}}, {"a", "b", []TabletID{1}}, {"a", "g", []TabletID{1}}, {"a", "ga", []TabletID{1, 2}}, {"g", "", []TabletID{2, 3}}, {"x", "y", []TabletID{3}}} {
		bound := func(b string) []byte {
			if b == "" {
				return nil
			}
			return []byte(b)
		}
		var got []TabletID
		for _, tablet := range s.TabletsIn(bound(c.start), bound(c.end)) {
			got = append(got, tablet.ID)
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("range [%q, %q): tablets %v, want %v", c.start, c.end, got, c.want)
		}
	}
}

// Each leaf has its own tablets, whatever there are of others.
func TestLeaves(t *testing.T) {
	s := sample()
	if leaves := s.ByLeaf(); len(leaves) != 1 || len(leaves[0]) != 3 || len(s.LeafOf(0)) != 3 || !s.Cut() {
		t.Errorf("without partitions: %v, %v", leaves, s.LeafOf(0))
	}
	s.Partitioning = &Partitioning{Partitions: []Partition{{ID: 4, Name: "a"}, {ID: 9, Name: "b", Sub: []Partition{{ID: 2, Name: "c"}, {ID: 5, Name: "d"}}}}}
	whole := Tablet{ID: 8, Partition: 4}
	cut := []Tablet{{ID: 5, Partition: 2, End: []byte("g")}, {ID: 6, Partition: 2, Start: []byte("g")}}
	last := []Tablet{{ID: 1, Partition: 5, End: []byte("b")}, {ID: 2, Partition: 5, Start: []byte("b"), End: []byte("c")}, {ID: 3, Partition: 5, Start: []byte("c")}}
	s.Tablets = append(append([]Tablet{whole}, cut...), last...)
	if leaves := s.ByLeaf(); !reflect.DeepEqual(leaves, [][]Tablet{{whole}, cut, last}) || s.Split() || !s.Cut() {
		t.Errorf("leaves: %v", leaves)
	}
	if a, c, d, gone := s.LeafOf(4), s.LeafOf(2), s.LeafOf(5), s.LeafOf(9); !reflect.DeepEqual([][]Tablet{a, c, d, gone}, [][]Tablet{{whole}, cut, last, nil}) {
		t.Errorf("by their ids: %v %v %v %v", a, c, d, gone)
	}
	if got := TabletFor(s.LeafOf(5), []byte("bz")).ID; got != 2 {
		t.Errorf("a key is in tablet %d", got)
	}
	if got := TabletsIn(s.LeafOf(2), []byte("a"), nil); !reflect.DeepEqual(got, cut) || TabletsIn(s.LeafOf(9), nil, nil) != nil {
		t.Errorf("a range is in %v", got)
	}
	s.Tablets = []Tablet{whole, {ID: 5, Partition: 2}, {ID: 1, Partition: 5}}
	if s.Cut() || len(s.ByLeaf()) != 3 || s.Partitioning.Leaf(5).Name != "d" || !s.Tablets[1].Whole() || cut[0].Whole() || cut[1].Whole() {
		t.Error("one tablet each")
	}
}

// A clone may be changed in place without its original noticing, and a descriptor survives its JSON.
func TestCloneAndJSON(t *testing.T) {
	s, want := sample(), sample()
	c := s.Clone()
	c.Columns[0].Name, c.Indexes[1].Columns[0].Prefix, c.Tablets[0].Shard, c.Options["row_format"] = "changed", 9, 9, "changed"
	if !reflect.DeepEqual(s, want) {
		t.Error("a change of the clone shows in the original")
	}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back Table
	if err := json.Unmarshal(b, &back); err != nil || !reflect.DeepEqual(&back, want) {
		t.Errorf("through JSON: %+v (%v)", back, err)
	}
}
