package catalog

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cloudsql/storage/persistent"
	"cloudsql/storage/schema"
	"cloudsql/storage/statistics"
	"cloudsql/storage/version"
)

// plain is a catalog in maps of Go.
type plain struct {
	version, nextID uint64
	cluster         ClusterVersion
	databases       map[string]*schema.Database
	dbByID          map[schema.DatabaseID]*schema.Database
	tables          map[schema.DatabaseID]map[string]*schema.Table
	byID            map[schema.TableID]*schema.Table
	views           map[schema.DatabaseID]map[string]*schema.View
	viewByID        map[schema.TableID]*schema.View
	tablets         map[schema.TabletID]home
	children        map[string][]schema.TableID
	rules           map[string][]schema.TableID
	load            map[schema.ShardID]int
	users           map[string]*User
	nodes           map[schema.NodeID]*Node
	shards          map[schema.ShardID]*Shard
	settings        map[string]string
	records         map[string]json.RawMessage
	stats           map[schema.TableID]*statistics.Table
	moves           map[schema.TabletID]*Move
	commits         map[string]uint64
	scopes          map[Scope]uint64
}

// plainOf is a snapshot in maps of Go.
func plainOf(s *Snapshot) *plain {
	return &plain{
		version: s.version, nextID: s.nextID, cluster: s.cluster,
		databases: maps.Collect(s.databases.All()), dbByID: maps.Collect(s.dbByID.All()),
		tables: plainNames(s.tables), byID: maps.Collect(s.byID.All()),
		views: plainNames(s.views), viewByID: maps.Collect(s.viewByID.All()),
		tablets: maps.Collect(s.tablets.All()), children: maps.Collect(s.children.All()), rules: maps.Collect(s.rules.All()),
		load: maps.Collect(s.load.All()), users: maps.Collect(s.users.All()), nodes: maps.Collect(s.nodes.All()),
		shards: maps.Collect(s.shards.All()), settings: maps.Collect(s.settings.All()), records: maps.Collect(s.records.All()),
		stats: maps.Collect(s.stats.All()), moves: maps.Collect(s.moves.All()), commits: maps.Collect(s.commits.All()),
		scopes: maps.Collect(s.scopes.All()),
	}
}

func plainNames[V any](all *persistent.Map[schema.DatabaseID, *persistent.Map[string, V]]) map[schema.DatabaseID]map[string]V {
	m := map[schema.DatabaseID]map[string]V{}
	for d, names := range all.All() {
		m[d] = maps.Collect(names.All())
	}
	return m
}

// plainOfRecords is what records mean, worked out from nothing but them.
func plainOfRecords(t *testing.T, r *records) *plain {
	p := plainOf(Empty())
	for key, value := range r.values {
		kind, id, _ := strings.Cut(strings.TrimPrefix(key, Prefix), "/")
		n, _ := strconv.ParseUint(id, 10, 64)
		switch kind {
		case "version":
			p.version = r.versions[key]
		case "next":
			p.nextID, _ = strconv.ParseUint(string(value), 10, 64)
		case "db":
			d := parsed[schema.Database](t, value)
			p.dbByID[schema.DatabaseID(n)], p.databases[d.Name] = d, d
			p.load[d.Shard]++
		case "table":
			p.addTable(parsed[schema.Table](t, value))
		case "view":
			v := parsed[schema.View](t, value)
			if p.viewByID[v.ID] = v; p.views[v.Database] == nil {
				p.views[v.Database] = map[string]*schema.View{}
			}
			p.views[v.Database][v.Name] = v
		case "user":
			p.users[id] = parsed[User](t, value)
		case "node":
			p.nodes[schema.NodeID(n)] = parsed[Node](t, value)
		case "shard":
			p.shards[schema.ShardID(n)] = parsed[Shard](t, value)
		case "set":
			p.settings[id] = *parsed[string](t, value)
		case "stats":
			p.stats[schema.TableID(n)] = parsed[statistics.Table](t, value)
		case "move":
			p.moves[schema.TabletID(n)] = parsed[Move](t, value)
		case "commit":
			p.commits[id] = *parsed[uint64](t, value)
		case "scope":
			p.scopes[Scope(id)] = r.versions[key]
		case "rec":
			if p.records[id] = value; id == clusterVersion {
				p.cluster = *parsed[ClusterVersion](t, value)
			}
		}
	}
	return p
}

func parsed[V any](t *testing.T, value []byte) *V {
	v := new(V)
	if err := json.Unmarshal(value, v); err != nil {
		t.Fatal(err)
	}
	return v
}

