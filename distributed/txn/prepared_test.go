package txn

import (
	"context"
	"testing"
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/leaseholder"
	"cloudsql/distributed/lock"
	"cloudsql/distributed/replica"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// preparedInFirstShard begins a transaction at node 1 that updates row 1 of the first shard and has read its rows from 10
// on under a range lock, and prepares it there; the second shard, which is said to take part, never hears of it.
func preparedInFirstShard(t *testing.T, c *testCluster) fragment.TxnID {
	t.Helper()
	ctx := t.Context()
	if _, err := c.nodes[0].client.Write(ctx, nil, insertRow(firstShard, 1, 10)); err != nil {
		t.Fatal(err)
	}
	id := c.nodes[0].client.newID()
	r := c.nodes[0].replicas[firstShard]
	scan := readRows(firstShard)
	scan.Keys, scan.Spans = nil, []fragment.Span{{Start: intKey(10)}}
	q := &leaseholder.ReadRequest{Shard: firstShard, Read: scan, Txn: id, Join: true, Lock: lock.Shared, Ranges: true, LockWait: time.Second}
	if err := r.Read(ctx, q, new(fragment.Page)); err != nil {
		t.Fatal(err)
	}
	w := &leaseholder.WriteRequest{Shard: firstShard, Txn: id, Buffer: true, Seq: 1, Writes: []*fragment.Write{addTo(firstShard, 1, 1)}, LockWait: time.Second}
	if _, err := r.Write(ctx, w); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Prepare(ctx, firstShard, id, []schema.ShardID{firstShard, secondShard}, 0); err != nil {
		t.Fatal(err)
	}
	return id
}

// at gives the first shard's replica on a node once it is the leaseholder.
func (c *testCluster) at(ctx context.Context, t *testing.T, node int) *replica.Replica {
	t.Helper()
	c.logs[firstShard].Elect(schema.NodeID(node))
	r := c.nodes[node-1].replicas[firstShard]
	for {
		if _, err := r.Acquire(ctx); err == nil {
			return r
		}
		if ctx.Err() != nil {
			t.Fatal("no lease")
		}
		time.Sleep(time.Millisecond)
	}
}

// TestPreparedOutlivesItsLeaseholder: the next leaseholder keeps what is prepared locked, rows and ranges, and hidden from
// nobody who must wait for it.
func TestPreparedOutlivesItsLeaseholder(t *testing.T) {
	c := newTestCluster(t, 3, func(c *replica.Config) { c.LeaseDuration = 100 * time.Millisecond })
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	id := preparedInFirstShard(t, c)
	c.nodes[0].client.committing.begin(id) // its gateway is slow
	r := c.at(ctx, t, 2)

	write := func(w *fragment.Write) error {
		_, err := r.Write(ctx, &leaseholder.WriteRequest{Shard: firstShard, Txn: c.nodes[1].client.newID(), Writes: []*fragment.Write{w}})
		return err
	}
	for name, w := range map[string]*fragment.Write{"its row": addTo(firstShard, 5, 1), "its range": insertRow(firstShard, 11, 0)} {
		if err := write(w); mysqlerr.Code(err) != 1205 {
			t.Errorf("%s is written: %v", name, err)
		}
	}
	if err := write(insertRow(firstShard, 5, 0)); err != nil {
		t.Error("what it does not hold cannot be written:", err)
	}

	at, err := c.source.Next(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	type seen struct {
		k   int64
		err error
	}
	reads := make(chan seen, 2)
	for _, at := range []mvcc.Timestamp{0, at} {
		go func() {
			var page fragment.Page
			err := r.ReadPlain(ctx, readRows(firstShard, 1), shard.ReadOptions{At: at}, &page)
			if err != nil {
				reads <- seen{err: err}
				return
			}
			reads <- seen{k: page.Batch.Row(0)[1].Int()}
		}()
	}
	for r.Stats().Locks.InFlightWaits.Load() < 2 {
		if ctx.Err() != nil || len(reads) > 0 {
			t.Fatal("reads do not wait for what is prepared")
		}
		time.Sleep(time.Millisecond)
	}
	if err := r.Resolve(ctx, firstShard, id, at); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if s := <-reads; s.k != 11 || s.err != nil {
			t.Errorf("a read gives %d, %v", s.k, s.err)
		}
	}
	if err := write(insertRow(firstShard, 11, 0)); err != nil {
		t.Error(err)
	}
	if st, err := r.Inspect(ctx, firstShard, id, false, 0); err != nil || st != (leaseholder.Standing{Status: shard.Committed, TS: at}) {
		t.Error(st, err)
	}
	if err := r.Forget(ctx, firstShard, []fragment.TxnID{id}); err != nil {
		t.Error(err)
	}
	if parts := r.State().Parts(); len(parts) != 0 {
		t.Error(parts)
	}
}

// TestGatewayIsLost: a participant that is left alone with a prepared part asks the others; one of them is not prepared
// and never will be, so the transaction is undone everywhere.
func TestGatewayIsLost(t *testing.T) {
	c := newTestCluster(t, 3, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	id := preparedInFirstShard(t, c)
	r := c.nodes[0].replicas[firstShard]
	res, err := c.nodes[2].client.Write(ctx, nil, addTo(firstShard, 5, 1)) // waits until it is decided
	if err != nil || res[0].Changed != 1 {
		t.Fatal(res, err)
	}
	var page fragment.Page
	if err := c.nodes[1].client.ReadPoint(ctx, readRows(firstShard, 1), &page); err != nil || page.Batch.Row(0)[1].Int() != 15 {
		t.Error(page.Batch.Row(0), err)
	}
	for _, s := range []schema.ShardID{firstShard, secondShard} {
		st, err := c.nodes[0].replicas[s].Inspect(ctx, s, id, false, 0)
		if err != nil || st.Status != shard.Aborted {
			t.Error(s, st, err)
		}
	}
	if _, err := c.nodes[0].replicas[secondShard].Prepare(ctx, secondShard, id, nil, 0); mysqlerr.Code(err) != 1213 {
		t.Error("the other part prepares after all:", err)
	}
	if r.Stats().Recoveries.Load() == 0 {
		t.Error("nobody recovered it")
	}
}

// TestLateRequest: a request that the network has held up begins its transaction at the leaseholder after the gateway
// has ended it. The leaseholder asks, and takes its locks back.
func TestLateRequest(t *testing.T) {
	c := newTestCluster(t, 2, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	if _, err := c.nodes[0].client.Write(ctx, nil, insertRow(firstShard, 1, 10)); err != nil {
		t.Fatal(err)
	}
	w := &leaseholder.WriteRequest{
		Shard: firstShard, Txn: c.nodes[1].client.newID(), Buffer: true, Join: true, Seq: 1,
		Writes: []*fragment.Write{addTo(firstShard, 1, 1)}, LockWait: time.Second,
	}
	if _, err := c.nodes[0].replicas[firstShard].Write(ctx, w); err != nil {
		t.Fatal(err)
	}
	open := c.nodes[1].client.Begin(distributed.TxnOptions{LockWait: time.Second}) // it is known, and keeps its locks
	if _, err := open.Write(ctx, insertRow(firstShard, 2, 20)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.nodes[0].client.Write(ctx, &distributed.TxnOptions{LockWait: 30 * time.Second}, addTo(firstShard, 5, 1)); err != nil {
		t.Error(err)
	}
	if err := open.Commit(ctx); err != nil {
		t.Error(err)
	}
}
