package catalog

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/statistics"
	"cloudsql/storage/version"
)

// Tx is a change in the making: Snapshot shows the catalog it began with and what it put itself.
type Tx struct {
	Snapshot *Snapshot

	base  *Snapshot
	build *builder
	sets  map[string][]byte
	since version.Version
	scope Scope
	apart bool // from changes of other scopes
	whole *Tx  // of a Part
}

// Begin starts a change of s.
func (s *Snapshot) Begin() *Tx { return Begin(s, Definitions) }

// Begin starts a change of a scope. Where programs are about that know no scopes, it excludes all others.
func Begin(s *Snapshot, scope Scope) *Tx {
	b := newBuilder(s)
	tx := &Tx{Snapshot: b.s, base: s, build: b, sets: map[string][]byte{}, scope: scope}
	if scope != Definitions && s.Allows(scopesSince) {
		tx.apart, tx.since = true, scopesSince
	}
	return tx
}

// expects is the scope whose version the change expects.
func (tx *Tx) expects() Scope {
	if tx.apart {
		return tx.scope
	}
	return Definitions
}

// NewID draws ids that no other change gets (databases, tables, tablets, shards, nodes share one sequence).
func (tx *Tx) NewID() uint64 {
	id := tx.build.s.nextID
	tx.build.s.nextID++
	return id
}

// PutDatabase adds or changes a database, by ID.
func (tx *Tx) PutDatabase(d *schema.Database) { tx.put(kindDatabase, number(d.ID), d) }

// DeleteDatabase removes a database; its tables must be gone.
func (tx *Tx) DeleteDatabase(name string) {
	if d, ok := tx.Snapshot.Database(name); ok {
		tx.put(kindDatabase, number(d.ID), nil)
	}
}

// PutTable adds or changes a table, by ID: a rename moves it.
func (tx *Tx) PutTable(t *schema.Table) {
	tx.put(kindTable, number(t.ID), t)
	if t.HasEntries() { // nodes of before would write rows without them
		tx.since = max(tx.since, version.V2)
	}
}

// DeleteTable removes a table, with what is known of its rows.
func (tx *Tx) DeleteTable(id schema.TableID) {
	tx.put(kindTable, number(id), nil)
	tx.PutStatistics(id, nil)
}

// PutView adds or changes a view, by ID: a rename moves it.
func (tx *Tx) PutView(v *schema.View) { tx.put(kindView, number(v.ID), v) }

// DeleteView removes a view.
func (tx *Tx) DeleteView(id schema.TableID) { tx.put(kindView, number(id), nil) }

// PutStatistics says what is known of a table's rows; nil: nothing any more.
func (tx *Tx) PutStatistics(id schema.TableID, t *statistics.Table) {
	switch {
	case t != nil:
		tx.put(kindStats, number(id), t)
	case tx.Snapshot.Statistics(id) != nil:
		tx.put(kindStats, number(id), nil)
	}
}

// PutUser adds or changes an account.
func (tx *Tx) PutUser(u *User) {
	tx.put(kindUser, u.Key(), u)
	if !u.Grants.Empty() || u.policy() || u.Limits != (Limits{}) {
		tx.since = max(tx.since, version.V2)
	}
}

// DeleteUser removes an account.
func (tx *Tx) DeleteUser(name, host string) { tx.put(kindUser, name+"@"+host, nil) }

// PutNode adds or changes a node.
func (tx *Tx) PutNode(n *Node) { tx.put(kindNode, number(n.ID), n) }

// PutShard adds or changes a shard.
func (tx *Tx) PutShard(s *Shard) { tx.put(kindShard, number(s.ID), s) }

// PutSetting gives a variable its cluster-wide value.
func (tx *Tx) PutSetting(name, value string) { tx.put(kindSetting, name, value) }

// DeleteSetting takes a variable back to its default.
func (tx *Tx) DeleteSetting(name string) { tx.put(kindSetting, name, nil) }

