package replica

import (
	"context"
	"errors"
	"time"

	"cloudsql/distributed/leaseholder"
	"cloudsql/distributed/lock"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/spawn"
)

// commit is how far a transaction has come since its client said COMMIT.
//
//	one shard:   Commit ─→ proposed ─→ decided
//	several:     Prepare ─→ proposed ─→ decided: prepared, the locks stay ─→ Resolve ─→ proposed ─→ resolved
//	large:       as several, though it may be one; all pieces but the last are staged before, and all resolved one by one
type commit struct {
	// decided is made when the commit begins (guarded by tenure.mu) and closed when its outcome, ts and err, is known.
	decided chan struct{}
	ts      mvcc.Timestamp
	err     error

	first mvcc.Timestamp // the request's; see WriteRequest.First

	// The rest is guarded by tenure.mu, and is about commits over several shards.
	participants []schema.ShardID
	prepared     time.Duration  // since when, on the replica's clock; 0: not prepared
	commitTS     mvcc.Timestamp // once it is resolving
	resolving    chan struct{}  // made when Resolve begins, closed when it is done with resolveErr
	resolveErr   error
	recovering   bool
}

// Commit proposes a transaction's effects in one entry. A repeated Commit finds the first one's outcome: here, or in the
// shard's records.
func (r *commits) Commit(ctx context.Context, _ schema.ShardID, id fragment.TxnID, first mvcc.Timestamp) (mvcc.Timestamp, error) {
	return r.decideOnce(ctx, id, first, func(t *tenure, x *txn) (mvcc.Timestamp, error) {
		if x.ws.Empty() { // the locks protected nothing that lasts
			r.drop(t, x)
			x.leave()
			return 0, nil
		}
		return r.propose(ctx, t, x, &shard.Proposal{Kind: shard.ProposalCommit})
	})
}

// Prepare proposes a transaction's effects as its part of a commit over several shards. From then on nothing but Resolve
// ends it. The result is the least timestamp at which the transaction may commit; it may be repeated like Commit.
func (r *commits) Prepare(ctx context.Context, _ schema.ShardID, id fragment.TxnID, participants []schema.ShardID,
	first mvcc.Timestamp) (mvcc.Timestamp, error) {
	return r.decideOnce(ctx, id, first, func(t *tenure, x *txn) (mvcc.Timestamp, error) {
		t.mu.Lock()
		x.participants = participants
		t.mu.Unlock()
		return r.propose(ctx, t, x, &shard.Proposal{
			Kind: shard.ProposalPrepare, Participants: participants, Ranges: t.locks.Ranges(&x.owner),
		})
	})
}

// decideOnce runs begin, which takes over x's turn, unless the transaction's commit has begun before: then it gives that
// one's outcome. A transaction that is open here was never proposed: its workspace is nowhere else.
func (r *commits) decideOnce(ctx context.Context, id fragment.TxnID, first mvcc.Timestamp, begin func(t *tenure, x *txn) (mvcc.Timestamp, error)) (mvcc.Timestamp, error) {
	t, err := r.serving(ctx)
	if err != nil {
		return 0, err
	}
	t.mu.Lock()
	x := t.txns[id]
	ts, done := t.finished.At(id)
	var decided chan struct{}
	if x != nil {
		decided = x.decided
	}
	t.mu.Unlock()
	switch {
	case done:
		return ts, nil
	case x == nil:
		return r.recall(ctx, t, id, first)
	case decided != nil: // a repetition: the first one is under way
		return x.await(ctx, t)
	}
	if t, x, err = r.enter(ctx, id, false); err != nil {
		return 0, err
	}
	x.first = first
	return begin(t, x)
}

func (x *txn) await(ctx context.Context, t *tenure) (mvcc.Timestamp, error) {
	select {
	case <-x.decided:
		return x.ts, x.err
	case <-t.lost:
		return 0, inDoubt(t.ended)
	case <-ctx.Done():
		return 0, errors.Join(leaseholder.ErrUnknown, ctx.Err())
	}
}

