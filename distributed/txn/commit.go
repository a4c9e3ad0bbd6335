package txn

import (
	"context"
	"errors"
	"sync"
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/leaseholder"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/spawn"
)

// A commit over several shards, as its gateway sees it (the participants' side is in package replica and in
// storage/shard/prepared.go):
//
//	COMMIT ─┬─ Prepare at shard 2 ─┐
//	        ├─ Prepare at shard 5 ─┼─ all prepared ─→ the client's answer ─→ Resolve at all ─→ Forget, some at a time
//	        └─ Prepare at shard 7 ─┘
//
// When a Prepare fails for good, Resolve(0) tells the others. When it cannot be known whether one has happened, the
// participants decide: they are inspected as a leaseholder would that recovers the transaction.

// committing are the commits over several shards that this gateway is at work on.
type committing struct {
	mu       sync.Mutex
	txns     map[fragment.TxnID]struct{}
	resolved map[schema.ShardID][]fragment.TxnID // all participants have resolved them: may be forgotten
}

// forgetEvery paces the messages that let participants forget transactions; forgetMax bounds one.
const (
	forgetEvery = 500 * time.Millisecond
	forgetMax   = 2048
)

func (b *committing) begin(id fragment.TxnID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.txns == nil {
		b.txns = make(map[fragment.TxnID]struct{})
	}
	b.txns[id] = struct{}{}
}

// end takes note that a commit is over; resolved are the shards that may forget it.
func (b *committing) end(id fragment.TxnID, resolved []schema.ShardID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.txns, id)
	if b.resolved == nil {
		b.resolved = make(map[schema.ShardID][]fragment.TxnID)
	}
	for _, s := range resolved {
		b.resolved[s] = append(b.resolved[s], id)
	}
}

// Coordinating tells whether a transaction is open here, or this gateway is at work on its commit.
func (c *Client) Coordinating(id fragment.TxnID) bool {
	return c.isOpen(id) || c.committing.has(id)
}

func (b *committing) has(id fragment.TxnID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, ok := b.txns[id]
	return ok
}

// commitMany commits in several shards: one consensus latency, whatever their number.
func (t *Txn) commitMany(ctx context.Context) error {
	t.c.Stats.CommitsMany.Add(1)
	t.c.committing.begin(t.id)
	j := &jointCommit{c: t.c, id: t.id, first: t.first, shards: make([]schema.ShardID, len(t.participants))}
	for i, l := range t.participants {
		j.shards[i] = l.shard
	}
	done := make(chan error, 1)
	spawn.Go("a commit", func() { done <- spawn.Do("a commit", j.run) }) // goes on if the client does not wait
	select {
	case err := <-done:
		if err == nil {
			committed(&t.o, j.ts)
		}
		return err
	case <-ctx.Done():
		return errors.Join(errDoubt, ctx.Err())
	}
}

// jointCommit is one commit over several shards.
type jointCommit struct {
	c      *Client
	id     fragment.TxnID
	shards []schema.ShardID
	first  mvcc.Timestamp // known before anything was asked to prepare
	ts     mvcc.Timestamp // of the commit
}

// run prepares everywhere, and gives the outcome as soon as it is certain. What remains is done in the background.
func (j *jointCommit) run() error {
	prepared := make([]mvcc.Timestamp, len(j.shards))
	errs := atOnce(len(j.shards), func(i int) (err error) {
		prepared[i], err = j.prepare(j.shards[i])
		return err
	})
	var ts mvcc.Timestamp
	var failed, unsure error
	for i, err := range errs {
		switch {
		case err == nil:
			ts = max(ts, prepared[i])
		case isDoubtful(err):
			unsure = err
		default:
			failed = err
		}
	}
	switch {
	case failed != nil:
		ts = 0
	case unsure != nil:
		var err error
		if ts, err = j.decide(); err != nil {
			j.c.committing.end(j.id, nil) // the participants will find out
			return unsure
		}
		if ts == 0 {
			failed = errDeadlock()
		}
	}
	j.ts = ts
	spawn.Go("resolving a commit", func() { j.resolve(ts) })
	return failed
}

func (j *jointCommit) prepare(s schema.ShardID) (ts mvcc.Timestamp, err error) {
	err = j.c.execute(j.c.ctx, s, j.first, func(svc leaseholder.Service, first mvcc.Timestamp, _ bool) (err error) {
		ts, err = svc.Prepare(j.c.ctx, s, j.id, j.shards, first)
		return err
	})
	return ts, err
}

