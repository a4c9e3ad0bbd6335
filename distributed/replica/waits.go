package replica

import (
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/deadlock"
	"cloudsql/distributed/lock"
	"cloudsql/storage/fragment"
)

// newLocks makes the lock table of a tenure, which tells this replica's node of its waits.
func (r *leases) newLocks() *lock.Table {
	return lock.New(lock.Config{
		Shard: r.shard, Clock: r.clock, Stats: &r.stats.Locks, LastID: &r.waitID,
		OnWait: r.cfg.OnWait, OnDeadlock: r.cfg.OnDeadlock,
	})
}

// locks is the lock table of the present tenure, nil if this replica does not hold the lease.
func (r *Replica) locks() *lock.Table {
	if t := r.tenure.Load(); t != nil {
		return t.locks
	}
	return nil
}

// HasWaits tells whether a request waits here that has waited for at least minAge.
func (r *Replica) HasWaits(minAge time.Duration) bool {
	l := r.locks()
	return l != nil && l.HasWaits(minAge)
}

// AppendWaits appends the requests that have waited for at least minAge to dst, up to limit in all.
func (r *Replica) AppendWaits(dst []deadlock.Wait, minAge time.Duration, limit int) []deadlock.Wait {
	if l := r.locks(); l != nil {
		return l.AppendWaits(dst, minAge, limit)
	}
	return dst
}

// ConfirmWait tells whether a request still waits for a transaction: what it waits for, and what the other has in its
// way.
func (r *Replica) ConfirmWait(id uint64, blocker fragment.TxnID) (waits, way distributed.LockInfo, ok bool) {
	if l := r.locks(); l != nil {
		return l.ConfirmWait(id, blocker)
	}
	return waits, way, false
}

// RefuseWait ends a request that still waits with 1213, as the victim of a deadlock; false: it does not wait any more.
func (r *Replica) RefuseWait(id uint64) bool {
	l := r.locks()
	return l != nil && l.RefuseWait(id)
}

// AppendLocks appends the locks and requests of the present tenure to dst for views, up to limit in all: first what
// somebody waits for.
func (r *Replica) AppendLocks(dst []distributed.LockInfo, limit int) []distributed.LockInfo {
	if l := r.locks(); l != nil {
		return l.AppendLocks(dst, limit)
	}
	return dst
}

// LockStats sums up the waits of this replica.
func (r *Replica) LockStats() distributed.LockStats {
	s := r.stats.Locks.Sum()
	if l := r.locks(); l != nil {
		s.Waiting = l.Load().Waiting
	}
	return s
}
