package lockwatch

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/clock"
	"cloudsql/distributed/deadlock"
	"cloudsql/distributed/rpc"
	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
	"cloudsql/storage/spawn"
	"cloudsql/storage/wire"
)

// The methods by which nodes find deadlocks and tell of locks. Numbers are part of the protocol: never reuse one.
const (
	methodWaits   = rpc.MethodsNode + 24
	methodConfirm = rpc.MethodsNode + 25
	methodRefuse  = rpc.MethodsNode + 26
	methodLocks   = rpc.MethodsNode + 27
)

const (
	// reportEvery is the time between two reports of a node where requests wait; reportAge how long a request must have
	// waited to be reported. A cycle that has closed is in the reports after at most the sum of both.
	reportEvery = 15 * time.Millisecond
	reportAge   = 12 * time.Millisecond
	// deadlockCall bounds a message about a deadlock. One that is lost is made up for by the next report.
	deadlockCall = time.Second
)

// Replica is what a replica that runs here tells of its locks (package replica).
type Replica interface {
	HasWaits(minAge time.Duration) bool
	AppendWaits(dst []deadlock.Wait, minAge time.Duration, limit int) []deadlock.Wait
	ConfirmWait(id uint64, blocker fragment.TxnID) (waits, way distributed.LockInfo, ok bool)
	RefuseWait(id uint64) bool
	AppendLocks(dst []distributed.LockInfo, limit int) []distributed.LockInfo
	LockStats() distributed.LockStats
}

// Config says what a Watch works with.
type Config struct {
	Node     func() schema.NodeID   // this one
	Others   func() []schema.NodeID // the other members
	Detector func() schema.NodeID   // the system shard's leaseholder; 0: not known
	Replicas func() []Replica       // that run here, by shard
	Serving  func(schema.ShardID) Replica
	Caller   rpc.Caller
	Log      *slog.Logger
}

// Watch reports this node's waits for locks, and is the detector where the system shard's lease is here.
type Watch struct {
	cfg     Config
	started time.Time
	began   chan struct{} // capacity 1: a request has begun to wait
	ctx     context.Context

	mu       sync.Mutex
	detector *deadlock.Detector

	listener  atomic.Pointer[func(*distributed.Deadlock)]
	broken    atomic.Uint64 // cycles through several shards
	dismissed atomic.Uint64 // suspicions that were none
}

// New makes a Watch, whose messages end with ctx.
func New(ctx context.Context, c Config) *Watch {
	return &Watch{cfg: c, started: time.Now(), began: make(chan struct{}, 1), ctx: ctx, detector: deadlock.NewDetector()}
}

// Register serves other nodes' Watches.
func (l *Watch) Register(reg rpc.Registrar) {
	reg.Handle(methodWaits, l.handleWaits)
	reg.Handle(methodConfirm, l.handleConfirm)
	reg.Handle(methodRefuse, l.handleRefuse)
	reg.Handle(methodLocks, l.handleLocks)
}

// Broken is how many deadlocks through several shards were broken, Dismissed how many suspicions were none.
func (l *Watch) Broken() uint64    { return l.broken.Load() }
func (l *Watch) Dismissed() uint64 { return l.dismissed.Load() }

// Wake is told by lock tables that a request begins to wait.
func (l *Watch) Wake() {
	select {
	case l.began <- struct{}{}:
	default:
	}
}

// Loop reports while requests wait, and sleeps while none does.
func (l *Watch) Loop(ctx context.Context) {
	var waits []deadlock.Wait
	for reported := false; ; {
		if !reported && !l.anyWaits() {
			select {
			case <-l.began:
			case <-ctx.Done():
				return
			}
		}
		if clock.Sleep(ctx, reportEvery) != nil {
			return
		}
		waits = waits[:0]
		for _, r := range l.cfg.Replicas() {
			waits = r.AppendWaits(waits, reportAge, deadlock.MaxWaits)
		}
		if len(waits) > 0 || reported { // the last report of a series says that there are none
			l.report(ctx, waits)
		}
		reported = len(waits) > 0
	}
}

