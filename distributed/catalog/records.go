package catalog

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/version"
)

// Prefix begins the keys of all catalog records in the system shard.
const Prefix = "c/"

// The keys. Kinds of records end in "/".
const (
	keyVersion = Prefix + "version"
	keyNext    = Prefix + "next"

	kindCommit   = "commit/"
	kindDatabase = "db/"
	kindTable    = "table/"
	kindUser     = "user/"
	kindNode     = "node/"
	kindShard    = "shard/"
	kindSetting  = "set/"
	kindRecord   = "rec/"
	kindStats    = "stats/"
	kindView     = "view/"
	kindMove     = "move/"

	clusterVersion = "cluster/version" // of kindRecord
)

// recordsSince tells since which version of the cluster its nodes know a kind of record. Programs keep records that
// they do not know, and JSON has room for fields; but where all nodes must act on a new kind, the version has to be
// raised before one is written. A kind that is missing here can't be.
var recordsSince = map[string]version.Version{
	kindCommit: version.V1, kindDatabase: version.V1, kindTable: version.V1, kindUser: version.V1, kindNode: version.V1,
	kindShard: version.V1, kindSetting: version.V1, kindRecord: version.V1,
	kindStats: version.V2, kindView: version.V2, kindMove: version.V2,
}

func sinceOf(kind string) version.Version {
	if v, ok := recordsSince[kind]; ok {
		return v
	}
	return version.Never
}

// Load builds the catalog from the system shard's records, as scan lists them (shard.API.SystemScan).
func Load(scan func(prefix string, fn func(key string, value []byte, version uint64) bool)) (*Snapshot, error) {
	b := newBuilder(Empty())
	var err error
	scan(Prefix, func(key string, value []byte, version uint64) bool {
		if key == keyVersion {
			b.s.version = version
			return true
		}
		err = b.set(key, value)
		return err == nil
	})
	return b.s, err
}

// Apply gives the catalog after a change of the system shard; s itself if the change was not of the catalog. version is
// the change's log index.
func (s *Snapshot) Apply(version uint64, sets []shard.SystemSet) (*Snapshot, error) {
	var b *builder
	for _, set := range sets {
		if !strings.HasPrefix(set.Key, Prefix) {
			continue
		}
		if b == nil {
			b = newBuilder(s)
		}
		if set.Key == keyVersion {
			b.s.version = version
		} else if err := b.set(set.Key, set.Value); err != nil {
			return s, err
		}
	}
	if b == nil {
		return s, nil
	}
	return b.s, nil
}

// builder changes a copy of a snapshot; the maps are copied when they are first touched.
type builder struct {
	s      *Snapshot
	copied map[string]bool
	dbs    map[schema.DatabaseID]bool // whose table maps are copied
	viewDB map[schema.DatabaseID]bool // whose view maps are copied
}

func newBuilder(from *Snapshot) *builder {
	s := *from
	return &builder{s: &s, copied: map[string]bool{}, dbs: map[schema.DatabaseID]bool{}, viewDB: map[schema.DatabaseID]bool{}}
}

// touch copies *m once.
func touch[K comparable, V any](b *builder, kind string, m *map[K]V) map[K]V {
	if !b.copied[kind] {
		b.copied[kind] = true
		*m = maps.Clone(*m)
	}
	return *m
}

// set takes over one record; a nil value removes it.
func (b *builder) set(key string, value []byte) error {
	if key == keyNext {
		return json.Unmarshal(value, &b.s.nextID)
	}
	rest := strings.TrimPrefix(key, Prefix)
	i := strings.IndexByte(rest, '/')
	if i < 0 {
		return nil
	}
	kind, id := rest[:i+1], rest[i+1:]
	var err error
	switch kind {
	case kindDatabase:
		err = b.setDatabase(id, value)
	case kindTable:
		err = b.setTable(id, value)
	case kindView:
		err = b.setView(id, value)
	case kindUser:
		err = put(touch(b, kind, &b.s.users), id, value)
	case kindNode:
		err = putID(touch(b, kind, &b.s.nodes), id, value)
	case kindShard:
		err = putID(touch(b, kind, &b.s.shards), id, value)
	case kindStats:
		err = putID(touch(b, kind, &b.s.stats), id, value)
	case kindMove:
		err = putID(touch(b, kind, &b.s.moves), id, value)
	case kindSetting:
		err = putValue(touch(b, kind, &b.s.settings), id, value)
	case kindCommit:
		err = putValue(touch(b, kind, &b.s.commits), id, value)
	case kindRecord:
		err = b.setRecord(id, value)
	}
	if err != nil {
		return fmt.Errorf("catalog: record %s: %w", key, err)
	}
	return nil
}

