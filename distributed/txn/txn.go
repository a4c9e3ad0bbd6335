package txn

import (
	"context"
	"errors"
	"slices"
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/leaseholder"
	"cloudsql/distributed/lock"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/spawn"
)

// Txn is an interactive transaction; see distributed.Txn.
type Txn struct {
	c    *Client
	o    distributed.TxnOptions
	id   fragment.TxnID // made with the first write or lock
	pin  pin            // its snapshot and its shards
	held bool           // pin is registered

	participants []*participant // in the order in which it came to the shards
	steps        []step         // the writes, for going back
	marked       int            // steps up to here have been named by a savepoint
	seq          uint64
	first        mvcc.Timestamp // known before COMMIT's first try
	aborted      bool
	ended        bool
	onEnd        func()
}

// participant is a transaction's part in one shard: what it writes and locks there.
type participant struct {
	shard  schema.ShardID
	asked  bool   // something was sent to the leaseholder: it may know the transaction
	joined bool   // the leaseholder has answered: from now on it must know the transaction
	mark   uint64 // of the workspace; 0: nothing is written
}

// step is a write: after it, the participant's workspace was at mark.
type step struct {
	participant *participant
	mark        uint64
}

var _ distributed.Txn = (*Txn)(nil)

// Begin starts a transaction; it costs nothing until its first statement.
func (c *Client) Begin(o distributed.TxnOptions) Begun {
	if o.FollowerRead != nil {
		return &followerTxn{c: c, s: o.FollowerRead}
	}
	return &Txn{c: c, o: o}
}

// Begun is a transaction that tells its end, however it comes.
type Begun interface {
	distributed.Txn
	// OnEnd has fn called once it is over.
	OnEnd(fn func())
}

// rollbackWait bounds how long a rollback, or the cleaning up after a cancelled statement, may take.
const rollbackWait = 5 * time.Second

func errDeadlock() error { return mysqlerr.New(mysqlerr.LockDeadlock) }

// snapshot is the timestamp that plain reads see; the first one fetches it.
func (t *Txn) snapshot(ctx context.Context) (mvcc.Timestamp, error) {
	if t.pin.snapshot == 0 {
		at, err := t.c.Snapshot(ctx)
		if err != nil {
			return 0, err
		}
		t.setPin(func(p *pin) { p.snapshot = at })
	}
	return t.pin.snapshot, nil
}

// setPin changes the pin, which others read.
func (t *Txn) setPin(change func(p *pin)) {
	t.c.mu.Lock()
	change(&t.pin)
	if !t.held {
		t.c.pins[&t.pin], t.held = struct{}{}, true
	}
	t.c.mu.Unlock()
}

// TakeSnapshot implements distributed.Txn.
func (t *Txn) TakeSnapshot(ctx context.Context) error {
	_, err := t.snapshot(ctx)
	return err
}

// StartStatement implements distributed.Txn.
func (t *Txn) StartStatement() {
	if t.o.Isolation == distributed.ReadCommitted && t.pin.snapshot != 0 {
		t.setPin(func(p *pin) { p.snapshot = 0 })
	}
}

// SetLockWait implements distributed.Txn.
func (t *Txn) SetLockWait(d time.Duration) { t.o.LockWait = d }

// Read implements distributed.Txn.
func (t *Txn) Read(ctx context.Context, r *fragment.Read, mode distributed.ReadMode, lo distributed.LockOptions) (distributed.Rows, error) {
	list, how := []piece{{read: r}}, inTurn
	q, err := t.request(ctx, r, mode, lo)
	if errors.Is(err, distributed.ErrSchemaChanged) {
		list, how = t.c.present(ctx, r)
		q, err = t.request(ctx, list[0].read, mode, lo)
	}
	if err != nil {
		return nil, err
	}
	q.MaxBytes = t.c.cfg.PageBytes
	x := &rows{c: t.c, q: q, txn: t}
	return x.begin(ctx, r, list, how), nil
}

