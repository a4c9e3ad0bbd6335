package catalog

import (
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// User is an account with its grants.
type User struct {
	Name         string `json:"name"`
	Host         string `json:"host"` // "%", "localhost", an address or a LIKE pattern
	Plugin       string `json:"plugin"`
	Secret       []byte `json:"secret,omitempty"`
	Locked       bool   `json:"locked,omitempty"`
	LoopbackOnly bool   `json:"loopbackOnly,omitempty"`
	// Privileges as bit masks of parser/mysql.PrivilegeType (1 << (priv-1)); Global is ON *.*, DBs by database name ON db.*.
	Global      uint64            `json:"global,omitempty"`
	DBs         map[string]uint64 `json:"dbs,omitempty"`
	GrantOption bool              `json:"grantOption,omitempty"`
}

// Node is a member of the cluster.
type Node struct {
	ID       schema.NodeID `json:"id"`
	NodeAddr string        `json:"nodeAddr"`
	SQLAddr  string        `json:"sqlAddr"`
	HTTPAddr string        `json:"httpAddr"`
	Left     bool          `json:"left,omitempty"`
}

// Shard is a raft group and its members: replica id by node. Replica ids are never reused.
type Shard struct {
	ID          schema.ShardID           `json:"id"`
	Replicas    map[schema.NodeID]uint64 `json:"replicas"`
	NonVoting   map[schema.NodeID]uint64 `json:"nonVoting,omitempty"`
	NextReplica uint64                   `json:"nextReplica"`
}

// Snapshot is the catalog at one version; immutable. Names of databases and tables compare as on Linux
// (case-sensitively, lower_case_table_names=0); those of columns, users' names aside, case-insensitively.
type Snapshot struct {
	version   uint64
	databases map[string]*schema.Database
	tables    map[string]map[string]*schema.Table // by database name and table name
	byID      map[schema.TableID]*schema.Table
	users     map[string]*User // by "name@host"
	nodes     map[schema.NodeID]*Node
	shards    map[schema.ShardID]*Shard
	settings  map[string]string // SET PERSIST / SET GLOBAL values by variable
}

func (s *Snapshot) Version() uint64 { return s.version }
func (s *Snapshot) Database(name string) (*schema.Database, bool) {
	d, ok := s.databases[name]
	return d, ok
}
func (s *Snapshot) Table(db, name string) (*schema.Table, bool) {
	t, ok := s.tables[db][name]
	return t, ok
}
func (s *Snapshot) TableByID(id schema.TableID) (*schema.Table, bool) {
	t, ok := s.byID[id]
	return t, ok
}
func (s *Snapshot) Node(id schema.NodeID) (*Node, bool)    { n, ok := s.nodes[id]; return n, ok }
func (s *Snapshot) Shard(id schema.ShardID) (*Shard, bool) { h, ok := s.shards[id]; return h, ok }
func (s *Snapshot) Setting(name string) (string, bool)     { v, ok := s.settings[name]; return v, ok }

// Databases, Tables (of a database), Users, Nodes and Shards list in order of name or id.
func (s *Snapshot) Databases() []*schema.Database    { panic("being written") }
func (s *Snapshot) Tables(db string) []*schema.Table { panic("being written") }
func (s *Snapshot) Users() []*User                   { panic("being written") }
func (s *Snapshot) User(name, host string) (*User, bool) {
	u, ok := s.users[name+"@"+host]
	return u, ok
}                                               // exact host pattern
func (s *Snapshot) Nodes() []*Node              { panic("being written") }
func (s *Snapshot) Shards() []*Shard            { panic("being written") }
func (s *Snapshot) Settings() map[string]string { return s.settings }

// Tx is a change in the making: reads show the catalog it began with and what it put itself.
type Tx struct{ Snapshot *Snapshot }

// NewID draws ids that no other change gets (databases, tables, tablets, shards, nodes share one sequence).
func (tx *Tx) NewID() uint64                  { panic("being written") }
func (tx *Tx) PutDatabase(d *schema.Database) { panic("being written") }
func (tx *Tx) DeleteDatabase(name string)     { panic("being written") }
func (tx *Tx) PutTable(t *schema.Table)       { panic("being written") } // by ID: a rename moves it
func (tx *Tx) DeleteTable(id schema.TableID)  { panic("being written") }
func (tx *Tx) PutUser(u *User)                { panic("being written") }
func (tx *Tx) DeleteUser(name, host string)   { panic("being written") }
func (tx *Tx) PutNode(n *Node)                { panic("being written") }
func (tx *Tx) PutShard(s *Shard)              { panic("being written") }
func (tx *Tx) PutSetting(name, value string)  { panic("being written") }
func (tx *Tx) DeleteSetting(name string)      { panic("being written") }

// Record is a generic record for background jobs and the like, under a kind and a key; JSON.
func (tx *Tx) PutRecord(kind, key string, value any) { panic("being written") }

// DefaultCollation is utf8mb4_0900_ai_ci.
const DefaultCollation = types.CollationDefault
