package shard

import (
	"sync"
	"time"

	"cloudsql/storage/schema"
)

// usageAge is how long an estimate of a tablet's bytes is good for.
const usageAge = 10 * time.Second

// minRowBytes is what a row is thought to take at least while the engine holds it in memory, where it estimates
// nothing.
const minRowBytes = 32

// usage caches a tablet's size.
type usage struct {
	mu    sync.Mutex
	at    time.Time
	bytes uint64
}

// TabletStats estimates a tablet's rows (as applied, ignoring versions) and its bytes on disk; zeros for a tablet that
// is not here.
func (s *published) TabletStats(id schema.TabletID) (rows, bytes uint64) {
	t, ok := s.tablets.Load().Get(id)
	if !ok {
		return 0, 0
	}
	rows = uint64(max(t.counters.rows.Load(), 0))
	u := &t.counters.usage
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.at.IsZero() || time.Since(u.at) > usageAge {
		start, end := tabletRange(s.id, id)
		if n, err := s.engine.DiskUsage(start, end); err == nil { // an estimate that fails is no reason to fail
			u.bytes = n
		}
		u.at = time.Now()
	}
	return rows, max(u.bytes, rows*minRowBytes)
}
