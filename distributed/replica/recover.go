package replica

import (
	"context"
	"time"

	"cloudsql/distributed/leaseholder"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
)

const (
	// recoverAfter is how long a prepared transaction waits for its gateway before its participants are asked.
	recoverAfter = time.Second
	// resolvedAfter is how long a decided part is kept for a gateway that wants to see to the others.
	resolvedAfter = 15 * time.Second
	recoverWait   = 10 * time.Second
	recoverMax    = 256 // so many are looked after at once
)

// recoverOld looks for transactions whose gateways have not finished what they began.
func (r *commits) recoverOld(t *tenure) {
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
	for id, p := range t.parts {
		if now-p.since > resolvedAfter {
			r.lookAfter(t, &p.recovering, func() { r.resolveOthers(t, id, p) })
		}
	}
}

// lookAfter runs fn in the background, unless the same is under way (busy) or too much is. Called with t.mu held, which
// guards busy.
func (r *transactions) lookAfter(t *tenure, busy *bool, fn func()) {
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

// abortOrphans takes back what transactions have left in pieces without having been prepared.
func (r *commits) abortOrphans(t *tenure, ids []fragment.TxnID) {
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
func (r *commits) recover(t *tenure, x *txn) {
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
	ts, _, err := leaseholder.Decide(ctx, r.cfg.Peers.At, id, participants, first)
	if err != nil {
		r.log.Warn("a transaction stays in doubt", "gateway", uint64(leaseholder.GatewayOf(id)), "err", err)
		return // asked again later
	}
	r.log.Info("decided a transaction in its gateway's place", "gateway", uint64(leaseholder.GatewayOf(id)), "committed", ts != 0)
	r.resolveAll(ctx, id, participants, ts)
}

// resolveAll tells all participants of a decision. Those that know it are content.
func (r *commits) resolveAll(ctx context.Context, id fragment.TxnID, participants []schema.ShardID, ts mvcc.Timestamp) (all bool) {
	all = true
	for _, s := range participants {
		err := r.cfg.Peers.At(ctx, s, func(svc leaseholder.Service) error { return svc.Resolve(ctx, s, id, ts) })
		if err != nil {
			all = false
			r.log.Warn("a participant was not told of a decision", "participant", uint64(s), "err", err)
		}
	}
	return all
}

// resolveOthers makes sure that no participant of a committed transaction is left in doubt, and forgets it then.
func (r *commits) resolveOthers(t *tenure, id fragment.TxnID, p *resolvedPart) {
	ctx, cancel := context.WithTimeout(r.ctx, recoverWait)
	defer cancel()
	if r.resolveAll(ctx, id, p.participants, p.ts) && r.Forget(ctx, r.shard, []fragment.TxnID{id}) == nil {
		return
	}
	t.mu.Lock()
	p.since = r.clock.Now()
	t.mu.Unlock()
}
