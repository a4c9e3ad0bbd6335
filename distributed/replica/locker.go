package replica

import (
	"cloudsql/distributed/lock"
	"cloudsql/storage/shard"
)

func (r *transactions) locker(t *tenure, x *txn, mode lock.Mode, p lock.Policy) shard.Locker {
	return lock.NewRowLocker(t.locks, &x.owner, mode, p, &r.applied)
}