func (l *Watch) anyWaits() bool {
	for _, r := range l.cfg.Replicas() {
		if r.HasWaits(0) {
			return true
		}
	}
	return false
}

// report sends this node's waits to the detector: the system shard's leaseholder.
func (l *Watch) report(ctx context.Context, waits []deadlock.Wait) {
	switch to := l.cfg.Detector(); to {
	case 0:
	case l.cfg.Node():
		l.take(to, slices.Clone(waits))
	default:
		ctx, cancel := context.WithTimeout(ctx, deadlockCall)
		defer cancel()
		if _, err := l.cfg.Caller.Call(ctx, to, methodWaits, deadlock.AppendReport(nil, waits)); err != nil {
			l.cfg.Log.Debug("waits for locks not reported", "to", uint64(to), "err", err)
		}
	}
}

func (l *Watch) handleWaits(_ context.Context, from schema.NodeID, req []byte) ([]byte, error) {
	waits, err := deadlock.DecodeReport(req)
	if err == nil {
		l.take(from, waits)
	}
	return nil, err
}

func (l *Watch) take(from schema.NodeID, waits []deadlock.Wait) {
	l.mu.Lock()
	cycles := l.detector.Take(time.Since(l.started), from, waits)
	l.mu.Unlock()
	for _, c := range cycles {
		spawn.Go("deadlocks", func() { l.examine(c) })
	}
}

// examine asks whether a cycle still stands, and if so, breaks it.
func (l *Watch) examine(c deadlock.Cycle) {
	ctx, cancel := context.WithTimeout(l.ctx, deadlockCall)
	defer cancel()
	defer func() {
		l.mu.Lock()
		l.detector.End(c)
		l.mu.Unlock()
	}()
	replies := make([]confirmation, len(c))
	var wg spawn.Group
	for i := range c {
		wg.Go("deadlocks", func() { replies[i] = l.confirm(ctx, &c[i]) })
	}
	wg.Wait()
	for i := range replies {
		if !replies[i].Stands {
			l.dismissed.Add(1)
			return
		}
	}
	if !l.refuse(ctx, &c[0]) {
		l.dismissed.Add(1)
		return
	}
	l.broken.Add(1)
	d := &distributed.Deadlock{At: time.Now()}
	for i := range c {
		m := distributed.DeadlockMember{Txn: c[i].Waiter, Session: replies[i].Waits.Session, Waits: replies[i].Waits}
		m.Holds = replies[(i+len(c)-1)%len(c)].Way
		d.Members = append(d.Members, m)
	}
	l.tell(d)
}

// confirmation is a node's answer about a wait.
type confirmation struct {
	Stands bool
	Waits  distributed.LockInfo // what the request waits for
	Way    distributed.LockInfo // what the one that it waits for has in its way
}

func (l *Watch) confirm(ctx context.Context, e *deadlock.Edge) (c confirmation) {
	if e.Node == l.cfg.Node() {
		return l.confirmHere(e.Ref, e.Blocker)
	}
	resp, err := l.cfg.Caller.Call(ctx, e.Node, methodConfirm, append(e.Ref.Append(nil), e.Blocker[:]...))
	if err != nil || json.Unmarshal(resp, &c) != nil {
		return confirmation{}
	}
	return c
}

func (l *Watch) confirmHere(r deadlock.Ref, blocker fragment.TxnID) (c confirmation) {
	if rep := l.cfg.Serving(schema.ShardID(r.Place)); rep != nil && r.Kind == deadlock.RowLock { // it was one
		c.Waits, c.Way, c.Stands = rep.ConfirmWait(r.ID, blocker)
	}
	return c
}

func (l *Watch) handleConfirm(_ context.Context, _ schema.NodeID, req []byte) ([]byte, error) {
	d := wire.NewReader(req)
	ref := deadlock.ReadRef(d)
	var blocker fragment.TxnID
	copy(blocker[:], d.Take(uint64(len(blocker))))
	if err := d.End(); err != nil {
		return nil, err
	}
	return json.Marshal(l.confirmHere(ref, blocker))
}

