package schema

import (
	"slices"
	"strings"

	"cloudsql/storage/types"
)

// PartitionID names a partition or subpartition of a table: unique in the table, never reused. Zero is none.
type PartitionID uint32

// PartitionMethod is how values choose a partition. The numbers are part of the catalog.
type PartitionMethod uint8

// The methods.
const (
	PartitionByRange PartitionMethod = iota + 1
	PartitionByList
	PartitionByHash
	PartitionByKey
)

func (m PartitionMethod) String() string {
	return [...]string{"", "RANGE", "LIST", "HASH", "KEY"}[min(m, PartitionByKey)]
}

// Partitioning says which of a table's partitions a row belongs to (decision 0042). Gateways follow it; shards know tablets only.
type Partitioning struct {
	PartitionRule
	Partitions []Partition    `json:"partitions"`
	Sub        *PartitionRule `json:"sub,omitempty"` // how each partition is cut further: HASH or KEY
	NextID     PartitionID    `json:"nextID"`
	Named      bool           `json:"named,omitempty"`    // the definition lists its partitions, not only their number
	SubNamed   bool           `json:"subNamed,omitempty"` // and its subpartitions
}

// PartitionRule is one level of partitioning.
type PartitionRule struct {
	Method  PartitionMethod `json:"method"`
	Linear  bool            `json:"linear,omitempty"`
	Expr    string          `json:"expr,omitempty"`    // of RANGE, LIST, HASH: SQL text over the table's columns
	Columns []ColumnID      `json:"columns,omitempty"` // of KEY and of RANGE and LIST COLUMNS, instead of Expr
	// Primary: KEY () names no columns and means those of the primary key.
	Primary bool `json:"primary,omitempty"`
	Count   int  `json:"count,omitempty"` // PARTITIONS or SUBPARTITIONS, where the definition says so
}

// OverColumns tells of KEY and of RANGE and LIST COLUMNS.
func (r *PartitionRule) OverColumns() bool { return r.Expr == "" }

// Partition is one of a table's partitions, or of a partition's subpartitions.
type Partition struct {
	ID   PartitionID `json:"id"`
	Name string      `json:"name"`
	// Values: of RANGE one tuple, which is above all of the partition's; of LIST those of the partition. A tuple is of the expression's
	// value, or of the columns'.
	Values        [][]PartitionValue `json:"values,omitempty"`
	Comment       string             `json:"comment,omitempty"`
	MaxRows       uint64             `json:"maxRows,omitempty"`
	MinRows       uint64             `json:"minRows,omitempty"`
	CreatedMicros int64              `json:"createdMicros,omitempty"`
	Sub           []Partition        `json:"sub,omitempty"`
}

// PartitionValue is a bound of a RANGE or a value of a LIST.
type PartitionValue struct {
	Max  bool   `json:"max,omitempty"`  // MAXVALUE
	Data []byte `json:"data,omitempty"` // types.AppendValue, storage form; nil: NULL
}

// NewPartitionValue keeps a value.
func NewPartitionValue(v types.Value) PartitionValue {
	if v.IsNull() {
		return PartitionValue{}
	}
	return PartitionValue{Data: types.AppendValue(nil, v)}
}

// Value is the value that is kept; NULL for MAXVALUE.
func (p PartitionValue) Value() (types.Value, error) {
	if len(p.Data) == 0 {
		return types.Null, nil
	}
	v, _, err := types.DecodeValue(p.Data)
	return v, err
}

// Leaves are what rows are in, in order: the partitions, or their subpartitions.
func (p *Partitioning) Leaves() []*Partition {
	var leaves []*Partition
	for i := range p.Partitions {
		leaves = append(leaves, p.Partitions[i].leaves()...)
	}
	return leaves
}

// Leaf is the one with an id, which is one of them.
func (p *Partitioning) Leaf(id PartitionID) *Partition {
	leaves := p.Leaves()
	return leaves[slices.IndexFunc(leaves, func(leaf *Partition) bool { return leaf.ID == id })]
}

// LeafName is the name of the i-th of them, behind its partition's where it is a subpartition.
func (p *Partitioning) LeafName(i int) string {
	for k := range p.Partitions {
		part := &p.Partitions[k]
		leaves := part.leaves()
		switch {
		case i >= len(leaves):
			i -= len(leaves)
		case leaves[i] == part:
			return part.Name
		default:
			return part.Name + "_" + leaves[i].Name
		}
	}
	return ""
}

func (p *Partition) leaves() []*Partition {
	if len(p.Sub) == 0 {
		return []*Partition{p}
	}
	leaves := make([]*Partition, len(p.Sub))
	for i := range p.Sub {
		leaves[i] = &p.Sub[i]
	}
	return leaves
}

// ByName finds the partition of a name, or the subpartition: as the places of the leaves that belong to it. ok is false for none.
func (p *Partitioning) ByName(name string) (first, n int, ok bool) {
	for i := range p.Partitions {
		part := &p.Partitions[i]
		leaves := part.leaves()
		if strings.EqualFold(part.Name, name) {
			return first, len(leaves), true
		}
		for k := range part.Sub {
			if strings.EqualFold(part.Sub[k].Name, name) {
				return first + k, 1, true
			}
		}
		first += len(leaves)
	}
	return 0, 0, false
}

// Clone copies it deeply enough that its partitions may be changed in place.
func (p *Partitioning) Clone() *Partitioning {
	if p == nil {
		return nil
	}
	c := *p
	c.Columns = slices.Clone(p.Columns)
	c.Partitions = slices.Clone(p.Partitions)
	for i := range c.Partitions {
		c.Partitions[i].Sub = slices.Clone(p.Partitions[i].Sub)
	}
	if p.Sub != nil {
		sub := *p.Sub
		c.Sub = &sub
	}
	return &c
}

// KeyColumns are the positions of the columns that a rule over columns names.
func (t *Table) KeyColumns(r *PartitionRule) []int {
	var at []int
	if r.Primary {
		for _, c := range t.PartitionKey().Columns {
			at = append(at, c.Column)
		}
		return at
	}
	for _, id := range r.Columns {
		at = append(at, t.ColumnByID(id))
	}
	return at
}

// PartitionKey is the key that KEY () means: the primary one, or the first unique one that has no NULLs.
func (t *Table) PartitionKey() *Index {
	if t.HasPrimaryKey() {
		return t.Primary()
	}
	for i := range t.Indexes[1:] {
		ix := &t.Indexes[i+1]
		nullable := func(c IndexColumn) bool { return !t.Columns[c.Column].NotNull }
		if ix.Unique && !slices.ContainsFunc(ix.Columns, nullable) {
			return ix
		}
	}
	return t.Primary()
}

// OtherShards gives a tablet in each of the table's shards but the first one's.
func (t *Table) OtherShards() (list []TabletID) {
	if len(t.Tablets) == 1 {
		return nil
	}
	seen := map[ShardID]bool{t.Tablets[0].Shard: true}
	for i := range t.Tablets {
		if tb := &t.Tablets[i]; !seen[tb.Shard] {
			seen[tb.Shard] = true
			list = append(list, tb.ID)
		}
	}
	return list
}

// ForTablet is the descriptor as the shard of one of t's tablets gets it: of a table of several, which may be thousands, without
// what concerns the others.
func (t *Table) ForTablet(tb *Tablet) *Table {
	if t.Partitioning == nil && len(t.Tablets) <= 1 {
		return t
	}
	one := *t
	one.Partitioning, one.Tablets = nil, []Tablet{*tb}
	return &one
}
