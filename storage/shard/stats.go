package shard

import (
	"sync"
	"sync/atomic"
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

// rowsPerRead is how many rows more than one a read may look at before it counts as two.
const rowsPerRead = 16

// work counts what this replica has done for a tablet: pages that were read here, those of many rows several times, and the
// writes of transactions that were applied, by their rows. It is in memory only.
type work struct{ reads, writes atomic.Uint64 }

// TabletWork tells how much has been read and written of a tablet since this replica was opened, or the tablet came.
func (s *published) TabletWork(id schema.TabletID) (reads, writes uint64) {
	t, ok := s.tablets.Load().Get(id)
	if !ok {
		return 0, 0
	}
	return t.counters.work.reads.Load(), t.counters.work.writes.Load()
}

// countRead counts a page that was read, at the cost of one addition.
func (rd *pageWriter) countRead() {
	if rd.t != nil {
		rd.t.counters.work.reads.Add(1 + rd.page.Seen/rowsPerRead)
	}
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