// PutRecord puts a generic record for background jobs and the like, under a kind and a key, as JSON; nil removes it.
func (tx *Tx) PutRecord(kind, key string, value any) { tx.put(kindRecord, kind+"/"+key, value) }

// PutClusterVersion changes the cluster's version.
func (tx *Tx) PutClusterVersion(v ClusterVersion) { tx.put(kindRecord, clusterVersion, v) }

func number[T ~uint64](id T) string { return strconv.FormatUint(uint64(id), 10) }

func (tx *Tx) put(kind, id string, value any) {
	if of := scopeOf(kind, id); of != tx.scope {
		panic(fmt.Sprintf("catalog: a record of scope %q in a change of scope %q", of, tx.scope)) // a programming error
	}
	var data []byte
	if value != nil {
		var err error
		if data, err = json.Marshal(value); err != nil {
			panic(fmt.Sprintf("catalog: a record of kind %s does not marshal: %v", kind, err)) // a programming error
		}
	}
	key := Prefix + kind + id
	if err := tx.build.set(key, data); err != nil {
		panic(fmt.Sprintf("catalog: what was just marshalled does not parse: %v", err))
	}
	tx.sets[key] = data
	tx.since = max(tx.since, sinceOf(kind))
}

// Check tells whether a cluster of version v may be given what was put. The error is a *version.TooNew.
func (tx *Tx) Check(v version.Version) error {
	return version.Check(tx.since, v, "a record of this kind")
}

// Changed tells whether anything was put or drawn.
func (tx *Tx) Changed() bool { return len(tx.sets) > 0 || tx.build.s.nextID != tx.base.nextID }

// Part begins a change within tx, over what tx has put. Join makes it one with tx; without that it leaves no trace.
func (tx *Tx) Part() *Tx {
	b := newBuilder(tx.build.s)
	return &Tx{Snapshot: b.s, base: tx.build.s, build: b, sets: map[string][]byte{}, scope: tx.scope, apart: tx.apart, whole: tx}
}

// Join puts what a Part has put into the change that it is of. tx's Snapshot is another then.
func (tx *Tx) Join() {
	whole := tx.whole
	whole.build, whole.Snapshot = tx.build, tx.Snapshot
	maps.Copy(whole.sets, tx.sets)
	whole.since = max(whole.since, tx.since)
}

// Bytes is how much was put.
func (tx *Tx) Bytes() (n int) {
	for key, value := range tx.sets {
		n += len(key) + len(value)
	}
	return n
}

// Command is the change as the system shard takes it, under an id that the proposer has not used before. It fails there
// if its scope has changed since Begin.
func (tx *Tx) Command(writer schema.NodeID, id uint64) *shard.SystemCommand {
	key, version := tx.expects().versionKey(), versionOf(tx.base, tx.expects())
	c := &shard.SystemCommand{
		ID:     id,
		Expect: []shard.SystemExpect{{Key: key, Version: version}},
		Sets: []shard.SystemSet{
			{Key: key, Value: []byte(strconv.FormatUint(version, 10))},
			{Key: Prefix + kindCommit + tx.scope.commitID(writer), Value: []byte(strconv.FormatUint(id, 10))},
		},
	}
	if tx.build.s.nextID != tx.base.nextID {
		c.Sets = append(c.Sets, shard.SystemSet{Key: keyNext, Value: []byte(strconv.FormatUint(tx.build.s.nextID, 10))})
	}
	for _, key := range slices.Sorted(maps.Keys(tx.sets)) {
		c.Sets = append(c.Sets, shard.SystemSet{Key: key, Value: tx.sets[key]})
	}
	return c
}

// LastCommit is the id of the last change of a scope that a node asked for and got.
func (s *Snapshot) LastCommit(writer schema.NodeID, scope Scope) uint64 {
	id, _ := s.commits.Get(scope.commitID(writer))
	return id
}

// Stale tells whether what the change expects has changed since Begin.
func (tx *Tx) Stale(now *Snapshot) bool {
	return versionOf(now, tx.expects()) != versionOf(tx.base, tx.expects())
}
