package catalog

import (
	"cloudsql/storage/schema"
	"cloudsql/storage/version"
)

// A session's temporary tables are a catalog of their own, which is changed like the cluster's (Begin, Tx), but only in the
// session's memory. What statements look names up in is the cluster's catalog with that one before it.

// firstTemporary is where the ids of temporary tables and their tablets begin: out of the way of the cluster's, and of a
// session's own, which nobody else ever sees. A tablet's id has 32 bits.
const firstTemporary = 1 << 31

// Private is a catalog of s's databases and the tables of own, a catalog that Private or a change of one gave; nil: without
// tables. A database that has gone while own has tables in it is still there.
func (s *Snapshot) Private(own *Snapshot) *Snapshot {
	p := Empty()
	p.version, p.cluster, p.nextID = s.version, ClusterVersion{Active: version.Max}, firstTemporary
	p.databases, p.dbByID = s.databases, s.dbByID
	if own == nil {
		return p
	}
	p.nextID, p.tables, p.byID, p.tablets, p.records = own.nextID, own.tables, own.byID, own.tablets, own.records
	p.rules, p.load = own.rules, own.load
	for id := range own.tables.All() {
		d, _ := own.dbByID.Get(id)
		now, _ := s.dbByID.Get(id)
		if d == nil || d == now {
			continue
		}
		if now != nil {
			d = now // altered
		}
		p.databases, p.dbByID = p.databases.Clone(), p.dbByID.Clone()
		p.databases.Set(d.Name, d)
		p.dbByID.Set(id, d)
	}
	return p
}

// Before is s with the tables of own, a catalog that Private gave, found before s's by their names; lists of tables leave
// them out.
func (s *Snapshot) Before(own *Snapshot) *Snapshot {
	o := *s
	o.own = own
	return &o
}

// Shared is s without a session's temporary tables: what views look names up in.
func (s *Snapshot) Shared() *Snapshot {
	if s.own == nil {
		return s
	}
	o := *s
	o.own = nil
	return &o
}

// All lists the tables of all databases, in order of their ids.
func (s *Snapshot) All() []*schema.Table { return s.byID.Values() }

// Aside is a catalog that Private gave, with t found under a name that nobody else uses, and not under its own: whatever
// that meant before t was made, it means.
func (s *Snapshot) Aside(t *schema.Table, under string) *Snapshot {
	b := newBuilder(s)
	dropName(b, &b.s.tables, t.Database, t.Name, t)
	putName(b, &b.s.tables, t.Database, under, t)
	return b.s
}
