package catalog

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"cloudsql/storage/collation"
	"cloudsql/storage/persistent"
	"cloudsql/storage/schema"
	"cloudsql/storage/statistics"
	"cloudsql/storage/version"
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
	Grants
	Passwords
	Limits
}

// Limits are how much an account may ask of each node: 0 is without end. Older programs do not know them: records have some at V2 only.
type Limits struct {
	Questions   uint32 `json:"maxQuestions,omitempty"`   // statements in an hour
	Updates     uint32 `json:"maxUpdates,omitempty"`     // of these, changes
	Connections uint32 `json:"maxConnections,omitempty"` // log-ins in an hour
	Sessions    uint32 `json:"maxSessions,omitempty"`    // at once
}

// Passwords are what an account's password is subject to, and those that it had. Older programs do not know them: records have more
// than Changed at V2 only.
type Passwords struct {
	Changed int64 `json:"passwordChanged,omitempty"` // seconds since 1970; 0: nobody knows
	Expired bool  `json:"passwordExpired,omitempty"`
	// Days until the password expires (0: never), how many later ones must differ from it, and for how many days: nil for what the
	// variables default_password_lifetime, password_history and password_reuse_interval say.
	Lifetime *uint16 `json:"passwordLifetime,omitempty"`
	History  *uint16 `json:"passwordHistory,omitempty"`
	Reuse    *uint16 `json:"passwordReuse,omitempty"`
	// RequireCurrent tells whether who changes the password must know it; nil: password_require_current.
	RequireCurrent *bool `json:"passwordRequireCurrent,omitempty"`
	// FailedLogins in a row lock the account for LockDays (Unbounded: until it is unlocked), 0 for no matter how many. Unlocked grows
	// when those of before are to be forgotten.
	FailedLogins uint16 `json:"failedLogins,omitempty"`
	LockDays     int16  `json:"lockDays,omitempty"`
	Unlocked     int64  `json:"unlocked,omitempty"`
	// Retained is the secret of a second password, of the same plugin.
	Retained []byte       `json:"retained,omitempty"`
	Past     []PastSecret `json:"pastPasswords,omitempty"` // the latest first, the present one among them
}

// PerStatement tells whether an account's statements are counted.
func (l *Limits) PerStatement() bool { return l.Questions|l.Updates > 0 }

// Unbounded is LockDays of an account that failed log-ins lock for good.
const Unbounded = -1

// PastSecret is a password that an account has had since At.
type PastSecret struct {
	Plugin string `json:"plugin"`
	Secret []byte `json:"secret"`
	At     int64  `json:"at"`
}

// policy tells whether there is more than older programs can do without.
func (p *Passwords) policy() bool {
	return p.Expired || p.Lifetime != nil || p.History != nil || p.Reuse != nil || p.RequireCurrent != nil || p.FailedLogins != 0 ||
		p.LockDays != 0 || len(p.Retained) > 0 || len(p.Past) > 0
}

// Grants is what of an account older programs do not know, and would lose when they change it: records have some at V2 only.
type Grants struct {
	// Tables are privileges on single tables, by database and table.
	Tables map[string]map[string]TableGrant `json:"tables,omitempty"`
	// Dynamic are privileges without a bit, by name in upper case; true: WITH GRANT OPTION.
	Dynamic map[string]bool `json:"dynamic,omitempty"`
	// Roles are accounts whose privileges this one may take on, as AccountKey names them; true: WITH ADMIN OPTION. DefaultRoles are
	// taken on at login.
	Roles        map[string]bool `json:"roles,omitempty"`
	DefaultRoles []string        `json:"defaultRoles,omitempty"`
	// Restrictions are those of User.Global that do not hold on a database, by its name: partial revokes.
	Restrictions map[string]uint64 `json:"restrictions,omitempty"`
	// Require is what connections must be like; nil: anything will do. Attributes is a JSON object, "" for none.
	Require    *Requirement `json:"require,omitempty"`
	Attributes string       `json:"attributes,omitempty"`
}

// Requirement is what an account asks of the connections of its clients.
type Requirement struct {
	TLS  bool `json:"tls,omitempty"`
	X509 bool `json:"x509,omitempty"` // with a certificate that the server can verify
	// Subject and Issuer of that certificate, and the cipher of the connection; "" for any.
	Subject string `json:"subject,omitempty"`
	Issuer  string `json:"issuer,omitempty"`
	Cipher  string `json:"cipher,omitempty"`
}

// Specified tells whether more than TLS and a certificate is asked for.
func (r *Requirement) Specified() bool { return r.Subject != "" || r.Issuer != "" || r.Cipher != "" }

