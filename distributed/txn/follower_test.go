package txn

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/replica"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
)

// followerRows reads rows of a shard in a transaction of the past.
func followerRows(ctx context.Context, c *Client, s *distributed.FollowerRead, from schema.ShardID, ids ...int64) (string, error) {
	x := c.Begin(distributed.TxnOptions{FollowerRead: s})
	defer func() { _ = x.Commit(ctx) }()
	if len(ids) > 0 {
		var page fragment.Page
		err := x.ReadPoint(ctx, readRows(from, ids...), distributed.ReadSnapshot, distributed.LockOptions{}, &page)
		return show(&page), err
	}
	rows, err := x.Read(ctx, readRows(from), distributed.ReadSnapshot, distributed.LockOptions{})
	page, err := all(ctx, rows, err)
	if err != nil {
		return "", err
	}
	return show(page), nil
}

func (x *testNode) followerReads(s schema.ShardID) uint64 {
	return x.replicas[s].Stats().FollowerReads.Load()
}

// TestFollowerReadsRunNear: reads with a bound run on the node that the client is connected to, whoever holds the lease.
func TestFollowerReadsRunNear(t *testing.T) {
	c := newTestCluster(t, 3, nil)
	ctx := t.Context()
	for id := range int64(5) {
		if _, err := c.nodes[0].client.Write(ctx, nil, insertRow(firstShard, id, id*10)); err != nil {
			t.Fatal(err)
		}
	}
	leaseReads := c.nodes[0].replicas[firstShard].Stats().LeaseReads.Load()
	for _, x := range c.nodes[1:] {
		since := time.Now()
		for _, ids := range [][]int64{nil, {3}} { // the scan asks for a promise, which does for the row too
			s := &distributed.FollowerRead{Since: since}
			got, err := followerRows(ctx, x.client, s, firstShard, ids...)
			if err != nil || !strings.Contains(got, "3=30") || s.At == 0 {
				t.Fatal(got, err)
			}
		}
		if n := x.followerReads(firstShard); n != 2 {
			t.Errorf("node %d served %d of 2 reads", x.id, n)
		}
	}
	if n := c.nodes[0].replicas[firstShard].Stats().LeaseReads.Load(); n != leaseReads {
		t.Errorf("the leaseholder served %d", n-leaseReads)
	}
	// The one who has the lease reads its own state anyway.
	if got, err := followerRows(ctx, c.nodes[0].client, &distributed.FollowerRead{Since: time.Now()}, firstShard, 3); err != nil || got != "3=30" {
		t.Fatal(got, err)
	}
}

// TestFollowerBoundNeedsNoMessage: while moments within the bound are known and closed, a read asks nobody.
func TestFollowerBoundNeedsNoMessage(t *testing.T) {
	c := newTestCluster(t, 2, nil)
	ctx, near := t.Context(), c.nodes[1]
	if _, err := near.client.Write(ctx, nil, insertRow(firstShard, 1, 1)); err != nil {
		t.Fatal(err)
	}
	first := &distributed.FollowerRead{Since: time.Now()}
	if _, err := followerRows(ctx, near.client, first, firstShard); err != nil {
		t.Fatal(err)
	}
	c.net.mu.Lock()
	c.net.down[1] = true
	c.net.mu.Unlock()
	for range 10 {
		s := &distributed.FollowerRead{Since: time.Now().Add(-time.Hour), NotBefore: first.At}
		if got, err := followerRows(ctx, near.client, s, firstShard, 1); err != nil || got != "1=1" || s.At < first.At {
			t.Fatal(got, err)
		}
	}
	// What is not closed here cannot be served, but by somebody else.
	limited, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	if got, err := followerRows(limited, near.client, &distributed.FollowerRead{Since: time.Now()}, firstShard, 1); err == nil {
		t.Fatal("served without knowing what others wrote: ", got)
	}
}