// refuse ends the victim's wait with 1213.
func (l *Watch) refuse(ctx context.Context, e *deadlock.Edge) bool {
	if e.Node == l.cfg.Node() {
		return l.refuseHere(e.Ref)
	}
	resp, err := l.cfg.Caller.Call(ctx, e.Node, methodRefuse, e.Ref.Append(nil))
	return err == nil && len(resp) == 1 && resp[0] == 1
}

func (l *Watch) refuseHere(r deadlock.Ref) bool {
	rep := l.cfg.Serving(schema.ShardID(r.Place)) // it was one
	return rep != nil && r.Kind == deadlock.RowLock && rep.RefuseWait(r.ID)
}

func (l *Watch) handleRefuse(_ context.Context, _ schema.NodeID, req []byte) ([]byte, error) {
	d := wire.NewReader(req)
	ref := deadlock.ReadRef(d)
	if err := d.End(); err != nil {
		return nil, err
	}
	if l.refuseHere(ref) {
		return []byte{1}, nil
	}
	return []byte{0}, nil
}

// Found is told by a lock table that it broke a deadlock by itself.
func (l *Watch) Found(d *distributed.Deadlock) {
	spawn.Go("deadlocks", func() { l.tell(d) })
}

func (l *Watch) tell(d *distributed.Deadlock) {
	if fn := l.listener.Load(); fn != nil {
		(*fn)(d)
	}
}

// maxLocks bounds the locks that a node tells of.
const maxLocks = 4000

// Locks lists the locks of all nodes that answer; see distributed.LockViewer.
func (l *Watch) Locks(ctx context.Context) []distributed.LockInfo {
	lists := make(chan []distributed.LockInfo)
	others := 0
	for _, id := range l.cfg.Others() {
		others++
		spawn.Go("views of locks", func() {
			ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
			defer cancel()
			var list []distributed.LockInfo
			defer func() { lists <- list }()
			if resp, err := l.cfg.Caller.Call(ctx, id, methodLocks, nil); err == nil {
				list, _ = decodeLocks(resp)
			}
		})
	}
	all := l.here()
	for range others {
		list := <-lists
		for i := range list {
			for j := range list[i].BlockedBy {
				list[i].BlockedBy[j] += len(all)
			}
		}
		all = append(all, list...)
	}
	return all
}

// here lists this node's locks, shard by shard.
func (l *Watch) here() (list []distributed.LockInfo) {
	for _, r := range l.cfg.Replicas() {
		list = r.AppendLocks(list, maxLocks)
	}
	return list
}

func (l *Watch) handleLocks(context.Context, schema.NodeID, []byte) ([]byte, error) {
	return json.Marshal(l.here())
}

// decodeLocks reads a node's answer, and sees to it that BlockedBy points into the list.
func decodeLocks(resp []byte) (list []distributed.LockInfo, err error) {
	if err := json.Unmarshal(resp, &list); err != nil {
		return nil, err
	}
	for i := range list {
		list[i].BlockedBy = slices.DeleteFunc(list[i].BlockedBy, func(j int) bool { return j < 0 || j >= len(list) })
	}
	return list, nil
}

// OnDeadlock registers who is told of deadlocks that were broken by this node.
func (l *Watch) OnDeadlock(fn func(*distributed.Deadlock)) { l.listener.Store(&fn) }

// Stats sums up the waits of this node's replicas.
func (l *Watch) Stats() (sum distributed.LockStats) {
	for _, r := range l.cfg.Replicas() {
		s := r.LockStats()
		sum.Waits, sum.Timeouts, sum.Deadlocks = sum.Waits+s.Waits, sum.Timeouts+s.Timeouts, sum.Deadlocks+s.Deadlocks
		sum.Waiting += s.Waiting
		sum.Time, sum.MaxTime = sum.Time+s.Time, max(sum.MaxTime, s.MaxTime)
	}
	return sum
}
