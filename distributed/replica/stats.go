package replica

import (
	"sync/atomic"

	"cloudsql/distributed/lock"
)

// Stats counts what a replica did since it was made. All fields may be read at any time.
type Stats struct {
	LeaseReads      atomic.Uint64 // reads served under the lease: no raft message
	SnapshotReads   atomic.Uint64 // of them, reads at a timestamp
	ReadIndexReads  atomic.Uint64 // reads that asked raft instead of trusting the clock
	Writes          atomic.Uint64 // autocommit transactions admitted
	HeavyWrites     atomic.Uint64 // writes that waited their turn to be on their way, if there was need
	Commits         atomic.Uint64 // interactive transactions whose commit, or part of it, was proposed
	Resolves        atomic.Uint64 // prepared parts whose end was proposed
	Recoveries      atomic.Uint64 // transactions decided in the place of a gateway
	ClaimWaits      atomic.Uint64 // proposals that waited for a prepared transaction's end
	Proposals       atomic.Uint64 // proposals put into entries, repetitions included
	Entries         atomic.Uint64 // batch entries proposed: Proposals/Entries is the mean batch size
	EntryBytes      atomic.Uint64
	MaxBatch        atomic.Uint64 // largest number of proposals in one entry
	Timestamps      atomic.Uint64 // timestamp requests (each for a whole entry)
	Reproposals     atomic.Uint64 // proposals repeated after a drop or with a new timestamp
	UnknownOutcomes atomic.Uint64 // proposals given up without knowing whether they were applied
	ClaimsFound     atomic.Uint64 // autocommit writes that were evaluated to find the keys that they touch
	Locks           lock.Stats
	PassedTxns      atomic.Uint64 // open transactions that came along with a lease
	LeaseTakes      atomic.Uint64
	LeaseRenewals   atomic.Uint64
	LeaseLosses     atomic.Uint64
	NotLeaseholder  atomic.Uint64 // requests sent elsewhere
	AbandonedTxns   atomic.Uint64 // transactions rolled back because their gateway was gone
	FollowerReads   atomic.Uint64 // reads of closed timestamps, without the lease
	FollowerWaits   atomic.Uint64 // of them and of those forwarded, how many waited for a timestamp to be closed here
	ClosedAsked     atomic.Uint64 // promises made to followers, beside the log
}

// raise sets a maximum.
func raise(max *atomic.Uint64, v uint64) {
	for {
		old := max.Load()
		if old >= v || max.CompareAndSwap(old, v) {
			return
		}
	}
}

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