// TestFollowerSeesOwnWrites: what was acknowledged before Since is seen, on every node and at once.
func TestFollowerSeesOwnWrites(t *testing.T) {
	c := newTestCluster(t, 3, nil)
	ctx := t.Context()
	if _, err := c.nodes[0].client.Write(ctx, nil, insertRow(firstShard, 1, 0)); err != nil {
		t.Fatal(err)
	}
	var floor mvcc.Timestamp
	for i := range int64(200) {
		x := c.nodes[i%3]
		if _, err := x.client.Write(ctx, nil, addTo(firstShard, 1, 1)); err != nil {
			t.Fatal(err)
		}
		s := &distributed.FollowerRead{Since: time.Now(), NotBefore: floor}
		got, err := followerRows(ctx, c.nodes[(i+1)%3].client, s, firstShard, 1)
		if want := "1=" + itoa(i+1); err != nil || got != want {
			t.Fatal(got, want, err)
		}
		if s.At < floor {
			t.Fatal("time ran backwards")
		}
		floor = s.At
	}
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// TestFollowerForwards: a replica that is behind, or has no descriptor, lets the leaseholder answer.
func TestFollowerForwards(t *testing.T) {
	c := newTestCluster(t, 2, nil)
	ctx, near := t.Context(), c.nodes[1]
	if _, err := c.nodes[0].client.Write(ctx, nil, insertRow(firstShard, 1, 0)); err != nil {
		t.Fatal(err)
	}
	c.logs[firstShard].Do(func() { near.groups[firstShard].Paused = true })
	if _, err := c.nodes[0].client.Write(ctx, nil, addTo(firstShard, 7, 1)); err != nil {
		t.Fatal(err)
	}
	got, err := followerRows(ctx, near.client, &distributed.FollowerRead{Since: time.Now()}, firstShard, 1)
	if err != nil || got != "1=7" {
		t.Fatal(got, err)
	}
	if n := near.client.Stats.FollowerForwards.Load(); n == 0 || near.followerReads(firstShard) != 0 {
		t.Errorf("%d forwarded, %d read here", n, near.followerReads(firstShard))
	}
	c.logs[firstShard].Do(func() { near.groups[firstShard].Paused = false })
}

// TestAsOf reads given states: old values, and errors beyond both ends.
func TestAsOf(t *testing.T) {
	c := newTestCluster(t, 2, nil)
	ctx := t.Context()
	if _, err := c.nodes[0].client.Write(ctx, nil, insertRow(firstShard, 1, 0)); err != nil {
		t.Fatal(err)
	}
	var states []mvcc.Timestamp
	for range 3 {
		at, err := c.nodes[0].client.Snapshot(ctx)
		if err != nil {
			t.Fatal(err)
		}
		states = append(states, at)
		if _, err := c.nodes[0].client.Write(ctx, nil, addTo(firstShard, 1, 1)); err != nil {
			t.Fatal(err)
		}
	}
	for _, x := range c.nodes {
		for i, at := range states {
			if got, err := followerRows(ctx, x.client, &distributed.FollowerRead{At: at}, firstShard, 1); err != nil || got != "1="+itoa(int64(i)) {
				t.Fatal(x.id, i, got, err)
			}
		}
	}
	future := mvcc.At(states[2].Time().Add(time.Hour))
	if _, err := followerRows(ctx, c.nodes[1].client, &distributed.FollowerRead{At: future}, firstShard, 1); err == nil || !strings.Contains(err.Error(), "AS OF TIMESTAMP") {
		t.Fatal(err)
	}
	x := c.nodes[1].client.Begin(distributed.TxnOptions{FollowerRead: &distributed.FollowerRead{Since: time.Now(), Keep: true}})
	if err := x.ReadPoint(ctx, readRows(firstShard, 1), distributed.ReadSnapshot, distributed.LockOptions{}, new(fragment.Page)); err != nil {
		t.Fatal(err)
	}
	if c.nodes[1].client.OldestSnapshot() == 0 {
		t.Error("a state that was chosen is not kept")
	}
	_ = x.Commit(ctx)
	x = c.nodes[1].client.Begin(distributed.TxnOptions{FollowerRead: &distributed.FollowerRead{At: states[1]}})
	if err := x.TakeSnapshot(ctx); err != nil {
		t.Fatal(err)
	}
	if c.nodes[1].client.OldestSnapshot() != states[1] {
		t.Error("the state is not kept")
	}
	if _, err := x.Write(ctx, addTo(firstShard, 1, 1)); err == nil {
		t.Error("the past was changed")
	}
	if err := x.ReadPoint(ctx, readRows(firstShard, 1), distributed.ReadForUpdate, distributed.LockOptions{}, new(fragment.Page)); err == nil {
		t.Error("the past was locked")
	}
	if err := x.Commit(ctx); err != nil || c.nodes[1].client.OldestSnapshot() != 0 {
		t.Error("the state is kept for good", err)
	}
}

// TestFollowerBank is TestBank with auditors that read at followers: every state that any node shows has the same total,
// and each auditor's states only go forward.
func TestFollowerBank(t *testing.T) {
	const accounts, opening, tellers = 6, 100, 6
	c := newTestCluster(t, 3, func(c *replica.Config) { c.LeaseDuration = 100 * time.Millisecond })
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	b := openBank(ctx, c, accounts, opening, tellers, firstShard)
	var clients, faults sync.WaitGroup
	for i := range tellers {
		clients.Add(2)
		go func() { defer clients.Done(); b.teller(ctx, i) }()
		go func() { defer clients.Done(); b.counter(ctx, c.nodes[i%3].client) }()
	}
	for _, x := range c.nodes {
		for _, bound := range []time.Duration{0, 5 * time.Millisecond, 50 * time.Millisecond} {
			clients.Add(1)
			go func() {
				defer clients.Done()
				var floor mvcc.Timestamp
				for !b.done(ctx) {
					counted, since := b.counted.Load(), time.Now() // acknowledged before since
					time.Sleep(bound)
					floor = b.staleAudit(ctx, x.client, since, counted, floor)
				}
			}()
		}
	}
	faults.Add(1)
	go func() { defer faults.Done(); b.trouble(ctx) }()
	faults.Wait()
	b.stop.Store(true)
	clients.Wait()
	if ctx.Err() != nil {
		t.Fatal("stuck")
	}
	var near, forwarded uint64
	for _, x := range c.nodes {
		near += x.followerReads(firstShard)
		forwarded += x.client.Stats.FollowerForwards.Load()
	}
	t.Logf("%d transfers, %d audits; %d reads at followers, %d forwarded", b.moved.Load(), b.audits.Load(), near, forwarded)
	if near == 0 {
		t.Error("no follower was read: the test tests nothing")
	}
}

// staleAudit sums the accounts of one state, read account by account. counted increments were acknowledged before
// since.
func (b *bank) staleAudit(ctx context.Context, c *Client, since time.Time, counted int64, floor mvcc.Timestamp) mvcc.Timestamp {
	s := &distributed.FollowerRead{Since: since, NotBefore: floor}
	x := c.Begin(distributed.TxnOptions{FollowerRead: s})
	defer func() { _ = x.Commit(ctx) }()
	var sum, tally int64
	var page fragment.Page
	for id := range b.accounts + 1 {
		err := x.ReadPoint(ctx, readRows(firstShard, id), distributed.ReadSnapshot, distributed.LockOptions{}, &page)
		if err != nil || page.Batch.Len() != 1 {
			b.t.Error(page.Batch.Len(), err)
			return floor
		}
		if id == b.accounts {
			tally = page.Batch.Row(0)[1].Int()
		} else {
			sum += page.Batch.Row(0)[1].Int()
		}
	}
	if sum != b.total {
		b.t.Errorf("a follower's state shows %d, not %d", sum, b.total)
	}
	if s.At < floor {
		b.t.Error("time ran backwards")
	}
	if tally < counted+100 {
		b.t.Errorf("a state shows %d increments of %d that were acknowledged before its bound", tally-100, counted)
	}
	b.audits.Add(1)
	return s.At
}
