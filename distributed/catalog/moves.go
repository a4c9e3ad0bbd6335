package catalog

import (
	"slices"
	"strconv"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// MoveState is how far a move is.
type MoveState string

// The states. What is left of a move that was cancelled, or could not be made, is removed with its record.
const (
	MoveCopying MoveState = "copying" // the table has the tablet still
	MoveLeaving MoveState = "leaving" // the table has the copy; who reads the tablet's past still finds it
	MoveFailed  MoveState = "failed"  // Error says why; who asked for it removes the record
)

// Move is a tablet on its way from one shard to another, where it will have another id. Package moves carries it out.
type Move struct {
	Tablet schema.TabletID `json:"tablet"`
	Copy   schema.TabletID `json:"copy"`
	Table  schema.TableID  `json:"table"`
	From   schema.ShardID  `json:"from"`
	To     schema.ShardID  `json:"to"`
	State  MoveState       `json:"state"`
	// Attempt is the number of who drives it; the shards refuse those that have a lower one.
	Attempt uint64 `json:"attempt,omitempty"`
	Cancel  bool   `json:"cancel,omitempty"`
	Error   string `json:"error,omitempty"`

	// How far the copy has come: Page is where the next page of versions begins, Copied tells that there is none, Noted is how far
	// what was written since went over. What comes twice does no harm.
	Page   []byte             `json:"page,omitempty"`
	Copied bool               `json:"copied,omitempty"`
	Noted  shard.NotePosition `json:"noted"`
	Bytes  uint64             `json:"bytes,omitempty"` // that went over
}

// Moves lists the moves of a catalog in order of their tablets.
func Moves(s *Snapshot) []*Move { return s.moves.Values() }

// MoveOf finds a tablet's move; nil: it has none.
func MoveOf(s *Snapshot, t schema.TabletID) *Move {
	m, _ := s.moves.Get(t)
	return m
}

// Moving tells whether a table has a move during which its definition must stay as it is.
func Moving(s *Snapshot, t schema.TableID) bool {
	for _, m := range s.moves.All() {
		if m.Table == t && m.State == MoveCopying {
			return true
		}
	}
	return false
}

// PutMove adds or changes a move.
func (tx *Tx) PutMove(m *Move) { tx.put(kindMove, number(m.Tablet), m) }

// DeleteMove removes a move.
func (tx *Tx) DeleteMove(t schema.TabletID) { tx.put(kindMove, number(t), nil) }

// BeginMove notes that a tablet of a table is to move to a shard. 1525 for what is not there. false: it is there already.
func (tx *Tx) BeginMove(table *schema.Table, tablet schema.TabletID, to schema.ShardID) (begun bool, err error) {
	i := slices.IndexFunc(table.Tablets, func(tb schema.Tablet) bool { return tb.ID == tablet })
	if i < 0 {
		return false, mysqlerr.New(mysqlerr.WrongValue, "TABLET", strconv.FormatUint(uint64(tablet), 10))
	}
	if _, ok := tx.Snapshot.Shard(to); !ok || to == schema.SystemShard {
		return false, mysqlerr.New(mysqlerr.WrongValue, "SHARD", strconv.FormatUint(uint64(to), 10))
	}
	from := table.Tablets[i].Shard
	if from == to {
		return false, nil
	}
	tx.PutMove(&Move{
		Tablet: tablet, Copy: schema.TabletID(tx.NewID()), Table: table.ID, From: from, To: to, State: MoveCopying,
	})
	return true, nil
}

// After is a table with the copy in the tablet's place, under its next version; nil where it does not have the tablet.
func (m *Move) After(table *schema.Table) *schema.Table {
	i := slices.IndexFunc(table.Tablets, func(tb schema.Tablet) bool { return tb.ID == m.Tablet })
	if i < 0 {
		return nil
	}
	next := table.Clone()
	next.Version++
	next.Tablets[i].ID, next.Tablets[i].Shard = m.Copy, m.To
	return next
}

// Flip gives a table, which is to be at the version before, the copy of a tablet in that one's place. false: m is not what the catalog has
// of the move, or not of the table.
func (tx *Tx) Flip(m *Move, version uint64) bool {
	now := MoveOf(tx.Snapshot, m.Tablet)
	table, ok := tx.Snapshot.TableByID(m.Table)
	if now == nil || now.Attempt != m.Attempt || now.State != MoveCopying || now.Cancel || !ok || table.Version+1 != version {
		return false
	}
	next := m.After(table)
	if next == nil {
		return false
	}
	left := *now
	left.State = MoveLeaving
	tx.PutMove(&left)
	tx.PutTable(next)
	return true
}