// ReadPoint implements distributed.Txn.
func (t *Txn) ReadPoint(ctx context.Context, r *fragment.Read, mode distributed.ReadMode, lo distributed.LockOptions, page *fragment.Page) error {
	q, err := t.request(ctx, r, mode, lo)
	if err != nil {
		return err
	}
	if q.Txn == (fragment.TxnID{}) {
		return t.c.readPlain(ctx, q.Shard, r, shard.ReadOptions{At: q.At}, page)
	}
	locked := q // what escapes
	return t.fetch(ctx, &locked, page)
}

// request prepares a read. Plain ones carry the transaction's id only where it has written; elsewhere the leaseholder
// need not know of it.
func (t *Txn) request(ctx context.Context, r *fragment.Read, mode distributed.ReadMode, lo distributed.LockOptions) (q leaseholder.ReadRequest, err error) {
	if err = t.usable(); err != nil {
		return q, err
	}
	if q.Shard, err = t.c.shardOf(r.Tablet); err != nil {
		return q, err
	}
	q.Read = r
	switch {
	case mode == distributed.ReadSnapshot && t.o.Isolation == distributed.Serializable:
		mode = distributed.ReadForShare
	case mode == distributed.ReadForChange && t.o.Isolation == distributed.ReadCommitted:
		mode = distributed.ReadSnapshot
	}
	if mode == distributed.ReadSnapshot {
		t.address(&q)
		q.At, err = t.snapshot(ctx)
		return q, err
	}
	if len(r.Joins) > 0 {
		return q, distributed.ErrSchemaChanged // shards lock no rows that they join
	}
	q.Lock = lock.Shared
	if mode == distributed.ReadForUpdate {
		q.Lock = lock.Exclusive
	}
	q.NoWait, q.SkipLocked, q.LockWait, q.Session = lo.NoWait, lo.SkipLocked, t.o.LockWait, t.o.Session
	// SKIP LOCKED promises nothing about what it skips.
	q.Ranges = (lo.Ranges || t.o.Isolation != distributed.ReadCommitted) && !lo.SkipLocked
	t.address(&q)
	return q, nil
}

// address gives a read the transaction's id, if its shard has to know it.
func (t *Txn) address(q *leaseholder.ReadRequest) {
	if q.Lock != lock.None {
		t.join(q.Shard)
		q.Txn = t.id
		return
	}
	q.Txn = fragment.TxnID{}
	if l := t.participant(q.Shard); l != nil && l.mark > 0 {
		q.Txn = t.id
	}
}

// fetch reads a page that the leaseholder must know the transaction for.
func (t *Txn) fetch(ctx context.Context, q *leaseholder.ReadRequest, page *fragment.Page) error {
	if err := t.usable(); err != nil {
		return err
	}
	l := t.participant(q.Shard)
	q.Join, l.asked = !l.joined, true
	if err := t.c.readPage(ctx, q, page); err != nil {
		return t.failed(err)
	}
	l.joined = true
	return nil
}

// participant is the transaction's part in a shard, nil if it has none.
func (t *Txn) participant(s schema.ShardID) *participant {
	for _, l := range t.participants {
		if l.shard == s {
			return l
		}
	}
	return nil
}

// join gives the transaction a part in a shard: it is about to write or lock there.
func (t *Txn) join(s schema.ShardID) *participant {
	if l := t.participant(s); l != nil {
		return l
	}
	if len(t.participants) == 0 {
		t.id = t.c.newID()
	}
	l := &participant{shard: s}
	t.participants = append(t.participants, l)
	t.setPin(func(p *pin) { p.shards, p.txn = append(p.shards, s), t.id })
	return l
}

func (t *Txn) usable() error {
	if t.aborted || t.ended {
		return errDeadlock()
	}
	return nil
}

// failed takes note of an error's consequences.
func (t *Txn) failed(err error) error {
	var e *mysqlerr.Error
	if errors.As(err, &e) && e.Code == mysqlerr.LockDeadlock {
		t.abort()
	}
	return err
}

