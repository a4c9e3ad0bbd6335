package lockwatch

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/deadlock"
	"cloudsql/distributed/rpc"
	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
)

// cluster is nodes whose messages reach each other at once, unless they are lost.
type cluster struct {
	mu       sync.Mutex
	handlers map[schema.NodeID]map[rpc.Method]rpc.Handler
	lose     map[rpc.Method]int // so many of the next messages
	sent     map[rpc.Method]int
}

type registrar map[rpc.Method]rpc.Handler

func (r registrar) Handle(m rpc.Method, h rpc.Handler) { r[m] = h }

// link is a node's end of the network.
type link struct {
	c    *cluster
	from schema.NodeID
}

func (l link) Call(ctx context.Context, to schema.NodeID, m rpc.Method, req []byte) ([]byte, error) {
	l.c.mu.Lock()
	l.c.sent[m]++
	lost := l.c.lose[m] > 0
	if lost {
		l.c.lose[m]--
	}
	h := l.c.handlers[to][m]
	l.c.mu.Unlock()
	if lost || h == nil {
		return nil, errors.New("the message is lost")
	}
	return h(ctx, l.from, req)
}

// table is a shard's locks: requests that wait, and whether they still stand when they are asked about.
type table struct {
	mu      sync.Mutex
	waits   []deadlock.Wait
	stands  bool
	refused chan uint64
	locks   []distributed.LockInfo
}

func (t *table) HasWaits(time.Duration) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.waits) > 0
}

func (t *table) AppendWaits(dst []deadlock.Wait, _ time.Duration, _ int) []deadlock.Wait {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append(dst, t.waits...)
}

func (t *table) ConfirmWait(id uint64, blocker fragment.TxnID) (waits, way distributed.LockInfo, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range t.waits {
		if w.Ref.ID == id && w.For[0].ID == blocker {
			return distributed.LockInfo{Txn: w.Waiter.ID, Waiting: true, Session: id}, distributed.LockInfo{Txn: blocker}, t.stands
		}
	}
	return waits, way, false
}

func (t *table) RefuseWait(id uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, w := range t.waits {
		if w.Ref.ID == id {
			t.waits = append(t.waits[:i:i], t.waits[i+1:]...)
			t.refused <- id
			return true
		}
	}
	return false
}

func (t *table) AppendLocks(dst []distributed.LockInfo, _ int) []distributed.LockInfo {
	return append(dst, t.locks...)
}

func (t *table) LockStats() distributed.LockStats { return distributed.LockStats{} }