// TableGrant is privileges on one table; Columns are further ones on columns, by their names in lower case.
type TableGrant struct {
	Mask    uint64            `json:"mask,omitempty"`
	Columns map[string]uint64 `json:"columns,omitempty"`
	Grantor string            `json:"grantor,omitempty"` // user@host
}

// Empty tells an account that has nothing of what is new.
func (g *Grants) Empty() bool {
	return len(g.Tables) == 0 && len(g.Dynamic) == 0 && len(g.Roles) == 0 && len(g.DefaultRoles) == 0 &&
		len(g.Restrictions) == 0 && g.Require == nil && g.Attributes == ""
}

// Clone is a copy whose maps may be changed.
func (u *User) Clone() *User {
	c := *u
	c.DBs, c.Dynamic, c.Roles, c.DefaultRoles = maps.Clone(u.DBs), maps.Clone(u.Dynamic), maps.Clone(u.Roles), slices.Clone(u.DefaultRoles)
	c.Tables, c.Restrictions = maps.Clone(u.Tables), maps.Clone(u.Restrictions)
	for db, tables := range c.Tables {
		tables = maps.Clone(tables)
		for name, g := range tables {
			g.Columns = maps.Clone(g.Columns)
			tables[name] = g
		}
		c.Tables[db] = tables
	}
	return &c
}

// Key is the account's name among Roles.
func (u *User) Key() string { return AccountKey(u.Name, u.Host) }

// AccountKey names an account in other records.
func AccountKey(name, host string) string { return name + "@" + host }

// SplitAccount is AccountKey undone: hosts have no @.
func SplitAccount(key string) (name, host string) {
	at := strings.LastIndexByte(key, '@')
	return key[:max(at, 0)], key[at+1:]
}

// Node is a member of the cluster.
type Node struct {
	ID       schema.NodeID `json:"id"`
	NodeAddr string        `json:"nodeAddr"`
	SQLAddr  string        `json:"sqlAddr"`
	HTTPAddr string        `json:"httpAddr"`
	Left     bool          `json:"left,omitempty"`
	// Leaving asks that the node's replicas go to others; it stays a member, and takes clients. Removing asks that it then leaves.
	Leaving  bool   `json:"leaving,omitempty"`
	Removing bool   `json:"removing,omitempty"`
	Token    string `json:"token,omitempty"` // drawn by the node before it joined: a repeated join finds its record
}

// Shard is a raft group and its members: replica id by node. Replica ids are never reused.
type Shard struct {
	ID          schema.ShardID           `json:"id"`
	Replicas    map[schema.NodeID]uint64 `json:"replicas"`
	NonVoting   map[schema.NodeID]uint64 `json:"nonVoting,omitempty"`
	NextReplica uint64                   `json:"nextReplica"`
	// Changing has the changes that were begun and are to be completed: what was asked of raft may have been done, whatever was heard
	// of it. A replica that does not vote and has none is one that is only read.
	Changing map[schema.NodeID]Change `json:"changing,omitempty"`
}

// Change is what is to become of a node's replica of a shard.
type Change string

// The changes.
const (
	Joining   Change = "join"    // a non-voting replica was given to its node for voting; programs before this one do so with any
	Promoting Change = "promote" // … and raft was asked
	Removing  Change = "remove"
)

// ReplicaOn is the shard's replica on a node, 0 if there is none.
func (s *Shard) ReplicaOn(n schema.NodeID) (replica uint64, voting bool) {
	if r, ok := s.Replicas[n]; ok {
		return r, true
	}
	return s.NonVoting[n], false
}

// ToVote tells whether a node's replica votes, or is on its way to that.
func (s *Shard) ToVote(n schema.NodeID) bool {
	_, votes := s.Replicas[n]
	return votes || s.Changing[n] == Joining || s.Changing[n] == Promoting
}

// Clone is a copy that may be changed.
func (s *Shard) Clone() *Shard {
	c := *s
	c.Replicas, c.NonVoting, c.Changing = maps.Clone(s.Replicas), maps.Clone(s.NonVoting), maps.Clone(s.Changing)
	if c.Replicas == nil {
		c.Replicas = map[schema.NodeID]uint64{}
	}
	if c.NonVoting == nil {
		c.NonVoting = map[schema.NodeID]uint64{}
	}
	if c.Changing == nil {
		c.Changing = map[schema.NodeID]Change{}
	}
	return &c
}

// ClusterVersion is what the nodes may write for each other. A catalog without such a record is at V1.
type ClusterVersion struct {
	Active version.Version `json:"active"`
	// Next, if it is above Active, is what the nodes get ready for: each first makes its data directory one that an older
	// program refuses.
	Next version.Version `json:"next,omitempty"`
}

