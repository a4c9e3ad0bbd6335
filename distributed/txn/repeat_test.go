package txn

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"cloudsql/distributed"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"

	"github.com/pingcap/tidb/pkg/parser/mysql"
)

// passTime lets so many seconds go by for a shard's log, with a write of row 2 in each.
func (c *testCluster) passTime(s schema.ShardID, seconds int) {
	c.t.Helper()
	for range seconds {
		c.source.next.Add(uint64(mvcc.Timestamp(time.Second/time.Millisecond) << mvcc.LogicalBits))
		if _, err := c.nodes[0].client.Write(context.Background(), nil, addTo(s, 1, 2)); err != nil {
			c.t.Fatal(err)
		}
	}
}

// muteOnce loses the next answer of node 1; then runs fn, between the execution and its repetition.
func (c *testCluster) muteOnce(fn func()) {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	c.net.mute[1], c.net.onMute = 1, fn
}

func (c *testCluster) row(id int64) string {
	c.t.Helper()
	ctx := context.Background()
	rows, err := c.nodes[0].client.Read(ctx, readRows(firstShard, id))
	page, err := all(ctx, rows, err)
	if err != nil {
		c.t.Fatal(err)
	}
	return show(page)
}

func (c *testCluster) insert(ids ...int64) {
	c.t.Helper()
	for _, id := range ids {
		if _, err := c.nodes[0].client.Write(context.Background(), nil, insertRow(firstShard, id, 0)); err != nil {
			c.t.Fatal(err)
		}
	}
}

func (c *testCluster) waitForWaiter() {
	for c.waiters() == 0 {
		time.Sleep(time.Millisecond)
	}
}

// longer is what the log needs to forget an outcome, in seconds.
const longer = 125

// A write was executed, its answer lost. Its repetition meets a row lock at the leaseholder and waits for it longer than
// outcomes are remembered: it is not executed again, and the client is told that nobody knows. (On commit 8630d07 it was.)
func TestRepeatedBehindALock(t *testing.T) {
	c := newTestCluster(t, 2, nil)
	ctx := context.Background()
	one, two := c.nodes[0].client, c.nodes[1].client
	c.insert(1, 2)
	var blocker distributed.Txn
	c.muteOnce(func() {
		blocker = one.Begin(distributed.TxnOptions{LockWait: time.Minute})
		if _, err := blocker.Write(ctx, addTo(firstShard, 100, 1)); err != nil {
			t.Error(err)
		}
	})
	done := make(chan error, 1)
	go func() {
		_, err := two.Write(ctx, &distributed.TxnOptions{LockWait: 300 * time.Second}, addTo(firstShard, 1, 1))
		done <- err
	}()
	c.waitForWaiter()
	c.passTime(firstShard, longer)
	if err := blocker.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	err := <-done
	if !errors.Is(err, errDoubt) || mysqlerr.Code(err) != mysql.ErrErrorDuringCommit {
		t.Errorf("the client was told %v", err)
	}
	if got := c.row(1); got != "1=1" {
		t.Errorf("one UPDATE k = k + 1: %s", got)
	}
	if n := two.Stats.UnknownOutcomes.Load(); n != 1 {
		t.Errorf("%d unknown outcomes counted", n)
	}
}

// A first try that waits as long is executed, from this node and from another.
func TestFirstBehindALock(t *testing.T) {
	for node := range 2 {
		c := newTestCluster(t, 2, nil)
		ctx := context.Background()
		c.insert(1, 2)
		c.nodes[1].client.Observe(mvcc.Timestamp(c.source.next.Load()))
		blocker := c.nodes[0].client.Begin(distributed.TxnOptions{LockWait: time.Minute})
		if _, err := blocker.Write(ctx, addTo(firstShard, 100, 1)); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			_, err := c.nodes[node].client.Write(ctx, &distributed.TxnOptions{LockWait: 300 * time.Second}, addTo(firstShard, 1, 1))
			done <- err
		}()
		c.waitForWaiter()
		c.passTime(firstShard, longer)
		if err := blocker.Rollback(ctx); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Errorf("node %d: %v", node+1, err)
		}
		if got := c.row(1); got != "1=1" {
			t.Errorf("node %d: one UPDATE k = k + 1: %s", node+1, got)
		}
	}
}

// A COMMIT was executed, its answer lost; it is repeated when its outcome is forgotten, here and in the shard. The client is
// not told of an abort. Nor is one whose gateway has heard nothing for long told anything but the truth at the first try.
func TestCommitForgotten(t *testing.T) {
	c := newTestCluster(t, 2, nil)
	ctx := context.Background()
	two := c.nodes[1].client
	c.insert(1, 2)
	two.Observe(mvcc.Timestamp(c.source.next.Load()))
	c.passTime(firstShard, longer)
	x := two.Begin(distributed.TxnOptions{LockWait: time.Minute})
	if _, err := x.Write(ctx, addTo(firstShard, 1, 1)); err != nil {
		t.Fatal(err)
	}
	if err := x.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	x = two.Begin(distributed.TxnOptions{LockWait: time.Minute})
	if _, err := x.Write(ctx, addTo(firstShard, 1, 1)); err != nil {
		t.Fatal(err)
	}
	c.muteOnce(func() {
		c.passTime(firstShard, longer)
		c.forgetFinished()
	})
	if err := x.Commit(ctx); !errors.Is(err, errDoubt) || mysqlerr.Code(err) != mysql.ErrErrorDuringCommit {
		t.Errorf("the client was told %v", err)
	}
	if got := c.row(1); got != "1=2" {
		t.Error(got)
	}
}

// forgetFinished commits so much at node 1 that its leaseholder does not remember older commits itself.
func (c *testCluster) forgetFinished() {
	ctx := context.Background()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 600 {
				x := c.nodes[0].client.Begin(distributed.TxnOptions{LockWait: time.Minute})
				if _, err := x.Write(ctx, addTo(firstShard, 1, 2)); err != nil {
					c.t.Error(err)
				}
				if err := x.Commit(ctx); err != nil {
					c.t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// A commit over two shards whose prepares' answers were lost, and which others have ended and everybody has forgotten, is not
// taken for an abort.
func TestJointCommitForgotten(t *testing.T) {
	c := newTestCluster(t, 2, nil)
	ctx := context.Background()
	two := c.nodes[1].client
	c.insert(1, 2)
	if _, err := c.nodes[0].client.Write(ctx, nil, insertRow(secondShard, 1, 0), insertRow(secondShard, 2, 0)); err != nil { // the second for passTime
		t.Fatal(err)
	}
	first, err := two.firstTry(ctx)
	if err != nil {
		t.Fatal(err)
	}
	x := two.Begin(distributed.TxnOptions{LockWait: time.Minute})
	for _, w := range []*fragment.Write{addTo(firstShard, 1, 1), addTo(secondShard, 1, 1)} {
		if _, err := x.Write(ctx, w); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	id := x.(*Txn).id
	for two.committing.has(id) {
		time.Sleep(time.Millisecond)
	}
	two.forgetResolved()
	j := &jointCommit{c: two, id: id, first: first, shards: []schema.ShardID{firstShard, secondShard}}
	c.passTime(firstShard, longer)
	if ts, err := j.decide(); err != nil || ts == 0 {
		t.Errorf("one of two knows: %v", err)
	}
	c.passTime(secondShard, longer)
	if _, err = j.decide(); !errors.Is(err, errDoubt) {
		t.Errorf("nobody knows: %v", err)
	}
	if got := c.row(1); got != "1=1" {
		t.Error(got)
	}
}
