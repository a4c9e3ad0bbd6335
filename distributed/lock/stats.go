package lock

import (
	"sync/atomic"
	"time"

	"cloudsql/distributed"
)

// Stats counts what the tables of a replica did, one after the other. All fields may be read at any time.
type Stats struct {
	Waits         atomic.Uint64
	WaitNanos     atomic.Uint64 // time that requests have waited, once they have ended
	WaitMax       atomic.Uint64 // the longest, in nanoseconds
	Timeouts      atomic.Uint64
	Deadlocks     atomic.Uint64
	InFlightWaits atomic.Uint64 // snapshot reads that waited for a write in flight
}

// waited counts the time that a request has waited.
func (s *Stats) waited(d time.Duration) {
	s.WaitNanos.Add(uint64(max(d, 0)))
	raise(&s.WaitMax, uint64(max(d, 0)))
}

// Sum is what the stats come to, for views.
func (s *Stats) Sum() distributed.LockStats {
	return distributed.LockStats{
		Waits: s.Waits.Load(), Timeouts: s.Timeouts.Load(), Deadlocks: s.Deadlocks.Load(),
		Time:    time.Duration(s.WaitNanos.Load()), //nolint:gosec // below 292 years
		MaxTime: time.Duration(s.WaitMax.Load()),   //nolint:gosec // as above
	}
}

// raise sets a maximum.
func raise(most *atomic.Uint64, v uint64) {
	for {
		old := most.Load()
		if old >= v || most.CompareAndSwap(old, v) {
			return
		}
	}
}

// Load is what a table has to do at present.
type Load struct {
	Held     int // by interactive transactions
	Waiting  int // requests
	InFlight int // writes
}

// Load tells the present load.
func (t *Table) Load() Load {
	return Load{Held: int(t.interactive.Load()), Waiting: int(t.waiters.Load()), InFlight: int(t.Flights.count.Load())}
}
