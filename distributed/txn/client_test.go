package txn

import (
	"context"
	"errors"
	"testing"
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/replica"
	"cloudsql/storage/fragment"
	"cloudsql/storage/types"
)

// insertNext is INSERT with a generated id; name keeps rows apart.
func insertNext(name string) *fragment.Write {
	w := insertRow(firstShard, 0, 0)
	w.AutoInc = true
	w.Rows.Row(0)[0], w.Rows.Row(0)[2] = types.Null, types.Str(name)
	return w
}

// TestGeneratedValuesAcrossFailover begins an insert at a leaseholder that is lost before it can propose: its generated
// value must not collide with what the next leaseholder gives to others.
func TestGeneratedValuesAcrossFailover(t *testing.T) {
	c := newTestCluster(t, 2, func(c *replica.Config) { c.LeaseDuration = 200 * time.Millisecond })
	ctx, first, second := t.Context(), c.nodes[0], c.nodes[1]
	if _, err := first.client.Write(ctx, nil, insertNext("a")); err != nil {
		t.Fatal(err)
	}
	l := c.logs[firstShard]
	l.Do(func() { first.groups[firstShard].Cut = true })
	begun := first.replicas[firstShard].Stats().Writes.Load()
	type answer struct {
		res []fragment.WriteResult
		err error
	}
	got := make(chan answer, 1)
	go func() {
		res, err := first.client.Write(context.Background(), nil, insertNext("b"))
		got <- answer{res, err}
	}()
	for first.replicas[firstShard].Stats().Writes.Load() == begun {
		time.Sleep(time.Millisecond)
	}
	l.Do(func() { first.groups[firstShard].Paused = true }) // it does not notice before the other has inserted
	l.Elect(2)
	for _, err := second.replicas[firstShard].Acquire(ctx); err != nil; _, err = second.replicas[firstShard].Acquire(ctx) {
		time.Sleep(time.Millisecond)
	}
	other, err := second.client.Write(ctx, nil, insertNext("c"))
	if err != nil || other[0].Err != nil {
		t.Fatal(other, err)
	}
	l.Do(func() { first.groups[firstShard].Paused = false })
	a := <-got
	if a.err != nil || a.res[0].Err != nil {
		t.Fatal(a.err, a.res)
	}
	if a.res[0].FirstAutoInc != 3 || other[0].FirstAutoInc != 2 {
		t.Errorf("values %d and %d", a.res[0].FirstAutoInc, other[0].FirstAutoInc)
	}
}

// TestManyPages reads more rows than fit a page, here and from the other node, while rows change: all pages are of one
// snapshot.
func TestManyPages(t *testing.T) {
	c := newTestCluster(t, 2, nil)
	ctx := t.Context()
	const rows = 300
	for id := range int64(rows) {
		if _, err := c.nodes[0].client.Write(ctx, nil, insertRow(firstShard, id, 0)); err != nil {
			t.Fatal(err)
		}
	}
	for _, x := range c.nodes {
		x.client.cfg.PageBytes = 500
		stream, err := x.client.Read(ctx, readRows(firstShard))
		if err != nil {
			t.Fatal(err)
		}
		var page fragment.Page
		n, pages, sum := 0, 0, int64(0)
		for {
			ok, err := stream.Next(ctx, &page)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			pages++
			for i := range page.Batch.Len() {
				if id := page.Batch.Row(i)[0].Int(); id != int64(n) {
					t.Fatalf("row %d is %d", n, id)
				}
				sum += page.Batch.Row(i)[1].Int()
				n++
			}
			if x.client.OldestSnapshot() == 0 && pages == 1 {
				t.Error("a snapshot that is being read is not known")
			}
			if _, err := x.client.Write(ctx, nil, addTo(firstShard, 1, rows-1)); err != nil {
				t.Fatal(err)
			}
		}
		stream.Close()
		if n != rows || pages < 5 || x.client.OldestSnapshot() != 0 {
			t.Errorf("%d rows in %d pages; oldest snapshot %v", n, pages, x.client.OldestSnapshot())
		}
		if sum != 0 && sum != int64(c.nodes[0].bumps(t)-pages) {
			t.Errorf("pages of different snapshots: sum %d", sum)
		}
	}
}

// bumps is the last row's counter.
func (x *testNode) bumps(t *testing.T) int {
	var page fragment.Page
	if err := x.client.ReadPoint(t.Context(), readRows(firstShard, 299), &page); err != nil {
		t.Fatal(err)
	}
	return int(page.Batch.Row(0)[1].Int())
}