// propose logs the step that decides about x here, p, with what x has written and seen (all checks, if nothing was written). It takes
// over x's turn, which ends with the outcome, not with the client's patience.
func (r *commits) propose(ctx context.Context, t *tenure, x *txn, p *shard.Proposal) (mvcc.Timestamp, error) {
	effects, large := x.ws.Parts().Next(2 * r.cfg.MaxEntryBytes)
	if large {
		return r.proposePieces(ctx, t, x, p)
	}
	p.Effects = effects
	w := r.newStep(t, x)
	err := r.encode(w, p)
	if err == nil {
		err = r.beginCommit(t, x)
	}
	if err != nil {
		r.recycle(w)
		r.drop(t, x)
		x.leave()
		return 0, err
	}
	if err := r.await(ctx, w); err != nil {
		return 0, err
	}
	r.recycle(w)
	return x.ts, x.err
}

// newStep makes the write that takes x a step further.
func (r *commits) newStep(t *tenure, x *txn) *write {
	w := r.newWrite(t, x.id)
	w.txn, w.first, w.alone = x, x.first, true
	return w
}

// beginCommit registers what x will change as in flight.
func (r *commits) beginCommit(t *tenure, x *txn) error {
	if err := t.locks.Flights.Launch(&x.owner); err != nil {
		return err
	}
	r.stats.Commits.Add(1)
	t.mu.Lock()
	x.decided = make(chan struct{})
	t.mu.Unlock()
	return nil
}

// proposePieces logs a large transaction: all pieces but the last one after the other, then Prepare with the last.
func (r *commits) proposePieces(ctx context.Context, t *tenure, x *txn, p *shard.Proposal) (mvcc.Timestamp, error) {
	if err := r.beginCommit(t, x); err != nil {
		r.drop(t, x)
		x.leave()
		return 0, err
	}
	if p.Kind == shard.ProposalCommit {
		p.Kind, p.Participants = shard.ProposalPrepare, []schema.ShardID{r.shard}
		t.mu.Lock()
		x.participants = p.Participants
		t.mu.Unlock()
	}
	parts := x.ws.Parts()
	r.background(func() {
		for i, more := uint32(0), true; more; i++ {
			q := &shard.Proposal{Kind: shard.ProposalStage, Piece: i}
			if q.Effects, more = parts.Next(r.cfg.MaxEntryBytes); !more {
				q.Kind, q.Participants, q.Ranges = p.Kind, p.Participants, p.Ranges
			}
			if err := r.proposePiece(t, x, q); err != nil {
				r.giveUp(t, x, err)
				return
			}
		}
	})
	return x.await(ctx, t)
}

// proposePiece logs one piece of x. An error: x has not got as far as Prepare's outcome.
func (r *commits) proposePiece(t *tenure, x *txn, p *shard.Proposal) error {
	w := r.newStep(t, x)
	if err := r.encode(w, p); err != nil {
		r.recycle(w)
		return err
	}
	err := r.await(r.ctx, w)
	if p.Kind == shard.ProposalPrepare {
		return nil // decide has seen to it
	}
	if err == nil && w.outcome.Status != shard.Staged {
		if err = r.verdictOfCommit(w); err == nil {
			err = lock.ErrDeadlock()
		}
	}
	if err == nil {
		r.recycle(w)
	}
	return err
}

// giveUp ends x between two pieces. Where the abort mark cannot be logged, the next tenure finds the pieces.
func (r *commits) giveUp(t *tenure, x *txn, err error) {
	if _, err := r.markAborted(r.ctx, t, x.id, x.first); err != nil {
		r.log.Debug("pieces of a transaction are left behind", "err", err)
	}
	x.err = err
	r.finish(t, x, 0, err)
	t.locks.Release(&x.owner)
	close(x.decided)
	x.leave()
}

// leavesPrepared tells whether w's end leaves its transaction prepared: locks and registration stay.
func (w *write) leavesPrepared() bool {
	return w.outcome.Status == shard.Prepared || w.outcome.Status == shard.Duplicate && w.outcome.Recorded == shard.Prepared
}

