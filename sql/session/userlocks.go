package session

import (
	"context"
	"errors"
	"slices"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
)

// GET_LOCK takes locks that hold in the whole cluster, as LOCK TABLES does: a lock is a record of the catalog, which
// survives the loss of any node but the holder's. The record names who has the lock and who waits for it in order of
// coming; who gives it back hands it to the first of the queue in the same change, and the waiter sees that in its own
// node's catalog. Since every change of the records is one after the other, whoever is about to wait sees all waits there
// are, and finds a deadlock exactly.
//
//	GET_LOCK ── free ─────────────▶ Holder           one change of the catalog: one consensus round
//	         └─ taken ─▶ Queue ───▶ Holder           … and one for each hand-over
//	                       └─ time is up, killed ─▶ gone
//
// Taking a lock again, and giving one of several back, concern the session alone.

// userLockKind is the kind of the catalog's records of user locks; their key is the name in lower case.
const userLockKind = "userlock"

// holderLook is how often a waiter makes sure that those before it are still there.
const holderLook = time.Second

const stateUserLock = "User lock"

// userLock is a record.
type userLock struct {
	Holder lockClaim   `json:"holder"`
	Queue  []lockClaim `json:"queue,omitempty"`
}

// lockClaim is one attempt of a session: what is left of an earlier one, whose end was not heard of, is not taken for it.
type lockClaim struct {
	lockHolder
	Claim uint64 `json:"claim"`
}

// heldUserLock is a session's lock.
type heldUserLock struct {
	claim lockClaim
	count int // of GET_LOCKs
}

var _ expr.UserLocks = (*answers)(nil)

// GetLock is GET_LOCK.
func (a *answers) GetLock(ctx context.Context, name string, seconds int64) (bool, error) {
	s := a.s()
	if h := s.userLocks[name]; h != nil {
		h.count++
		return true, nil
	}
	l := &s.eng.locks
	claim := lockClaim{s.holder(), l.claims.Add(1)}
	got, err := l.claim(ctx, name, claim, seconds > 0)
	if err == nil && !got && seconds == 0 && l.buryBefore(ctx, name, claim) {
		got, err = l.claim(ctx, name, claim, false)
	}
	if err == nil && !got && seconds > 0 {
		s.proc.state.Store(&stateOfUserLock)
		got, err = l.await(ctx, name, claim, time.Duration(seconds)*time.Second)
		s.proc.state.Store(&noText)
	}
	if err != nil {
		return false, err
	}
	if got {
		if s.userLocks == nil {
			s.userLocks = map[string]*heldUserLock{}
		}
		s.userLocks[name] = &heldUserLock{claim, 1}
		l.guard.watch(l, userLockKind+"/"+name, s, func(c *catalog.Snapshot) bool { return l.stateOf(c, name, claim) == claimHolds })
	}
	return got, nil
}

var stateOfUserLock = stateUserLock

// ReleaseLock is RELEASE_LOCK.
func (a *answers) ReleaseLock(ctx context.Context, name string) (released, exists bool, err error) {
	s := a.s()
	h := s.userLocks[name]
	switch {
	case h == nil:
		_, exists, err = a.LockHolder(ctx, name)
		return false, exists, err
	case h.count > 1:
		h.count--
		return true, true, nil
	}
	s.dropUserLock(name)
	s.eng.locks.withdraw(name, h.claim)
	return true, true, nil
}

// ReleaseAllLocks is RELEASE_ALL_LOCKS.
func (a *answers) ReleaseAllLocks(context.Context) (n int, err error) {
	s := a.s()
	for _, h := range s.userLocks {
		n += h.count
	}
	s.releaseUserLocks()
	return n, nil
}

// LockHolder is IS_USED_LOCK.
func (a *answers) LockHolder(ctx context.Context, name string) (connection uint64, used bool, err error) {
	s := a.s()
	if s.userLocks[name] != nil {
		return s.ConnectionID(), true, nil
	}
	if err := s.eng.db.RefreshCatalog(ctx); err != nil {
		return 0, false, err
	}
	var r userLock
	used = s.eng.db.Catalog().Record(userLockKind, name, &r)
	if used && s.eng.locks.buryBefore(ctx, name, lockClaim{}) {
		used = s.eng.db.Catalog().Record(userLockKind, name, &r)
	}
	return uint64(r.Holder.Session), used, nil
}

// releaseUserLocks gives back what the session holds, in one change.
func (s *Session) releaseUserLocks() {
	if len(s.userLocks) == 0 {
		return
	}
	claims := map[string]lockClaim{}
	for name, h := range s.userLocks {
		claims[name] = h.claim
		s.dropUserLock(name)
	}
	s.eng.locks.surely(func(ctx context.Context) error {
		return s.eng.db.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
			for name, c := range claims {
				leaveLock(tx, name, func(o lockClaim) bool { return o == c })
			}
			return nil
		})
	})
}

func (s *Session) dropUserLock(name string) {
	s.eng.locks.guard.forget(userLockKind+"/"+name, s)
	delete(s.userLocks, name)
}

// errTaken: the lock is not free, and nobody wants to wait.
var errTaken = errors.New("session: the lock is taken")

