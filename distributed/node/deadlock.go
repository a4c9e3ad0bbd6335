package node

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cloudsql/distributed"
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
	// waited to be reported. A circle that has closed is in the reports after at most the sum of both.
	reportEvery = 15 * time.Millisecond
	reportAge   = 12 * time.Millisecond
	// deadlockCall bounds a message about a deadlock. One that is lost is made up for by the next report.
	deadlockCall = time.Second
)

// lockWatch reports this node's waits for locks, and is the detector where the system shard's lease is here.
type lockWatch struct {
	n     *Node
	began chan struct{} // capacity 1: a request has begun to wait

	mu       sync.Mutex
	detector *deadlock.Detector

	listener  atomic.Pointer[func(*distributed.Deadlock)]
	broken    atomic.Uint64 // circles through several shards
	dismissed atomic.Uint64 // suspicions that were none
}

func (l *lockWatch) init(n *Node) {
	l.n, l.began, l.detector = n, make(chan struct{}, 1), deadlock.NewDetector()
}

func (n *Node) registerDeadlocks() {
	n.server.Handle(methodWaits, n.locks.handleWaits)
	n.server.Handle(methodConfirm, n.locks.handleConfirm)
	n.server.Handle(methodRefuse, n.locks.handleRefuse)
	n.server.Handle(methodLocks, n.locks.handleLocks)
}

// wake is told by lock tables that a request begins to wait.
func (l *lockWatch) wake() {
	select {
	case l.began <- struct{}{}:
	default:
	}
}

// loop reports while requests wait, and sleeps while none does.
func (l *lockWatch) loop(ctx context.Context) {
	var waits []deadlock.Wait
	for reported := false; ; {
		if !reported && !l.anyWaits() {
			select {
			case <-l.began:
			case <-ctx.Done():
				return
			}
		}
		if sleep(ctx, reportEvery) != nil {
			return
		}
		waits = waits[:0]
		for _, ls := range *l.n.shards.Load() {
			waits = ls.rep.AppendWaits(waits, reportAge, deadlock.MaxWaits)
		}
		if len(waits) > 0 || reported { // the last report of a series says that there are none
			l.report(ctx, waits)
		}
		reported = len(waits) > 0
	}
}

func (l *lockWatch) anyWaits() bool {
	for _, ls := range *l.n.shards.Load() {
		if ls.rep.HasWaits(0) {
			return true
		}
	}
	return false
}

// report sends this node's waits to the detector: the system shard's leaseholder.
func (l *lockWatch) report(ctx context.Context, waits []deadlock.Wait) {
	switch to := l.n.Leaseholder(schema.SystemShard); to {
	case 0:
	case l.n.NodeID():
		l.take(to, slices.Clone(waits))
	default:
		ctx, cancel := context.WithTimeout(ctx, deadlockCall)
		defer cancel()
		if _, err := l.n.client.Call(ctx, to, methodWaits, deadlock.AppendReport(nil, waits)); err != nil {
			l.n.log.Debug("waits for locks not reported", "to", uint64(to), "err", err)
		}
	}
}

func (l *lockWatch) handleWaits(_ context.Context, from schema.NodeID, req []byte) ([]byte, error) {
	waits, err := deadlock.DecodeReport(req)
	if err == nil {
		l.take(from, waits)
	}
	return nil, err
}

func (l *lockWatch) take(from schema.NodeID, waits []deadlock.Wait) {
	l.mu.Lock()
	circles := l.detector.Take(time.Since(l.n.started), from, waits)
	l.mu.Unlock()
	for _, c := range circles {
		spawn.Go("deadlocks", func() { l.examine(c) })
	}
}