// decide takes in how a step of w's transaction ended, with the outcome or, where there is none, err. Locks that go with
// it have been released.
func (r *commits) decide(w *write, err error) {
	x, t := w.txn, w.tenure
	switch w.kind {
	case shard.ProposalStage: // see proposePiece
		return
	case shard.ProposalResolve:
		r.resolved(t, x, w, err)
		return
	}
	x.ts, x.err = w.outcome.TS, err
	if err == nil {
		x.err = r.verdictOfCommit(w)
	}
	if x.err == nil && w.leavesPrepared() {
		x.ws = nil // its effects are in the log
		t.mu.Lock()
		x.prepared = max(r.clock.Now(), 1)
		alone := len(x.participants) == 1
		if alone {
			x.resolving = make(chan struct{})
		}
		t.mu.Unlock()
		close(x.decided)
		if alone {
			ts := x.ts
			spawn.Go("resolving a transaction", func() { r.proposeEnd(t, x, ts) }) // not on the apply goroutine
		}
		return
	}
	r.finish(t, x, x.ts, x.err)
	close(x.decided)
	x.leave()
}

// finish forgets a transaction that has ended; ts is when it committed, if err is nil.
func (r *commits) finish(t *tenure, x *txn, ts mvcc.Timestamp, err error) {
	t.mu.Lock()
	delete(t.txns, x.id)
	t.uncharge(x)
	if err == nil {
		t.finished.Add(x.id, ts)
	}
	t.mu.Unlock()
	x.ended, x.ws = true, nil
}

// verdictOfCommit is verdict for a proposal of effects, whose failure (a unique key taken meanwhile) is the commit's.
func (r *commits) verdictOfCommit(w *write) error {
	if err := r.verdict(w); err != nil {
		return err
	}
	o := &w.outcome
	for i := range o.Writes {
		if e := o.Writes[i].Err; e != nil {
			return e
		}
	}
	if o.Status == shard.Failed || o.Recorded == shard.Failed {
		return lock.ErrDeadlock()
	}
	return nil
}

// recall finds out how a transaction ended that this tenure does not know, by proposing an abort mark under its id. If
// the transaction was applied before, the answer is its recorded outcome; if not, it never will be, since its locks and
// writes are gone with the leaseholder that kept them. Where first is as old as what is forgotten, nobody knows.
func (r *commits) recall(ctx context.Context, t *tenure, id fragment.TxnID, first mvcc.Timestamp) (mvcc.Timestamp, error) {
	o, err := r.markAborted(ctx, t, id, first)
	if err != nil {
		return 0, err
	}
	if o.Status == shard.Aborted {
		return 0, lock.ErrDeadlock()
	}
	return o.TS, r.verdictOfCommit(&write{tenure: t, outcome: o})
}

// markAborted proposes an abort mark; first as in WriteRequest.
func (r *commits) markAborted(ctx context.Context, t *tenure, id fragment.TxnID, first mvcc.Timestamp) (o shard.ProposalResult, err error) {
	w := r.newWrite(t, id)
	w.first = first
	if err = r.encode(w, &shard.Proposal{Kind: shard.ProposalAbort}); err == nil {
		err = t.locks.Flights.Launch(&w.owner)
	}
	if err != nil {
		r.recycle(w)
		return o, err
	}
	if err := r.await(ctx, w); err != nil {
		return o, err
	}
	o = w.outcome
	r.recycle(w)
	return o, nil
}

// Resolve ends a prepared transaction: its effects become versions at ts, or vanish (0). It is content where there is
// nothing (more) to resolve. ts must be what all participants' timestamps amount to: only they decide.
func (r *commits) Resolve(ctx context.Context, _ schema.ShardID, id fragment.TxnID, ts mvcc.Timestamp) error {
	t, err := r.serving(ctx)
	if err != nil {
		return err
	}
	t.mu.Lock()
	x := t.txns[id]
	if x == nil {
		t.mu.Unlock()
		return nil
	}
	decided := x.decided
	t.mu.Unlock()
	if decided == nil { // the participant that is being told has not even been asked to prepare
		return r.Rollback(ctx, r.shard, id)
	}
	if _, err := x.await(ctx, t); err != nil {
		return ignoreDeadlock(err)
	}
	return r.resolve(ctx, t, x, ts)
}

