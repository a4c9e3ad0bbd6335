package metalock

import (
	"context"
	"errors"
	"slices"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
)

// userKind is the kind of the catalog's records of user locks; their key is the name in lower case.
const userKind = string(catalog.UserLocks)

// holderLook is how often a waiter makes sure that those before it are still there.
const holderLook = time.Second

// userLock is a record.
type userLock struct {
	Holder claim   `json:"holder"`
	Queue  []claim `json:"queue,omitempty"`
}

// claim is one attempt of a session: what is left of an earlier one, whose end was not heard of, is not taken for it.
type claim struct {
	holder
	Claim uint64 `json:"claim"`
}

// names are a session's part in user locks.
type names struct {
	core
	mine map[string]*heldName
}

// heldName is a session's lock.
type heldName struct {
	claim claim
	count int // of GET_LOCKs
}

var _ expr.UserLocks = (*Owner)(nil)

// GetLock is GET_LOCK.
func (o *names) GetLock(ctx context.Context, name string, seconds int64) (bool, error) {
	if h := o.mine[name]; h != nil {
		h.count++
		return true, nil
	}
	l := o.locks
	c := claim{o.holder(), l.claims.Add(1)}
	got, err := l.claim(ctx, name, c, seconds > 0)
	if err == nil && !got && seconds == 0 && l.buryBefore(ctx, name, c) {
		got, err = l.claim(ctx, name, c, false)
	}
	if err == nil && !got && seconds > 0 {
		o.state.Store(&StateUser)
		got, err = l.await(ctx, name, c, time.Duration(seconds)*time.Second)
		o.state.Store(&stateNone)
	}
	if err != nil {
		return false, err
	}
	if got {
		if o.mine == nil {
			o.mine = map[string]*heldName{}
		}
		o.mine[name] = &heldName{c, 1}
		l.guard.watch(l, userKind+"/"+name, &o.core, func(s *catalog.Snapshot) bool { return l.stateOf(s, name, c) == claimHolds })
	}
	return got, nil
}

// ReleaseLock is RELEASE_LOCK.
func (o *names) ReleaseLock(ctx context.Context, name string) (released, exists bool, err error) {
	h := o.mine[name]
	switch {
	case h == nil:
		_, exists, err = o.LockHolder(ctx, name)
		return false, exists, err
	case h.count > 1:
		h.count--
		return true, true, nil
	}
	o.dropName(name)
	o.locks.withdraw(name, h.claim)
	return true, true, nil
}

// ReleaseAllLocks is RELEASE_ALL_LOCKS.
func (o *names) ReleaseAllLocks(context.Context) (n int, err error) {
	for _, h := range o.mine {
		n += h.count
	}
	o.ReleaseNames()
	return n, nil
}

// LockHolder is IS_USED_LOCK.
func (o *names) LockHolder(ctx context.Context, name string) (connection uint64, used bool, err error) {
	if o.mine[name] != nil {
		return uint64(o.session.Load()), true, nil
	}
	if err := o.locks.db.RefreshCatalog(ctx); err != nil {
		return 0, false, err
	}
	var r userLock
	used = o.locks.db.Catalog().Record(userKind, name, &r)
	if used && o.locks.buryBefore(ctx, name, claim{}) {
		used = o.locks.db.Catalog().Record(userKind, name, &r)
	}
	return uint64(r.Holder.Session), used, nil
}

// ReleaseNames gives back what the session holds, in one change.
func (o *names) ReleaseNames() {
	if len(o.mine) == 0 {
		return
	}
	claims := map[string]claim{}
	for name, h := range o.mine {
		claims[name] = h.claim
		o.dropName(name)
	}
	o.locks.surely(func(ctx context.Context) error {
		return o.locks.db.ChangeUserLocks(ctx, func(tx *catalog.Tx) error {
			for name, c := range claims {
				leave(tx, name, func(o claim) bool { return o == c })
			}
			return nil
		})
	})
}

func (o *names) dropName(name string) {
	o.locks.guard.forget(userKind+"/"+name, &o.core)
	delete(o.mine, name)
}

