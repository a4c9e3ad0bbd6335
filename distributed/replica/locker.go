package replica

import (
	"context"
	"errors"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// rowLocker is the shard.Locker of one operation of one transaction.
type rowLocker struct {
	r      *Replica
	t      *tenure
	x      *txn
	mode   LockMode
	policy lockPolicy
	since  uint64 // Replica.applied before the operation began to read
}

func (r *Replica) locker(t *tenure, x *txn, mode LockMode, p lockPolicy) shard.Locker {
	return &rowLocker{r: r, t: t, x: x, mode: mode, policy: p, since: r.applied.Load()}
}

// Lock implements shard.Locker. It says "waited" not only after waiting, but whenever an entry was applied since the
// operation began and the lock is new: the row may have been read before the entry and locked after its writer let go.
// (applied rises before an entry's locks are released.)
func (l *rowLocker) Lock(ctx context.Context, tablet schema.TabletID, index schema.IndexID, key []byte) (waited, skip bool, err error) {
	fresh, waited, skip, err := l.t.locks.acquire(ctx, &l.x.owner, tablet, index, key, l.mode, l.policy)
	if err != nil || skip {
		return waited, skip, err
	}
	return waited || fresh && l.r.applied.Load() != l.since, false, nil
}

func isDeadlock(err error) bool {
	var e *mysqlerr.Error
	return errors.As(err, &e) && e.Code == mysql.ErrLockDeadlock
}
