package replica

import (
	"context"
	"sync/atomic"
	"time"

	"cloudsql/distributed/leaseholder"
	"cloudsql/distributed/lock"
	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// txn is an interactive transaction's part in this shard: its buffered writes and its locks, in the leaseholder's memory.
type txn struct {
	id    fragment.TxnID
	owner lock.Owner
	turn  chan struct{} // capacity 1: one operation at a time
	seen  atomic.Int64  // when its gateway was last heard of, on the replica's clock

	// Guarded by turn.
	ws    *shard.Workspace
	seq   uint64 // of the newest operation that changed ws
	ended bool

	charged int64 // bytes that Config.Workspaces was charged with; guarded by tenure.mu

	commit
}

// newTxn is a transaction that is heard of now: a sweep may come before its first operation has its turn.
func (r *core) newTxn(id fragment.TxnID) *txn {
	x := &txn{id: id, turn: make(chan struct{}, 1)}
	x.owner.ID, x.owner.Interactive = id, true
	x.seen.Store(int64(r.clock.Now()))
	return x
}

// enter begins an operation of a transaction: at most one runs at a time. join: this is the transaction's first here, so
// it may be unknown; otherwise an unknown one was lost (with its locks and writes) and gets 1213.
func (r *transactions) enter(ctx context.Context, id fragment.TxnID, join bool) (*tenure, *txn, error) {
	for {
		t, err := r.serving(ctx)
		if err != nil {
			return nil, nil, err
		}
		x, parked, err := r.find(t, id, join)
		if parked != nil { // the lease is about to move: begin, or go on, at its next holder
			if err := r.waitParked(ctx, t, parked); err != nil {
				return nil, nil, err
			}
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		select {
		case x.turn <- struct{}{}:
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-t.lost:
			return nil, nil, t.ended
		}
		if x.ended {
			<-x.turn
			return nil, nil, lock.ErrDeadlock()
		}
		now := r.clock.Now()
		if !t.valid(now) { // it may be on its way to another node, as it was before this operation
			<-x.turn
			continue
		}
		x.seen.Store(int64(now))
		return t, x, nil
	}
}

func (r *transactions) find(t *tenure, id fragment.TxnID, join bool) (x *txn, parked chan struct{}, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended != nil {
		return nil, nil, t.ended
	}
	if x, ok := t.txns[id]; ok {
		return x, t.frozen, nil
	}
	if !join {
		return nil, nil, lock.ErrDeadlock()
	}
	if t.draining != nil {
		return nil, t.draining, nil
	}
	x = r.newTxn(id)
	t.txns[id] = x
	return x, nil, nil
}

func (r *transactions) waitParked(ctx context.Context, t *tenure, parked chan struct{}) error {
	select {
	case <-parked:
		return nil
	case <-t.lost:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (x *txn) leave() { <-x.turn }

// workspace is made when the transaction first writes or locks.
func (r *transactions) workspace(x *txn) *shard.Workspace {
	if x.ws == nil {
		x.ws = shard.NewWorkspace(r.cfg.MaxWorkspaceBytes)
	}
	return x.ws
}

// readTxn reads within a transaction: with its own writes merged in, and with locks if q asks for them.
func (r *transactions) readTxn(ctx context.Context, q *leaseholder.ReadRequest, page *fragment.Page) error {
	t, x, err := r.enter(ctx, q.Txn, q.Join)
	if err != nil {
		return err
	}
	defer x.leave()
	if q.Join {
		x.owner.Session.Store(q.Session)
	}
	o := shard.ReadOptions{At: q.At, From: q.From, MaxBytes: q.MaxBytes, Workspace: x.ws}
	if q.Lock != lock.None {
		if err := t.admits(x, q.Read.Tablet); err != nil {
			return err
		}
		o.At, o.Workspace, o.Ranges = 0, r.workspace(x), q.Ranges && !q.SkipLocked
		o.Shared = q.Lock == lock.Shared
		o.Locker = r.locker(t, x, q.Lock, lock.Policy{NoWait: q.NoWait, Skip: q.SkipLocked, Wait: q.LockWait})
	}
	if err := r.readIn(ctx, t, q.Read, o, page); err != nil {
		return r.fail(t, x, err)
	}
	if q.Lock != lock.None {
		if err := r.charge(t, x); err != nil {
			return err
		}
	}
	if ok, err := r.confirm(ctx, t); err != nil || ok {
		return err
	}
	return r.recheck(ctx, t)
}

// recheck decides about a transaction's read whose lease had run out when it ended: if the same tenure goes on, nobody
// else can have written.
func (r *transactions) recheck(ctx context.Context, t *tenure) error {
	now, err := r.serving(ctx)
	if err != nil {
		return err
	}
	if now != t {
		return lock.ErrDeadlock()
	}
	return nil
}

// writeBuffered evaluates a write into its transaction's workspace.
func (r *transactions) writeBuffered(ctx context.Context, q *leaseholder.WriteRequest) (*leaseholder.WriteReply, error) {
	t, x, err := r.enter(ctx, q.Txn, q.Join)
	if err != nil {
		return nil, err
	}
	defer x.leave()
	if q.Join {
		x.owner.Session.Store(q.Session)
	}
	if q.Seq != 0 && q.Seq <= x.seq {
		return nil, lock.ErrDeadlock() // a late copy of what was given up
	}
	for _, f := range q.Writes {
		if err := t.admits(x, f.Tablet); err != nil {
			return nil, err
		}
	}
	before := x.seq
	x.seq = q.Seq
	ws := r.workspace(x)
	mark := ws.Mark()
	reply := &leaseholder.WriteReply{Results: make([]fragment.WriteResult, 0, len(q.Writes))}
	for _, f := range q.Writes {
		l := r.locker(t, x, lock.ModeOf(f.Kind), lock.Policy{Wait: q.LockWait})
		res, err := r.state.Evaluate(ctx, f, ws, l)
		if err != nil {
			ws.Truncate(mark)
			x.seq = before // nothing happened: the same may come again
			return nil, r.fail(t, x, r.readable(err))
		}
		reply.Results = append(reply.Results, *res)
		if res.Err != nil {
			ws.Truncate(mark)
			break
		}
	}
	if err := r.charge(t, x); err != nil {
		ws.Truncate(mark)
		x.seq = before
		return nil, err
	}
	reply.Mark = ws.Mark()
	return reply, nil
}

// What transactions hold here. It is charged in steps, so that small ones cost nothing.
const (
	chargeStep = 64 << 10
	lockBytes  = 200 // of a lock on a key
)

// charge takes memory for what x has buffered and locked. Its turn is held.
func (r *transactions) charge(t *tenure, x *txn) error {
	n := int64(x.ws.Bytes() + lockBytes*x.owner.Keys())
	t.mu.Lock()
	more := n - x.charged
	t.mu.Unlock()
	if more < chargeStep {
		return nil
	}
	if err := r.cfg.Workspaces.Grow(more); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended != nil { // what is left of it is garbage
		r.cfg.Workspaces.Shrink(more)
		return t.ended
	}
	x.charged += more
	return nil
}

// uncharge gives back what x was charged with. Called with t.mu held.
func (t *tenure) uncharge(x *txn) {
	t.workspaces.Shrink(x.charged)
	x.charged = 0
}

// fail passes on the error of a transaction's operation; a victim of a deadlock is rolled back at once, so that those
// who wait for it go on.
func (r *transactions) fail(t *tenure, x *txn, err error) error {
	if lock.IsDeadlock(err) {
		r.drop(t, x)
	}
	return err
}

// drop ends a transaction without a trace. Its turn is held.
func (r *transactions) drop(t *tenure, x *txn) {
	if x.ended {
		return
	}
	x.ended, x.ws = true, nil
	t.mu.Lock()
	delete(t.txns, x.id)
	t.uncharge(x)
	t.mu.Unlock()
	t.locks.Release(&x.owner)
}

// Rollback drops a transaction. It interrupts what the transaction waits for, and is content if there is none.
func (r *transactions) Rollback(ctx context.Context, _ schema.ShardID, id fragment.TxnID) error {
	t := r.tenure.Load()
	if t == nil { // it was lost with the tenure, and its locks too, unless it was passed along
		r.above.gone(id)
		return r.elsewhere()
	}
	t.mu.Lock()
	x := t.txns[id]
	t.mu.Unlock()
	if x == nil {
		return nil
	}
	t.locks.Fail(&x.owner, lock.ErrDeadlock())
	select {
	case x.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-t.lost:
		return r.elsewhere()
	}
	r.drop(t, x)
	x.leave()
	return nil
}

// elsewhere tells who serves the shard, if that is known and another.
func (r *leases) elsewhere() error {
	if holder := r.Holder(); holder != 0 && holder != r.cfg.Node {
		return &leaseholder.NotLeaseholder{Shard: r.shard, Holder: holder}
	}
	return nil
}

// RollbackTo goes back to a mark; locks stay, as in InnoDB.
func (r *transactions) RollbackTo(ctx context.Context, _ schema.ShardID, id fragment.TxnID, mark, seq uint64) error {
	_, x, err := r.enter(ctx, id, false)
	if err != nil {
		return err
	}
	defer x.leave()
	if seq != 0 && seq <= x.seq {
		return lock.ErrDeadlock()
	}
	x.seq = seq
	if x.ws != nil {
		x.ws.Truncate(mark)
	}
	return nil
}

// KeepAlive tells that transactions' gateways still know them.
func (r *transactions) KeepAlive(_ context.Context, _ schema.ShardID, ids []fragment.TxnID) error {
	t := r.tenure.Load()
	if t == nil {
		return nil
	}
	now := int64(r.clock.Now())
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range ids {
		if x := t.txns[id]; x != nil {
			x.seen.Store(now)
		}
	}
	return nil
}

// sweepPeriod is how often abandoned transactions and hopeless proposals are looked for.
const sweepPeriod = time.Second

func (r *Replica) sweepLoop() {
	for r.sleep(r.ctx, sweepPeriod) == nil {
		t := r.tenure.Load()
		r.prop.tick(t != nil && !t.valid(r.clock.Now()-r.cfg.LeaseDuration))
		if t != nil {
			r.sweep(t)
			r.recoverOld(t)
			r.followLeader(t)
		}
	}
}

// gatewayRun is one run of a gateway's process, and when something was last heard of it here.
type gatewayRun struct {
	run  [6]byte
	seen int64
}

// runOf tells the runs of a gateway apart: when it was started, as far as ids have it.
func runOf(id fragment.TxnID) [6]byte { return [6]byte(id[4:10]) }

// gatewayRuns finds the present run of each gateway: the one last heard of. A gateway that was restarted knows nothing of
// what it had open before. Called with mu held.
func (t *tenure) gatewayRuns() map[schema.NodeID]gatewayRun {
	runs := map[schema.NodeID]gatewayRun{}
	for id, x := range t.txns {
		if x.decided != nil {
			continue
		}
		if seen := x.seen.Load(); seen >= runs[leaseholder.GatewayOf(id)].seen {
			runs[leaseholder.GatewayOf(id)] = gatewayRun{runOf(id), seen}
		}
	}
	return runs
}

// sweep rolls back the transactions whose gateways are gone.
func (r *transactions) sweep(t *tenure) {
	now := int64(r.clock.Now())
	var gone []fragment.TxnID
	t.mu.Lock()
	runs := t.gatewayRuns()
	for id, x := range t.txns {
		if x.decided != nil {
			continue
		}
		dead := r.cfg.GatewayAlive != nil && !r.cfg.GatewayAlive(leaseholder.GatewayOf(id)) || runOf(id) != runs[leaseholder.GatewayOf(id)].run
		switch silent := now - x.seen.Load(); {
		case dead && silent > int64(2*sweepPeriod) || silent > int64(r.cfg.TxnTTL):
			gone = append(gone, id)
		case silent > int64(orphanAfter) && r.cfg.Peers != nil:
			r.lookAfter(t, &x.recovering, func() { r.askGateway(x.id) })
		}
	}
	t.mu.Unlock()
	for _, id := range gone {
		r.abandon(id)
	}
}

// orphanAfter is how long nothing is heard of a transaction, which is longer than gateways keep silent about those that
// they know (txn.Config.KeepAlive), before its gateway is asked.
const orphanAfter = 8 * time.Second

// askGateway rolls back a transaction that its gateway does not know: the network held up a request of it, and the end of
// the transaction came first.
func (r *transactions) askGateway(id fragment.TxnID) {
	ctx, cancel := context.WithTimeout(r.ctx, recoverWait)
	defer cancel()
	if known, err := r.cfg.Peers.Coordinating(ctx, id); err == nil && !known {
		r.abandon(id)
	}
}

func (r *transactions) abandon(id fragment.TxnID) {
	r.stats.AbandonedTxns.Add(1)
	r.log.Warn("transaction abandoned by its gateway", "gateway", uint64(leaseholder.GatewayOf(id)))
	ctx, cancel := context.WithTimeout(r.ctx, sweepPeriod)
	defer cancel()
	_ = r.Rollback(ctx, r.shard, id)
}