// errTaken: the lock is not free, and nobody wants to wait.
var errTaken = errors.New("metalock: the lock is taken")

// claim takes a lock that is free. One that is not it queues for, where wait is set. 3058.
func (l *Locks) claim(ctx context.Context, name string, c claim, wait bool) (got bool, err error) {
	err = l.db.ChangeUserLocks(ctx, func(tx *catalog.Tx) error {
		got = false
		var r userLock
		switch taken := tx.Snapshot.Record(userKind, name, &r); {
		case !taken:
			r.Holder, got = c, true
		case r.Holder == c:
			got = true
			return nil
		case !wait:
			return errTaken
		case closesCycle(tx.Snapshot, &r, c.holder):
			return mysqlerr.New(mysqlerr.UserLockDeadlock)
		case !slices.Contains(r.Queue, c):
			r.Queue = append(r.Queue, c)
		}
		tx.PutRecord(userKind, name, r)
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
func closesCycle(c *catalog.Snapshot, r *userLock, who holder) bool {
	waits := map[holder][]holder{} // for whom each session waits: it can wait for one lock only
	add := func(r *userLock) {
		before := []holder{r.Holder.holder}
		for _, w := range r.Queue {
			waits[w.holder] = before
			before = append(before[:len(before):len(before)], w.holder)
		}
	}
	for _, name := range c.Records(userKind) {
		var o userLock
		if c.Record(userKind, name, &o) {
			add(&o)
		}
	}
	seen := map[holder]bool{}
	var reaches func(h holder) bool
	reaches = func(h holder) bool {
		if h == who {
			return true
		}
		if seen[h] {
			return false
		}
		seen[h] = true
		return slices.ContainsFunc(waits[h], reaches)
	}
	if reaches(r.Holder.holder) {
		return true
	}
	return slices.ContainsFunc(r.Queue, func(w claim) bool { return reaches(w.holder) })
}

// claimState is what became of a claim.
type claimState uint8

const (
	claimGone claimState = iota
	claimWaits
	claimHolds
)

func (l *Locks) stateOf(s *catalog.Snapshot, name string, c claim) claimState {
	var r userLock
	switch {
	case !s.Record(userKind, name, &r):
	case r.Holder == c:
		return claimHolds
	case slices.Contains(r.Queue, c):
		return claimWaits
	}
	return claimGone
}

// await waits until a claim that is in the queue has got the lock; false: time is up, and it is in the queue no more.
func (l *Locks) await(ctx context.Context, name string, c claim, wait time.Duration) (bool, error) {
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	look := time.NewTicker(holderLook)
	defer look.Stop()
	for {
		changed := l.changed()
		switch now := l.db.Catalog(); l.stateOf(now, name, c) {
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
func (l *Locks) buryBefore(ctx context.Context, name string, c claim) (some bool) {
	var r userLock
	if !l.db.Catalog().Record(userKind, name, &r) {
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
func (l *Locks) withdrawUnlessHeld(ctx context.Context, name string, c claim) (held bool, err error) {
	err = l.db.ChangeUserLocks(context.WithoutCancel(ctx), func(tx *catalog.Tx) error {
		if held = l.stateOf(tx.Snapshot, name, c) == claimHolds; !held {
			leave(tx, name, func(o claim) bool { return o == c })
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
func (l *Locks) withdraw(name string, c claim) {
	l.surely(func(ctx context.Context) error {
		return l.db.ChangeUserLocks(ctx, func(tx *catalog.Tx) error {
			leave(tx, name, func(o claim) bool { return o == c })
			return nil
		})
	})
}

// leave removes claims from a lock's record; the first who is left has the lock then.
func leave(tx *catalog.Tx, name string, gone func(claim) bool) {
	var r userLock
	if !tx.Snapshot.Record(userKind, name, &r) {
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
		tx.PutRecord(userKind, name, nil)
		return
	default:
		r.Holder, r.Queue = r.Queue[0], r.Queue[1:]
	}
	tx.PutRecord(userKind, name, r)
}