// examine asks whether a circle still stands, and if so, breaks it.
func (l *lockWatch) examine(c deadlock.Circle) {
	ctx, cancel := context.WithTimeout(l.n.ctx, deadlockCall)
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

func (l *lockWatch) confirm(ctx context.Context, e *deadlock.Edge) (c confirmation) {
	if e.Node == l.n.NodeID() {
		return l.confirmHere(e.Ref, e.Blocker)
	}
	resp, err := l.n.client.Call(ctx, e.Node, methodConfirm, append(e.Ref.Append(nil), e.Blocker[:]...))
	if err != nil || json.Unmarshal(resp, &c) != nil {
		return confirmation{}
	}
	return c
}

func (l *lockWatch) confirmHere(r deadlock.Ref, blocker fragment.TxnID) (c confirmation) {
	if rep := l.n.replicaOf(schema.ShardID(r.Place)); rep != nil && r.Kind == deadlock.RowLock { // it was one
		c.Waits, c.Way, c.Stands = rep.ConfirmWait(r.ID, blocker)
	}
	return c
}

func (l *lockWatch) handleConfirm(_ context.Context, _ schema.NodeID, req []byte) ([]byte, error) {
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
func (l *lockWatch) refuse(ctx context.Context, e *deadlock.Edge) bool {
	if e.Node == l.n.NodeID() {
		return l.refuseHere(e.Ref)
	}
	resp, err := l.n.client.Call(ctx, e.Node, methodRefuse, e.Ref.Append(nil))
	return err == nil && len(resp) == 1 && resp[0] == 1
}

func (l *lockWatch) refuseHere(r deadlock.Ref) bool {
	rep := l.n.replicaOf(schema.ShardID(r.Place)) // it was one
	return rep != nil && r.Kind == deadlock.RowLock && rep.RefuseWait(r.ID)
}

func (l *lockWatch) handleRefuse(_ context.Context, _ schema.NodeID, req []byte) ([]byte, error) {
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

// foundHere is told by a lock table that it broke a deadlock by itself.
func (l *lockWatch) foundHere(d *distributed.Deadlock) {
	spawn.Go("deadlocks", func() { l.tell(d) })
}

func (l *lockWatch) tell(d *distributed.Deadlock) {
	if fn := l.listener.Load(); fn != nil {
		(*fn)(d)
	}
}

var _ distributed.LockViewer = (*Node)(nil)

// OnDeadlock implements distributed.LockViewer.
func (n *Node) OnDeadlock(fn func(*distributed.Deadlock)) { n.locks.listener.Store(&fn) }

// LockStats implements distributed.LockViewer.
func (n *Node) LockStats() (sum distributed.LockStats) {
	for _, ls := range *n.shards.Load() {
		s := ls.rep.LockStats()
		sum.Waits, sum.Timeouts, sum.Deadlocks = sum.Waits+s.Waits, sum.Timeouts+s.Timeouts, sum.Deadlocks+s.Deadlocks
		sum.Waiting += s.Waiting
		sum.Time, sum.MaxTime = sum.Time+s.Time, max(sum.MaxTime, s.MaxTime)
	}
	return sum
}

// maxLocks bounds the locks that a node tells of.
const maxLocks = 4000

// Locks implements distributed.LockViewer.
func (n *Node) Locks(ctx context.Context) []distributed.LockInfo {
	lists := make(chan []distributed.LockInfo)
	others := 0
	for _, m := range n.Catalog().Nodes() {
		if m.ID == n.NodeID() || m.Left {
			continue
		}
		others++
		spawn.Go("views of locks", func() {
			ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
			defer cancel()
			var list []distributed.LockInfo
			defer func() { lists <- list }()
			if resp, err := n.client.Call(ctx, m.ID, methodLocks, nil); err == nil {
				list, _ = decodeLocks(resp)
			}
		})
	}
	all := n.locks.here()
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
func (l *lockWatch) here() (list []distributed.LockInfo) {
	shards := *l.n.shards.Load()
	for _, s := range slices.Sorted(maps.Keys(shards)) {
		list = shards[s].rep.AppendLocks(list, maxLocks)
	}
	return list
}

func (l *lockWatch) handleLocks(context.Context, schema.NodeID, []byte) ([]byte, error) {
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
