package txn

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"cloudsql/distributed"
	"cloudsql/storage/fragment"
)

// Autocommit reads of several keys of a shard show one state, in which nothing is missing that what they show has seen:
//
//	writer:   both x (first shard) and z (second shard) become n, in one transaction
//	follower: reads z, and then writes what it has seen to y (first shard)
//	reader:   x and y at once: y is never ahead of x
func TestNewestReadIsStrict(t *testing.T) {
	const x, y, z, most = 1, 2, 1, 300
	c := newTestCluster(t, 2, nil)
	ctx := context.Background()
	write := func(w *fragment.Write) {
		if _, err := c.nodes[0].client.Write(ctx, nil, w); err != nil {
			t.Error(err)
		}
	}
	write(insertRow(firstShard, x, 0))
	write(insertRow(firstShard, y, 0))
	write(insertRow(secondShard, z, 0))
	var ended atomic.Bool
	var reads atomic.Uint64
	var followers, readers sync.WaitGroup
	followers.Go(func() {
		defer ended.Store(true)
		for range most {
			n := c.nodes[0].client.Begin(distributed.TxnOptions{LockWait: DefaultLockWait})
			for _, w := range []*fragment.Write{addTo(firstShard, 1, x), addTo(secondShard, 1, z)} {
				if _, err := n.Write(ctx, w); err != nil {
					t.Error(err)
					return
				}
			}
			if err := n.Commit(ctx); err != nil {
				t.Error(err)
				return
			}
		}
	})
	followers.Go(func() {
		var page fragment.Page
		for seen := int64(0); !ended.Load(); {
			if err := c.nodes[0].client.ReadPoint(ctx, readRows(secondShard, z), &page); err != nil {
				t.Error(err)
				return
			}
			if now := page.Batch.Row(0)[1].Int(); now > seen {
				write(addTo(firstShard, now-seen, y))
				seen = now
			}
		}
	})
	for i := range 3 {
		readers.Go(func() {
			var page fragment.Page
			r := readRows(firstShard, x, y)
			if i == 2 {
				r = readRows(firstShard) // a scan
			}
			for !ended.Load() {
				if err := c.nodes[0].client.ReadPoint(ctx, r, &page); err != nil {
					t.Error(err)
					return
				}
				reads.Add(1)
				if got, cause := page.Batch.Row(1)[1].Int(), page.Batch.Row(0)[1].Int(); got > cause {
					t.Errorf("y = %d has seen x = %d, and is read beside %d", got, got, cause)
					return
				}
			}
		})
	}
	followers.Wait()
	readers.Wait()
	t.Logf("%d reads", reads.Load())
}