// Needed is the least that a program must be able to read to be a member.
func (v ClusterVersion) Needed() version.Version { return max(v.Active, v.Next).Or1() }

// Snapshot is the catalog at one version; immutable. Names of databases and tables compare as on Linux
// (case-sensitively, lower_case_table_names=0); those of columns, users' names aside, case-insensitively.
type Snapshot struct {
	version   uint64
	nextID    uint64
	databases *persistent.Map[string, *schema.Database]
	dbByID    *persistent.Map[schema.DatabaseID, *schema.Database]
	tables    named[*schema.Table]
	byID      *persistent.Map[schema.TableID, *schema.Table]
	views     named[*schema.View]
	viewByID  *persistent.Map[schema.TableID, *schema.View]
	tablets   *persistent.Map[schema.TabletID, home]
	children  *persistent.Map[string, []schema.TableID] // whose foreign keys name a table, whether it exists or not, by parentKey
	rules     *persistent.Map[string, []schema.TableID] // who has a constraint of a name, by ruleKey
	load      *persistent.Map[schema.ShardID, int]      // databases and tablets in a shard
	users     *persistent.Map[string, *User]            // by "name@host"
	nodes     *persistent.Map[schema.NodeID, *Node]
	shards    *persistent.Map[schema.ShardID, *Shard]
	settings  *persistent.Map[string, string] // SET PERSIST / SET GLOBAL values by variable
	records   *persistent.Map[string, json.RawMessage]
	stats     *persistent.Map[schema.TableID, *statistics.Table]
	moves     *persistent.Map[schema.TabletID, *Move]
	commits   *persistent.Map[string, uint64]
	scopes    *persistent.Map[Scope, uint64] // when a scope beside Definitions was changed
	cluster   ClusterVersion
	own       *Snapshot // a session's temporary tables, which are found before others; nil: none
}

// named has what databases call by names. A database of which nothing has a name is not in it.
type named[V any] = *persistent.Map[schema.DatabaseID, *persistent.Map[string, V]]

// FirstID is where the sequence of ids begins; smaller ones are for what a cluster is made with.
const FirstID = 100

// Empty is the catalog before anything.
func Empty() *Snapshot {
	return &Snapshot{
		nextID:    FirstID,
		databases: persistent.New[string, *schema.Database](),
		dbByID:    persistent.New[schema.DatabaseID, *schema.Database](),
		tables:    persistent.New[schema.DatabaseID, *persistent.Map[string, *schema.Table]](),
		byID:      persistent.New[schema.TableID, *schema.Table](),
		views:     persistent.New[schema.DatabaseID, *persistent.Map[string, *schema.View]](),
		viewByID:  persistent.New[schema.TableID, *schema.View](),
		tablets:   persistent.New[schema.TabletID, home](),
		children:  persistent.New[string, []schema.TableID](),
		rules:     persistent.New[string, []schema.TableID](),
		load:      persistent.New[schema.ShardID, int](),
		users:     persistent.New[string, *User](),
		nodes:     persistent.New[schema.NodeID, *Node](),
		shards:    persistent.New[schema.ShardID, *Shard](),
		settings:  persistent.New[string, string](),
		records:   persistent.New[string, json.RawMessage](),
		stats:     persistent.New[schema.TableID, *statistics.Table](),
		moves:     persistent.New[schema.TabletID, *Move](),
		commits:   persistent.New[string, uint64](),
		scopes:    persistent.New[Scope, uint64](),
	}
}

// Version is the log index of the last change of Definitions.
func (s *Snapshot) Version() uint64 { return s.version }

// Database finds a database by name.
func (s *Snapshot) Database(name string) (*schema.Database, bool) {
	return s.databases.Get(name)
}

// DatabaseByID finds a database by id.
func (s *Snapshot) DatabaseByID(id schema.DatabaseID) (*schema.Database, bool) {
	return s.dbByID.Get(id)
}

// Table finds a table by its database's name and its own.
func (s *Snapshot) Table(db, name string) (*schema.Table, bool) {
	if s.own != nil {
		if t, ok := s.own.Table(db, name); ok {
			return t, true
		}
	}
	return find(s, s.tables, db, name)
}

// TableByID finds a table by id.
func (s *Snapshot) TableByID(id schema.TableID) (*schema.Table, bool) {
	if t, ok := s.byID.Get(id); ok || s.own == nil {
		return t, ok
	}
	return s.own.TableByID(id)
}

// View finds a view by its database's name and its own.
func (s *Snapshot) View(db, name string) (*schema.View, bool) {
	if s.viewByID.Len() == 0 {
		return nil, false
	}
	return find(s, s.views, db, name)
}