func (b *builder) setRecord(id string, value []byte) error {
	m := touch(b, kindRecord, &b.s.records)
	if value == nil {
		delete(m, id)
	} else {
		m[id] = append(json.RawMessage(nil), value...)
	}
	if id != clusterVersion {
		return nil
	}
	b.s.cluster = ClusterVersion{}
	if value == nil {
		return nil
	}
	return json.Unmarshal(value, &b.s.cluster)
}

func put[K comparable, V any](m map[K]*V, k K, value []byte) error {
	if value == nil {
		delete(m, k)
		return nil
	}
	v := new(V)
	if err := json.Unmarshal(value, v); err != nil {
		return err
	}
	m[k] = v
	return nil
}

func putID[K ~uint64, V any](m map[K]*V, id string, value []byte) error {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return err
	}
	return put(m, K(n), value)
}

func putValue[V any](m map[string]V, k string, value []byte) error {
	if value == nil {
		delete(m, k)
		return nil
	}
	var v V
	err := json.Unmarshal(value, &v)
	m[k] = v
	return err
}

func (b *builder) setDatabase(id string, value []byte) error {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return err
	}
	byName, byID := touch(b, kindDatabase, &b.s.databases), touch(b, "dbByID", &b.s.dbByID)
	if old, ok := byID[schema.DatabaseID(n)]; ok && byName[old.Name] == old {
		delete(byName, old.Name)
	}
	if err := put(byID, schema.DatabaseID(n), value); err != nil {
		return err
	}
	if d, ok := byID[schema.DatabaseID(n)]; ok {
		byName[d.Name] = d
	}
	return nil
}

func (b *builder) setTable(id string, value []byte) error {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return err
	}
	byID, tablets := touch(b, kindTable, &b.s.byID), touch(b, "tablets", &b.s.tablets)
	if old, ok := byID[schema.TableID(n)]; ok {
		for _, tb := range old.Tablets {
			delete(tablets, tb.ID)
		}
		if m := b.tablesOf(old.Database); m[old.Name] == old {
			delete(m, old.Name)
		}
		b.setParents(old, false)
	}
	if err := put(byID, schema.TableID(n), value); err != nil {
		return err
	}
	if t, ok := byID[schema.TableID(n)]; ok {
		b.tablesOf(t.Database)[t.Name] = t
		for _, tb := range t.Tablets {
			tablets[tb.ID] = tb.Shard
		}
		b.setParents(t, true)
	}
	return nil
}

func (b *builder) setView(id string, value []byte) error {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return err
	}
	byID := touch(b, kindView, &b.s.viewByID)
	if old, ok := byID[schema.TableID(n)]; ok {
		if m := b.viewsOf(old.Database); m[old.Name] == old {
			delete(m, old.Name)
		}
	}
	if err := put(byID, schema.TableID(n), value); err != nil {
		return err
	}
	if v, ok := byID[schema.TableID(n)]; ok {
		b.viewsOf(v.Database)[v.Name] = v
	}
	return nil
}

// tablesOf is a database's table map, copied.
func (b *builder) tablesOf(d schema.DatabaseID) map[string]*schema.Table {
	return copied(b.dbs, touch(b, "tables", &b.s.tables), d)
}

// viewsOf is a database's view map, copied.
func (b *builder) viewsOf(d schema.DatabaseID) map[string]*schema.View {
	return copied(b.viewDB, touch(b, "views", &b.s.views), d)
}

// copied gives the map of a database, which is copied once.
func copied[V any](done map[schema.DatabaseID]bool, all map[schema.DatabaseID]map[string]*V, d schema.DatabaseID) map[string]*V {
	if !done[d] {
		done[d] = true
		if all[d] = maps.Clone(all[d]); all[d] == nil {
			all[d] = map[string]*V{}
		}
	}
	return all[d]
}
