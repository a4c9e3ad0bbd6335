package lock

import (
	"sync"
	"sync/atomic"

	"cloudsql/storage/schema"
)

// Doors says which tablets transactions are kept out of that have nothing in them yet: they are about to be frozen.
type Doors struct {
	any  atomic.Int32
	mu   sync.Mutex
	shut map[schema.TabletID]int
}

// Shut keeps transactions out of a tablet, as far as they ask IsShut, until the returned function is called.
func (d *Doors) Shut(tablet schema.TabletID) (open func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shut == nil {
		d.shut = map[schema.TabletID]int{}
	}
	d.shut[tablet]++
	d.any.Add(1)
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.shut[tablet]--; d.shut[tablet] == 0 {
			delete(d.shut, tablet)
		}
		d.any.Add(-1)
	}
}

// IsShut tells whether a tablet is shut. Where none is, it costs an atomic load.
func (d *Doors) IsShut(tablet schema.TabletID) bool {
	if d.any.Load() == 0 {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.shut[tablet] > 0
}

// Occupied tells whether anybody holds something in a tablet, or waits for it.
func (t *Table) Occupied(tablet schema.TabletID) (occupied bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.probe = entry{tablet: tablet}
	t.tree.Ascend(t.probe.place(), func(e place) bool {
		occupied = e.tablet == tablet && len(e.holds)+len(e.queue) > 0
		return e.tablet == tablet && !occupied
	})
	t.ranges.each(func(g *Range) { occupied = occupied || g.entry.tablet == tablet })
	return occupied
}

// Occupies tells whether o holds something in a tablet.
func (t *Table) Occupies(o *Owner, tablet schema.TabletID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, g := range o.ranges {
		if g.entry.tablet == tablet {
			return true
		}
	}
	return o.isIn(tablet)
}