// ViewByID finds a view by id.
func (s *Snapshot) ViewByID(id schema.TableID) (*schema.View, bool) {
	return s.viewByID.Get(id)
}

// Named finds what has a name among the tables and views of a database: they share their names.
func (s *Snapshot) Named(db, name string) (id schema.TableID, ok bool) {
	if t, ok := s.Table(db, name); ok {
		return t.ID, true
	}
	if v, ok := s.View(db, name); ok {
		return v.ID, true
	}
	return 0, false
}

// VersionOf is the version of a table or view, by id.
func (s *Snapshot) VersionOf(id schema.TableID) (version uint64, ok bool) {
	if t, ok := s.TableByID(id); ok {
		return t.Version, true
	}
	if v, ok := s.viewByID.Get(id); ok {
		return v.Version, true
	}
	return 0, false
}

// home is where a tablet is: of which table, and in which shard.
type home struct {
	table schema.TableID
	shard schema.ShardID
}

// ShardOf finds the shard of a tablet, also of one that has moved: for those who are in the middle of reading it.
func (s *Snapshot) ShardOf(t schema.TabletID) (schema.ShardID, bool) {
	if h, ok := s.tablets.Get(t); ok {
		return h.shard, true
	}
	if m := MoveFrom(s, t); m != nil && m.State == MoveLeaving {
		for _, o := range m.Sources() {
			if o.Tablet == t {
				return o.Shard, true
			}
		}
	}
	return 0, false
}

// ClusterVersion is the cluster's version.
func (s *Snapshot) ClusterVersion() ClusterVersion { return s.cluster }

// Allows tells whether what exists since v may be written; see version.Gate.
func (s *Snapshot) Allows(v version.Version) bool { return v <= s.cluster.Active.Or1() }

// Node finds a node.
func (s *Snapshot) Node(id schema.NodeID) (*Node, bool) { return s.nodes.Get(id) }

// Shard finds a shard.
func (s *Snapshot) Shard(id schema.ShardID) (*Shard, bool) { return s.shards.Get(id) }

// Setting is the value that was given to a variable for the whole cluster.
func (s *Snapshot) Setting(name string) (string, bool) { return s.settings.Get(name) }

// User finds an account by its exact host pattern.
func (s *Snapshot) User(name, host string) (*User, bool) {
	return s.users.Get(AccountKey(name, host))
}

// Databases lists in order of name.
func (s *Snapshot) Databases() []*schema.Database { return s.databases.Values() }

// Tables lists a database's tables in order of name.
func (s *Snapshot) Tables(db string) []*schema.Table { return in(s, s.tables, db).Values() }

// Views lists a database's views in order of name.
func (s *Snapshot) Views(db string) []*schema.View { return in(s, s.views, db).Values() }

// in is what a database has names for; nil: nothing.
func in[V any](s *Snapshot, all named[V], db string) *persistent.Map[string, V] {
	d, ok := s.databases.Get(db)
	if !ok {
		return nil
	}
	m, _ := all.Get(d.ID)
	return m
}

func find[V any](s *Snapshot, all named[V], db, name string) (V, bool) {
	return in(s, all, db).Get(name)
}

// Users lists in order of name and host.
func (s *Snapshot) Users() []*User {
	list := s.users.Values()
	slices.SortFunc(list, func(a, b *User) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Host, b.Host)) })
	return list
}

// Nodes lists in order of id.
func (s *Snapshot) Nodes() []*Node { return s.nodes.Values() }

// Shards lists in order of id.
func (s *Snapshot) Shards() []*Shard { return s.shards.Values() }

// Settings are all cluster-wide values by variable.
func (s *Snapshot) Settings() map[string]string { return maps.Collect(s.settings.All()) }

// Statistics is what is known of a table's rows; nil: nothing. It may not be changed.
func (s *Snapshot) Statistics(id schema.TableID) *statistics.Table {
	t, _ := s.stats.Get(id)
	return t
}

// Record reads a generic record into v; false if there is none (or it does not parse).
func (s *Snapshot) Record(kind, key string, v any) bool {
	raw, ok := s.records.Get(kind + "/" + key)
	return ok && json.Unmarshal(raw, v) == nil
}

// Records lists the keys of a kind's records, sorted.
func (s *Snapshot) Records(kind string) []string {
	var keys []string
	kind += "/"
	for k := range s.records.From(kind) {
		key, is := strings.CutPrefix(k, kind)
		if !is {
			break
		}
		keys = append(keys, key)
	}
	return keys
}

// DefaultCollation is utf8mb4_0900_ai_ci.
const DefaultCollation = collation.Default
