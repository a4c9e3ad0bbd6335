package shard

import (
	"slices"

	"cloudsql/storage/persistent"
	"cloudsql/storage/schema"
)

// tabletSet is the tablets of a shard. A clone shares what is the same, so that what comes or goes costs the same in a shard of many
// tablets as in one of few.
type tabletSet struct {
	*persistent.Map[schema.TabletID, *tablet]
	parts *persistent.Map[schema.TableID, []schema.TabletID] // tablets of tables that may have several here, by their table
}

func noTablets() tabletSet {
	return tabletSet{persistent.New[schema.TabletID, *tablet](), persistent.New[schema.TableID, []schema.TabletID]()}
}

func (s *tabletSet) clone() *tabletSet { return &tabletSet{s.Clone(), s.parts.Clone()} }

// put takes in a tablet, or one that has changed.
func (s *tabletSet) put(t *tablet) {
	if old, ok := s.Get(t.id); ok && old.isPart() && !t.isPart() {
		s.drop(old)
	}
	s.Set(t.id, t)
	if !t.isPart() {
		return
	}
	table := t.current.table.ID
	ids, _ := s.parts.Get(table)
	if at, there := slices.BinarySearch(ids, t.id); !there {
		s.parts.Set(table, slices.Insert(slices.Clone(ids), at, t.id))
	}
}

// drop takes a tablet out.
func (s *tabletSet) drop(t *tablet) {
	s.Delete(t.id)
	table := t.current.table.ID
	ids, _ := s.parts.Get(table)
	at, there := slices.BinarySearch(ids, t.id)
	switch {
	case there && len(ids) == 1:
		s.parts.Delete(table)
	case there:
		s.parts.Set(table, slices.Delete(slices.Clone(ids), at, at+1))
	}
}

// isPart tells whether the tablet is of a partition, or of a range of keys: others of its table may be in the shard.
func (t *tablet) isPart() bool {
	tablets := t.current.table.Tablets
	return len(tablets) > 0 && (tablets[0].Partition != 0 || !tablets[0].Whole())
}

// take takes in a tablet, or one that has changed, and notes that it did.
func (a *applying) take(t *tablet) {
	old, _ := a.tablets.Get(t.id)
	a.countTracked(old, t)
	a.tablets.put(t)
	a.altered = append(a.altered, t.id)
}

// drop takes a tablet out, and notes that it did.
func (a *applying) drop(t *tablet) {
	a.countTracked(t, nil)
	a.tablets.drop(t)
	a.altered = append(a.altered, t.id)
}

// countTracked counts the tablets whose changes are noted.
func (a *applying) countTracked(old, now *tablet) {
	if old != nil && old.isTracked() {
		a.tracked--
	}
	if now != nil && now.isTracked() {
		a.tracked++
	}
}

func (t *tablet) isTracked() bool { return t.move != nil && t.move.Phase == tracked }