func (p *plain) addTable(t *schema.Table) {
	if p.byID[t.ID] = t; p.tables[t.Database] == nil {
		p.tables[t.Database] = map[string]*schema.Table{}
	}
	p.tables[t.Database][t.Name] = t
	for _, tb := range t.Tablets {
		p.tablets[tb.ID] = home{t.ID, tb.Shard}
		p.load[tb.Shard]++
	}
	add := func(m map[string][]schema.TableID, key string) {
		if !slices.Contains(m[key], t.ID) {
			m[key] = append(m[key], t.ID)
			slices.Sort(m[key])
		}
	}
	for _, f := range t.ForeignKeys {
		add(p.children, f.Database+"\x00"+f.Parent)
		add(p.rules, fmt.Sprintf("f%d/%s", t.Database, strings.ToUpper(f.Name)))
	}
	for _, c := range t.Checks {
		add(p.rules, fmt.Sprintf("c%d/%s", t.Database, strings.ToUpper(c.Name)))
	}
}

// changer makes random changes.
type changer struct {
	*rand.Rand
	tx *Tx
}

func pick[V any](c *changer, list []V) (v V, ok bool) {
	if len(list) == 0 {
		return v, false
	}
	return list[c.IntN(len(list))], true
}

func (c *changer) name(kind string) string { return fmt.Sprint(kind, c.IntN(12)) }

func (c *changer) change() {
	switch c.IntN(12) {
	case 0:
		c.database()
	case 1:
		c.dropDatabase()
	case 2, 3, 4:
		c.table()
	case 5:
		c.view()
	case 6:
		c.dropTable()
	case 7:
		c.tx.PutSetting(c.name("v"), c.name(""))
		c.tx.DeleteSetting(c.name("v"))
	case 8:
		c.tx.PutRecord(c.name("k"), c.name(""), c.IntN(100))
		c.tx.PutRecord(c.name("k"), c.name(""), nil)
	case 9:
		c.tx.PutUser(&User{Name: c.name("u"), Host: "%"})
		c.tx.DeleteUser(c.name("u"), "%")
	case 10:
		c.tx.PutShard(&Shard{ID: schema.ShardID(1 + c.IntN(5))})
		c.tx.PutNode(&Node{ID: schema.NodeID(1 + c.IntN(5)), NodeAddr: c.name("")})
		c.tx.PutMove(&Move{Tablet: schema.TabletID(c.IntN(5))})
		c.tx.DeleteMove(schema.TabletID(c.IntN(5)))
	case 11:
		c.statistics()
	}
}

func (c *changer) database() {
	d := &schema.Database{ID: schema.DatabaseID(c.tx.NewID()), Name: c.name("d"), Shard: schema.ShardID(c.IntN(4))}
	if now, is := c.tx.Snapshot.Database(d.Name); is {
		d.ID = now.ID
	}
	c.tx.PutDatabase(d)
}

func (c *changer) dropDatabase() {
	d, ok := pick(c, c.tx.Snapshot.Databases())
	if !ok || c.IntN(3) > 0 {
		return
	}
	for _, t := range c.tx.Snapshot.Tables(d.Name) {
		c.tx.DeleteTable(t.ID)
	}
	for _, v := range c.tx.Snapshot.Views(d.Name) {
		c.tx.DeleteView(v.ID)
	}
	c.tx.DeleteDatabase(d.Name)
}

// table makes a table, or changes one: its name, its database, its tablets and its constraints.
func (c *changer) table() {
	d, ok := pick(c, c.tx.Snapshot.Databases())
	if !ok {
		return
	}
	t := &schema.Table{ID: schema.TableID(c.tx.NewID()), Database: d.ID, Name: c.name("t"), Version: c.Uint64N(100)}
	if id, is := c.tx.Snapshot.Named(d.Name, t.Name); is {
		if _, view := c.tx.Snapshot.ViewByID(id); view {
			return
		}
		t.ID = id
	} else if old, is := pick(c, c.tx.Snapshot.All()); is && c.IntN(3) == 0 {
		t.ID = old.ID // renamed
	}
	for range c.IntN(4) {
		t.Tablets = append(t.Tablets, schema.Tablet{ID: schema.TabletID(c.tx.NewID()), Shard: schema.ShardID(1 + c.IntN(3))})
		t.Checks = append(t.Checks, schema.Check{Name: c.name("Check")})
		t.ForeignKeys = append(t.ForeignKeys, schema.ForeignKey{Name: c.name("key"), Database: d.Name, Parent: c.name("t")})
	}
	c.tx.PutTable(t)
}

func (c *changer) dropTable() {
	if t, ok := pick(c, c.tx.Snapshot.All()); ok {
		c.tx.DeleteTable(t.ID)
	}
}

