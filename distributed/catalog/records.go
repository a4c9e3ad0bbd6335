package catalog

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"cloudsql/storage/persistent"
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
	kindScope    = "scope/"

	clusterVersion = "cluster/version" // of kindRecord
)

// recordsSince tells since which version of the cluster its nodes know a kind of record. Programs keep records that
// they do not know, and JSON has room for fields; but where all nodes must act on a new kind, the version has to be
// raised before one is written. A kind that is missing here can't be.
var recordsSince = map[string]version.Version{
	kindCommit: version.V1, kindDatabase: version.V1, kindTable: version.V1, kindUser: version.V1, kindNode: version.V1,
	kindShard: version.V1, kindSetting: version.V1, kindRecord: version.V1,
	kindStats: version.V2, kindView: version.V2, kindMove: version.V2, kindScope: scopesSince,
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
		if !b.setVersion(key, version) {
			err = b.set(key, value)
		}
		return err == nil
	})
	return b.s, err
}

// Apply gives the catalog after a change of the system shard; s itself if the change was not of the catalog. version is
// the change's log index.
func (s *Snapshot) Apply(version uint64, sets []shard.SystemSet) (*Snapshot, error) {
	return Follow(s, func(string) uint64 { return version }, sets)
}

// Follow gives the catalog after some changes at once; version tells the log index of the last one that set a record.
func Follow(s *Snapshot, version func(key string) uint64, sets []shard.SystemSet) (*Snapshot, error) {
	var b *builder
	for _, set := range sets {
		if !strings.HasPrefix(set.Key, Prefix) {
			continue
		}
		if b == nil {
			b = newBuilder(s)
		}
		if b.setVersion(set.Key, version(set.Key)) {
			continue
		}
		if err := b.set(set.Key, set.Value); err != nil {
			return s, err
		}
	}
	if b == nil {
		return s, nil
	}
	return b.s, nil
}

// builder changes a copy of a snapshot; maps are cloned when they are first touched.
type builder struct {
	s   *Snapshot
	own map[any]bool // maps that are the copy's alone
}

func newBuilder(from *Snapshot) *builder {
	s := *from
	return &builder{s: &s, own: map[any]bool{}}
}

// touch gives a map of the copy that may be changed.
func touch[K cmp.Ordered, V any](b *builder, m **persistent.Map[K, V]) *persistent.Map[K, V] {
	if !b.own[*m] {
		*m = (*m).Clone()
		b.own[*m] = true
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
		err = put(touch(b, &b.s.users), id, value)
	case kindNode:
		err = putID(touch(b, &b.s.nodes), id, value)
	case kindShard:
		err = putID(touch(b, &b.s.shards), id, value)
	case kindStats:
		err = putID(touch(b, &b.s.stats), id, value)
	case kindMove:
		err = putID(touch(b, &b.s.moves), id, value)
	case kindSetting:
		err = putValue(touch(b, &b.s.settings), id, value)
	case kindCommit:
		err = putValue(touch(b, &b.s.commits), id, value)
	case kindRecord:
		err = b.setRecord(id, value)
	}
	if err != nil {
		return fmt.Errorf("catalog: record %s: %w", key, err)
	}
	return nil
}

func (b *builder) setRecord(id string, value []byte) error {
	m := touch(b, &b.s.records)
	if value == nil {
		m.Delete(id)
	} else {
		m.Set(id, append(json.RawMessage(nil), value...))
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

// put takes in a record of a map; nil removes it.
func put[K cmp.Ordered, V any](m *persistent.Map[K, *V], k K, value []byte) error {
	v, err := decode[V](value)
	if err != nil {
		return err
	}
	if v == nil {
		m.Delete(k)
	} else {
		m.Set(k, v)
	}
	return nil
}

func decode[V any](value []byte) (*V, error) {
	if value == nil {
		return nil, nil
	}
	v := new(V)
	return v, json.Unmarshal(value, v)
}

func putID[K ~uint64, V any](m *persistent.Map[K, *V], id string, value []byte) error {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return err
	}
	return put(m, K(n), value)
}

func putValue[V any](m *persistent.Map[string, V], k string, value []byte) error {
	v, err := decode[V](value)
	switch {
	case err != nil:
		return err
	case v == nil:
		m.Delete(k)
	default:
		m.Set(k, *v)
	}
	return nil
}

// replace takes in a record of a map by id and gives what was there before and is now; nil for nothing.
func replace[K ~uint64, V any](m *persistent.Map[K, *V], id string, value []byte) (old, now *V, err error) {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return nil, nil, err
	}
	old, _ = m.Get(K(n))
	if err = put(m, K(n), value); err == nil {
		now, _ = m.Get(K(n))
	}
	return old, now, err
}

func (b *builder) setDatabase(id string, value []byte) error {
	old, now, err := replace(touch(b, &b.s.dbByID), id, value)
	if err != nil {
		return err
	}
	byName := touch(b, &b.s.databases)
	if old != nil {
		if d, _ := byName.Get(old.Name); d == old {
			byName.Delete(old.Name)
		}
		b.weigh(old.Shard, -1)
	}
	if now != nil {
		byName.Set(now.Name, now)
		b.weigh(now.Shard, 1)
	}
	return nil
}

func (b *builder) setTable(id string, value []byte) error {
	old, now, err := replace(touch(b, &b.s.byID), id, value)
	if err != nil {
		return err
	}
	tablets := touch(b, &b.s.tablets)
	if old != nil {
		for _, tb := range old.Tablets {
			if h, ok := tablets.Get(tb.ID); ok && h.table == old.ID { // otherwise another table has it now
				tablets.Delete(tb.ID)
			}
			b.weigh(tb.Shard, -1)
		}
		dropName(b, &b.s.tables, old.Database, old.Name, old)
		b.setRelations(old, false)
	}
	if now != nil {
		for _, tb := range now.Tablets {
			tablets.Set(tb.ID, home{now.ID, tb.Shard})
			b.weigh(tb.Shard, 1)
		}
		putName(b, &b.s.tables, now.Database, now.Name, now)
		b.setRelations(now, true)
	}
	return nil
}

func (b *builder) setView(id string, value []byte) error {
	old, now, err := replace(touch(b, &b.s.viewByID), id, value)
	if err != nil {
		return err
	}
	if old != nil {
		dropName(b, &b.s.views, old.Database, old.Name, old)
	}
	if now != nil {
		putName(b, &b.s.views, now.Database, now.Name, now)
	}
	return nil
}

// weigh notes that a shard has more databases and tablets, or fewer.
func (b *builder) weigh(s schema.ShardID, more int) {
	m := touch(b, &b.s.load)
	n, _ := m.Get(s)
	if n += more; n == 0 {
		m.Delete(s)
	} else {
		m.Set(s, n)
	}
}

// putName gives something its name in a database.
func putName[V comparable](b *builder, all *named[V], d schema.DatabaseID, name string, v V) {
	m, _ := (*all).Get(d)
	mine := m
	touch(b, &mine).Set(name, v)
	if mine != m {
		touch(b, all).Set(d, mine)
	}
}

// dropName takes a name away, if it is still v's.
func dropName[V comparable](b *builder, all *named[V], d schema.DatabaseID, name string, v V) {
	m, _ := (*all).Get(d)
	if now, ok := m.Get(name); !ok || now != v {
		return
	}
	mine := m
	touch(b, &mine).Delete(name)
	switch {
	case mine.Len() == 0:
		touch(b, all).Delete(d)
	case mine != m:
		touch(b, all).Set(d, mine)
	}
}
