package replica

import (
	"context"
	"slices"

	"cloudsql/distributed/leaseholder"
	"cloudsql/distributed/lock"
	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// An autocommit write usually locks the keys that it names, and whatever else it meets is decided by the log's order.
// Two kinds of lock are about keys that it may not name:
//
//   - a range of a secondary index: which entries the write adds depends on the rows as they are;
//   - a row that is in the way on another unique key (REPLACE, ON DUPLICATE KEY UPDATE, UPDATE of a key column).
//
// Where such locks exist in its tablet, the write is evaluated first for the keys that it will touch, which it locks,
// and waits for as any statement does. What is proposed is the write itself: it is executed at apply as always.

// acquire locks what an autocommit write touches and registers it as in flight.
func (r *writes) acquire(ctx context.Context, t *tenure, w *write, q *leaseholder.WriteRequest) error {
	if t.locks.HoldsAny() && r.reachesLocked(t, q.Writes) {
		return r.acquireFound(ctx, t, w, q, lock.Auto)
	}
	err := t.locks.AcquireAuto(ctx, &w.owner, w.keys, q.LockWait)
	if err == lock.ErrInDoubt { // never wrapped
		// Others' writes must not change the rows between this evaluation and the one at apply.
		return r.acquireFound(ctx, t, w, q, lock.Exclusive)
	}
	return err
}

// acquireFound evaluates the writes to find and lock all keys that they touch. On an error it holds nothing.
func (r *writes) acquireFound(ctx context.Context, t *tenure, w *write, q *leaseholder.WriteRequest, mode lock.Mode) (err error) {
	defer func() {
		if err != nil {
			t.locks.Release(&w.owner)
		}
	}()
	r.stats.ClaimsFound.Add(1)
	policy := lock.Policy{Wait: q.LockWait}
	for i := range w.keys {
		k := &w.keys[i]
		if k.Index == lock.TabletWide {
			mode := lock.Auto // it is there for snapshot reads, and excludes nobody
			if _, _, _, err := t.locks.Acquire(ctx, &w.owner, *k, mode, policy); err != nil {
				return err
			}
		}
	}
	locker := lock.NewRowLocker(t.locks, &w.owner, mode, policy, &r.applied)
	ws := shard.NewWorkspace(r.cfg.MaxWorkspaceBytes)
	for _, f := range q.Writes {
		res, err := r.state.Evaluate(ctx, f, ws, locker)
		if err != nil {
			return r.readable(err)
		}
		if res.Err != nil {
			break // so it will end when it is applied, or it will not: its keys are claimed
		}
	}
	return t.locks.Flights.Launch(&w.owner)
}

// reachesLocked tells whether a write may meet rows that it does not name, in a tablet where somebody has locked rows.
func (r *writes) reachesLocked(t *tenure, writes []*fragment.Write) bool {
	for _, f := range writes {
		table, ok := r.state.Table(f.Tablet)
		if ok && reachesOthers(table, f) && t.locks.HoldsRows(f.Tablet) {
			return true
		}
	}
	return false
}

// reachesOthers tells whether a write may have to do with unique keys that it does not name.
func reachesOthers(table *schema.Table, f *fragment.Write) bool {
	for i := range table.Indexes {
		ix := &table.Indexes[i]
		if ix.ID != schema.PrimaryIndex && !ix.Unique {
			continue
		}
		if ix.ID != schema.PrimaryIndex && reachUnknown(f.Kind) || setsColumnOf(table, ix, f.Set) {
			return true
		}
	}
	return false
}

func setsColumnOf(table *schema.Table, ix *schema.Index, set []fragment.Assignment) bool {
	for i := range set {
		id := set[i].Column
		if slices.ContainsFunc(ix.Columns, func(c schema.IndexColumn) bool { return table.Columns[c.Column].ID == id }) {
			return true
		}
	}
	return false
}
