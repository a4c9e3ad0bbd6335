package replica

import (
	"bytes"
	"time"

	"cloudsql/distributed"
)

// AppendLocks appends the locks and requests of the present tenure to dst for views, up to limit in all: first the keys
// that somebody waits for, each as a whole.
func (r *Replica) AppendLocks(dst []distributed.LockInfo, limit int) []distributed.LockInfo {
	t := r.tenure.Load()
	if t == nil {
		return dst
	}
	l := t.locks
	l.mu.Lock()
	defer l.mu.Unlock()
	v := &lockView{r: r, now: r.clock.Now(), list: dst, limit: limit, done: map[*lockEntry]bool{}, at: map[lockViewKey]int{}}
	l.waiting.each(func(w *lockWaiter) bool { return v.entry(w.entry) })
	l.waiting.each(v.blocked)
	l.tree.Scan(v.entry)
	return v.list
}

// lockView is a list of locks in the making.
type lockView struct {
	r     *Replica
	now   time.Duration
	list  []distributed.LockInfo
	limit int
	done  map[*lockEntry]bool
	at    map[lockViewKey]int // positions in list
}

type lockViewKey struct {
	entry   *lockEntry
	owner   *lockOwner
	waiting bool
}

// entry lists an entry's holders and requests.
func (v *lockView) entry(e *lockEntry) bool {
	if v.done[e] {
		return true
	}
	if len(v.list) >= v.limit {
		return false
	}
	v.done[e] = true
	for i := range e.holds {
		v.add(lockViewKey{e, e.holds[i].owner, false}, v.r.describe(e, e.holds[i].owner, e.holds[i].mode))
	}
	for _, w := range e.queue {
		v.add(lockViewKey{e, w.owner, true}, v.r.describeWait(w, v.now))
	}
	return true
}

func (v *lockView) add(k lockViewKey, info distributed.LockInfo) {
	v.at[k] = len(v.list)
	v.list = append(v.list, info)
}

// blocked notes what is in a request's way, as far as it is in the list.
func (v *lockView) blocked(w *lockWaiter) bool {
	i, ok := v.at[lockViewKey{w.entry, w.owner, true}]
	if !ok {
		return false
	}
	w.blockers(func(o *lockOwner) bool {
		for _, waiting := range [...]bool{false, true} {
			if j, ok := v.at[lockViewKey{w.entry, o, waiting}]; ok {
				v.list[i].BlockedBy = append(v.list[i].BlockedBy, j)
				break
			}
		}
		return false
	})
	return true
}

func (r *Replica) describe(e *lockEntry, o *lockOwner, mode LockMode) distributed.LockInfo {
	return distributed.LockInfo{
		Shard: r.shard, Tablet: e.tablet, Index: e.index, Key: bytes.Clone(e.key), Mode: distributed.LockStrength(mode),
		Txn: o.id, Session: o.session.Load(), Interactive: o.interactive, Held: len(o.held),
	}
}

func (r *Replica) describeWait(w *lockWaiter, now time.Duration) distributed.LockInfo {
	info := r.describe(w.entry, w.owner, w.mode)
	info.Waiting, info.Age = true, now-w.queued.since
	return info
}

// describeHold tells what o has in others' way at an entry: a lock, or a request that came earlier.
func (r *Replica) describeHold(e *lockEntry, o *lockOwner) (info distributed.LockInfo, ok bool) {
	if i := e.find(o); i >= 0 {
		return r.describe(e, o, e.holds[i].mode), true
	}
	if w := o.waiting; w != nil && w.entry == e {
		return r.describeWait(w, r.clock.Now()), true
	}
	return info, false
}

// LockStats sums up the waits of this replica.
func (r *Replica) LockStats() (s distributed.LockStats) {
	s.Waits, s.Timeouts, s.Deadlocks = r.stats.LockWaits.Load(), r.stats.LockTimeouts.Load(), r.stats.Deadlocks.Load()
	s.Time = time.Duration(r.stats.LockWaitNanos.Load())  //nolint:gosec // below 292 years
	s.MaxTime = time.Duration(r.stats.LockWaitMax.Load()) //nolint:gosec // as above
	if t := r.tenure.Load(); t != nil {
		s.Waiting = int(t.locks.waiters.Load())
	}
	return s
}

// waited counts the time that a request has waited.
func (s *Stats) waited(d time.Duration) {
	s.LockWaitNanos.Add(uint64(max(d, 0)))
	raise(&s.LockWaitMax, uint64(max(d, 0)))
}
