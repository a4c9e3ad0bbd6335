package catalog

import (
	"bytes"
	"fmt"
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

// Move is tablets whose rows are on their way to others, which will have other ids: of one to another shard, of one to several (a split), of
// neighbours to one (a merge). Package moves carries it out.
type Move struct {
	// The first source and the first of what comes in the sources' place; of a plain move there are no others.
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

	// How far the copy of the first source has come.
	Page   []byte             `json:"page,omitempty"`
	Copied bool               `json:"copied,omitempty"`
	Noted  shard.NotePosition `json:"noted"`
	Bytes  uint64             `json:"bytes,omitempty"` // that went over, of all sources

	// Others are the sources behind the first one, in the table's order.
	Others []Source `json:"others,omitempty"`
	// Targets are what comes in the sources' place, where it is not Copy alone with their bounds. Of a split into a number of tablets there are
	// none until its driver has looked where to cut.
	Targets []schema.Tablet  `json:"targets,omitempty"`
	Into    int              `json:"into,omitempty"`
	Shards  []schema.ShardID `json:"shards,omitempty"` // that the targets of such a split go to, in turn
}

// Source is a tablet whose rows go over, and how far they have come: Page is where the next page of versions begins, Copied tells that there
// is none, Noted is how far what was written since went over. What comes twice does no harm.
type Source struct {
	Tablet schema.TabletID    `json:"tablet"`
	Shard  schema.ShardID     `json:"shard"`
	Page   []byte             `json:"page,omitempty"`
	Copied bool               `json:"copied,omitempty"`
	Noted  shard.NotePosition `json:"noted"`
}

// Sources lists the tablets whose rows go over, in the table's order.
func (m *Move) Sources() []Source {
	return append([]Source{{m.Tablet, m.From, m.Page, m.Copied, m.Noted}}, m.Others...)
}

// SetSources notes how far the sources have come.
func (m *Move) SetSources(list []Source) {
	m.Page, m.Copied, m.Noted = list[0].Page, list[0].Copied, list[0].Noted
	m.Others = slices.Clone(list[1:])
}

// Results lists what comes in the sources' place, none where that is not known yet. One that comes alone is without their bounds.
func (m *Move) Results() []schema.Tablet {
	switch {
	case len(m.Targets) > 0:
		return m.Targets
	case m.Into > 0:
		return nil
	}
	return []schema.Tablet{{ID: m.Copy, Shard: m.To}}
}

// Moves lists the moves of a catalog in order of their tablets.
func Moves(s *Snapshot) []*Move { return s.moves.Values() }

// MoveOf finds a tablet's move; nil: it has none.
func MoveOf(s *Snapshot, t schema.TabletID) *Move {
	m, _ := s.moves.Get(t)
	return m
}

// MoveFrom finds the move that has a tablet among its sources; nil: there is none.
func MoveFrom(s *Snapshot, t schema.TabletID) *Move {
	if m := MoveOf(s, t); m != nil {
		return m
	}
	for _, m := range s.moves.All() {
		if slices.ContainsFunc(m.Others, func(o Source) bool { return o.Tablet == t }) {
			return m
		}
	}
	return nil
}

// Moving tells whether a table, or one of its unique keys' entries, has a move during which its definition must stay as it is.
func Moving(s *Snapshot, id schema.TableID) bool {
	for _, m := range s.moves.All() {
		if m.State != MoveCopying {
			continue
		}
		if t, ok := s.TableByID(m.Table); m.Table == id || ok && t.EntriesOf(id) {
			return true
		}
	}
	return false
}

// PutMove adds or changes a move.
func (tx *Tx) PutMove(m *Move) { tx.put(kindMove, number(m.Tablet), m) }

// DeleteMove removes a move.
func (tx *Tx) DeleteMove(t schema.TabletID) { tx.put(kindMove, number(t), nil) }

// sourcesIn finds tablets of a table that may go over, which are to be neighbours: where the first of them is. 1525 for what is not there, or is on its
// way already.
func sourcesIn(s *Snapshot, table *schema.Table, tablets ...schema.TabletID) (first int, err error) {
	first = len(table.Tablets)
	for i, id := range tablets {
		at := slices.IndexFunc(table.Tablets, func(tb schema.Tablet) bool { return tb.ID == id })
		m := MoveFrom(s, id)
		if at < 0 || m != nil && m.State == MoveCopying || slices.Contains(tablets[:i], id) {
			return 0, mysqlerr.New(mysqlerr.WrongValue, "TABLET", number(id))
		}
		first = min(first, at)
	}
	for _, id := range tablets {
		if !slices.ContainsFunc(table.Tablets[first:min(first+len(tablets), len(table.Tablets))], func(tb schema.Tablet) bool { return tb.ID == id }) {
			return 0, mysqlerr.New(mysqlerr.WrongValue, "TABLET", number(id)) // no neighbour
		}
	}
	return first, nil
}

// haveData is 1525 for shards that have no tables' rows.
func haveData(s *Snapshot, shards ...schema.ShardID) error {
	for _, id := range shards {
		if _, ok := s.Shard(id); !ok || id == schema.SystemShard {
			return mysqlerr.New(mysqlerr.WrongValue, "SHARD", number(id))
		}
	}
	return nil
}

// BeginMove notes that a tablet of a table is to move to a shard. 1525 for what is not there. false: it is there already.
func (tx *Tx) BeginMove(table *schema.Table, tablet schema.TabletID, to schema.ShardID) (begun bool, err error) {
	i, err := sourcesIn(tx.Snapshot, table, tablet)
	if err == nil {
		err = haveData(tx.Snapshot, to)
	}
	if err != nil {
		return false, err
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

// MostTablets bounds the tablets of a table: of one with partitions, those beside the first of each.
const MostTablets = 1024

// Room is into how many a tablet of a table may be cut.
func Room(table *schema.Table) int { return MostTablets - 1 - len(table.Tablets) + len(table.ByLeaf()) }

// Split is how a tablet is to be cut: at keys, which rise, or Into a number of tablets of about as many rows. They go to the shards in turn; none:
// they stay where the tablet is.
type Split struct {
	At     [][]byte
	Into   int
	Shards []schema.ShardID
}

// BeginSplit notes that a tablet of a table is to be cut. 1525 for what is not there; 1235 for tables whose tablets can't be cut, since other keys are
// unique in a tablet only.
func (tx *Tx) BeginSplit(table *schema.Table, tablet schema.TabletID, how Split) error {
	i, err := sourcesIn(tx.Snapshot, table, tablet)
	if err == nil {
		err = haveData(tx.Snapshot, how.Shards...)
	}
	if err != nil {
		return err
	}
	if !MayBeCut(table) {
		return mysqlerr.NotSupported("SPLIT TABLET of a table with a unique key beside the primary one")
	}
	if n := max(len(how.At)+1, how.Into); n < 2 || n > Room(table) {
		return mysqlerr.New(mysqlerr.WrongValue, "number of tablets", strconv.Itoa(n))
	}
	from := table.Tablets[i]
	m := &Move{
		Tablet: tablet, Table: table.ID, From: from.Shard, To: from.Shard, State: MoveCopying, Into: how.Into, Shards: how.Shards,
	}
	if how.Into == 0 {
		if err := tx.Cut(m, from, how.At); err != nil {
			return err
		}
	}
	tx.PutMove(m)
	return nil
}

// MayBeCut tells whether what is unique in a table, or in one of its partitions, is so by the primary key alone, or over tablets.
func MayBeCut(table *schema.Table) bool {
	return !slices.ContainsFunc(table.Indexes, func(ix schema.Index) bool { return ix.Unique && ix.ID != schema.PrimaryIndex })
}

// FirstCut lists the tablets of the first partition that has several, of a table without partitions all of them if there are several.
func FirstCut(table *schema.Table) (list []schema.TabletID) {
	for _, leaf := range table.ByLeaf() {
		for i := 0; len(leaf) > 1 && i < len(leaf); i++ {
			list = append(list, leaf[i].ID)
		}
		if len(list) > 0 {
			break
		}
	}
	return list
}

// cutKind is the kind of record that a table has, by its id, which was cut to even out what nodes bear. It is put together again when that is not
// needed any more; what a statement has cut stays so.
const cutKind = "cut"

// CutHere lists the tables that were cut to even out what nodes bear.
func CutHere(s *Snapshot) (list []schema.TableID) {
	for _, key := range s.Records(cutKind) {
		if id, err := strconv.ParseUint(key, 10, 64); err == nil {
			list = append(list, schema.TableID(id))
		}
	}
	return list
}

// PutCutHere notes whether a table was cut to even out what nodes bear.
func (tx *Tx) PutCutHere(id schema.TableID, is bool) {
	if is {
		tx.PutRecord(cutKind, number(id), true)
	} else {
		tx.PutRecord(cutKind, number(id), nil)
	}
}

// Cut gives a split its targets: tablet cut at keys. 1525 for keys that don't rise within its bounds.
func (tx *Tx) Cut(m *Move, tablet schema.Tablet, at [][]byte) error {
	m.Targets = nil
	next := schema.Tablet{Shard: tablet.Shard, Start: tablet.Start, Partition: tablet.Partition}
	for i := 0; i <= len(at); i++ {
		if next.End = tablet.End; i < len(at) {
			next.End = at[i]
		}
		if next.End != nil && bytes.Compare(next.Start, next.End) >= 0 || tablet.End != nil && bytes.Compare(next.End, tablet.End) > 0 {
			return mysqlerr.New(mysqlerr.WrongValue, "bound", fmt.Sprintf("x%x", next.End))
		}
		if len(m.Shards) > 0 {
			next.Shard = m.Shards[i%len(m.Shards)]
		}
		next.ID = schema.TabletID(tx.NewID())
		m.Targets = append(m.Targets, next)
		next.Start = next.End
	}
	m.Copy, m.To = m.Targets[0].ID, m.Targets[0].Shard
	return nil
}

// BeginMerge notes that neighbouring tablets of a table are to become one, in a shard; 0: where the first of them is. It tells the first in the table's
// order, by which the move is known. 1525 for what is not there, or no neighbour.
func (tx *Tx) BeginMerge(table *schema.Table, tablets []schema.TabletID, to schema.ShardID) (known schema.TabletID, err error) {
	i, err := sourcesIn(tx.Snapshot, table, tablets...)
	if err == nil && to != 0 {
		err = haveData(tx.Snapshot, to)
	}
	if err != nil {
		return 0, err
	}
	first := table.Tablets[i]
	if to == 0 {
		to = first.Shard
	}
	m := &Move{
		Tablet: first.ID, Copy: schema.TabletID(tx.NewID()), Table: table.ID, From: first.Shard, To: to, State: MoveCopying,
	}
	for _, tb := range table.Tablets[i+1 : i+len(tablets)] {
		if tb.Partition != first.Partition {
			return 0, mysqlerr.New(mysqlerr.WrongValue, "TABLET", number(tb.ID)) // no neighbour
		}
		m.Others = append(m.Others, Source{Tablet: tb.ID, Shard: tb.Shard})
	}
	tx.PutMove(m)
	return first.ID, nil
}

// After is a table with what a move makes in its sources' place, under its next version; nil where it does not have them, or that is not known yet.
func (m *Move) After(table *schema.Table) *schema.Table {
	sources, results := m.Sources(), slices.Clone(m.Results())
	i := slices.IndexFunc(table.Tablets, func(tb schema.Tablet) bool { return tb.ID == m.Tablet })
	if i < 0 || i+len(sources) > len(table.Tablets) || len(results) == 0 {
		return nil
	}
	now := table.Tablets[i : i+len(sources)]
	for k := range sources {
		if now[k].ID != sources[k].Tablet {
			return nil
		}
	}
	for k := range results {
		results[k].Partition = now[0].Partition
	}
	results[0].Start, results[len(results)-1].End = now[0].Start, now[len(now)-1].End
	next := table.Clone()
	next.Version++
	next.Tablets = slices.Replace(next.Tablets, i, i+len(sources), results...)
	return next
}

// Flip gives a table, which is to be at the version before, what a move makes in its sources' place. false: m is not what the catalog has
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