func ignoreDeadlock(err error) error {
	if lock.IsDeadlock(err) {
		return nil
	}
	return err
}

// resolve proposes the end of a transaction that is prepared or has ended, unless somebody else does.
func (r *commits) resolve(ctx context.Context, t *tenure, x *txn, ts mvcc.Timestamp) error {
	t.mu.Lock()
	c, first := x.resolving, x.resolving == nil
	if x.prepared == 0 {
		t.mu.Unlock()
		return nil
	}
	if first {
		c = make(chan struct{})
		x.resolving = c
	}
	t.mu.Unlock()
	if first {
		r.proposeEnd(t, x, ts)
	}
	select {
	case <-c:
		return x.resolveErr
	case <-t.lost:
		return t.ended
	case <-ctx.Done():
		return errors.Join(leaseholder.ErrUnknown, ctx.Err())
	}
}

func (r *commits) proposeEnd(t *tenure, x *txn, ts mvcc.Timestamp) {
	t.mu.Lock()
	x.commitTS = ts
	t.mu.Unlock()
	w := r.newStep(t, x)
	w.detached = true // whoever waits does so on x.resolving
	if err := r.encode(w, &shard.Proposal{Kind: shard.ProposalResolve, CommitTS: ts}); err != nil {
		r.resolved(t, x, w, err) // cannot happen: nothing in it can be refused
		return
	}
	if ts != 0 {
		x.owner.TS.Store(uint64(ts)) // snapshots below need not wait for the end
	}
	r.stats.Resolves.Add(1)
	r.prop.submit(w)
}

var errUnresolvable = errors.New("replica: the effects of a prepared transaction cannot be executed")

// resolved takes in the end of a prepared transaction. On an error the tenure is over, or the transaction cannot be
// resolved by this program: the next one tries again.
func (r *commits) resolved(t *tenure, x *txn, w *write, err error) {
	switch {
	case err != nil:
	case w.outcome.Status == shard.StaleEpoch:
		err = r.notHere(0, t.epoch)
	case w.outcome.Status == shard.Failed: // it stays prepared, and its keys claimed, until the fault is mended
		err = errUnresolvable
	}
	if err == nil && w.leavesPrepared() {
		t.mu.Lock()
		ts := x.commitTS
		t.mu.Unlock()
		spawn.Go("resolving a transaction", func() { r.proposeEnd(t, x, ts) }) // the next piece
		return
	}
	if x.resolveErr = err; err == nil {
		committed := w.outcome.Status == shard.Committed || w.outcome.Recorded == shard.Committed
		t.mu.Lock()
		if committed && len(x.participants) > 1 {
			t.parts[x.id] = &resolvedPart{participants: x.participants, ts: w.outcome.TS, since: r.clock.Now()}
		}
		t.mu.Unlock()
		var end error
		if !committed {
			end = lock.ErrDeadlock()
		}
		r.finish(t, x, w.outcome.TS, end)
		x.leave()
	}
	close(x.resolving)
}

