package catalog

import (
	"hash/fnv"
	"slices"

	"cloudsql/storage/persistent"
	"cloudsql/storage/schema"
)

// Who refers to whom by foreign keys. The records have the children's side alone; the parents' is derived, for tables that exist and
// for such as do not.

// parentKey names a table in children.
func parentKey(db, table string) string { return db + "\x00" + table }

// setRelations notes what a table refers to and the names of its constraints, or forgets it.
func (b *builder) setRelations(t *schema.Table, is bool) {
	for i := range t.ForeignKeys {
		f := &t.ForeignKeys[i]
		enlist(touch(b, &b.s.children), parentKey(f.Database, f.Parent), t.ID, is)
		enlist(touch(b, &b.s.rules), ruleKey(t.Database, ruleForeign, f.Name), t.ID, is)
	}
	for i := range t.Checks {
		enlist(touch(b, &b.s.rules), ruleKey(t.Database, ruleCheck, t.Checks[i].Name), t.ID, is)
	}
}

// enlist puts a table among those that a key has, or takes it out.
func enlist(m *persistent.Map[string, []schema.TableID], key string, id schema.TableID, is bool) {
	was, _ := m.Get(key)
	list := slices.DeleteFunc(slices.Clone(was), func(other schema.TableID) bool { return other == id })
	if is {
		list = append(list, id)
		slices.Sort(list)
	}
	if len(list) == 0 {
		m.Delete(key)
	} else {
		m.Set(key, list)
	}
}

// byIDs are the tables of some ids.
func byIDs(s *Snapshot, ids []schema.TableID) []*schema.Table {
	list := make([]*schema.Table, 0, len(ids))
	for _, id := range ids {
		if t, ok := s.byID.Get(id); ok {
			list = append(list, t)
		}
	}
	return list
}

// Children are the tables that have a foreign key to the one of that name, in order of id; itself among them if it refers to itself.
func (s *Snapshot) Children(db, table string) []*schema.Table {
	if s.children.Len() == 0 {
		return nil
	}
	ids, _ := s.children.Get(parentKey(db, table))
	return byIDs(s, ids)
}

// Parent finds the table that a foreign key refers to, which is never a temporary one.
func (s *Snapshot) Parent(f *schema.ForeignKey) (*schema.Table, bool) {
	return find(s, s.tables, f.Database, f.Parent)
}

// Related tells whether a table has foreign keys, or is referred to by some.
func (s *Snapshot) Related(t *schema.Table) bool {
	if len(t.ForeignKeys) > 0 {
		return true
	}
	if s.children.Len() == 0 || t.Temporary() {
		return false
	}
	_, is := s.children.Get(parentKey(s.DatabaseName(t), t.Name))
	return is
}

// DatabaseName is the name of a table's database.
func (s *Snapshot) DatabaseName(t *schema.Table) string {
	if d, ok := s.dbByID.Get(t.Database); ok {
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