// abort ends the transaction on the gateway's side and sees to it that the leaseholder forgets it.
func (t *Txn) abort() {
	if t.aborted {
		return
	}
	t.aborted = true
	t.c.Stats.Aborted.Add(1)
	t.forget(context.Background())
}

// Write implements distributed.Txn.
func (t *Txn) Write(ctx context.Context, w *fragment.Write) (*fragment.WriteResult, error) {
	if err := t.usable(); err != nil {
		return nil, err
	}
	if t.o.ReadOnly {
		return nil, errReadOnly()
	}
	s, err := t.c.shardOf(w.Tablet)
	if err != nil {
		return nil, err
	}
	if err := t.c.cfg.Router.Full(s); err != nil {
		return nil, err
	}
	l := t.join(s)
	l.asked = true
	t.seq++
	q := leaseholder.WriteRequest{
		Shard: s, Txn: t.id, Buffer: true, Join: !l.joined, Seq: t.seq, Writes: []*fragment.Write{w}, LockWait: t.o.LockWait,
		Session: t.o.Session,
	}
	var reply *leaseholder.WriteReply
	err = t.c.call(ctx, s, once, func(svc leaseholder.Service) (err error) {
		reply, err = svc.Write(ctx, &q)
		return err
	})
	if err != nil {
		return nil, t.unwrite(ctx, l, err)
	}
	l.joined = true
	t.wrote(l, reply.Mark)
	return &reply.Results[0], nil
}

// wrote notes that l's workspace is at a new mark. Steps that no savepoint lies between are one.
func (t *Txn) wrote(l *participant, mark uint64) {
	if mark == l.mark {
		return
	}
	l.mark = mark
	if n := len(t.steps); n > t.marked && t.steps[n-1].participant == l {
		t.steps[n-1].mark = mark
		return
	}
	t.steps = append(t.steps, step{l, mark})
}

// unwrite deals with a failed write. Where it may have been evaluated, the workspace is put back to what it was; where
// that is impossible too, the transaction cannot go on.
func (t *Txn) unwrite(statement context.Context, l *participant, err error) error {
	if !leaseholder.OutcomeUnknown(err) && !errors.Is(err, errDoubt) {
		return t.failed(err)
	}
	ctx, cancel := context.WithTimeout(t.c.ctx, rollbackWait)
	defer cancel()
	if t.rollbackParticipant(ctx, l, l.mark) != nil {
		t.abort()
		return errDeadlock()
	}
	if statement.Err() != nil {
		return statement.Err()
	}
	t.c.cfg.Logger.Warn("a statement's answer was lost, and its writes were taken back", "shard", uint64(l.shard), "err", err)
	return mysqlerr.Newf(mysqlerr.QueryInterrupted, "The connection to the node that serves the table was interrupted; the statement was undone")
}

// Savepoint implements distributed.Txn.
func (t *Txn) Savepoint() uint64 {
	t.marked = len(t.steps)
	return uint64(t.marked)
}

// RollbackTo implements distributed.Txn.
func (t *Txn) RollbackTo(ctx context.Context, mark uint64) error {
	if err := t.usable(); err != nil {
		return err
	}
	if mark >= uint64(len(t.steps)) {
		return nil
	}
	for _, l := range t.participants {
		if back := t.markAt(l, mark); back < l.mark {
			if err := t.rollbackParticipant(ctx, l, back); err != nil {
				return t.failed(err)
			}
		}
	}
	clear(t.steps[mark:])
	t.steps, t.marked = t.steps[:mark], int(mark)
	return nil
}

// markAt is where l's workspace was after the first n steps.
func (t *Txn) markAt(l *participant, n uint64) uint64 {
	for i := int(n) - 1; i >= 0; i-- {
		if t.steps[i].participant == l {
			return t.steps[i].mark
		}
	}
	return 0
}

func (t *Txn) rollbackParticipant(ctx context.Context, l *participant, mark uint64) error {
	t.seq++
	seq := t.seq
	err := t.c.call(ctx, l.shard, repeatable, func(svc leaseholder.Service) error {
		return svc.RollbackTo(ctx, l.shard, t.id, mark, seq)
	})
	if err == nil {
		l.mark = mark
	}
	return err
}

