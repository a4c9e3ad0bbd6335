package replica

import (
	"context"
	"errors"
	"slices"
	"time"

	"cloudsql/distributed/leaseholder"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mutant"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// Read fills one page. A newest read outside transactions costs two looks at the clock over what the shard does.
func (r *Replica) Read(ctx context.Context, q *leaseholder.ReadRequest, page *fragment.Page) error {
	if q.Txn != (fragment.TxnID{}) {
		read := func() error { return r.readTxn(ctx, q, page) }
		if len(q.Read.Joins) > 0 {
			return r.thawed(ctx, read, q.Read.Tablets()...)
		}
		return r.thawed(ctx, read, q.Read.Tablet)
	}
	return r.ReadPlain(ctx, q.Read, shard.ReadOptions{At: q.At, From: q.From, MaxBytes: q.MaxBytes}, page)
}

// ReadPlain is Read outside transactions; o has neither a Workspace nor a Locker. The shortest way to a row: it allocates
// nothing.
func (r *reads) ReadPlain(ctx context.Context, f *fragment.Read, o shard.ReadOptions, page *fragment.Page) error {
	for {
		err := r.readPlain(ctx, f, o, page)
		if err == nil || !errors.Is(err, shard.ErrFrozen) {
			return err
		}
		if err := r.awaitThaw(ctx, f.Tablets()); err != nil {
			return err
		}
	}
}

func (r *reads) readPlain(ctx context.Context, f *fragment.Read, o shard.ReadOptions, page *fragment.Page) error {
	if r.cfg.UntrustedClock && o.At == 0 {
		return r.readIndexed(ctx, f, o, page)
	}
	for {
		t, err := r.serving(ctx)
		if err != nil {
			return err
		}
		if err := r.readIn(ctx, t, f, o, page); err != nil {
			return err
		}
		if ok, err := r.confirm(ctx, t); ok || err != nil {
			return err
		}
		// The lease ran out while reading: whether somebody else wrote meanwhile is not known.
	}
}

// confirm tells whether t was still the tenure when what was read in it had been read: by the lease's time or, where
// clocks cannot be trusted, by everything that is in the log by now.
func (r *reads) confirm(ctx context.Context, t *tenure) (bool, error) {
	if !r.cfg.UntrustedClock {
		return r.still(t), nil
	}
	r.stats.ReadIndexReads.Add(1)
	if err := r.group.ReadIndex(ctx); err != nil {
		return false, r.notHere(0, 0)
	}
	return r.tenure.Load() == t, nil
}

// readIn reads in a tenure; the caller checks afterwards that it still holds.
func (r *reads) readIn(ctx context.Context, t *tenure, f *fragment.Read, o shard.ReadOptions, page *fragment.Page) error {
	r.stats.LeaseReads.Add(1)
	if o.At != 0 {
		r.stats.SnapshotReads.Add(1)
		if err := f.Each(func(f *fragment.Read) error { return t.locks.Flights.AwaitBelow(ctx, f, o.At) }); err != nil {
			return err
		}
		return r.readable(r.state.Read(ctx, f, o, page))
	}
	return r.readNewest(ctx, f, o, page, func() error {
		return f.Each(func(f *fragment.Read) error { return t.locks.Flights.AwaitPrepared(ctx, f) })
	})
}

// readNewest reads a state in which nothing is prepared that changes what is read: await waits for what is. (Rows of it
// would be missing that were acknowledged before others that the state shows.) What is prepared between the two begins it
// again.
func (r *reads) readNewest(ctx context.Context, f *fragment.Read, o shard.ReadOptions, page *fragment.Page, await func() error) error {
	if o.Locker == nil && !mutant.SkipPrepared && !mutant.SkipSteady { // rows that are locked are looked at again
		o.Watch = &r.prepares
	}
	for {
		o.Was = r.prepares.Load()
		if err := await(); err != nil {
			return err
		}
		mutant.Gap()
		if err := r.state.Read(ctx, f, o, page); err == nil || !errors.Is(err, shard.ErrUnsteady) {
			return r.readable(err)
		}
	}
}

// onPrepared marks what is prepared, just before it can be seen.
func (r *reads) onPrepared(ids []fragment.TxnID) {
	if t := r.tenure.Load(); t != nil {
		for _, id := range ids {
			t.mu.Lock()
			x := t.txns[id]
			t.mu.Unlock()
			if x != nil {
				t.locks.Flights.Prepared(&x.owner)
			}
		}
	}
	r.prepares.Add(1)
}

// readIndexed is the newest read without trust in clocks: raft confirms that its leader still leads and that everything
// committed is applied here.
func (r *reads) readIndexed(ctx context.Context, f *fragment.Read, o shard.ReadOptions, page *fragment.Page) error {
	r.stats.ReadIndexReads.Add(1)
	if err := r.group.ReadIndex(ctx); err != nil {
		return r.notHere(0, 0)
	}
	return r.readNewest(ctx, f, o, page, func() error {
		return f.Each(func(f *fragment.Read) error { return r.awaitParts(ctx, f.Tablet) })
	})
}

// awaitParts is lock.Flights.AwaitPrepared for who has no lock table: it waits for what is prepared in a tablet now.
func (r *reads) awaitParts(ctx context.Context, tablet schema.TabletID) error {
	const poll = 2 * time.Millisecond
	inTablet := func(c shard.PartClaim) bool { return c.Tablet == tablet && !c.Shared }
	for _, p := range r.state.Parts() {
		if p.CommitTS != 0 || !slices.ContainsFunc(p.Claims, inTablet) {
			continue
		}
		for {
			status, _, err := r.state.Outcome(p.Txn)
			if err != nil {
				return err
			}
			if status != shard.Prepared {
				break
			}
			if err := r.sleep(ctx, poll); err != nil {
				return err
			}
		}
	}
	return nil
}
