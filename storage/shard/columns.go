package shard

import (
	"sync/atomic"

	"cloudsql/storage/columnar"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
)

// copies are a tablet's columnar copies (package columnar): side effects of what is applied, and no part of the state.
type copies struct {
	current atomic.Pointer[columnar.Copy] // that readers use; nil: none
	next    atomic.Pointer[columnar.Copy] // that is being made
}

// minColumnarRows is how many rows a tablet has at least that gets a copy: fewer are read as fast as they are.
const minColumnarRows = 1024

// noteColumns tells the copies of a row's tablet that it changes, before anybody can see the change: whoever reads a state of the engine
// and looks at a copy's changes after that finds all changes that are in the state.
func (a *applying) noteColumns(c *change) {
	if indexOf(c.key) != schema.PrimaryIndex {
		return
	}
	t, ok := a.tablets.Get(tabletOfKey(c.key))
	if !ok {
		return
	}
	for _, p := range [...]*columnar.Copy{t.counters.copies.current.Load(), t.counters.copies.next.Load()} {
		if p != nil {
			p.Note(bare(c.key), c.ts)
		}
	}
}

// wantsColumns tells whether there should be a copy of the tablet.
func (t *tablet) wantsColumns() bool {
	return t.current.table.Columnar() && t.move == nil && t.counters.rows.Load() >= minColumnarRows
}

// ColumnsDue lists the tablets whose columnar copies are to be made, or made anew, and lets go of those that nobody wants any more.
func (s *published) ColumnsDue() (due []schema.TabletID) {
	for id, t := range s.tablets.Load().All() {
		now := t.counters.copies.current.Load()
		switch {
		case !t.current.table.Columnar():
			if now != nil {
				t.counters.copies.current.Store(nil)
			}
		case t.wantsColumns() && (now == nil || worn(now, t)):
			due = append(due, id)
		}
	}
	return due
}

// worn tells whether so much has changed since a copy was made that it should be made anew.
func worn(c *columnar.Copy, t *tablet) bool {
	f := c.Figures()
	return f.Lost || f.Blocks == 0 || f.GivenUp*8 > f.Blocks || f.GivenUp > 0 && f.Blocks < 8 || f.Changed > f.Rows/16+minColumnarRows ||
		!c.Fits(t.current.table)
}

// ColumnCopy tells of a tablet's columnar copy.
type ColumnCopy struct {
	columnar.Figures
	Shard  schema.ShardID
	Tablet schema.TabletID
	At     mvcc.Timestamp
	Made   bool // there is one that readers use
	Making bool // one is being made
}

// ColumnCopies lists the copies of tablets whose tables have them.
func (s *published) ColumnCopies() (list []ColumnCopy) {
	for id, t := range s.tablets.Load().All() {
		if !t.current.table.Columnar() {
			continue
		}
		c := ColumnCopy{Shard: s.id, Tablet: id, Making: t.counters.copies.next.Load() != nil}
		if now := t.counters.copies.current.Load(); now != nil {
			c.Figures, c.At = now.Figures(), now.At
			c.Made = !c.Lost
		}
		list = append(list, c)
	}
	return list
}