// Commit implements distributed.Txn.
func (t *Txn) Commit(ctx context.Context) error {
	if err := t.usable(); err != nil {
		return err
	}
	t.ended = true
	// Shards that no row was asked of (the inner side of a join whose outer one is empty) know of nothing to end.
	t.participants = slices.DeleteFunc(t.participants, func(l *participant) bool { return !l.asked })
	if t.HasWrites() {
		begin := time.Now()
		defer func() { t.c.Stats.Commit.Observe(time.Since(begin)) }()
	}
	return t.commit(ctx)
}

func (t *Txn) commit(ctx context.Context) (err error) {
	if t.HasWrites() {
		t.first, err = t.c.firstTry(ctx)
	}
	switch {
	case err != nil:
		t.forget(ctx)
	case !t.HasWrites():
		err = t.releaseLegs(ctx)
	case len(t.participants) == 1:
		err = t.commitOne(ctx, t.participants[0])
	default:
		err = t.commitMany(ctx)
	}
	t.release()
	if err != nil {
		t.aborted = true
		t.c.Stats.Aborted.Add(1)
	}
	return err
}

// commitOne commits in the only shard that the transaction has a part in: one proposal.
func (t *Txn) commitOne(ctx context.Context, l *participant) error {
	t.c.Stats.CommitsOne.Add(1)
	return t.c.execute(ctx, l.shard, t.first, func(svc leaseholder.Service, first mvcc.Timestamp, _ bool) error {
		ts, err := svc.Commit(ctx, l.shard, t.id, first)
		if err == nil {
			t.c.Observe(ts)
			committed(&t.o, ts)
		}
		return err
	})
}

// Rollback implements distributed.Txn.
func (t *Txn) Rollback(ctx context.Context) error {
	if t.aborted || t.ended {
		return nil
	}
	t.ended = true
	t.forget(ctx)
	return nil
}

// forget makes the leaseholders drop the transaction. If one cannot be told, it will notice by itself (Config.TxnTTL).
func (t *Txn) forget(ctx context.Context) {
	defer t.release()
	if len(t.participants) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackWait)
	defer cancel()
	_ = t.eachParticipant(func(l *participant) error {
		var err error
		for node, hops := t.c.Leaseholder(l.shard), 0; node != 0 && hops < maxHops; node, hops = redirect(err), hops+1 {
			err = t.c.at(l.shard, node, func(svc leaseholder.Service) error { return svc.Rollback(ctx, l.shard, t.id) })
		}
		if err != nil {
			spawn.Go("rolling back", func() { t.c.forgetLater(l.shard, t.id, err) })
		}
		return nil
	})
}

// forgetLater goes on telling a shard that a transaction has ended, whose locks others may wait for: it was out of reach.
func (c *Client) forgetLater(s schema.ShardID, id fragment.TxnID, err error) {
	c.cfg.Logger.Debug("rollback not delivered yet", "shard", uint64(s), "err", err)
	ctx, cancel := context.WithTimeout(c.ctx, time.Minute) // then it has noticed by itself
	defer cancel()
	_ = c.call(ctx, s, repeatable, func(svc leaseholder.Service) error { return svc.Rollback(ctx, s, id) })
}

// release ends the transaction on this side, however it came to its end.
func (t *Txn) release() {
	if t.held {
		t.c.unpin(&t.pin)
		t.held = false
	}
	if t.onEnd != nil {
		t.onEnd()
		t.onEnd = nil
	}
}

// OnEnd registers who is told once when the transaction has ended: by Commit, by Rollback, or by an error that aborted
// it, after which nobody needs to call either.
func (t *Txn) OnEnd(fn func()) { t.onEnd = fn }

// Aborted implements distributed.Txn.
func (t *Txn) Aborted() bool { return t.aborted }

// HasWrites implements distributed.Txn.
func (t *Txn) HasWrites() bool {
	for _, l := range t.participants {
		if l.mark > 0 {
			return true
		}
	}
	return false
}