// claim takes a lock that is free. One that is not it queues for, where wait is set. 3058.
func (l *tableLocks) claim(ctx context.Context, name string, c lockClaim, wait bool) (got bool, err error) {
	err = l.eng.db.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
		got = false
		var r userLock
		switch taken := tx.Snapshot.Record(userLockKind, name, &r); {
		case !taken:
			r.Holder, got = c, true
		case r.Holder == c:
			got = true
			return nil
		case !wait:
			return errTaken
		case closesCycle(tx.Snapshot, &r, c.lockHolder):
			return mysqlerr.New(mysqlerr.UserLockDeadlock)
		case !slices.Contains(r.Queue, c):
			r.Queue = append(r.Queue, c)
		}
		tx.PutRecord(userLockKind, name, r)
		return nil
	})
	switch {
	case err == nil:
		return got, nil
	case errors.Is(err, errTaken):
		return false, nil
	case mysqlerr.Code(err) != mysqlerr.UserLockDeadlock:
		l.withdraw(name, c) // it may have been done
	}
	return false, err
}

// closesCycle tells whether who is about to wait for r has what those before it wait for, or those before these.
func closesCycle(c *catalog.Snapshot, r *userLock, who lockHolder) bool {
	waits := map[lockHolder][]lockHolder{} // for whom each session waits: it can wait for one lock only
	add := func(r *userLock) {
		before := []lockHolder{r.Holder.lockHolder}
		for _, w := range r.Queue {
			waits[w.lockHolder] = before
			before = append(before[:len(before):len(before)], w.lockHolder)
		}
	}
	for _, name := range c.Records(userLockKind) {
		var o userLock
		if c.Record(userLockKind, name, &o) {
			add(&o)
		}
	}
	seen := map[lockHolder]bool{}
	var reaches func(h lockHolder) bool
	reaches = func(h lockHolder) bool {
		if h == who {
			return true
		}
		if seen[h] {
			return false
		}
		seen[h] = true
		return slices.ContainsFunc(waits[h], reaches)
	}
	if reaches(r.Holder.lockHolder) {
		return true
	}
	return slices.ContainsFunc(r.Queue, func(w lockClaim) bool { return reaches(w.lockHolder) })
}

// claimState is what became of a claim.
type claimState uint8

const (
	claimGone claimState = iota
	claimWaits
	claimHolds
)

func (l *tableLocks) stateOf(c *catalog.Snapshot, name string, claim lockClaim) claimState {
	var r userLock
	switch {
	case !c.Record(userLockKind, name, &r):
	case r.Holder == claim:
		return claimHolds
	case slices.Contains(r.Queue, claim):
		return claimWaits
	}
	return claimGone
}

// await waits until a claim that is in the queue has got the lock; false: time is up, and it is in the queue no more.
func (l *tableLocks) await(ctx context.Context, name string, c lockClaim, wait time.Duration) (bool, error) {
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	look := time.NewTicker(holderLook)
	defer look.Stop()
	for {
		changed := l.changed()
		switch now := l.eng.db.Catalog(); l.stateOf(now, name, c) {
		case claimHolds:
			return true, nil
		case claimGone: // this node was taken for dead
			if got, err := l.claim(ctx, name, c, true); err != nil || got {
				return got, err
			}
			continue
		}
		select {
		case <-changed:
		case <-look.C:
			l.buryBefore(ctx, name, c)
		case <-timeout.C:
			return l.withdrawUnlessHeld(ctx, name, c)
		case <-ctx.Done():
			l.withdraw(name, c)
			return false, context.Cause(ctx)
		}
	}
}

// buryBefore removes those before a claim whose engine is gone, if there are such.
func (l *tableLocks) buryBefore(ctx context.Context, name string, c lockClaim) (some bool) {
	var r userLock
	if !l.eng.db.Catalog().Record(userLockKind, name, &r) {
		return false
	}
	engines := map[string]bool{r.Holder.Engine: true}
	for _, w := range r.Queue {
		if w == c {
			break
		}
		engines[w.Engine] = true
	}
	for engine := range engines {
		some = l.bury(ctx, engine) || some
	}
	return some
}

// withdrawUnlessHeld takes a claim out of the queue, unless it has got the lock meanwhile.
func (l *tableLocks) withdrawUnlessHeld(ctx context.Context, name string, c lockClaim) (held bool, err error) {
	err = l.eng.db.ChangeCatalog(context.WithoutCancel(ctx), func(tx *catalog.Tx) error {
		if held = l.stateOf(tx.Snapshot, name, c) == claimHolds; !held {
			leaveLock(tx, name, func(o lockClaim) bool { return o == c })
		}
		return nil
	})
	if err != nil {
		l.withdraw(name, c)
		return false, err
	}
	return held, nil
}

// withdraw takes a claim back, whether it has the lock or waits for it.
func (l *tableLocks) withdraw(name string, c lockClaim) {
	l.surely(func(ctx context.Context) error {
		return l.eng.db.ChangeCatalog(ctx, func(tx *catalog.Tx) error {
			leaveLock(tx, name, func(o lockClaim) bool { return o == c })
			return nil
		})
	})
}

// leaveLock removes claims from a lock's record; the first who is left has the lock then.
func leaveLock(tx *catalog.Tx, name string, gone func(lockClaim) bool) {
	var r userLock
	if !tx.Snapshot.Record(userLockKind, name, &r) {
		return
	}
	before := len(r.Queue)
	r.Queue = slices.DeleteFunc(r.Queue, gone)
	switch {
	case !gone(r.Holder):
		if len(r.Queue) == before {
			return
		}
	case len(r.Queue) == 0:
		tx.PutRecord(userLockKind, name, nil)
		return
	default:
		r.Holder, r.Queue = r.Queue[0], r.Queue[1:]
	}
	tx.PutRecord(userLockKind, name, r)
}
