package catalog

import (
	"hash/fnv"
	"slices"

	"cloudsql/storage/schema"
)

// Who refers to whom by foreign keys. The records have the children's side alone; the parents' is derived, for tables that exist and
// for such as do not.

// tableName is a table's name with its database's.
type tableName struct{ db, table string }

// setParents notes a table with those that its foreign keys name, or forgets it.
func (b *builder) setParents(t *schema.Table, is bool) {
	if len(t.ForeignKeys) == 0 {
		return
	}
	m := touch(b, "children", &b.s.children)
	for i := range t.ForeignKeys {
		f := &t.ForeignKeys[i]
		name := tableName{f.Database, f.Parent}
		list := slices.DeleteFunc(slices.Clone(m[name]), func(id schema.TableID) bool { return id == t.ID })
		if is {
			list = append(list, t.ID)
			slices.Sort(list)
		}
		if m[name] = list; len(list) == 0 {
			delete(m, name)
		}
	}
}

// Children are the tables that have a foreign key to the one of that name, in order of id; itself among them if it refers to itself.
func (s *Snapshot) Children(db, table string) []*schema.Table {
	if len(s.children) == 0 {
		return nil
	}
	ids := s.children[tableName{db, table}]
	list := make([]*schema.Table, 0, len(ids))
	for _, id := range ids {
		list = append(list, s.byID[id])
	}
	return list
}

// Parent finds the table that a foreign key refers to, which is never a temporary one.
func (s *Snapshot) Parent(f *schema.ForeignKey) (*schema.Table, bool) {
	d, ok := s.databases[f.Database]
	if !ok {
		return nil, false
	}
	t, ok := s.tables[d.ID][f.Parent]
	return t, ok
}

// Related tells whether a table has foreign keys, or is referred to by some.
func (s *Snapshot) Related(t *schema.Table) bool {
	if len(t.ForeignKeys) > 0 {
		return true
	}
	return len(s.children) > 0 && !t.Temporary() && len(s.children[tableName{s.DatabaseName(t), t.Name}]) > 0
}

// DatabaseName is the name of a table's database.
func (s *Snapshot) DatabaseName(t *schema.Table) string {
	if d, ok := s.dbByID[t.Database]; ok {
		return d.Name
	}
	return ""
}

// Relations is a number that differs when something about a table's foreign keys does, or about those that refer to it: which there
// are, and the versions of the tables on their other side. It is 0 for a table without.
func (s *Snapshot) Relations(t *schema.Table) uint64 {
	if !s.Related(t) {
		return 0
	}
	h := fnv.New64a()
	note := func(o *schema.Table) {
		var id, version uint64
		if o != nil {
			id, version = uint64(o.ID), o.Version
		}
		var b [16]byte
		for i := range 8 {
			b[i], b[8+i] = byte(id>>(8*i)), byte(version>>(8*i))
		}
		_, _ = h.Write(b[:])
	}
	for i := range t.ForeignKeys {
		parent, _ := s.Parent(&t.ForeignKeys[i])
		note(parent)
	}
	note(nil)
	for _, child := range s.Children(s.DatabaseName(t), t.Name) {
		note(child)
	}
	return h.Sum64() | 1
}