func (c *changer) view() {
	d, ok := pick(c, c.tx.Snapshot.Databases())
	if !ok {
		return
	}
	v := &schema.View{ID: schema.TableID(c.tx.NewID()), Database: d.ID, Name: c.name("t")}
	if _, is := c.tx.Snapshot.Named(d.Name, v.Name); !is {
		c.tx.PutView(v)
	}
	if old, is := pick(c, c.tx.Snapshot.Views(d.Name)); is {
		c.tx.DeleteView(old.ID)
	}
}

func (c *changer) statistics() {
	if t, ok := pick(c, c.tx.Snapshot.All()); ok {
		c.tx.PutStatistics(t.ID, &statistics.Table{Rows: c.Uint64N(100)})
	}
}

// TestPersistentIsPlain: whatever is changed, by parts that are joined and some that are not, a snapshot that follows the changes is what
// the records mean, worked out in plain maps; so is one that is loaded; and the snapshots from before stay what they were.
func TestPersistentIsPlain(t *testing.T) {
	for seed := range uint64(8) {
		c := &changer{Rand: rand.New(rand.NewPCG(seed, 1))}
		r, s := newRecords(), Empty()
		type kept struct {
			s    *Snapshot
			then *plain
		}
		var before []kept
		for range 150 {
			tx := s.Begin()
			tx.PutClusterVersion(ClusterVersion{Active: version.V2})
			for range 1 + c.IntN(3) {
				c.tx = tx.Part()
				for range c.IntN(8) {
					c.change()
				}
				if c.IntN(4) > 0 {
					c.tx.Join()
				}
			}
			cmd := tx.Command(1, r.index+1)
			if !r.apply(cmd) {
				t.Fatal("refused")
			}
			next, err := s.Apply(r.index, cmd.Sets)
			if err != nil {
				t.Fatal(err)
			}
			loaded, err := Load(r.scan)
			if err != nil {
				t.Fatal(err)
			}
			want := plainOfRecords(t, r)
			if got := plainOf(next); !reflect.DeepEqual(got, want) {
				t.Fatalf("followed:\n%+v\nrather than:\n%+v", got, want)
			}
			if got := plainOf(loaded); !reflect.DeepEqual(got, want) {
				t.Fatalf("loaded:\n%+v\nrather than:\n%+v", got, want)
			}
			checkLookups(t, next, want)
			before = append(before, kept{next, want})
			s = next
		}
		for i := range before {
			if !reflect.DeepEqual(plainOf(before[i].s), before[i].then) {
				t.Fatalf("the snapshot after %d changes has changed", i+1)
			}
		}
	}
}

// checkLookups holds the functions that look up to what a search through everything finds.
func checkLookups(t *testing.T, s *Snapshot, p *plain) {
	t.Helper()
	for name, d := range p.databases {
		names := slices.Sorted(maps.Keys(p.tables[d.ID]))
		list := s.Tables(name)
		if len(list) != len(names) {
			t.Fatalf("%d tables instead of %d", len(list), len(names))
		}
		for i := range list {
			if list[i].Name != names[i] {
				t.Fatalf("%s instead of %s", list[i].Name, names[i])
			}
			if found, ok := s.Table(name, names[i]); !ok || found != list[i] {
				t.Fatalf("%s is not found", names[i])
			}
		}
		if first, ok := FirstTable(s, name); ok != (len(list) > 0) || ok && first != list[0] {
			t.Fatal("another table is the first")
		}
		for i := range 12 {
			rule := fmt.Sprint("KEY", i)
			var want []schema.TableID
			for _, o := range list {
				if o.ForeignKeyByName(rule) >= 0 {
					want = append(want, o.ID)
				}
			}
			slices.Sort(want)
			var got []schema.TableID
			for _, o := range WithForeignKey(s, name, rule) {
				got = append(got, o.ID)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("tables %v instead of %v have %s", got, want, rule)
			}
		}
	}
	if CountTables(s) != len(p.byID) {
		t.Fatal("another number of tables")
	}
	for id, n := range p.load {
		if ShardLoad(s, id) != n {
			t.Fatalf("shard %d has %d instead of %d", id, ShardLoad(s, id), n)
		}
	}
}

// TestFolded: names are the same here if and only if they are to strings.EqualFold.
func TestFolded(t *testing.T) {
	names := []string{"", "a", "A", "chk_1", "CHK_1", "straße", "STRASSE", "ſ", "s", "S", "K", "k", "É", "é", "e", "ǅ", "ǆ", "Ǆ", "θ", "ϑ", "Θ", "\xff", "\xfe"}
	for _, a := range names {
		for _, b := range names {
			if (folded(a) == folded(b)) != strings.EqualFold(a, b) {
				t.Errorf("%q and %q", a, b)
			}
		}
	}
}