// TestCancel cancels statements that wait for a lock: the transaction goes on.
func TestCancel(t *testing.T) {
	c := newTestCluster(t, 2, nil)
	ctx := t.Context()
	if _, err := c.nodes[0].client.Write(ctx, nil, insertRow(firstShard, 1, 0), insertRow(firstShard, 2, 0)); err != nil {
		t.Fatal(err)
	}
	holder := c.nodes[0].client.Begin(distributed.TxnOptions{LockWait: time.Minute})
	if _, err := holder.Write(ctx, addTo(firstShard, 1, 1)); err != nil {
		t.Fatal(err)
	}
	for _, x := range c.nodes {
		waiter := x.client.Begin(distributed.TxnOptions{LockWait: time.Minute})
		if _, err := waiter.Write(ctx, addTo(firstShard, 1, 2)); err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithCancel(ctx)
		go func() {
			for c.waiters() == 0 {
				time.Sleep(time.Millisecond)
			}
			cancel()
		}()
		if _, err := waiter.Write(short, addTo(firstShard, 100, 1)); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if waiter.Aborted() || !waiter.HasWrites() {
			t.Fatal("the transaction is lost")
		}
		if err := waiter.Commit(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := holder.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	var page fragment.Page
	if err := c.nodes[1].client.ReadPoint(ctx, readRows(firstShard, 1, 2), &page); err != nil || show(&page) != "1=0 2=2" {
		t.Fatal(show(&page), err)
	}
}

// TestOnEnd checks that a transaction's end is told once, whichever way it comes.
func TestOnEnd(t *testing.T) {
	c := newTestCluster(t, 1, nil)
	ctx, client := t.Context(), c.nodes[0].client
	if _, err := client.Write(ctx, nil, insertRow(firstShard, 1, 0)); err != nil {
		t.Fatal(err)
	}
	for name, end := range map[string]func(*Txn){
		"commit":   func(x *Txn) { _ = x.Commit(ctx) },
		"rollback": func(x *Txn) { _ = x.Rollback(ctx); _ = x.Rollback(ctx) },
		"abort":    func(x *Txn) { x.abort(); _ = x.Rollback(ctx) },
	} {
		x, ends := client.Begin(distributed.TxnOptions{}).(*Txn), 0
		x.OnEnd(func() { ends++ })
		if _, err := x.Write(ctx, addTo(firstShard, 1, 1)); err != nil {
			t.Fatal(err)
		}
		if end(x); ends != 1 {
			t.Errorf("%s: told %d times", name, ends)
		}
		if g := c.nodes[0].replicas[firstShard].Gauges(); g.Transactions != 0 || g.Locks != 0 {
			t.Errorf("%s: left over: %+v", name, g)
		}
	}
}

// A read for change that nobody has taken a row of makes no participant: its shard knows nothing of the transaction.
func TestUnaskedShards(t *testing.T) {
	c := newTestCluster(t, 1, nil)
	ctx, client := t.Context(), c.nodes[0].client
	if _, err := client.Write(ctx, nil, insertRow(firstShard, 1, 0)); err != nil {
		t.Fatal(err)
	}
	for _, writes := range []bool{false, true} {
		x := client.Begin(distributed.TxnOptions{})
		if writes {
			if _, err := x.Write(ctx, addTo(firstShard, 1, 1)); err != nil {
				t.Fatal(err)
			}
		}
		rows, err := x.Read(ctx, readRows(secondShard, 1), distributed.ReadForUpdate, distributed.LockOptions{})
		if err != nil {
			t.Fatal(err)
		}
		rows.Close()
		if err := x.Commit(ctx); err != nil {
			t.Errorf("writes %v: %v", writes, err)
		}
	}
}

// TestAbandoned loses a gateway with its transactions: their locks do not stay for ever.
func TestAbandoned(t *testing.T) {
	c := newTestCluster(t, 2, func(c *replica.Config) { c.TxnTTL = 300 * time.Millisecond })
	ctx := t.Context()
	if _, err := c.nodes[0].client.Write(ctx, nil, insertRow(firstShard, 1, 0)); err != nil {
		t.Fatal(err)
	}
	x := c.nodes[1].client.Begin(distributed.TxnOptions{LockWait: time.Minute})
	if _, err := x.Write(ctx, addTo(firstShard, 1, 1)); err != nil {
		t.Fatal(err)
	}
	c.net.mu.Lock()
	c.net.down[2] = true
	c.net.mu.Unlock()
	if _, err := c.nodes[0].client.Write(ctx, nil, addTo(firstShard, 1, 1)); err != nil {
		t.Fatal(err)
	}
	if n := c.nodes[0].replicas[firstShard].Stats().AbandonedTxns.Load(); n != 1 {
		t.Errorf("%d transactions abandoned", n)
	}
}