// Inspect tells how a transaction stands here. With abort, one that is not prepared is aborted for good; or it is Forgotten:
// if it ever was prepared here, that is over in all its shards, and it never will be.
func (r *commits) Inspect(ctx context.Context, _ schema.ShardID, id fragment.TxnID, abort bool, first mvcc.Timestamp) (leaseholder.Standing, error) {
	t, err := r.serving(ctx)
	if err != nil {
		return leaseholder.Standing{}, err
	}
	t.mu.Lock()
	x := t.txns[id]
	var decided chan struct{}
	if x != nil {
		decided = x.decided
	}
	t.mu.Unlock()
	if decided != nil { // how it stands is about to be known
		if _, err := x.await(ctx, t); err != nil && !lock.IsDeadlock(err) {
			return leaseholder.Standing{}, err
		}
	}
	status, ts, err := r.state.Outcome(id)
	switch {
	case err != nil:
		return leaseholder.Standing{}, err
	case status != 0 || !abort:
		if !r.still(t) {
			return leaseholder.Standing{}, r.notHere(0, t.epoch)
		}
		return standing(status, ts), nil
	}
	if x != nil && decided == nil {
		if err := r.Rollback(ctx, r.shard, id); err != nil {
			return leaseholder.Standing{}, err
		}
		t.mu.Lock()
		if x.decided == nil { // it was never proposed, and will not be
			first = 0
		}
		t.mu.Unlock()
	}
	o, err := r.markAborted(ctx, t, id, first)
	switch {
	case err != nil:
		return leaseholder.Standing{}, err
	case o.Status == shard.Forgotten:
		return leaseholder.Standing{Status: shard.Forgotten}, nil
	case o.Status == shard.StaleEpoch:
		return leaseholder.Standing{}, r.notHere(0, t.epoch)
	case o.Status == shard.Duplicate:
		return standing(o.Recorded, o.TS), nil
	}
	return leaseholder.Standing{Status: shard.Aborted}, nil
}

// standing turns a recorded outcome into a Standing: whatever prevents a commit is an abort.
func standing(s shard.Status, ts mvcc.Timestamp) leaseholder.Standing {
	switch s {
	case shard.Prepared, shard.Committed:
		return leaseholder.Standing{Status: s, TS: ts}
	case 0:
		return leaseholder.Standing{}
	}
	return leaseholder.Standing{Status: shard.Aborted}
}

// Forget tells that all participants of transactions have resolved them: nobody will ask about them any more.
func (r *commits) Forget(ctx context.Context, _ schema.ShardID, ids []fragment.TxnID) error {
	t, err := r.serving(ctx)
	if err != nil {
		return err
	}
	w := r.newWrite(t, fragment.TxnID{})
	w.alone = true
	if err = r.encode(w, &shard.Proposal{Kind: shard.ProposalForget, Forget: ids}); err == nil {
		err = t.locks.Flights.Launch(&w.owner)
	}
	if err != nil {
		r.recycle(w)
		return err
	}
	if err := r.await(ctx, w); err != nil {
		return err
	}
	o := w.outcome
	r.recycle(w)
	if o.Status != shard.Committed {
		return r.notHere(0, t.epoch)
	}
	t.mu.Lock()
	for _, id := range ids {
		delete(t.parts, id)
	}
	t.mu.Unlock()
	return nil
}

// Release ends a transaction that has only locked. Error 1213: its locks were lost, and what it read under them may have
// changed since.
func (r *transactions) Release(ctx context.Context, _ schema.ShardID, id fragment.TxnID) error {
	t, x, err := r.enter(ctx, id, false)
	if err != nil {
		return err
	}
	r.drop(t, x)
	x.leave()
	return nil
}

// resolvedPart is a part of a committed transaction over several shards whose other parts may not be resolved yet.
type resolvedPart struct {
	participants []schema.ShardID
	ts           mvcc.Timestamp
	since        time.Duration
	recovering   bool
}

// adopt takes over the prepared transactions that the log has left to a new tenure, before anybody is served.
func (r *commits) adopt(t *tenure) {
	for _, p := range r.state.Parts() {
		switch {
		case p.Staging:
			t.orphans = append(t.orphans, p.Txn)
			continue
		case p.Pieces == 0:
			t.parts[p.Txn] = &resolvedPart{participants: p.Participants, ts: p.CommitTS, since: r.clock.Now()}
			continue
		}
		x := r.newTxn(p.Txn)
		x.turn <- struct{}{}
		x.ts, x.commitTS, x.participants, x.prepared = p.TS, p.CommitTS, p.Participants, max(r.clock.Now(), 1)
		x.first = p.First
		x.decided = make(chan struct{})
		close(x.decided)
		x.owner.TS.Store(uint64(p.TS))
		t.locks.Install(&x.owner, p.Claims, p.Ranges)
		t.txns[p.Txn] = x
	}
}
