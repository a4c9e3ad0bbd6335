package catalog

import (
	"iter"
	"strconv"
	"strings"
	"unicode"

	"cloudsql/storage/schema"
)

// What a change asks that would otherwise look through all tables.

// ruleKind is what kind of constraint has a name: each has names of its own.
type ruleKind string

const (
	ruleForeign ruleKind = "f"
	ruleCheck   ruleKind = "c"
)

// ruleKey names a constraint in rules.
func ruleKey(d schema.DatabaseID, kind ruleKind, name string) string {
	return string(kind) + strconv.FormatUint(uint64(d), 10) + "/" + folded(name)
}

// folded is the same for names that strings.EqualFold takes for the same, and for no others.
func folded(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			least = min(least, other)
		}
		return least
	}, name)
}

// WithForeignKey are the tables of a database that have a foreign key of a name, in whatever case, in order of id.
func WithForeignKey(s *Snapshot, db, name string) []*schema.Table {
	return withRule(s, db, ruleForeign, name)
}

// WithCheck are the tables of a database that have a CHECK constraint of a name, in whatever case, in order of id.
func WithCheck(s *Snapshot, db, name string) []*schema.Table { return withRule(s, db, ruleCheck, name) }

func withRule(s *Snapshot, db string, kind ruleKind, name string) []*schema.Table {
	d, ok := s.databases.Get(db)
	if !ok || s.rules.Len() == 0 {
		return nil
	}
	ids, _ := s.rules.Get(ruleKey(d.ID, kind, name))
	return byIDs(s, ids)
}

// FirstTable is the first of a database's tables in order of name.
func FirstTable(s *Snapshot, db string) (*schema.Table, bool) {
	_, t, ok := in(s, s.tables, db).First()
	return t, ok
}

// TablesFrom are the tables of all databases whose ids are from or above it, in order of id.
func TablesFrom(s *Snapshot, from schema.TableID) iter.Seq2[schema.TableID, *schema.Table] {
	return s.byID.From(from)
}

// CountTables is the number of tables of all databases.
func CountTables(s *Snapshot) int { return s.byID.Len() }

// ShardLoad is the number of databases that begin in a shard, and of tablets that are in it.
func ShardLoad(s *Snapshot, id schema.ShardID) int {
	n, _ := s.load.Get(id)
	return n
}

// EntriesOf are the tables that have the entries of a table's unique keys (schema.Index.Entries), also of keys that are being made, or were.
func EntriesOf(s *Snapshot, id schema.TableID) (list []*schema.Table) {
	m, _ := s.tables.Get(0)
	for _, t := range m.Values() {
		if t.EntriesOf(id) {
			list = append(list, t)
		}
	}
	return list
}

// WithEntries is a table and the tables of its unique keys' entries.
func WithEntries(s *Snapshot, t *schema.Table) []*schema.Table {
	if !t.HasEntries() {
		return []*schema.Table{t}
	}
	return append([]*schema.Table{t}, EntriesOf(s, t.ID)...)
}
