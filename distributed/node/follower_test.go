package node

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/rpc"
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/keys"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/types"
)

// getFollower tells whether rows are there in a past state, read one after the other.
func getFollower(ctx context.Context, n *Node, tb *schema.Table, s *distributed.FollowerRead, ids ...int64) (there []bool, err error) {
	x := n.Begin(distributed.TxnOptions{FollowerRead: s})
	defer func() { _ = x.Commit(context.Background()) }()
	var page fragment.Page
	for _, id := range ids {
		r := &fragment.Read{
			Tablet: tb.Tablets[0].ID, SchemaVersion: tb.Version, Index: schema.PrimaryIndex, Columns: []schema.ColumnID{1, 2},
			Keys: [][]byte{keys.AppendPrimary(nil, tb, []types.Value{types.Int(id), types.Int(0)})}, Env: &expr.Env{},
		}
		if err := x.ReadPoint(ctx, r, distributed.ReadSnapshot, distributed.LockOptions{}, &page); err != nil {
			return nil, err
		}
		there = append(there, page.Batch.Len() > 0)
	}
	return there, nil
}

// TestFollowerReadsWhenCutOff isolates nodes in turn, leaseholders among them, while one client writes rows in order and
// others read the past on every node: all that was acknowledged before a read's bound is in its state, a state has a
// row only with all the rows before it, and states go forward.
func TestFollowerReadsWhenCutOff(t *testing.T) {
	c := newTestCluster(t)
	c.faults = rpc.NewFaultNet(rpc.TCP)
	n := c.startThree()
	tb := createTable(t, n, "shop")
	s := tb.Tablets[0].Shard
	eventually(t, "replicas everywhere", func() bool {
		return c.nodes[0].HasReplica(s) && c.nodes[1].HasReplica(s) && c.nodes[2].HasReplica(s)
	})
	w := startWriterFrom(t, tb, func() *Node { return c.nodes[0] }, 0)
	w.progress(t, 20)

	var stop atomic.Bool
	var readers sync.WaitGroup
	looks, failed := make([]atomic.Int64, 3), make([]atomic.Int64, 3)
	for i := range 3 {
		for _, bound := range []time.Duration{0, 20 * time.Millisecond, 100 * time.Millisecond} {
			readers.Add(1)
			go func() {
				defer readers.Done()
				r := &staleReader{t: t, tb: tb, w: w, node: c.nodes[i], bound: bound}
				for !stop.Load() {
					if r.look() {
						looks[i].Add(1)
					} else {
						failed[i].Add(1)
					}
				}
			}()
		}
	}
	for _, cut := range []int{1, 2, 1, 2} {
		if holder := n.Leaseholder(s); holder == n.NodeID() {
			_ = n.replicaOf(s).Transfer(t.Context(), c.nodes[cut].NodeID()) // so that it matters
		}
		name := fmt.Sprint(cut + 1)
		c.faults.Isolate(name)
		w.progress(t, 30)
		// What it has closed and knows to have been handed out it serves, alone.
		limited, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		x := c.nodes[cut].replicaOf(s)
		at := min(x.Closed(), x.State().Closed())
		if there, err := getFollower(limited, c.nodes[cut], tb, &distributed.FollowerRead{At: at}, 0); err != nil || !there[0] {
			t.Errorf("node %s is cut off and can't show a state that it has closed: %v %v", name, there, err)
		}
		cancel()
		c.faults.Rejoin(name)
		w.progress(t, 30)
	}
	stop.Store(true)
	readers.Wait()
	w.end()
	for i := range 3 {
		t.Logf("node %d: %d looks, %d without an answer in time; %d reads without the lease", i+1, looks[i].Load(), failed[i].Load(),
			c.nodes[i].replicaOf(s).Stats().FollowerReads.Load())
		if looks[i].Load() == 0 {
			t.Errorf("node %d never answered", i+1)
		}
	}
}

// staleReader looks at what a writer writes, through one node and with one bound.
type staleReader struct {
	t     *testing.T
	tb    *schema.Table
	w     *writer
	node  *Node
	bound time.Duration
	floor mvcc.Timestamp
}

// look checks one state; false: there was no answer in time.
func (r *staleReader) look() bool {
	acked := r.w.acked.Load()
	s := &distributed.FollowerRead{Since: time.Now(), NotBefore: r.floor}
	time.Sleep(r.bound)
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	later := acked + rand.Int64N(10)
	there, err := getFollower(ctx, r.node, r.tb, s, acked-1, later+1, later)
	if err != nil {
		return false
	}
	if !there[0] {
		r.t.Errorf("node %d, bound %v: row %d was acknowledged before, and is not seen at %v", r.node.NodeID(), r.bound, acked-1, s.At)
	}
	if there[1] && !there[2] {
		r.t.Errorf("node %d, bound %v: row %d is seen at %v and row %d is not", r.node.NodeID(), r.bound, later+1, s.At, later)
	}
	if s.At < r.floor {
		r.t.Errorf("node %d: time ran backwards", r.node.NodeID())
	}
	r.floor = s.At
	return true
}
