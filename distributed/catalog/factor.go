package catalog

import (
	"strconv"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/version"
)

// A database may ask for a replication factor of its own: a record beside it, which programs keep that don't know it.
const factorKind = "replication"

// MaxFactor is the largest replication factor.
const MaxFactor = 7

// SetFactor gives a database a replication factor of its own; 0: it has the cluster's. Errors: 1049 for one that is not there, 1525 for a
// number that is none.
func SetFactor(tx *Tx, db string, factor uint64) error {
	d, ok := tx.Snapshot.Database(db)
	if !ok {
		return mysqlerr.New(mysqlerr.BadDB, db)
	}
	if factor > MaxFactor {
		return mysqlerr.New(mysqlerr.WrongValue, "REPLICATION FACTOR", strconv.FormatUint(factor, 10))
	}
	if factor == 0 {
		DropFactor(tx, d.ID)
		return nil
	}
	tx.PutRecord(factorKind, number(d.ID), factor)
	tx.since = max(tx.since, version.V2) // whose programs carry it out
	return nil
}

// DropFactor forgets what a database asked for.
func DropFactor(tx *Tx, d schema.DatabaseID) {
	if FactorOf(tx.Snapshot, d) > 0 {
		tx.PutRecord(factorKind, number(d), nil)
	}
}

// FactorOf is a database's own replication factor, 0 if it has none.
func FactorOf(s *Snapshot, d schema.DatabaseID) (factor int) {
	s.Record(factorKind, number(d), &factor)
	return factor
}

// Factors are the replication factors that databases ask for of the shards that have something of them: each the largest, with the
// cluster's for those that have none of their own. Of shards that are not in it, nobody asks for another than the cluster's.
func Factors(s *Snapshot, clusters int) map[schema.ShardID]int {
	list := s.Records(factorKind)
	if len(list) == 0 {
		return nil
	}
	a := asked{factors: map[schema.ShardID]int{}, by: map[schema.ShardID]int{}}
	tables := map[schema.TableID]int{}
	for _, id := range list {
		n, err := strconv.ParseUint(id, 10, 64)
		d, ok := s.DatabaseByID(schema.DatabaseID(n))
		if err != nil || !ok {
			continue
		}
		factor := FactorOf(s, d.ID)
		a.ask(d.Shard, factor)
		for _, t := range s.Tables(d.Name) {
			tables[t.ID] = factor
			a.askFor(t, factor)
		}
	}
	hidden, _ := s.tables.Get(0)
	for _, t := range hidden.Values() {
		if of, ok := t.EntriesFor(); ok && tables[of] > 0 {
			a.askFor(t, tables[of])
		}
	}
	for id, n := range a.by {
		if n < ShardLoad(s, id) { // others have something there
			a.factors[id] = max(a.factors[id], clusters)
		}
	}
	return a.factors
}

// asked is what is asked of shards, by how many databases and tablets.
type asked struct{ factors, by map[schema.ShardID]int }

func (a *asked) ask(id schema.ShardID, factor int) {
	a.factors[id] = max(a.factors[id], factor)
	a.by[id]++
}

func (a *asked) askFor(t *schema.Table, factor int) {
	for i := range t.Tablets {
		a.ask(t.Tablets[i].Shard, factor)
	}
}