// start makes node id of n with one shard of its number; node 1 detects.
func (c *cluster) start(t *testing.T, id schema.NodeID, n int, locks *table) *Watch {
	c.mu.Lock()
	if c.handlers == nil {
		c.handlers, c.lose, c.sent = map[schema.NodeID]map[rpc.Method]rpc.Handler{}, map[rpc.Method]int{}, map[rpc.Method]int{}
	}
	c.mu.Unlock()
	w := New(t.Context(), Config{
		Node: func() schema.NodeID { return id },
		Others: func() (others []schema.NodeID) {
			for i := 1; i <= n; i++ {
				if schema.NodeID(i) != id {
					others = append(others, schema.NodeID(i))
				}
			}
			return others
		},
		Detector: func() schema.NodeID { return 1 },
		Replicas: func() []Replica { return []Replica{locks} },
		Serving: func(s schema.ShardID) Replica {
			if s == schema.ShardID(id) {
				return locks
			}
			return nil
		},
		Caller: link{c, id}, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	r := registrar{}
	w.Register(r)
	c.mu.Lock()
	c.handlers[id] = r
	c.mu.Unlock()
	return w
}

// loop runs a node's reports until the test ends.
func loop(t *testing.T, w *Watch) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); w.Loop(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
}

// wait is a request at a node's shard.
func wait(node schema.NodeID, id uint64, waiter, blocker byte, held int) deadlock.Wait {
	return deadlock.Wait{
		Ref:    deadlock.Ref{Kind: deadlock.RowLock, Place: uint64(node), ID: id},
		Waiter: deadlock.Owner{ID: fragment.TxnID{waiter}, Held: held}, For: []deadlock.Owner{{ID: fragment.TxnID{blocker}}}, Age: time.Second,
	}
}

func newTable() *table { return &table{stands: true, refused: make(chan uint64, 10)} }

// A cycle through two nodes is broken where the victim waits, whatever messages are lost; who listens hears of it once.
func TestCycleThroughTwoNodes(t *testing.T) {
	for _, lost := range []rpc.Method{0, methodWaits, methodConfirm, methodRefuse} {
		c := &cluster{}
		one, two := newTable(), newTable()
		first, second := c.start(t, 1, 2, one), c.start(t, 2, 2, two)
		c.lose[lost] = 2
		heard := make(chan *distributed.Deadlock, 10)
		first.OnDeadlock(func(d *distributed.Deadlock) { heard <- d })
		one.waits = []deadlock.Wait{wait(1, 11, 'a', 'b', 5)}
		two.waits = []deadlock.Wait{wait(2, 22, 'b', 'a', 1)} // holds less: the victim
		loop(t, first)
		loop(t, second)
		first.Wake()
		second.Wake()
		if id := <-two.refused; id != 22 {
			t.Errorf("request %d is refused", id)
		}
		d := <-heard
		if len(d.Members) != 2 || d.Members[d.Victim].Txn != (fragment.TxnID{'b'}) || d.Members[d.Victim].Waits.Session != 22 {
			t.Errorf("%+v", d)
		}
		if first.Broken() != 1 || len(one.refused) > 0 || len(heard) > 0 {
			t.Errorf("lost %d: %d broken, %d refused beside the victim", lost, first.Broken(), len(one.refused))
		}
	}
}

// What does not stand any more when it is asked about is no deadlock: nobody is refused.
func TestSuspicionIsDismissed(t *testing.T) {
	c := &cluster{}
	one, two := newTable(), newTable()
	first, second := c.start(t, 1, 2, one), c.start(t, 2, 2, two)
	two.stands = false
	first.take(1, []deadlock.Wait{wait(1, 11, 'a', 'b', 5)})
	one.waits, two.waits = []deadlock.Wait{wait(1, 11, 'a', 'b', 5)}, []deadlock.Wait{wait(2, 22, 'b', 'a', 1)}
	second.report(t.Context(), two.waits)
	for first.Dismissed() == 0 {
		select {
		case id := <-two.refused:
			t.Fatalf("request %d is refused", id)
		default:
			runtime.Gosched()
		}
	}
	if first.Broken() != 0 {
		t.Error("a suspicion counts as a deadlock")
	}
}

// Nothing is sent while nobody waits; the last report of a series says that there are none.
func TestSilenceWhileNobodyWaits(t *testing.T) {
	c := &cluster{}
	c.start(t, 1, 2, newTable())
	two := newTable()
	second := c.start(t, 2, 2, two)
	reports := make(chan int)
	c.handlers[1][methodWaits] = func(_ context.Context, _ schema.NodeID, req []byte) ([]byte, error) {
		waits, err := deadlock.DecodeReport(req)
		reports <- len(waits)
		return nil, err
	}
	end := func() { // of all waits, which the loop tells once
		two.mu.Lock()
		two.waits = nil
		two.mu.Unlock()
		for <-reports != 0 {
		}
	}
	two.waits = []deadlock.Wait{wait(2, 22, 'b', 'a', 1)}
	loop(t, second)
	second.Wake()
	if n := <-reports; n != 1 {
		t.Errorf("%d waits", n)
	}
	end()
	// The loop sleeps now: what it sends next is about a wait that somebody told it of.
	two.mu.Lock()
	two.waits = []deadlock.Wait{wait(2, 23, 'c', 'a', 1), wait(2, 24, 'd', 'a', 1)}
	two.mu.Unlock()
	second.Wake()
	if n := <-reports; n != 2 {
		t.Errorf("%d waits after the silence", n)
	}
	end()
}

// The locks of all nodes make one list, in which positions hold; a node that does not answer, or answers nonsense, has no part in it.
func TestLocksOfAllNodes(t *testing.T) {
	c := &cluster{}
	lock := func(txn byte, blockedBy ...int) distributed.LockInfo {
		return distributed.LockInfo{Txn: fragment.TxnID{txn}, BlockedBy: blockedBy, Waiting: blockedBy != nil}
	}
	one, two, three := newTable(), newTable(), newTable()
	one.locks = []distributed.LockInfo{lock('a'), lock('b', 0)}
	two.locks = []distributed.LockInfo{lock('c', 1, 7, -1), lock('d')}
	w := c.start(t, 1, 4, one)
	c.start(t, 2, 4, two)
	c.start(t, 3, 4, three)
	c.handlers[3][methodLocks] = func(context.Context, schema.NodeID, []byte) ([]byte, error) { return []byte("{"), nil }
	list := w.Locks(t.Context())
	if len(list) != 4 {
		t.Fatalf("%d locks", len(list))
	}
	blocks := map[byte]byte{'b': 'a', 'c': 'd'}
	for _, l := range list {
		if want, waits := blocks[l.Txn[0]]; waits != (len(l.BlockedBy) == 1) || waits && list[l.BlockedBy[0]].Txn[0] != want {
			t.Errorf("%c is blocked by %v", l.Txn[0], l.BlockedBy)
		}
	}
}
