package catalog

import (
	"testing"

	"cloudsql/storage/schema"
)

// Who refers to a table is known from the children's records alone, whatever order they come in, and told by a number.
func TestChildren(t *testing.T) {
	r := newRecords()
	s := Empty()
	children := func(name string) (ids []schema.TableID) {
		for _, c := range s.Children("d", name) {
			ids = append(ids, c.ID)
		}
		return ids
	}
	keys := func(parents ...string) (list []schema.ForeignKey) {
		for _, p := range parents {
			list = append(list, schema.ForeignKey{Name: p, Database: "d", Parent: p})
		}
		return list
	}
	child := &schema.Table{ID: 20, Database: 1, Name: "c", Version: 1, ForeignKeys: keys("p", "p", "c")}
	s = r.commit(t, s, func(tx *Tx) {
		tx.PutDatabase(&schema.Database{ID: 1, Name: "d"})
		tx.PutTable(child)
	})
	if got := children("p"); len(got) != 1 || got[0] != 20 || len(children("c")) != 1 {
		t.Fatalf("children %v", got)
	}
	table := func(id schema.TableID) *schema.Table {
		found, _ := s.TableByID(id)
		return found
	}
	orphan := s.Relations(table(20))
	parent := &schema.Table{ID: 10, Database: 1, Name: "p", Version: 1}
	s = r.commit(t, s, func(tx *Tx) { tx.PutTable(parent) })
	if s.Relations(table(20)) == orphan || s.Relations(table(10)) == 0 || !s.Related(table(10)) {
		t.Error("a parent that comes changes nothing")
	}
	known := s.Relations(table(10))
	before := s
	s = r.commit(t, s, func(tx *Tx) {
		next := child.Clone()
		next.Version, next.ForeignKeys = 2, keys("q")
		tx.PutTable(next)
	})
	if len(children("p")) != 0 || len(children("q")) != 1 || s.Relations(table(10)) == known || s.Related(table(10)) {
		t.Error("a key that goes is still there")
	}
	if len(before.Children("d", "p")) != 1 {
		t.Error("an older snapshot has changed")
	}
	loaded, err := Load(r.scan)
	if err != nil || len(loaded.Children("d", "q")) != 1 {
		t.Errorf("loaded %v (%v)", loaded.Children("d", "q"), err)
	}
	s = r.commit(t, s, func(tx *Tx) { tx.DeleteTable(20) })
	if s.children.Len() != 0 {
		t.Errorf("left are %v", s.children.Keys())
	}
}
