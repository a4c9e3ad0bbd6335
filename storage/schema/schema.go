package schema

import (
	"cloudsql/storage/collation"
	"cloudsql/storage/types"
)

// Ids. Zero is never a valid id. All but ColumnID and IndexID are unique in the cluster and never reused; column and
// index ids are unique in their table and never reused.
type (
	DatabaseID uint64
	TableID    uint64
	TabletID   uint64
	ShardID    uint64
	ColumnID   uint32
	IndexID    uint32
	NodeID     uint64
)

// SystemShard is the raft group that holds the catalog.
const SystemShard ShardID = 1

// TemporaryShard stands for where a session has the rows of its temporary tables: no raft group, and known to no catalog but
// the session's own.
const TemporaryShard ShardID = 1<<32 - 1

// PrimaryIndex is the index id of every table's clustered rows.
const PrimaryIndex IndexID = 1

// Database is one schema.
type Database struct {
	ID        DatabaseID   `json:"id"`
	Name      string       `json:"name"`
	Collation collation.ID `json:"collation"`
	Shard     ShardID      `json:"shard"` // where its tables start (see design: co-located)
}

// Column is one column of a table.
type Column struct {
	ID            ColumnID   `json:"id"`
	Name          string     `json:"name"`
	Type          types.Type `json:"type"`
	NotNull       bool       `json:"notNull,omitempty"`
	AutoIncrement bool       `json:"autoIncrement,omitempty"`
	// Hidden columns are for no statement to name: the row id of a table without a primary key, and, with Generated, what a
	// functional key part is computed into.
	Hidden      bool   `json:"hidden,omitempty"`
	HasDefault  bool   `json:"hasDefault,omitempty"`  // false: no DEFAULT clause (and, if NotNull, 1364 on omission)
	NoDefault   bool   `json:"noDefault,omitempty"`   // ALTER … DROP DEFAULT of a column that may be NULL: 1364 on omission, too
	Default     []byte `json:"default,omitempty"`     // types.AppendValue of the constant, storage form; nil: NULL
	DefaultExpr string `json:"defaultExpr,omitempty"` // CURRENT_TIMESTAMP(n) or an (expression), SQL text; evaluated at the gateway
	OnUpdateNow bool   `json:"onUpdateNow,omitempty"`
	Comment     string `json:"comment,omitempty"`
	// Generated is the expression that the column follows from, SQL text over the table's other columns. Its values are stored
	// with the row, whether or not the definition says STORED; who writes rows computes them.
	Generated string `json:"generated,omitempty"`
	Stored    bool   `json:"stored,omitempty"`    // the definition of a generated column says STORED
	Invisible bool   `json:"invisible,omitempty"` // left out of * and of INSERT without a column list
	// Storage and Format are the words of STORAGE and COLUMN_FORMAT, "" for DEFAULT: kept and shown, as MySQL does for the one engine (NDB)
	// that they mean something to.
	Storage string `json:"storage,omitempty"`
	Format  string `json:"format,omitempty"`
	// Missing is what a row written before the column existed reads as (types.AppendValue); nil: NULL.
	Missing []byte `json:"missing,omitempty"`
}

// IndexColumn is one part of an index.
type IndexColumn struct {
	Column int  `json:"column"`           // position in Table.Columns
	Prefix int  `json:"prefix,omitempty"` // characters (bytes for binary); 0: whole
	Desc   bool `json:"desc,omitempty"`
}

// IndexState is how far an online index build is: writers maintain an index from WriteOnly on, readers use Public ones.
type IndexState uint8

// The states.
const (
	Public IndexState = iota
	WriteOnly
	DeleteOnly
)

// Index is a key of a table. Indexes[0] is the clustered one: its id is PrimaryIndex and it is named PRIMARY (over the
// hidden row id when the table has no primary key).
type Index struct {
	ID   IndexID `json:"id"`
	Name string  `json:"name"`
	// Unique: shards let no two rows of a tablet have the same key. An index with Entries is an index like others to them.
	Unique bool `json:"unique,omitempty"`
	// Entries is the table that has a row for each key of an index that is unique over all tablets of its table (decision 51); zero: there is
	// none, and nothing but Unique says what is unique.
	Entries TableID       `json:"entries,omitempty"`
	Columns []IndexColumn `json:"columns"`
	State   IndexState    `json:"state,omitempty"`
	Comment string        `json:"comment,omitempty"`
	Hidden  bool          `json:"hidden,omitempty"` // INVISIBLE
	// Implicit: made for a foreign key, to go when another index serves it.
	Implicit bool `json:"implicit,omitempty"`
	// BTree and BlockSize: the definition says USING BTREE and KEY_BLOCK_SIZE, which is shown and means nothing.
	BTree     bool   `json:"btree,omitempty"`
	BlockSize uint64 `json:"blockSize,omitempty"`
}

// SecondaryEngineAttribute is the option of tables that says something to an engine beside this one.
const SecondaryEngineAttribute = "SECONDARY_ENGINE_ATTRIBUTE"

// Table is a table's descriptor. It is immutable once published: a change makes a copy with a higher Version.
type Table struct {
	ID            TableID           `json:"id"`
	Database      DatabaseID        `json:"database"`
	Name          string            `json:"name"`
	Version       uint64            `json:"version"`
	Columns       []Column          `json:"columns"` // in the order users see
	Indexes       []Index           `json:"indexes"`
	Collation     collation.ID      `json:"collation"`
	Comment       string            `json:"comment,omitempty"`
	AutoIncStart  uint64            `json:"autoIncStart,omitempty"` // AUTO_INCREMENT=n of CREATE/ALTER
	NextColumnID  ColumnID          `json:"nextColumnID"`
	NextIndexID   IndexID           `json:"nextIndexID"`
	CreatedMicros int64             `json:"createdMicros"`
	RowsSince     uint64            `json:"rowsSince,omitempty"` // a timestamp: earlier rows were another table's, or are not kept
	Options       map[string]string `json:"options,omitempty"`   // shown back by SHOW CREATE TABLE: ROW_FORMAT, …
	Checks        []Check           `json:"checks,omitempty"`
	ForeignKeys   []ForeignKey      `json:"foreignKeys,omitempty"`
	Partitioning  *Partitioning     `json:"partitioning,omitempty"`
	// Tablets are ordered by Start; the first begins at nil, the last ends at nil. Those of a partitioned table are so for each of its
	// leaves, in the order of these (Partitioning.Leaves; leaves.go).
	Tablets []Tablet `json:"tablets"`
}

// Check is a CHECK constraint: SQL text, bound at the gateway.
type Check struct {
	Name     string `json:"name"`
	Expr     string `json:"expr"`
	Enforced bool   `json:"enforced"`
}

// Tablet is a range of a table's rows and the shard it lives in. Start and End bound the encoded primary key
// (keys.AppendIndexKey without the tablet prefix); End is exclusive, nil is unbounded.
type Tablet struct {
	ID    TabletID `json:"id"`
	Shard ShardID  `json:"shard"`
	Start []byte   `json:"start,omitempty"`
	End   []byte   `json:"end,omitempty"`
	// Partition is the partition or subpartition whose rows these are; zero where the table has none.
	Partition PartitionID `json:"partition,omitempty"`
}
