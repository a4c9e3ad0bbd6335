package shard

import (
	"math/rand/v2"
	"slices"
	"testing"

	"cloudsql/storage/schema"
)

// TestTabletSets: tablets that come, change and go at random leave a set, and the sets cloned from it before, with what a search through
// them finds; and the count of those that are tracked is right.
func TestTabletSets(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	random := func(id schema.TabletID) *tablet {
		table := &schema.Table{ID: schema.TableID(1 + uint64(id)%7), Tablets: []schema.Tablet{{ID: id, Partition: schema.PartitionID(rng.IntN(3))}}}
		if rng.IntN(3) == 0 {
			table.Tablets[0].Start = []byte{1}
		}
		n := &tablet{id: id, current: &layout{table: table}}
		if rng.IntN(3) == 0 {
			n.move = &moving{Phase: []phase{tracked, frozen}[rng.IntN(2)]}
		}
		return n
	}
	a := &applying{tablets: noTablets()}
	type version struct {
		set *tabletSet
		ids []schema.TabletID
	}
	var versions []version
	for range 2000 {
		id := schema.TabletID(1 + rng.IntN(200))
		if old, ok := a.tablets.Get(id); ok && rng.IntN(2) == 0 {
			a.drop(old)
		} else {
			a.take(random(id))
		}
		if rng.IntN(20) == 0 {
			versions = append(versions, version{a.tablets.clone(), a.tablets.Keys()})
		}
		isTracked := 0
		for _, n := range a.tablets.All() {
			if n.isTracked() {
				isTracked++
			}
		}
		if a.tracked != isTracked {
			t.Fatalf("%d tracked tablets, counted as %d", isTracked, a.tracked)
		}
	}
	for _, v := range versions {
		if !slices.Equal(v.set.Keys(), v.ids) {
			t.Fatal("a set from before has changed")
		}
		want := map[schema.TableID][]schema.TabletID{}
		for id, n := range v.set.All() {
			if n.isPart() {
				want[n.current.table.ID] = append(want[n.current.table.ID], id)
			}
		}
		if v.set.parts.Len() != len(want) {
			t.Fatalf("%d tables with parts instead of %d", v.set.parts.Len(), len(want))
		}
		for table, ids := range v.set.parts.All() {
			if !slices.Equal(ids, want[table]) {
				t.Fatalf("table %d has %v instead of %v", table, ids, want[table])
			}
		}
	}
}
