package txn

import (
	"context"
	"errors"
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/closedts"
	"cloudsql/distributed/leaseholder"
	"cloudsql/distributed/replica"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// Reads of the past.
//
//	at ─→ closed at this node's replica? ─ yes ─→ its own state, no lease, no message
//	             └ no ─→ a scan: ask the leaseholder for a promise; applied that far soon? ─ yes ─→ the same
//	             │                     └ no (held back, behind, no replica here) ─→ a snapshot read at the leaseholder,
//	             │                                                                  or at a nearer node (nearest.go)
//	             └ no ─→ rows by key: a snapshot read at the leaseholder, which takes no longer than asking it; a
//	                     promise for those who come next is asked for meanwhile
//
// Whichever way, the rows are those of the state at that timestamp: where a read runs is a matter of speed only.

const (
	followerWait = 50 * time.Millisecond  // for entries that a promise is about, before a read is forwarded
	askWait      = 500 * time.Millisecond // for a promise
	futureWait   = time.Second            // for the timestamps to reach AS OF: the clocks of two nodes differ
)

// followerTxn reads one past state; see distributed.FollowerRead.
type followerTxn struct {
	c       *Client
	s       *distributed.FollowerRead
	checked bool // s.At is known to have been handed out
	pin     *pin
	onEnd   func()
}

var _ distributed.Txn = (*followerTxn)(nil)

// at is the transaction's state; the first read, which is in shard in, chooses it.
func (t *followerTxn) at(ctx context.Context, in schema.ShardID) (mvcc.Timestamp, error) {
	if t.checked {
		return t.s.At, nil
	}
	if near := t.c.near(in); near != nil && t.s.At != 0 && near.Closed() >= t.s.At {
		return t.s.At, nil // for this shard it is past, also where nobody can be asked
	}
	var err error
	if t.s.At == 0 {
		t.s.At, err = t.c.choose(ctx, in, t.s)
	} else {
		err = t.c.past(ctx, t.s.At)
	}
	t.checked = err == nil
	return t.s.At, err
}

// hold keeps garbage collection from the state's versions.
func (t *followerTxn) hold() {
	if t.pin == nil {
		t.pin = t.c.pinSnapshot(t.s.At)
	}
}

func (t *followerTxn) request(ctx context.Context, r *fragment.Read, mode distributed.ReadMode) (q leaseholder.ReadRequest, err error) {
	if mode != distributed.ReadSnapshot {
		return q, mysqlerr.NotSupported("locking reads of a past state")
	}
	if q.Shard, err = t.c.shardOf(r.Tablet); err != nil {
		return q, err
	}
	q.Read, q.Follower = r, true
	if q.At, err = t.at(ctx, q.Shard); err == nil && t.s.Keep {
		t.hold()
	}
	return q, err
}

// Read implements distributed.Txn.
func (t *followerTxn) Read(ctx context.Context, r *fragment.Read, mode distributed.ReadMode, _ distributed.LockOptions) (distributed.Rows, error) {
	q, err := t.request(ctx, r, mode)
	if err != nil {
		return nil, err
	}
	t.hold()
	q.MaxBytes = t.c.cfg.PageBytes
	return &rows{c: t.c, q: q}, nil
}

// ReadPoint implements distributed.Txn.
func (t *followerTxn) ReadPoint(ctx context.Context, r *fragment.Read, mode distributed.ReadMode, _ distributed.LockOptions, page *fragment.Page) error {
	q, err := t.request(ctx, r, mode)
	if err != nil {
		return err
	}
	if done, err := t.c.readNear(ctx, q.Shard, r, shard.ReadOptions{At: q.At}, page); done {
		return err
	}
	if done, err := t.c.readNearest(ctx, &q, page); done {
		return err
	}
	return t.c.readPlain(ctx, q.Shard, r, shard.ReadOptions{At: q.At}, page)
}

// TakeSnapshot implements distributed.Txn: it checks a state that was given, and keeps it.
func (t *followerTxn) TakeSnapshot(ctx context.Context) error {
	if t.s.At == 0 {
		return nil // the first read chooses
	}
	_, err := t.at(ctx, 0)
	if err == nil {
		t.hold()
	}
	return err
}

// Write implements distributed.Txn.
func (t *followerTxn) Write(context.Context, *fragment.Write) (*fragment.WriteResult, error) {
	return nil, errReadOnly()
}

// The rest of distributed.Txn has nothing to do here.

func (t *followerTxn) Savepoint() uint64                        { return 0 }
func (t *followerTxn) RollbackTo(context.Context, uint64) error { return nil }
func (t *followerTxn) StartStatement()                          {}
func (t *followerTxn) SetLockWait(time.Duration)                {}
func (t *followerTxn) Aborted() bool                            { return false }
func (t *followerTxn) HasWrites() bool                          { return false }

// Commit implements distributed.Txn.
func (t *followerTxn) Commit(context.Context) error {
	if t.pin != nil {
		t.c.unpin(t.pin)
		t.pin = nil
	}
	if t.onEnd != nil {
		t.onEnd()
		t.onEnd = nil
	}
	return nil
}

// Rollback implements distributed.Txn.
func (t *followerTxn) Rollback(ctx context.Context) error { return t.Commit(ctx) }

// OnEnd is as Txn.OnEnd.
func (t *followerTxn) OnEnd(fn func()) { t.onEnd = fn }

// past makes sure that at has been handed out, so that no commit can get it or a lower one.
func (c *Client) past(ctx context.Context, at mvcc.Timestamp) error {
	if c.moments.newest() >= at {
		return nil
	}
	for end := time.Now().Add(futureWait); ; {
		ts, err := c.draw(ctx)
		if err != nil {
			return err
		}
		if ts >= at {
			return nil
		}
		if time.Now().After(end) || at.Time().Sub(ts.Time()) > futureWait {
			return mysqlerr.Newf(mysqlerr.WrongValue, "Incorrect AS OF TIMESTAMP value: the cluster's time is %s",
				ts.Time().UTC().Format("2006-01-02 15:04:05.000 UTC"))
		}
		if !c.pause(ctx, 10*time.Millisecond) {
			return context.Cause(ctx)
		}
	}
}

// choose picks the state of a transaction whose first read is in s. It is one of the moments that the node knows: so it
// has been handed out, and reads of other shards are likely to find the same one closed.
func (c *Client) choose(ctx context.Context, s schema.ShardID, o *distributed.FollowerRead) (mvcc.Timestamp, error) {
	c.Stats.StaleStates.Add(1)
	at, ok := c.moments.since(o.Since)
	if !ok {
		var err error
		if at, err = c.draw(ctx); err != nil {
			return 0, err
		}
	}
	c.fresh.want(c, s, time.Since(o.Since))
	limit := mvcc.MaxTimestamp
	if near := c.near(s); near != nil {
		limit = near.Closed()
	} else if c.nearest(s) != 0 {
		limit = 0 // the oldest that is fresh enough is the likeliest to be closed there
	}
	return max(at, o.NotBefore, c.moments.upTo(limit)), nil
}

// near is this node's replica of a shard if that is for follower reads: there is one, and it does not hold the lease.
func (c *Client) near(s schema.ShardID) *replica.Replica {
	local := c.cfg.Router.Local(s)
	if local == nil {
		return nil
	}
	if _, ok := local.Leaseholding(); ok {
		return nil
	}
	return local
}

// readNear reads a page from this node's replica; done is false where the leaseholder has to be asked.
func (c *Client) readNear(ctx context.Context, s schema.ShardID, r *fragment.Read, o shard.ReadOptions, page *fragment.Page) (done bool, err error) {
	near := c.near(s)
	if near == nil {
		return false, nil
	}
	err = near.ReadFollower(ctx, r, o, page)
	switch {
	case err == nil || !errors.Is(err, closedts.ErrNotClosed):
	case o.MaxBytes == 0: // by key
		c.fresh.nudge(c, near, s, o.At)
	default:
		if err = c.catchUp(ctx, near, s, o.At); err == nil {
			err = near.ReadFollower(ctx, r, o, page)
		}
	}
	switch {
	case err == nil:
		return true, nil
	case ctx.Err() != nil:
		return true, ctx.Err()
	case errors.Is(err, closedts.ErrNotClosed), errors.Is(err, shard.ErrSchemaChanged), errors.Is(err, shard.ErrNoTablet), errors.Is(err, shard.ErrFrozen):
		c.Stats.FollowerForwards.Add(1)
		return false, nil // it is behind, in rows or in descriptors
	}
	return true, public(err)
}

// catchUp has at closed at a follower, if that does not take long.
func (c *Client) catchUp(ctx context.Context, near *replica.Replica, s schema.ShardID, at mvcc.Timestamp) error {
	if p, err := c.ask(ctx, near, s, at); err != nil || p.TS < at {
		return closedts.ErrNotClosed
	}
	return near.AwaitClosed(ctx, at, followerWait)
}

// ask gets a promise for a follower from the leaseholder. Who asks for no more than somebody else is just asking shares
// that one's answer.
func (c *Client) ask(ctx context.Context, near *replica.Replica, s schema.ShardID, want mvcc.Timestamp) (leaseholder.Promise, error) {
	a, mine := c.fresh.join(s, want)
	if !mine {
		select {
		case <-a.done:
			return a.promise, a.err
		case <-ctx.Done():
			return leaseholder.Promise{}, ctx.Err()
		}
	}
	call, cancel := context.WithTimeout(c.ctx, askWait)
	defer cancel()
	a.err = c.call(call, s, repeatable, func(svc leaseholder.Service) (err error) {
		a.promise, err = svc.ClosedUpTo(call, s, want)
		return err
	})
	if a.err == nil {
		near.Learn(a.promise)
	}
	c.fresh.leave(s, a)
	close(a.done)
	return a.promise, a.err
}

// draw gets a timestamp and remembers when it asked for it.
func (c *Client) draw(ctx context.Context) (mvcc.Timestamp, error) {
	asked := time.Now()
	ts, err := c.Snapshot(ctx)
	if err == nil {
		c.moments.add(moment{asked, ts})
	}
	return ts, err
}

// committed tells whoever wants to know when something was committed.
func committed(o *distributed.TxnOptions, ts mvcc.Timestamp) {
	if o.Committed != nil {
		*o.Committed = max(*o.Committed, ts)
	}
}
