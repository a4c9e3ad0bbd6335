package catalogs

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/version"
)

// systemLog is the system shard's log, with the nodes that follow it.
type systemLog struct {
	mu       sync.Mutex
	index    uint64
	versions map[string]uint64 // of records
	nodes    []*node
	commits  int

	atOnce int         // commits that waited for nobody's turn
	before func()      // runs once, ahead of the next commit
	lose   func() bool // the answer of a commit that was applied is lost
}

// node is one whose changes are tested.
type node struct {
	Changes
	id    schema.NodeID
	log   *systemLog
	drawn atomic.Uint64 // by several lanes at once
}

func (l *systemLog) join(t *testing.T) *node {
	n := &node{id: schema.NodeID(len(l.nodes) + 1), log: l}
	n.drawn.Store(1000)
	n.Init(t.Context(), n, version.At(version.Max))
	l.nodes = append(l.nodes, n)
	return n
}

func (n *node) NodeID() schema.NodeID         { return n.id }
func (n *node) NextID() uint64                { return n.drawn.Add(1) }
func (n *node) LastID() uint64                { return n.drawn.Load() }
func (n *node) Refresh(context.Context) error { return nil }

// Commit applies a command at once, on all nodes.
func (n *node) Commit(_ context.Context, _ uint64, cmd []byte, atOnce bool) (done bool, refused string, err error) {
	l := n.log
	l.mu.Lock()
	before := l.before
	l.before = nil
	l.mu.Unlock()
	if before != nil {
		before()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, c, err := shard.Decode(cmd)
	if err != nil {
		return false, "", err
	}
	system := c.(*shard.SystemCommand)
	for _, e := range system.Expect {
		if e.Version != l.versions[e.Key] {
			return false, "expected another version", nil
		}
	}
	l.index++
	l.commits++
	if atOnce {
		l.atOnce++
	}
	if l.versions == nil {
		l.versions = map[string]uint64{}
	}
	for _, set := range system.Sets {
		l.versions[set.Key] = l.index
	}
	for _, n := range l.nodes {
		next, err := n.Current().Apply(l.index, system.Sets)
		if err != nil {
			return false, "", err
		}
		n.current.Store(next)
		n.Notify()
	}
	if l.lose != nil && l.lose() {
		return false, "", errors.New("the answer was lost")
	}
	return true, "", nil
}

// increment is a change that no lost update survives.
func increment(tx *catalog.Tx) error {
	value, _ := tx.Snapshot.Setting("n")
	var n int
	_, _ = fmt.Sscan(value, &n)
	tx.PutSetting("n", fmt.Sprint(n+1))
	return nil
}

func (n *node) expect(t *testing.T, name, want string) {
	t.Helper()
	if have, _ := n.Current().Setting(name); have != want {
		t.Errorf("node %d has %s = %q instead of %q", n.id, name, have, want)
	}
}

// Changes of several nodes follow one another, each on the catalog that the one before left.
func TestChangesAreNotLost(t *testing.T) {
	l := &systemLog{}
	nodes := []*node{l.join(t), l.join(t), l.join(t)}
	var wg sync.WaitGroup
	for _, n := range nodes {
		n.Turns.SetMost(1)
		for range 40 {
			wg.Go(func() {
				if err := n.Change(t.Context(), increment); err != nil {
					t.Error(err)
				}
				if have, _ := n.Current().Setting("n"); have == "" {
					t.Error("a change has ended that the node does not show")
				}
			})
		}
	}
	wg.Wait()
	for _, n := range nodes {
		n.expect(t, "n", "120")
	}
}

// What waits for a commit shares the next one; each has the answer of its own function.
func TestChangesShareACommit(t *testing.T) {
	l := &systemLog{}
	n := l.join(t)
	refused := errors.New("no")
	var wg sync.WaitGroup
	l.before = func() { // while the first is on its way
		for i := range 9 {
			wg.Go(func() {
				defer func() {
					if p := recover(); (p != nil) != (i == 8) {
						t.Errorf("change %d panicked: %v", i, p)
					}
				}()
				err := n.Change(t.Context(), func(tx *catalog.Tx) error {
					switch i {
					case 7:
						tx.PutSetting("refused", "1")
						return refused
					case 8:
						panic("a fault")
					}
					return increment(tx)
				})
				if (err != nil) != (i == 7) || err != nil && !errors.Is(err, refused) {
					t.Errorf("change %d: %v", i, err)
				}
			})
		}
		for n.Waiting() < 9 {
			runtime.Gosched()
		}
	}
	if err := n.Change(t.Context(), increment); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	n.expect(t, "n", "8")
	n.expect(t, "refused", "")
	if l.commits != 2 {
		t.Errorf("%d commits", l.commits)
	}
}

// Whose race is lost runs again, on the newer catalog.
func TestALostRaceRunsAgain(t *testing.T) {
	l := &systemLog{}
	n, other := l.join(t), l.join(t)
	l.before = func() {
		if err := other.Change(t.Context(), increment); err != nil {
			t.Error(err)
		}
	}
	runs := 0
	err := n.Change(t.Context(), func(tx *catalog.Tx) error { runs++; return increment(tx) })
	if err != nil || runs != 2 {
		t.Errorf("%d runs, %v", runs, err)
	}
	n.expect(t, "n", "2")
}

// An attempt whose answer is lost, and that was committed, is not made again.
func TestALostAnswerIsFound(t *testing.T) {
	l := &systemLog{}
	n := l.join(t)
	lost := 0
	l.lose = func() bool { lost++; return lost == 1 }
	if err := n.Change(t.Context(), increment); err != nil {
		t.Fatal(err)
	}
	n.expect(t, "n", "1")
	if l.commits != 1 {
		t.Errorf("%d commits", l.commits)
	}
}

// What puts nothing costs no commit; who has left gets no answer from one.
func TestNothingToCommit(t *testing.T) {
	l := &systemLog{}
	n := l.join(t)
	if err := n.Change(t.Context(), func(*catalog.Tx) error { return nil }); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.Change(ctx, increment); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if l.commits != 0 {
		t.Errorf("%d commits", l.commits)
	}
}

// Changes of different scopes do not wait for each other, nor lose against each other: not at one node, and not at two.
func TestScopesPassEachOther(t *testing.T) {
	l := &systemLog{}
	n, other := l.join(t), l.join(t)
	raise := func(tx *catalog.Tx) error {
		tx.PutClusterVersion(catalog.ClusterVersion{Active: version.V2})
		return nil
	}
	if err := n.Change(t.Context(), raise); err != nil {
		t.Fatal(err)
	}
	lock := func(n *node, name string) {
		err := n.ChangeIn(t.Context(), catalog.UserLocks, func(tx *catalog.Tx) error {
			tx.PutRecord(string(catalog.UserLocks), name, 1)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	l.before = func() { // a definition's change is on its way
		lock(n, "a")
		lock(other, "b")
	}
	runs := 0
	if err := n.Change(t.Context(), func(tx *catalog.Tx) error { runs++; return increment(tx) }); err != nil || runs != 1 {
		t.Errorf("%d runs, %v", runs, err)
	}
	if have := other.Current().Records(string(catalog.UserLocks)); len(have) != 2 || l.commits != 4 {
		t.Errorf("locks %v after %d commits", have, l.commits)
	}
	other.expect(t, "n", "1")
}

// Locks of many clients at three nodes, beside definitions: none is lost, before the cluster's version is raised, while it is, and after.
func TestScopesTogether(t *testing.T) {
	l := &systemLog{}
	nodes := []*node{l.join(t), l.join(t), l.join(t)}
	count := func(tx *catalog.Tx) error {
		var n int
		_ = tx.Snapshot.Record(string(catalog.UserLocks), "n", &n)
		tx.PutRecord(string(catalog.UserLocks), "n", n+1)
		return nil
	}
	var wg sync.WaitGroup
	for i, n := range nodes {
		n.Turns.SetMost(1)
		for k := range 40 {
			wg.Go(func() {
				if err := n.ChangeIn(t.Context(), catalog.UserLocks, count); err != nil {
					t.Error(err)
				}
			})
			wg.Go(func() {
				err := n.Change(t.Context(), func(tx *catalog.Tx) error {
					if i == 1 && k == 20 {
						tx.PutClusterVersion(catalog.ClusterVersion{Active: version.V2})
					}
					return increment(tx)
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	for _, n := range nodes {
		n.expect(t, "n", "120")
		var locks int
		if _ = n.Current().Record(string(catalog.UserLocks), "n", &locks); locks != 120 {
			t.Errorf("%d of 120 locks", locks)
		}
	}
}

// Who has lost goes before all who have not, until he has had his turn.
func TestWhoLostGoesFirst(t *testing.T) {
	var turns Turns
	turns.SetMost(1 << 40)
	if wait, _ := turns.before(1); wait > 0 {
		t.Error("a node waits for nobody")
	}
	turns.Tried(2, false)
	wait, moved := turns.before(1)
	if wait <= 0 {
		t.Error("who lost is not waited for")
	}
	if wait, _ := turns.before(2); wait > 0 {
		t.Error("who lost first waits")
	}
	turns.Tried(3, false)
	if wait, _ := turns.before(3); wait <= 0 {
		t.Error("who lost later does not wait")
	}
	turns.Tried(2, true)
	<-moved
	if wait, _ := turns.before(3); wait > 0 {
		t.Error("who has had his turn is waited for")
	}
}

// What clients wait for goes before what waits at its node, and before other nodes' turns.
func TestAtOnce(t *testing.T) {
	l := &systemLog{}
	n := l.join(t)
	n.Turns.SetMost(1 << 60)
	n.Turns.Tried(2, false) // who is not heard of again
	if err := n.AtOnce(t.Context(), increment); err != nil {
		t.Fatal(err)
	}
	n.expect(t, "n", "1")
	if l.atOnce != 1 {
		t.Errorf("%d commits at once", l.atOnce)
	}
	var q queue
	q.add(&change{})
	q.add(&change{atOnce: true})
	if group := q.take(); !group[0].atOnce || len(group) != 2 {
		t.Error("it is not the first")
	}
}
