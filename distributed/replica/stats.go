package replica

import "cloudsql/distributed/leaseholder"

// Stats counts what a replica did.
type Stats = leaseholder.Stats

// Gauges are a leaseholder's present load; all zero elsewhere.
type Gauges struct {
	Transactions   int // open interactive ones
	Locks          int // held by them
	LockWaiters    int
	WritesInFlight int
}

// Gauges tells the present load.
func (r *Replica) Gauges() (g Gauges) {
	if t := r.tenure.Load(); t != nil {
		g.Transactions = t.open()
		l := t.locks.Load()
		g.Locks, g.LockWaiters, g.WritesInFlight = l.Held, l.Waiting, l.InFlight
	}
	return g
}
