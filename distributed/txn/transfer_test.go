package txn

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloudsql/distributed"
	"cloudsql/storage/schema"
)

// TestTransferLosesNothing moves the leases of two shards around while clients at each node run transactions of several
// statements: not one of them may fail, and every increment counts once.
func TestTransferLosesNothing(t *testing.T) {
	c := newTestCluster(t, 3, nil)
	ctx := t.Context()
	const clients, each = 6, 25
	setUp := c.nodes[0].client.Begin(distributed.TxnOptions{})
	for i := range int64(clients + 1) {
		for _, s := range []schema.ShardID{firstShard, secondShard} {
			if _, err := setUp.Write(ctx, insertRow(s, i, 0)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := setUp.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var running, ended atomic.Int32
	for i := range int64(clients) {
		wg.Add(1)
		running.Add(1)
		go func() {
			defer wg.Done()
			defer running.Add(-1)
			for n := range each {
				if err := c.increment(ctx, int(i)%3, i, n%2 == 0); err != nil {
					t.Errorf("client %d, transaction %d: %v", i, n, err)
				}
				ended.Add(1)
			}
		}()
	}
	moves := 0
	for ; running.Load() > 0; moves++ {
		for _, s := range []schema.ShardID{firstShard, secondShard} {
			to := schema.NodeID(moves%3 + 1)
			for _, x := range c.nodes {
				if _, holds := x.replicas[s].Leaseholding(); holds && x.id != to {
					if err := x.replicas[s].Transfer(ctx, to); err != nil {
						t.Error(err)
					}
				}
			}
		}
		time.Sleep(5 * time.Millisecond)
		for before := ended.Load(); running.Load() > 0 && ended.Load() == before; { // a slow machine gets somewhere, too
			time.Sleep(time.Millisecond)
		}
	}
	wg.Wait()
	passed := uint64(0)
	for _, x := range c.nodes {
		for _, r := range x.replicas {
			passed += r.Stats().PassedTxns.Load()
		}
	}
	if moves < 3 || passed == 0 {
		t.Errorf("%d moves passed %d transactions along: the test tests nothing", moves, passed)
	}
	for _, s := range []schema.ShardID{firstShard, secondShard} {
		x := c.nodes[0].client.Begin(distributed.TxnOptions{})
		rows, err := x.Read(ctx, readRows(s), distributed.ReadSnapshot, distributed.LockOptions{})
		page, err := all(ctx, rows, err)
		if err != nil {
			t.Fatal(err)
		}
		want := ""
		for i := range clients {
			want += fmt.Sprintf("%d=%d ", i, each)
		}
		if got := show(page); got != fmt.Sprintf("%s%d=%d", want, clients, clients*each) {
			t.Errorf("shard %d: %s", s, got)
		}
		_ = x.Rollback(ctx)
	}
}

// increment is a transaction of four statements: a client's own row, and one that all share; in both shards or one
// after the other.
func (c *testCluster) increment(ctx context.Context, node int, row int64, both bool) error {
	x := c.nodes[node].client.Begin(distributed.TxnOptions{LockWait: time.Minute})
	for _, s := range []schema.ShardID{firstShard, secondShard} {
		for _, id := range []int64{row, 6} {
			x.StartStatement()
			if _, err := x.Write(ctx, addTo(s, 1, id)); err != nil {
				_ = x.Rollback(ctx)
				return fmt.Errorf("statement: %w", err)
			}
		}
		if both || s == secondShard {
			continue
		}
		if err := x.Commit(ctx); err != nil {
			return fmt.Errorf("commit: %w", err)
		}
		x = c.nodes[node].client.Begin(distributed.TxnOptions{LockWait: time.Minute})
	}
	return x.Commit(ctx)
}
