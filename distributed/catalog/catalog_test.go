package catalog

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/version"
)

// records is a system shard: what its log did to its records.
type records struct {
	index    uint64
	values   map[string][]byte
	versions map[string]uint64
}

func newRecords() *records {
	return &records{values: map[string][]byte{}, versions: map[string]uint64{}}
}

func (r *records) apply(c *shard.SystemCommand) bool {
	r.index++
	for _, e := range c.Expect {
		if r.versions[e.Key] != e.Version {
			return false
		}
	}
	for _, s := range c.Sets {
		if s.Value == nil {
			delete(r.values, s.Key)
			delete(r.versions, s.Key)
			continue
		}
		r.values[s.Key], r.versions[s.Key] = s.Value, r.index
	}
	return true
}

func (r *records) scan(_ string, fn func(string, []byte, uint64) bool) {
	for _, k := range slices.Sorted(maps.Keys(r.values)) {
		if !fn(k, r.values[k], r.versions[k]) {
			return
		}
	}
}

// commit applies a change to the records and follows it in a snapshot.
func (r *records) commit(t *testing.T, s *Snapshot, fn func(tx *Tx)) *Snapshot {
	t.Helper()
	tx := s.Begin()
	fn(tx)
	c := tx.Command(1, r.index+1)
	if !r.apply(c) {
		t.Fatal("the change was refused")
	}
	next, err := s.Apply(r.index, c.Sets)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := Load(r.scan)
	if err != nil {
		t.Fatal(err)
	}
	if followed, loaded := plainOf(next), plainOf(loaded); !reflect.DeepEqual(followed, loaded) {
		t.Fatalf("followed:\n%+v\nloaded:\n%+v", followed, loaded)
	}
	return next
}

func TestSnapshotsFollowChanges(t *testing.T) {
	r := newRecords()
	s0 := Empty()
	s1 := r.commit(t, s0, func(tx *Tx) {
		d := &schema.Database{ID: schema.DatabaseID(tx.NewID()), Name: "shop"}
		tx.PutDatabase(d)
		for _, name := range []string{"b", "a"} {
			tx.PutTable(&schema.Table{ID: schema.TableID(tx.NewID()), Database: d.ID, Name: name, Version: 1,
				Tablets: []schema.Tablet{{ID: schema.TabletID(len(name) + int(name[0])), Shard: 2}}})
		}
		tx.PutUser(&User{Name: "root", Host: "%", LoopbackOnly: true})
		tx.PutNode(&Node{ID: 1, NodeAddr: "x"})
		tx.PutShard(&Shard{ID: 1, Replicas: map[schema.NodeID]uint64{1: 1}})
		tx.PutSetting("sql_mode", "ANSI")
		tx.PutRecord("job", "7", map[string]int{"done": 5})
		if _, ok := tx.Snapshot.Table("shop", "a"); !ok {
			t.Error("a change does not see itself")
		}
	})
	if len(s0.Databases()) != 0 || s0.Version() != 0 {
		t.Error("the snapshot before has changed")
	}
	if names := fmt.Sprint(len(s1.Tables("shop")), s1.Tables("shop")[0].Name, s1.Tables("nope")); names != "2a[]" {
		t.Error(names)
	}
	ta, _ := s1.Table("shop", "a")
	s2 := r.commit(t, s1, func(tx *Tx) {
		renamed := *ta
		renamed.Name, renamed.Version = "c", 2
		tx.PutTable(&renamed)
		tx.DeleteUser("root", "%")
		tx.PutRecord("job", "7", nil)
		tx.PutRecord("job", "8", 1)
		if id := tx.NewID(); id != FirstID+3 {
			t.Errorf("id %d", id)
		}
	})
	if _, ok := s2.Table("shop", "a"); ok {
		t.Error("the old name is still there")
	}
	if c, ok := s2.TableByID(ta.ID); !ok || c.Name != "c" {
		t.Error("the table is not found by its id")
	}
	if _, ok := s1.Table("shop", "a"); !ok {
		t.Error("the snapshot before has changed")
	}
	if h, ok := s2.ShardOf(schema.TabletID(1 + 'a')); !ok || h != 2 {
		t.Error("the tablet is not found")
	}
	if len(s2.Users()) != 0 || len(s1.Users()) != 1 || fmt.Sprint(s2.Records("job")) != "[8]" {
		t.Error("users or records", s2.Users(), s2.Records("job"))
	}
	var n int
	if !s2.Record("job", "8", &n) || n != 1 || s2.Record("job", "7", &n) {
		t.Error("record")
	}
	s3 := r.commit(t, s2, func(tx *Tx) {
		for _, tb := range tx.Snapshot.Tables("shop") {
			tx.DeleteTable(tb.ID)
		}
		tx.DeleteDatabase("shop")
		tx.DeleteSetting("sql_mode")
	})
	if len(s3.Databases()) != 0 || len(s3.Settings()) != 0 {
		t.Error("not deleted")
	}
	same, err := s3.Apply(99, []shard.SystemSet{{Key: "tso/limit", Value: []byte("5")}})
	if err != nil || same != s3 {
		t.Error("a change of something else makes a new catalog")
	}
}