// decide asks the participants what they have come to. Where some have forgotten it, the others end what they still have
// prepared, and know afterwards.
func (j *jointCommit) decide() (ts mvcc.Timestamp, err error) {
	ctx := j.c.ctx
	ts, certain, err := leaseholder.Decide(ctx, j.c.At, j.id, j.shards, j.first)
	if err == nil && !certain {
		j.resolve(0)
		ts, certain, err = leaseholder.Decide(ctx, j.c.At, j.id, j.shards, j.first)
	}
	if err == nil && !certain {
		err = errDoubt
	}
	return ts, err
}

// isDoubtful tells whether something may have happened in spite of an error.
func isDoubtful(err error) bool { return errors.Is(err, errDoubt) || leaseholder.OutcomeUnknown(err) }

// resolve tells all participants.
func (j *jointCommit) resolve(ts mvcc.Timestamp) {
	err := errors.Join(atOnce(len(j.shards), func(i int) error {
		return j.c.At(j.c.ctx, j.shards[i], func(svc leaseholder.Service) error {
			return svc.Resolve(j.c.ctx, j.shards[i], j.id, ts)
		})
	})...)
	resolved := j.shards
	if err != nil {
		j.c.cfg.Logger.Warn("a transaction is left to its participants", "err", err)
	}
	if err != nil || ts == 0 { // nothing is kept of one that was aborted
		resolved = nil
	}
	j.c.committing.end(j.id, resolved)
}

// forgetLoop lets participants forget transactions that all of them have resolved.
func (c *Client) forgetLoop() {
	for range spawn.Ticks(c.ctx.Done(), forgetEvery) {
		c.forgetResolved()
	}
}

// forgetResolved sends what has gathered. What does not arrive is found by the leaseholders in the end.
func (c *Client) forgetResolved() {
	c.committing.mu.Lock()
	resolved := c.committing.resolved
	c.committing.resolved = nil
	c.committing.mu.Unlock()
	for s, ids := range resolved {
		for len(ids) > 0 {
			n := min(len(ids), forgetMax)
			part := ids[:n]
			ids = ids[n:]
			err := c.call(c.ctx, s, repeatable, func(svc leaseholder.Service) error { return svc.Forget(c.ctx, s, part) })
			if err != nil {
				c.cfg.Logger.Debug("transactions are remembered for longer", "shard", uint64(s), "transactions", n, "err", err)
			}
		}
	}
}

// releaseLegs ends a transaction that has only read: if it locked what it read, its locks must have held to the end, in all
// shards, or what it saw may never have been there together.
func (t *Txn) releaseLegs(ctx context.Context) error {
	return t.eachParticipant(func(l *participant) error {
		return t.c.call(ctx, l.shard, repeatable, func(svc leaseholder.Service) error { return svc.Release(ctx, l.shard, t.id) })
	})
}

// eachParticipant runs fn for all participants at once.
func (t *Txn) eachParticipant(fn func(*participant) error) error {
	for _, err := range atOnce(len(t.participants), func(i int) error { return fn(t.participants[i]) }) {
		if err != nil {
			return err
		}
	}
	return nil
}

// atOnce runs fn for 0 to n-1 at the same time, the last one in this goroutine, and gives their errors.
func atOnce(n int, fn func(i int) error) []error {
	errs := make([]error, n)
	var wg spawn.Group
	for i := range n - 1 {
		wg.Go("a commit", func() { errs[i] = spawn.Do("a commit", func() error { return fn(i) }) })
	}
	if n > 0 {
		errs[n-1] = fn(n - 1)
	}
	wg.Wait()
	return errs
}

// writeMany runs an autocommit transaction over several shards.
func (c *Client) writeMany(ctx context.Context, o *distributed.TxnOptions, writes []*fragment.Write) ([]fragment.WriteResult, error) {
	t := &Txn{c: c, o: distributed.TxnOptions{LockWait: DefaultLockWait}}
	if o != nil {
		t.o = *o
	}
	results := make([]fragment.WriteResult, 0, len(writes))
	for _, w := range writes {
		r, err := t.Write(ctx, w)
		if err != nil {
			_ = t.Rollback(ctx) // never fails
			return nil, err
		}
		results = append(results, *r)
		if r.Err != nil {
			_ = t.Rollback(ctx)
			return results, nil
		}
	}
	return results, t.Commit(ctx)
}

// At runs fn at a shard's leaseholder, again where that is needed and harmless; see leaseholder.Peers.
func (c *Client) At(ctx context.Context, s schema.ShardID, fn func(leaseholder.Service) error) error {
	return c.call(ctx, s, repeatable, fn)
}
