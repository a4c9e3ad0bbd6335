package replica

import (
	"context"
	"errors"
	"slices"
	"time"

	"cloudsql/distributed/leaseholder"
	"cloudsql/distributed/lock"
	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// What a leaseholder does for tablets that move to another shard (decision 44, package moves): it lets nobody into a tablet that is
// about to be frozen, and has those wait who come to a frozen one.

const (
	thawPoll = 2 * time.Millisecond
	// thawMost is for how long requests wait here: then their gateways look into the catalog, and come again.
	thawMost = time.Second
)

// Locks are the locks of this node's tenure, and its epoch.
func (r *leases) Locks(ctx context.Context) (*lock.Table, uint64, error) {
	t, err := r.serving(ctx)
	if err != nil {
		return nil, 0, err
	}
	return t.locks, t.epoch, nil
}

// admits is an error where a tablet is shut to a transaction; nil x: one that has nothing anywhere yet.
func (t *tenure) admits(x *txn, id schema.TabletID) error {
	if !t.locks.Doors.IsShut(id) || x != nil && t.locks.Occupies(&x.owner, id) {
		return nil
	}
	return shard.ErrFrozen
}

// thawed runs fn, again after waiting where it meets a tablet that is frozen, or about to be.
func (r *reads) thawed(ctx context.Context, fn func() error, tablets ...schema.TabletID) error {
	for {
		err := fn()
		if err == nil || !errors.Is(err, shard.ErrFrozen) {
			return err
		}
		if err := r.awaitThaw(ctx, tablets); err != nil {
			return err
		}
	}
}

func (r *reads) awaitThaw(ctx context.Context, tablets []schema.TabletID) error {
	waits := func() bool {
		t := r.tenure.Load()
		for _, id := range tablets {
			if r.state.Frozen(id) || t != nil && t.locks.Doors.IsShut(id) {
				return true
			}
		}
		return false
	}
	// What has flipped has left, though its shard's log may not say so yet.
	gone := func() bool { return r.cfg.Gone != nil && slices.ContainsFunc(tablets, r.cfg.Gone) }
	for end := r.clock.Now() + thawMost; waits(); {
		if r.clock.Now() > end || gone() {
			return shard.ErrNoTablet
		}
		if err := r.sleep(ctx, thawPoll); err != nil {
			return err
		}
	}
	return nil
}

// tabletsOf are the tablets that writes are about.
func tabletsOf(writes []*fragment.Write) []schema.TabletID {
	ids := make([]schema.TabletID, len(writes))
	for i, w := range writes {
		ids[i] = w.Tablet
	}
	return ids
}

// recorded answers a write that can't be executed any more, because its tablet has gone or is not what it was: where it may be a repetition
// that comes late, by what is recorded of its first execution.
func (r *Replica) recorded(q *leaseholder.WriteRequest, err error) (*leaseholder.WriteReply, error) {
	if q.Alone || !errors.Is(err, shard.ErrNoTablet) && !errors.Is(err, shard.ErrSchemaChanged) && !errors.Is(err, shard.ErrFrozen) {
		return nil, err
	}
	res, failed := r.state.Recorded(q.Txn, q.First)
	if failed != nil {
		return nil, r.readable(failed)
	}
	w := write{outcome: res, lost: true}
	switch res.Status {
	case shard.Duplicate:
		if err := r.verdict(&w); err != nil {
			return nil, err
		}
		return &leaseholder.WriteReply{Results: res.Writes, TS: res.TS}, nil
	case shard.Forgotten:
		return nil, r.verdict(&w)
	}
	return nil, err
}
