package replica

import (
	"context"
	"time"

	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// Verdict is what the participants' standings say about a transaction over several shards.
type Verdict uint8

// The verdicts.
const (
	VerdictOpen   Verdict = iota // somebody is not prepared: it may still become either
	VerdictCommit                // all are prepared, or one has been told to commit
	VerdictAbort                 // one can never prepare any more
)

// Judge decides about a transaction from how it stands in every one of its shards. It is the whole rule: committed when
// all are prepared, at the largest timestamp.
func Judge(all []Standing) (v Verdict, ts mvcc.Timestamp) {
	v = VerdictCommit
	for _, s := range all {
		switch s.Status {
		case shard.Committed:
			return VerdictCommit, s.TS
		case shard.Aborted:
			v = VerdictAbort
		case shard.Prepared:
			ts = max(ts, s.TS)
		default:
			if v == VerdictCommit {
				v = VerdictOpen
			}
		}
	}
	if v != VerdictCommit {
		ts = 0
	}
	return v, ts
}

// Peers is how a leaseholder reaches the other participants of a transaction, wherever they are served.
type Peers interface {
	// At runs fn at a shard's leaseholder; fn may be run again.
	At(ctx context.Context, s schema.ShardID, fn func(Service) error) error
	// Coordinating tells whether a transaction is open at its gateway, or the gateway is at work on its commit. An error:
	// the gateway does not answer.
	Coordinating(ctx context.Context, id fragment.TxnID) (bool, error)
}

const (
	// recoverAfter is how long a prepared transaction waits for its gateway before its participants are asked.
	recoverAfter = time.Second
	// settledAfter is how long a decided part is kept for a gateway that wants to see to the others.
	settledAfter = 15 * time.Second
	recoverWait  = 10 * time.Second
	recoverMax   = 256 // so many are looked after at once
)

// recoverOld looks for transactions whose gateways have not finished what they began.
func (r *Replica) recoverOld(t *tenure) {
	if r.cfg.Peers == nil {
		return
	}
	now := r.clock.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if orphans := t.orphans; len(orphans) > 0 {
		t.orphans = nil
		r.background(func() { r.abortOrphans(t, orphans) })
	}
	for _, x := range t.txns {
		if t.recovering < recoverMax && !x.recovering && x.prepared != 0 && x.resolving == nil && now-x.prepared > recoverAfter {
			x.recovering = true
			t.recovering++
			r.background(func() {
				r.recover(t, x)
				t.mu.Lock()
				x.recovering = false
				t.recovering--
				t.mu.Unlock()
			})
		}
	}
	for id, p := range t.settled {
		if t.recovering < recoverMax && !p.recovering && now-p.since > settledAfter {
			p.recovering = true
			t.settled[id] = p
			t.recovering++
			r.background(func() {
				r.settleOthers(t, id, p.participants)
				t.mu.Lock()
				t.recovering--
				t.mu.Unlock()
			})
		}
	}
}

// background runs fn in a goroutine that Close waits for.
func (r *Replica) background(fn func()) {
	r.done.Add(1)
	go func() {
		defer r.done.Done()
		fn()
	}()
}

// abortOrphans takes back what transactions have left in pieces without having been prepared.
func (r *Replica) abortOrphans(t *tenure, ids []fragment.TxnID) {
	ctx, cancel := context.WithTimeout(r.ctx, recoverWait)
	defer cancel()
	for i, id := range ids {
		if _, err := r.markAborted(ctx, t, id); err != nil {
			t.mu.Lock()
			t.orphans = append(t.orphans, ids[i:]...)
			t.mu.Unlock()
			return
		}
	}
}

// recover decides a transaction that is prepared here, in its gateway's place.
func (r *Replica) recover(t *tenure, x *txn) {
	ctx, cancel := context.WithTimeout(r.ctx, recoverWait)
	defer cancel()
	t.mu.Lock()
	id, participants, decided := x.id, x.participants, x.commitTS
	t.mu.Unlock()
	if decided != 0 { // but not all of its pieces were resolved
		_ = r.resolve(ctx, t, x, decided) // tried again later
		return
	}
	if busy, err := r.cfg.Peers.Coordinating(ctx, id); err == nil && busy {
		return
	}
	r.stats.Recoveries.Add(1)
	standings := []Standing{{Status: shard.Prepared, TS: x.ts}}
	for _, s := range participants {
		if s == r.shard {
			continue
		}
		st, err := r.inspectAt(ctx, s, id, true)
		if err != nil {
			r.log.Warn("a participant cannot be asked about a transaction", "participant", uint64(s), "err", err)
			return // asked again later
		}
		standings = append(standings, st)
	}
	verdict, ts := Judge(standings)
	r.log.Info("decided a transaction in its gateway's place", "gateway", uint64(GatewayOf(id)), "committed", verdict == VerdictCommit)
	r.resolveAll(ctx, id, participants, ts)
}

func (r *Replica) inspectAt(ctx context.Context, s schema.ShardID, id fragment.TxnID, abort bool) (st Standing, err error) {
	err = r.cfg.Peers.At(ctx, s, func(svc Service) (err error) {
		st, err = svc.Inspect(ctx, s, id, abort)
		return err
	})
	return st, err
}

func (r *Replica) resolveAll(ctx context.Context, id fragment.TxnID, participants []schema.ShardID, ts mvcc.Timestamp) {
	for _, s := range participants {
		err := r.cfg.Peers.At(ctx, s, func(svc Service) error { return svc.Resolve(ctx, s, id, ts) })
		if err != nil {
			r.log.Warn("a participant was not told of a decision", "participant", uint64(s), "err", err)
		}
	}
}

// settleOthers makes sure that no participant of a decided transaction is left in doubt, and forgets it then.
func (r *Replica) settleOthers(t *tenure, id fragment.TxnID, participants []schema.ShardID) {
	ctx, cancel := context.WithTimeout(r.ctx, recoverWait)
	defer cancel()
	settled := true
	for _, s := range participants {
		st, err := r.inspectAt(ctx, s, id, false)
		if err == nil && st.Status == shard.Prepared {
			var own Standing
			if own, err = r.Inspect(ctx, r.shard, id, false); err == nil && own.Status == shard.Committed {
				err = r.cfg.Peers.At(ctx, s, func(svc Service) error { return svc.Resolve(ctx, s, id, own.TS) })
			}
		}
		settled = settled && err == nil
	}
	if settled {
		settled = r.Forget(ctx, r.shard, []fragment.TxnID{id}) == nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if p, ok := t.settled[id]; ok && !settled {
		p.recovering, p.since = false, r.clock.Now()
		t.settled[id] = p
	}
}
