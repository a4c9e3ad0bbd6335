package lock

import (
	"context"
	"sync/atomic"

	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
)

// RowLocker is the shard.Locker of one operation of one transaction.
type RowLocker struct {
	table    *Table
	applied  *atomic.Uint64 // rises with every entry that may have changed rows, before its locks are released
	o        *Owner
	mode     Mode
	policy   Policy
	since    uint64 // applied before the operation began to read
	grown    uint64 // o's escalations then
	added    bool   // the last Lock was of a key that o did not hold
	scanning *Range // the last LockRange's; nil: it was covered
}

// NewRowLocker is for an operation that begins now.
func NewRowLocker(t *Table, o *Owner, mode Mode, p Policy, applied *atomic.Uint64) *RowLocker {
	return &RowLocker{table: t, applied: applied, o: o, mode: mode, policy: p, since: applied.Load(), grown: o.escalations}
}

// Lock implements shard.Locker. It says "waited" not only after waiting, but whenever an entry was applied since the
// operation began and the lock is new: the row may have been read before the entry and locked after its writer let go.
// (applied rises before an entry's locks are released.)
func (l *RowLocker) Lock(ctx context.Context, tablet schema.TabletID, index schema.IndexID, key []byte) (waited, skip bool, err error) {
	return l.lock(ctx, tablet, index, key, l.policy)
}

func (l *RowLocker) lock(ctx context.Context, tablet schema.TabletID, index schema.IndexID, key []byte, p Policy) (waited, skip bool, err error) {
	mode := l.mode
	if p.Absent {
		mode = Shared // gaps don't exclude each other
	}
	held := l.o.Keys()
	fresh, waited, skip, err := l.table.Acquire(ctx, l.o, Key{Tablet: tablet, Index: index, Bytes: key}, mode, p)
	if err != nil || skip {
		return waited, skip, err
	}
	l.added = l.o.Keys() > held
	if fresh = fresh || l.o.escalations != l.grown; fresh && !waited { // what was escalated since covers keys that are new to the operation
		waited = l.applied.Load() != l.since
	}
	return waited, false, nil
}

// Unlock implements shard.Locker.
func (l *RowLocker) Unlock() {
	if l.added {
		l.table.DropNewest(l.o)
		l.added = false
	}
}

// LockAbsent implements shard.Locker.
func (l *RowLocker) LockAbsent(ctx context.Context, tablet schema.TabletID, index schema.IndexID, key []byte) (waited bool, err error) {
	p := l.policy
	p.Absent = true
	waited, _, err = l.lock(ctx, tablet, index, key, p)
	return waited, err
}

// LockEntry implements shard.Locker.
func (l *RowLocker) LockEntry(ctx context.Context, tablet schema.TabletID, index schema.IndexID, key []byte) error {
	_, _, _, err := l.table.Acquire(ctx, l.o, Key{Tablet: tablet, Index: index, Bytes: key}, Auto, l.policy)
	return err
}

// LockRange implements shard.Locker.
func (l *RowLocker) LockRange(ctx context.Context, tablet schema.TabletID, index schema.IndexID, span fragment.Span) (err error) {
	l.scanning, err = l.table.AcquireRange(ctx, l.o, tablet, index, span, l.mode, l.policy)
	l.since, l.grown = l.applied.Load(), l.o.escalations // the scan reads what is there now
	return err
}

// NarrowRange implements shard.Locker.
func (l *RowLocker) NarrowRange(first, last []byte) {
	if l.scanning != nil {
		l.table.Narrow(l.scanning, first, last)
		l.scanning = nil
	}
}
