package replica

import (
	"context"
	"fmt"
	"slices"
	"time"

	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// Judge decides about a transaction from how it stands in every one of its shards: the timestamp at which it committed,
// the largest that it was prepared at; 0 if it has not committed, which is for good where it can't prepare any more. It is
// the whole rule.
//
// Where one is Forgotten, and none Committed or Aborted, the transaction may have committed and been resolved everywhere; but
// then nothing of it is prepared any more. So 0 is right for all parts that are, and says nothing to its client.
func Judge(all []Standing) (ts mvcc.Timestamp) {
	prepared := true
	for _, s := range all {
		switch s.Status {
		case shard.Committed:
			return s.TS
		case shard.Prepared:
			ts = max(ts, s.TS)
		default:
			prepared = false
		}
	}
	if !prepared {
		return 0
	}
	return ts
}

// Reach runs fn at a shard's leaseholder, wherever it is served; fn may be run again.
type Reach func(ctx context.Context, s schema.ShardID, fn func(Service) error) error

// Decide asks all participants how a transaction stands, leaving an abort mark where it is not prepared, and judges. first is
// not above the timestamp of any step that may have committed it. certain: its client may be told so.
func Decide(ctx context.Context, at Reach, id fragment.TxnID, participants []schema.ShardID, first mvcc.Timestamp) (
	ts mvcc.Timestamp, certain bool, err error) {
	all := make([]Standing, len(participants))
	for i, s := range participants {
		err := at(ctx, s, func(svc Service) (err error) {
			all[i], err = svc.Inspect(ctx, s, id, true, first)
			return err
		})
		if err != nil {
			return 0, false, fmt.Errorf("shard %d cannot be asked about a transaction: %w", s, err)
		}
	}
	has := func(status shard.Status) bool {
		return slices.ContainsFunc(all, func(s Standing) bool { return s.Status == status })
	}
	ts = Judge(all)
	return ts, ts != 0 || has(shard.Aborted) || !has(shard.Forgotten), nil
}

// Peers is how a leaseholder reaches the other participants of a transaction, wherever they are served.
type Peers interface {
	// At is a Reach.
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
		if x.prepared != 0 && x.resolving == nil && now-x.prepared > recoverAfter {
			r.lookAfter(t, &x.recovering, func() { r.recover(t, x) })
		}
	}
	for id, p := range t.settled {
		if now-p.since > settledAfter {
			r.lookAfter(t, &p.recovering, func() { r.settleOthers(t, id, p) })
		}
	}
}

// lookAfter runs fn in the background, unless the same is under way (busy) or too much is. Called with t.mu held, which
// guards busy.
func (r *Replica) lookAfter(t *tenure, busy *bool, fn func()) {
	if *busy || t.recovering >= recoverMax {
		return
	}
	*busy = true
	t.recovering++
	r.background(func() {
		defer func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			*busy = false
			t.recovering--
		}()
		fn()
	})
}

// background runs fn in a goroutine that Close waits for.
func (r *Replica) background(fn func()) {
	r.done.Go("a replica", fn)
}

// abortOrphans takes back what transactions have left in pieces without having been prepared.
func (r *Replica) abortOrphans(t *tenure, ids []fragment.TxnID) {
	ctx, cancel := context.WithTimeout(r.ctx, recoverWait)
	defer cancel()
	for i, id := range ids {
		if _, err := r.markAborted(ctx, t, id, 0); err != nil { // what is in pieces has not ended
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
	id, participants, decided, first := x.id, x.participants, x.commitTS, x.first
	t.mu.Unlock()
	if decided != 0 { // but not all of its pieces were resolved
		_ = r.resolve(ctx, t, x, decided) // tried again later
		return
	}
	if busy, err := r.cfg.Peers.Coordinating(ctx, id); err == nil && busy {
		return
	}
	r.stats.Recoveries.Add(1)
	ts, _, err := Decide(ctx, r.cfg.Peers.At, id, participants, first)
	if err != nil {
		r.log.Warn("a transaction stays in doubt", "gateway", uint64(GatewayOf(id)), "err", err)
		return // asked again later
	}
	r.log.Info("decided a transaction in its gateway's place", "gateway", uint64(GatewayOf(id)), "committed", ts != 0)
	r.resolveAll(ctx, id, participants, ts)
}

// resolveAll tells all participants of a decision. Those that know it are content.
func (r *Replica) resolveAll(ctx context.Context, id fragment.TxnID, participants []schema.ShardID, ts mvcc.Timestamp) (all bool) {
	all = true
	for _, s := range participants {
		err := r.cfg.Peers.At(ctx, s, func(svc Service) error { return svc.Resolve(ctx, s, id, ts) })
		if err != nil {
			all = false
			r.log.Warn("a participant was not told of a decision", "participant", uint64(s), "err", err)
		}
	}
	return all
}

// settleOthers makes sure that no participant of a committed transaction is left in doubt, and forgets it then.
func (r *Replica) settleOthers(t *tenure, id fragment.TxnID, p *settledPart) {
	ctx, cancel := context.WithTimeout(r.ctx, recoverWait)
	defer cancel()
	if r.resolveAll(ctx, id, p.participants, p.ts) && r.Forget(ctx, r.shard, []fragment.TxnID{id}) == nil {
		return
	}
	t.mu.Lock()
	p.since = r.clock.Now()
	t.mu.Unlock()
}
