// Package copies makes the columnar copies of the tablets that a node has replicas of (decision 50, package columnar).
//
// Invariants: one copy is made at a time; between two of its blocks three times as much time passes as the first of them took.
package copies

import (
	"context"
	"log/slog"
	"os"
	"time"

	"cloudsql/distributed/clock"
	"cloudsql/storage/columnar"
	"cloudsql/storage/memory"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/spawn"
)

const (
	lookEvery = time.Second
	maxPause  = 3 * time.Second
)

// Maker makes copies.
type Maker struct {
	Dir    string                // of their files, which have no names and are gone with the process
	Shards func() []*shard.Shard // replicas of this node that serve
	Full   func() bool           // there is no room on the disk
	Memory *memory.Account       // of decoded pages, and of the keys that were changed since copies were made
	Clock  clock.Clock
	Log    *slog.Logger

	changed int64 // bytes of changed keys that are charged
}

// Loop makes copies that are wanted, and anew those that are worn, until ctx ends.
func (m *Maker) Loop(ctx context.Context) {
	space := &columnar.Space{Open: m.open, Memory: m.Memory}
	m.Memory.OnPressure(space.Clear)
	for range spawn.Ticks(ctx.Done(), lookEvery) {
		space.Trim()
		m.chargeChanged()
		for _, s := range m.Shards() {
			due := s.ColumnsDue()
			if len(due) > 0 {
				m.tellDamage(s)
			}
			for _, id := range due {
				m.make(ctx, s, id, space)
			}
		}
	}
}

// chargeChanged charges what the copies' changed keys take, as of now: they are noted where nobody can be refused.
func (m *Maker) chargeChanged() {
	n := int64(0)
	for _, c := range m.All() {
		n += int64(c.ChangedBytes)
	}
	m.Memory.Shrink(m.changed - n)
	if n <= m.changed || m.Memory.Grow(n-m.changed) == nil {
		m.changed = n
	}
}

// tellDamage says which copies were found damaged: they are not read any more, and made anew.
func (m *Maker) tellDamage(s *shard.Shard) {
	for _, c := range s.ColumnCopies() {
		if c.Why != nil {
			m.Log.Warn("a columnar copy is damaged", "shard", c.Shard, "tablet", c.Tablet, "err", c.Why)
		}
	}
}

// open makes a file without a name, which lives as long as somebody refers to it: os closes files that nobody does.
func (m *Maker) open() (columnar.File, error) {
	if err := os.MkdirAll(m.Dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(m.Dir, "columns-*")
	if err != nil {
		return nil, err
	}
	return f, os.Remove(f.Name())
}

func (m *Maker) make(ctx context.Context, s *shard.Shard, id schema.TabletID, space *columnar.Space) {
	if m.Full() || ctx.Err() != nil {
		return
	}
	began := m.Clock.Now()
	pause := func(ctx context.Context) error {
		err := clock.Sleep(ctx, min(3*(m.Clock.Now()-began), maxPause))
		began = m.Clock.Now()
		return err
	}
	if err := s.BuildColumns(ctx, id, space, pause); err != nil && ctx.Err() == nil {
		m.Log.Warn("making a columnar copy failed", "shard", s.ID(), "tablet", id, "err", err)
	}
}

// All lists the copies.
func (m *Maker) All() (list []shard.ColumnCopy) {
	for _, s := range m.Shards() {
		list = append(list, s.ColumnCopies()...)
	}
	return list
}