// TestTabletsChangeTables: a tablet is found where its new table has it, whichever of the two records a change brings first.
func TestTabletsChangeTables(t *testing.T) {
	for _, ids := range [][2]schema.TableID{{3, 4}, {4, 3}} {
		from, to := ids[0], ids[1]
		r := newRecords()
		s := r.commit(t, Empty(), func(tx *Tx) {
			tx.PutDatabase(&schema.Database{ID: 1, Name: "shop"})
			tx.PutTable(&schema.Table{ID: from, Database: 1, Name: "from", Version: 1, Tablets: []schema.Tablet{{ID: 8, Shard: 2}}})
			tx.PutTable(&schema.Table{ID: to, Database: 1, Name: "to", Version: 1, Tablets: []schema.Tablet{{ID: 9, Shard: 2}}})
		})
		s = r.commit(t, s, func(tx *Tx) {
			tx.DeleteTable(from)
			tx.PutTable(&schema.Table{ID: to, Database: 1, Name: "to", Version: 2, Tablets: []schema.Tablet{{ID: 8, Shard: 2}}})
		})
		if _, ok := s.ShardOf(8); !ok {
			t.Errorf("from %d to %d: the tablet is not found", from, to)
		}
		if _, ok := s.ShardOf(9); ok {
			t.Errorf("from %d to %d: the tablet that went is found", from, to)
		}
	}
}

func TestLostRace(t *testing.T) {
	r := newRecords()
	s := r.commit(t, Empty(), func(tx *Tx) { tx.PutSetting("a", "1") })
	mine, theirs := s.Begin(), s.Begin()
	mine.PutSetting("a", "2")
	theirs.PutSetting("b", "2")
	if !r.apply(theirs.Command(2, 10)) {
		t.Fatal("the first change was refused")
	}
	if r.apply(mine.Command(1, 11)) {
		t.Fatal("a change of an old catalog was accepted")
	}
	now, err := Load(r.scan)
	if err != nil {
		t.Fatal(err)
	}
	if now.LastCommit(2, Definitions) != 10 || now.LastCommit(1, Definitions) == 11 {
		t.Errorf("commits %v", maps.Collect(now.commits.All()))
	}
	if v, _ := now.Setting("a"); v != "1" {
		t.Errorf("a = %s", v)
	}
}

func TestUnknownKindsAreIgnoredAndDamageIsNot(t *testing.T) {
	s, err := Empty().Apply(1, []shard.SystemSet{{Key: "c/future/5", Value: []byte("{")}, {Key: "c/whatever", Value: []byte("x")}})
	if err != nil {
		t.Error(err)
	}
	if _, err := s.Apply(2, []shard.SystemSet{{Key: "c/table/5", Value: []byte("{")}}); err == nil {
		t.Error("a damaged record was accepted")
	}
}

func FuzzSet(f *testing.F) {
	f.Add("c/table/5", []byte(`{"id":5,"name":"t"}`))
	f.Add("c/next", []byte(`7`))
	f.Fuzz(func(_ *testing.T, key string, value []byte) {
		_, _ = Empty().Apply(1, []shard.SystemSet{{Key: Prefix + key, Value: value}, {Key: key, Value: value}})
	})
}

// TestRecordsAskSince: every kind of record says since when it exists, and a change that has a newer one than the
// cluster's version is refused with its type.
func TestRecordsAskSince(t *testing.T) {
	tx := Empty().Begin()
	for _, put := range []func(){
		func() { tx.PutDatabase(&schema.Database{ID: 1, Name: "d"}) },
		func() { tx.PutTable(&schema.Table{ID: 2, Database: 1, Name: "t"}) },
		func() { tx.PutUser(&User{Name: "u", Host: "%"}) },
		func() { tx.PutNode(&Node{ID: 1}) },
		func() { tx.PutShard(&Shard{ID: 2}) },
		func() { tx.PutSetting("x", "1") },
		func() { tx.PutRecord("job", "1", 1) },
		func() { tx.PutClusterVersion(ClusterVersion{Active: 1}) },
	} {
		if put(); tx.Check(version.V1) != nil {
			t.Errorf("refused at version 1: %v", tx.Check(version.V1))
		}
	}
	if v := sinceOf(kindCommit); v != version.V1 {
		t.Error("what each change has is of version", v)
	}
	later := Empty().Begin()
	later.put("later/", "1", 1)
	refusal := (*version.TooNew)(nil)
	if err := later.Check(version.Max); !errors.As(err, &refusal) {
		t.Errorf("a kind that is in no table: %v", err)
	}
}
