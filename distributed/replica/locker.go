package replica

import (
	"context"

	"cloudsql/distributed/lock"
	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// rowLocker is the shard.Locker of one operation of one transaction.
type rowLocker struct {
	r        *core
	t        *tenure
	o        *lock.Owner
	mode     lock.Mode
	policy   lock.Policy
	since    uint64      // Replica.applied before the operation began to read
	added    bool        // the last Lock was of a key that o did not hold
	scanning *lock.Range // the last LockRange's; nil: it was covered
}

func (r *transactions) locker(t *tenure, x *txn, mode lock.Mode, p lock.Policy) shard.Locker {
	return &rowLocker{r: &r.core, t: t, o: &x.owner, mode: mode, policy: p, since: r.applied.Load()}
}

// Lock implements shard.Locker. It says "waited" not only after waiting, but whenever an entry was applied since the
// operation began and the lock is new: the row may have been read before the entry and locked after its writer let go.
// (applied rises before an entry's locks are released.)
func (l *rowLocker) Lock(ctx context.Context, tablet schema.TabletID, index schema.IndexID, key []byte) (waited, skip bool, err error) {
	return l.lock(ctx, tablet, index, key, l.policy)
}

func (l *rowLocker) lock(ctx context.Context, tablet schema.TabletID, index schema.IndexID, key []byte, p lock.Policy) (waited, skip bool, err error) {
	mode := l.mode
	if p.Absent {
		mode = lock.Shared // gaps don't exclude each other
	}
	held := l.o.Keys()
	fresh, waited, skip, err := l.t.locks.Acquire(ctx, l.o, lock.Key{Tablet: tablet, Index: index, Bytes: key}, mode, p)
	if err != nil || skip {
		return waited, skip, err
	}
	l.added = l.o.Keys() > held
	return waited || fresh && l.r.applied.Load() != l.since, false, nil
}

// Unlock implements shard.Locker.
func (l *rowLocker) Unlock() {
	if l.added {
		l.t.locks.DropNewest(l.o)
		l.added = false
	}
}

// LockAbsent implements shard.Locker.
func (l *rowLocker) LockAbsent(ctx context.Context, tablet schema.TabletID, index schema.IndexID, key []byte) (waited bool, err error) {
	p := l.policy
	p.Absent = true
	waited, _, err = l.lock(ctx, tablet, index, key, p)
	return waited, err
}

// LockEntry implements shard.Locker.
func (l *rowLocker) LockEntry(ctx context.Context, tablet schema.TabletID, index schema.IndexID, key []byte) error {
	_, _, _, err := l.t.locks.Acquire(ctx, l.o, lock.Key{Tablet: tablet, Index: index, Bytes: key}, lock.Auto, l.policy)
	return err
}

// LockRange implements shard.Locker.
func (l *rowLocker) LockRange(ctx context.Context, tablet schema.TabletID, index schema.IndexID, span fragment.Span) (err error) {
	l.scanning, err = l.t.locks.AcquireRange(ctx, l.o, tablet, index, span, l.mode, l.policy)
	l.since = l.r.applied.Load() // the scan reads what is there now
	return err
}

// NarrowRange implements shard.Locker.
func (l *rowLocker) NarrowRange(first, last []byte) {
	if l.scanning != nil {
		l.t.locks.Narrow(l.scanning, first, last)
		l.scanning = nil
	}
}
