package replica

import (
	"context"
	"time"

	"cloudsql/distributed/flow"
	"cloudsql/distributed/leaseholder"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/shard"
)

// A heavy write that waits holds about this much: proposal, decoded proposal, keys and locks.
const perHeavyRow, perHeavyByte = 300, 3

// admitMost is how long an autocommit write waits for those before it.
const admitMost = time.Minute

// weigh notes how heavy w is; light ones have no weight.
func (w *write) weigh(p *shard.Proposal) {
	w.load = flow.Load{Bytes: len(w.prop), Rows: len(p.Effects)}
	for _, f := range p.Writes {
		w.load.Rows += max(f.Rows.Len(), len(f.Keys))
	}
}

// isHeavy tells whether w waits for others before it is proposed. What ends a transaction is light, so that nobody waits for
// somebody who waits for him.
func (w *write) isHeavy() bool { return !w.load.Within(flow.Light) }

// admit waits until w may be on its way. An error: it is not, and was not executed. Autocommit writes do not wait for ever, and a
// commit's step as long as its tenure lasts.
func (r *writes) admit(ctx context.Context, w *write) error {
	if err := r.cfg.InFlight.Grow(w.held()); err != nil {
		return err
	}
	var late <-chan time.Time
	if w.txn != nil {
		ctx = r.ctx
	} else {
		timer := r.clock.NewTimer(admitMost)
		defer timer.Stop()
		late = timer.C()
	}
	r.stats.HeavyWrites.Add(1)
	lost := w.tenure.lost
	if !r.flow.Enter(w.load, ctx.Done(), lost, late) {
		r.cfg.InFlight.Shrink(w.held())
		return r.notAdmitted(ctx, w)
	}
	if !r.cfg.Flow.Enter(w.load, ctx.Done(), lost, late) {
		r.flow.Leave(w.load)
		r.cfg.InFlight.Shrink(w.held())
		return r.notAdmitted(ctx, w)
	}
	w.admitted = true
	return nil
}

// held is about what a heavy write holds here.
func (w *write) held() int64 {
	return int64(w.load.Rows*perHeavyRow + w.load.Bytes*perHeavyByte)
}

// notAdmitted is why w was not.
func (r *writes) notAdmitted(ctx context.Context, w *write) error {
	select {
	case <-w.tenure.lost:
		return w.tenure.ended
	case <-r.ctx.Done():
		return leaseholder.ErrClosed
	default:
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return mysqlerr.Newf(mysqlerr.OutOfResources, "Out of resources: too many large writes wait for shard %d; try again later", r.shard)
}

// landed says that w is not on its way any more; it does no harm to say so twice.
func (r *writes) landed(w *write) {
	if !w.admitted {
		return
	}
	w.admitted = false
	r.flow.Leave(w.load)
	r.cfg.Flow.Leave(w.load)
	r.cfg.InFlight.Shrink(w.held())
}
