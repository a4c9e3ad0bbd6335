package replica

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"cloudsql/distributed/flow"
	"cloudsql/distributed/leaseholder"
	"cloudsql/distributed/lock"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mutant"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/shard"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// write is one transaction's proposal from its admission to its outcome.
type write struct {
	owner  lock.Owner
	tenure *tenure
	txn    *txn // the interactive transaction whose commit this is, and who owns the locks then
	kind   shard.ProposalKind
	prop   []byte // the proposal, encoded without its timestamps: nothing of the client's is needed after submit
	tries  int
	sweep  uint32
	// vouched is WriteRequest.Vouched: this node may learn of it later.
	vouched version.Version

	written []shard.LockKey
	keys    []lock.Key

	load     flow.Load // of the proposal
	admitted bool      // a heavy one may be on its way (Flow), and was charged

	done chan struct{} // capacity 1

	// Set before done is signalled.
	outcome shard.ProposalResult
	err     error

	// Guarded by proposer.mu.
	ended    bool // done was signalled with the outcome
	detached bool // the client does not wait any more
	lost     bool // a try was presumed lost: it may have been executed, or be yet
	// first goes with the proposal (shard.Proposal.First). It is the request's, unless this write is alone: nothing of its
	// transaction can have been executed yet, or be but by this write itself. Then each try takes its own timestamp, so that
	// no waiting before makes it too old. Whoever stops waiting for it, or presumes it lost, ends that.
	first mvcc.Timestamp
	alone bool
}

// doubt notes that w may come to be executed, or to have been, without its outcome having been seen. Called with
// proposer.mu held.
func (w *write) doubt() { w.alone, w.lost = false, true }

// locker is who holds the locks that end with w.
func (w *write) locker() *lock.Owner {
	if w.txn != nil {
		return &w.txn.owner
	}
	return &w.owner
}

func (r *writes) newWrite(t *tenure, id fragment.TxnID) *write {
	w, _ := r.pool.Get().(*write)
	if w == nil {
		w = &write{done: make(chan struct{}, 1)}
	}
	w.tenure = t
	w.owner.ID = id
	return w
}

// encode makes the proposal, and looks whether replicas can decode it.
func (r *writes) encode(w *write, p *shard.Proposal) (err error) {
	w.kind, p.Txn = p.Kind, w.locker().ID
	if w.prop, err = shard.AppendProposal(w.prop[:0], p, max(w.vouched, r.cfg.Version.Active())); err != nil {
		return fmt.Errorf("replica: a write cannot be logged: %w", err)
	}
	if len(w.prop) > r.cfg.MaxTxnBytes {
		return errTooBig()
	}
	if refused := r.state.CheckProposal(w.prop); refused != nil {
		return refused
	}
	w.weigh(p)
	return nil
}

// maxKeptBuffer is how much a write in the pool may hold on to.
const maxKeptBuffer = 64 << 10

// recycle gives back a write that nobody else knows any more.
func (r *writes) recycle(w *write) {
	w.owner.Reset()
	w.tenure, w.txn, w.tries, w.vouched, w.first, w.alone, w.lost = nil, nil, 0, 0, 0, false, false
	w.load = flow.Load{}
	if cap(w.prop) > maxKeptBuffer {
		w.prop = nil
	}
	clear(w.written)
	clear(w.keys)
	w.written, w.keys = w.written[:0], w.keys[:0]
	w.outcome, w.err, w.ended = shard.ProposalResult{}, nil, false
	r.pool.Put(w)
}

// Write runs an autocommit transaction, or one write of an interactive one (q.Buffer).
func (r *Replica) Write(ctx context.Context, q *leaseholder.WriteRequest) (reply *leaseholder.WriteReply, err error) {
	for {
		if q.Buffer {
			reply, err = r.writeBuffered(ctx, q)
		} else if reply, err = r.write(ctx, q); err != nil {
			reply, err = r.recorded(q, err)
		}
		if err == nil || !errors.Is(err, shard.ErrFrozen) {
			return reply, err
		}
		if err := r.awaitThaw(ctx, tabletsOf(q.Writes)); err != nil {
			return nil, err
		}
	}
}

