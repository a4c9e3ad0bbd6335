package lock

import (
	"sync/atomic"
	"time"

	"cloudsql/distributed"
	"cloudsql/storage/metric"
)

// Stats counts what the tables of a replica did, one after the other. All fields may be read at any time.
type Stats struct {
	Waits         atomic.Uint64    `counter:"replica_lock_waits_total" help:"row locks waited for"`
	Timeouts      atomic.Uint64    `counter:"replica_lock_timeouts_total" help:"waits for row locks that took too long (1205)"`
	Deadlocks     atomic.Uint64    `counter:"replica_deadlocks_total" help:"victims of deadlocks (1213)"`
	Escalations   atomic.Uint64    `counter:"replica_lock_escalations_total" help:"times that many row locks of a transaction gave way to one on a range of an index"`
	InFlightWaits atomic.Uint64    `counter:"replica_inflight_waits_total" help:"reads that waited for a write in flight or prepared"`
	Wait          metric.Histogram `histogram:"lock_wait_seconds" help:"waits for row locks, however they ended"`
	WaitMax       atomic.Uint64    // the longest, in nanoseconds
}

// waited counts the time that a request has waited.
func (s *Stats) waited(d time.Duration) {
	s.Wait.Observe(d)
	metric.Raise(&s.WaitMax, uint64(max(d, 0)))
}

// Sum is what the stats come to, for views.
func (s *Stats) Sum() distributed.LockStats {
	return distributed.LockStats{
		Waits: s.Waits.Load(), Timeouts: s.Timeouts.Load(), Deadlocks: s.Deadlocks.Load(),
		Time: s.Wait.Sum(), MaxTime: time.Duration(s.WaitMax.Load()), // below 292 years
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
