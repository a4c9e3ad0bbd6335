package shard

import (
	"encoding/json"
	"fmt"
	"reflect"
	"sync/atomic"

	"cloudsql/storage/keys"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/row"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// tablet is one tablet of the shard under its present descriptors. It is immutable but for its counters, which all
// descriptors of the tablet share.
type tablet struct {
	id       schema.TabletID
	current  *layout
	previous *layout                           // nil: none
	alike    bool                              // previous has the same rules as current: other tablets of the table have changed
	since    map[schema.IndexID]mvcc.Timestamp // when an index came into its state, WriteOnly or Public, after the table's creation
	counters *counters
	move     *moving        // nil: it is not on its way to another shard, nor from one
	begins   mvcc.Timestamp // its states before are not known here
}

// counters change with what is applied; only Apply writes them, but for reads.
type counters struct {
	rows    atomic.Int64
	autoInc atomic.Uint64 // largest AUTO_INCREMENT value in any row ever put
	claimed atomic.Uint64 // likewise in rows that were prepared; nobody but a leaseholder asks, so it is no part of the state
	usage   usage
	work    work
	copies  copies
}

// layout is a descriptor prepared for work.
type layout struct {
	table      *schema.Table
	full       *row.Decoder // all columns, in the table's order
	defaults   []types.Value
	autoInc    int   // position of the AUTO_INCREMENT column, or -1
	timestamps []int // positions of TIMESTAMP columns
	primary    *schema.Index
	secondary  []*schema.Index // those that rows have entries in: Public and WriteOnly
	removed    []*schema.Index // those that entries are only removed from: DeleteOnly
	ruled      bool            // schema.Table.Ruled: writes are planned with this very version
	plans      planCache
}

func newLayout(t *schema.Table) (*layout, error) {
	if len(t.Indexes) == 0 || t.Indexes[0].ID != schema.PrimaryIndex || len(t.Columns) == 0 {
		return nil, fmt.Errorf("shard: the descriptor of table %q lacks its primary index or columns", t.Name)
	}
	for i := range t.Indexes {
		for k := range t.Indexes[i].Columns {
			if c := t.Indexes[i].Columns[k].Column; c < 0 || c >= len(t.Columns) {
				return nil, fmt.Errorf("shard: index %q of table %q has no column %d", t.Indexes[i].Name, t.Name, c)
			}
		}
	}
	l := &layout{
		table: t, full: row.NewDecoder(t, t.ColumnIDs()), autoInc: t.AutoIncColumn(), primary: t.Primary(),
		defaults: make([]types.Value, len(t.Columns)), ruled: t.Ruled(),
	}
	for i := range t.Columns {
		c := &t.Columns[i]
		if c.Type.IsTimestamp() {
			l.timestamps = append(l.timestamps, i)
		}
		value := c.Default
		if !c.HasDefault && value == nil {
			value = c.Missing
		}
		if value == nil {
			continue
		}
		v, _, err := types.DecodeValue(value)
		if err != nil {
			return nil, fmt.Errorf("shard: default of column %q of table %q: %w", c.Name, t.Name, err)
		}
		l.defaults[i] = v.Clone()
	}
	for i := 1; i < len(t.Indexes); i++ {
		switch ix := &t.Indexes[i]; ix.State {
		case schema.Public, schema.WriteOnly:
			l.secondary = append(l.secondary, ix)
		case schema.DeleteOnly:
			l.removed = append(l.removed, ix)
		}
	}
	return l, nil
}

// CheckTable tells whether the shards of a table's tablets would take its descriptor, before the descriptor is proposed to
// them or written anywhere else.
func CheckTable(t *schema.Table) error {
	err := protected(func() error {
		cmd, err := EncodeTablet(nil, &TabletCommand{Table: t})
		if err != nil {
			return err
		}
		_, c, err := decodeCommand(cmd)
		if err != nil {
			return err
		}
		_, err = newLayout(c.(*TabletCommand).Table)
		return err
	})
	if err != nil {
		return statementError(err)
	}
	return nil
}

// layoutOf finds the layout that a fragment was planned with.
func (t *tablet) layoutOf(version uint64) (*layout, bool) {
	if t.current.table.Version == version {
		return t.current, true
	}
	if t.previous != nil && t.previous.table.Version == version {
		return t.previous, true
	}
	return nil, false
}

// holds tells whether a primary key belongs to the tablet.
func (t *tablet) holds(key []byte) bool {
	for i := range t.current.table.Tablets {
		if tb := &t.current.table.Tablets[i]; tb.ID == t.id {
			return tb.Holds(key)
		}
	}
	return true
}

// tabletRecord is a tablet's descriptors as the engine keeps them.
type tabletRecord struct {
	Current  *schema.Table                     `json:"current"`
	Previous *schema.Table                     `json:"previous,omitempty"`
	Since    map[schema.IndexID]mvcc.Timestamp `json:"since,omitempty"`
	Move     *moving                           `json:"move,omitempty"`   // since V2, as Begins is
	Begins   mvcc.Timestamp                    `json:"begins,omitempty"` // timestamps below 2^64 are exact in Go's JSON
}

func (t *tablet) record() ([]byte, error) {
	r := tabletRecord{Current: t.current.table, Since: t.since, Move: t.move, Begins: t.begins}
	if t.previous != nil {
		r.Previous = t.previous.table
	}
	return json.Marshal(&r)
}

func tabletOf(id schema.TabletID, record []byte) (*tablet, error) {
	var r tabletRecord
	if err := json.Unmarshal(record, &r); err != nil || r.Current == nil {
		return nil, fmt.Errorf("%w: descriptor of tablet %d: %w", ErrCorrupt, id, err)
	}
	t := &tablet{id: id, since: r.Since, counters: &counters{}, move: r.Move, begins: r.Begins}
	var err error
	if t.current, err = newLayout(r.Current); err != nil {
		return nil, err
	}
	if r.Previous != nil {
		t.previous, err = newLayout(r.Previous)
		t.alike = alike(r.Previous, r.Current)
	}
	return t, err
}

// alike tells whether two descriptors of a table whose rows follow rules differ in their versions only, as when other tablets of the table have been
// moved, cut or merged: who has planned with the one has planned with the other.
func alike(a, b *schema.Table) bool {
	if !a.Ruled() || !b.Ruled() {
		return false
	}
	x, y := *a, *b
	x.Version, y.Version = 0, 0
	return reflect.DeepEqual(&x, &y)
}

// alter is t under a new descriptor, at the log's time now.
func (t *tablet) alter(table *schema.Table, now mvcc.Timestamp) (*tablet, error) {
	l, err := newLayout(table)
	if err != nil {
		return nil, err
	}
	n := &tablet{id: t.id, current: l, previous: t.current, counters: t.counters, since: map[schema.IndexID]mvcc.Timestamp{}}
	n.move, n.begins, n.alike = t.move, t.begins, alike(t.current.table, table)
	for i := range table.Indexes {
		ix := &table.Indexes[i]
		if ix.State != schema.Public && ix.State != schema.WriteOnly {
			continue
		}
		old := t.current.table.IndexByID(ix.ID)
		switch since, known := t.since[ix.ID]; {
		case old == nil || old.State != ix.State:
			n.since[ix.ID] = now
		case known:
			n.since[ix.ID] = since
		}
	}
	return n, nil
}

// identity of the tablet's key of one of its indexes: prefix and key.
func (s *Shard) appendKey(dst []byte, t schema.TabletID, ix schema.IndexID, key []byte) []byte {
	return append(keys.AppendPrefix(dst, s.id, t, ix), key...)
}