// write runs an autocommit transaction.
func (r *Replica) write(ctx context.Context, q *leaseholder.WriteRequest) (*leaseholder.WriteReply, error) {
	t, err := r.serving(ctx)
	if err != nil {
		return nil, err
	}
	for _, f := range q.Writes {
		if err := t.admits(nil, f.Tablet); err != nil {
			return nil, err
		}
	}
	r.stats.Writes.Add(1)
	w := r.newWrite(t, q.Txn)
	w.first, w.alone = q.First, q.Alone || mutant.SkipFirst
	w.owner.Session.Store(q.Session)
	w.vouched = q.Vouched
	if err := r.prepare(w, q.Writes); err != nil {
		r.recycle(w)
		return nil, err
	}
	if err := r.acquire(ctx, t, w, q); err != nil {
		r.recycle(w)
		r.unfill(q.Writes, err)
		return nil, err
	}
	if r.isVain(ctx, t, q) {
		t.locks.Release(&w.owner)
		r.recycle(w)
		return &leaseholder.WriteReply{Results: make([]fragment.WriteResult, 1)}, nil
	}
	if err := r.await(ctx, w); err != nil {
		r.unfill(q.Writes, err)
		return nil, err
	}
	r.noteVain(q, w.outcome.Writes)
	reply := &leaseholder.WriteReply{Results: w.outcome.Writes, TS: w.outcome.TS}
	err = r.verdict(w)
	r.recycle(w)
	if err != nil {
		r.unfill(q.Writes, err)
		return nil, err
	}
	return reply, nil
}

// prepare resolves what only the leaseholder can, encodes the proposal, and finds out which keys it locks.
func (r *writes) prepare(w *write, writes []*fragment.Write) error {
	for _, f := range writes {
		if f.AutoInc {
			if err := r.state.FillAutoInc(f); err != nil {
				return err
			}
		}
		var err error
		if w.written, err = r.state.WriteKeys(w.written[:0], f); err != nil {
			return err
		}
		for _, c := range w.written {
			w.keys = append(w.keys, lock.Key{Tablet: f.Tablet, Index: c.Index, Bytes: c.Key})
		}
		if reachUnknown(f.Kind) {
			w.keys = append(w.keys, lock.Key{Tablet: f.Tablet, Index: lock.TabletWide})
		}
	}
	return r.encode(w, &shard.Proposal{Kind: shard.ProposalCommit, Writes: writes})
}

// unfill takes back the AUTO_INCREMENT values of writes that may have to be executed by another leaseholder: its counter
// may give them to others. (If this one's proposal is applied after all, the other learns of its outcome, values included.)
func (r *writes) unfill(writes []*fragment.Write, err error) {
	var elsewhere *leaseholder.NotLeaseholder
	if !errors.As(err, &elsewhere) && !leaseholder.OutcomeUnknown(err) && !errors.Is(err, leaseholder.ErrForgotten) {
		return
	}
	for _, f := range writes {
		if len(f.Generated) == 0 {
			continue
		}
		table, ok := r.state.Table(f.Tablet)
		if !ok {
			continue
		}
		column := slices.Index(f.Columns, table.Columns[table.AutoIncColumn()].ID)
		for _, i := range f.Generated {
			f.Rows.Row(int(i))[column] = types.Null
		}
		f.Generated = f.Generated[:0]
	}
}

// reachUnknown tells whether a write may change rows other than those it names: rows in the way on a unique index.
func reachUnknown(k fragment.Kind) bool {
	return k == fragment.Replace || k == fragment.InsertOrUpdate
}

// await submits w and waits for its end. On an error w is not to be used again.
func (r *writes) await(ctx context.Context, w *write) error {
	if w.isHeavy() {
		if err := r.admit(ctx, w); err != nil {
			r.prop.finish([]*write{w}, err)
			return err
		}
	}
	r.prop.submit(w)
	select {
	case <-w.done:
		return w.err
	case <-ctx.Done():
		if r.prop.detach(w) {
			return errors.Join(leaseholder.ErrUnknown, ctx.Err())
		}
		<-w.done
		return w.err
	}
}

// verdict is the error of a proposal that was applied. A statement's own failure is not one: it is in its WriteResult.
func (r *writes) verdict(w *write) error {
	status := w.outcome.Status
	if status == shard.Duplicate {
		status = w.outcome.Recorded
	}
	//exhaustive:enforce
	switch status {
	case shard.Committed, shard.Failed, shard.Prepared:
		return nil
	case shard.Conflict, shard.Aborted:
		return lock.ErrDeadlock()
	case shard.StaleEpoch, shard.StaleTimestamp: // the latter only when the tenure has ended
		return r.movedOn(w)
	case shard.Forgotten:
		if w.lost { // it may be an earlier try of this very write that is forgotten
			return errors.Join(leaseholder.ErrForgotten, leaseholder.ErrUnknown)
		}
		return leaseholder.ErrForgotten
	case shard.SchemaChanged:
		return shard.ErrSchemaChanged
	case shard.NoTablet:
		return shard.ErrNoTablet
	case shard.Duplicate, shard.Staged, shard.Claimed: // no outcome that a proposal ends with
	}
	return errors.New("replica: the shard gave an outcome of unknown kind")
}

// movedOn is the error of a write whose last try surely was not executed, since the lease has moved.
func (r *writes) movedOn(w *write) error {
	err := r.notHere(0, w.tenure.epoch)
	err.Doubtful = w.lost
	return err
}

func errTooBig() error {
	return mysqlerr.New(mysqlerr.TransCacheFull)
}
