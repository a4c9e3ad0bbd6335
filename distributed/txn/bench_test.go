package txn

import (
	"context"
	"testing"
	"time"

	"cloudsql/distributed"
	"cloudsql/storage/fragment"
	"cloudsql/storage/shard"
)

// BenchmarkPoint is a point get by way of the Client, and by the shard alone: the difference is this floor's.
func BenchmarkPoint(b *testing.B) {
	c := newTestCluster(b, 2, nil)
	ctx := context.Background()
	if _, err := c.nodes[0].client.Write(ctx, nil, insertRow(firstShard, 1, 1)); err != nil {
		b.Fatal(err)
	}
	r := readRows(firstShard, 1)
	var page fragment.Page
	b.Run("shard", func(b *testing.B) {
		s := c.nodes[0].replicas[firstShard].State()
		b.ReportAllocs()
		for b.Loop() {
			if err := s.Read(ctx, r, shard.ReadOptions{}, &page); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("local", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := c.nodes[0].client.ReadPoint(ctx, r, &page); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("remote", func(b *testing.B) { // without the network
		b.ReportAllocs()
		for b.Loop() {
			if err := c.nodes[1].client.ReadPoint(ctx, r, &page); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("snapshot", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			x := c.nodes[0].client.Begin(distributed.TxnOptions{LockWait: time.Second})
			if err := x.ReadPoint(ctx, r, distributed.ReadSnapshot, distributed.LockOptions{}, &page); err != nil {
				b.Fatal(err)
			}
			_ = x.Rollback(ctx)
		}
	})
}

// BenchmarkTxn is a transaction of two reads and two updates at a local leaseholder, without a disk.
func BenchmarkTxn(b *testing.B) {
	c := newTestCluster(b, 1, nil)
	ctx, client := context.Background(), c.nodes[0].client
	for id := range int64(2) {
		if _, err := client.Write(ctx, nil, insertRow(firstShard, id, 1)); err != nil {
			b.Fatal(err)
		}
	}
	reads := []*fragment.Read{readRows(firstShard, 0), readRows(firstShard, 1)}
	writes := []*fragment.Write{addTo(firstShard, 1, 0), addTo(firstShard, 1, 1)}
	var page fragment.Page
	b.ReportAllocs()
	for b.Loop() {
		x := client.Begin(distributed.TxnOptions{LockWait: time.Second})
		for _, r := range reads {
			if err := x.ReadPoint(ctx, r, distributed.ReadSnapshot, distributed.LockOptions{}, &page); err != nil {
				b.Fatal(err)
			}
		}
		for _, w := range writes {
			if _, err := x.Write(ctx, w); err != nil {
				b.Fatal(err)
			}
		}
		if err := x.Commit(ctx); err != nil {
			b.Fatal(err)
		}
	}
}
