package txn

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/replica"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// TestBank moves money between accounts from all nodes, by transactions, while autocommit statements count beside them
// and leadership, leases and answers are lost. Every snapshot shows the same total; every acknowledged increment counts
// once; no client is stuck.
func TestBank(t *testing.T) {
	const accounts, opening, tellers = 6, 100, 6
	c := newTestCluster(t, 3, func(c *replica.Config) { c.LeaseDuration = 100 * time.Millisecond })
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	for id := range int64(accounts + 1) {
		if _, err := c.nodes[0].client.Write(ctx, nil, insertRow(firstShard, id, opening)); err != nil {
			t.Fatal(err)
		}
	}
	b := &bank{t: t, c: c, accounts: accounts, total: accounts * opening}
	var clients, faults sync.WaitGroup
	for i := range tellers {
		clients.Add(2)
		go func() { defer clients.Done(); b.teller(ctx, c.nodes[i%3].client) }()
		go func() { defer clients.Done(); b.counter(ctx, c.nodes[i%3].client) }()
	}
	clients.Add(1)
	go func() { defer clients.Done(); b.auditor(ctx, c.nodes[2].client) }()
	faults.Add(1)
	go func() { defer faults.Done(); b.trouble(ctx) }()

	faults.Wait()
	b.stop.Store(true)
	clients.Wait()
	if ctx.Err() != nil {
		t.Fatal("stuck")
	}
	b.audit(ctx, c.nodes[0].client)
	var page fragment.Page
	if err := c.nodes[1].client.ReadPoint(ctx, readRows(firstShard, accounts), &page); err != nil {
		t.Fatal(err)
	}
	if got, want := page.Batch.Row(0)[1].Int(), opening+b.counted.Load(); got != want {
		t.Errorf("counted %d, acknowledged %d", got, want)
	}
	t.Logf("%d transfers, %d increments, %d audits, %d aborted", b.moved.Load(), b.counted.Load(), b.audits.Load(), b.aborted.Load())
}

type bank struct {
	t        *testing.T
	c        *testCluster
	accounts int64
	total    int64
	stop     atomic.Bool

	moved, counted, audits, aborted atomic.Int64
}

func (b *bank) done(ctx context.Context) bool { return b.stop.Load() || ctx.Err() != nil }

func (b *bank) teller(ctx context.Context, c *Client) {
	for !b.done(ctx) {
		x := c.Begin(distributed.TxnOptions{LockWait: 5 * time.Second})
		err := b.transfer(ctx, x)
		if err != nil {
			b.aborted.Add(1)
			_ = x.Rollback(ctx)
			switch mysqlerr.Code(err) {
			case 1213, 1205, 1105:
			default:
				b.t.Error(err)
			}
			continue
		}
		b.moved.Add(1)
	}
}

// transfer moves one unit, by FOR UPDATE or by plain updates, sometimes over a savepoint.
func (b *bank) transfer(ctx context.Context, x distributed.Txn) error {
	from, to := rand.Int64N(b.accounts), rand.Int64N(b.accounts)
	if rand.IntN(2) == 0 {
		var page fragment.Page
		if err := x.ReadPoint(ctx, readRows(firstShard, from, to), distributed.ReadForUpdate, distributed.LockOptions{}, &page); err != nil {
			return err
		}
	}
	mark := x.Savepoint()
	if rand.IntN(4) == 0 {
		if _, err := x.Write(ctx, addTo(firstShard, 1000, from)); err != nil {
			return err
		}
		if err := x.RollbackTo(ctx, mark); err != nil {
			return err
		}
	}
	if _, err := x.Write(ctx, addTo(firstShard, -1, from)); err != nil {
		return err
	}
	if _, err := x.Write(ctx, addTo(firstShard, 1, to)); err != nil {
		return err
	}
	return x.Commit(ctx)
}

func (b *bank) counter(ctx context.Context, c *Client) {
	for !b.done(ctx) {
		res, err := c.Write(ctx, nil, addTo(firstShard, 1, b.accounts))
		if err != nil || res[0].Changed != 1 {
			b.t.Error(res, err)
			return
		}
		b.counted.Add(1)
	}
}

func (b *bank) auditor(ctx context.Context, c *Client) {
	for !b.done(ctx) {
		b.audit(ctx, c)
	}
}

// audit sums the accounts at one snapshot, read account by account.
func (b *bank) audit(ctx context.Context, c *Client) {
	at, err := c.Snapshot(ctx)
	if err != nil {
		b.t.Error(err)
		return
	}
	var sum int64
	for id := range b.accounts {
		rows, err := c.ReadAt(ctx, readRows(firstShard, id), at)
		page, err := all(ctx, rows, err)
		if err != nil {
			b.t.Error(err)
			return
		}
		sum += page.Batch.Row(0)[1].Int()
	}
	if sum != b.total {
		b.t.Errorf("a snapshot shows %d, not %d", sum, b.total)
	}
	b.audits.Add(1)
}

// trouble makes things go wrong while the bank is at work.
func (b *bank) trouble(ctx context.Context) {
	l := b.c.logs[firstShard]
	for i := range 25 {
		moved, counted := b.moved.Load()+15, b.counted.Load()+30
		for (b.moved.Load() < moved || b.counted.Load() < counted) && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		node := schema.NodeID(1 + rand.IntN(3))
		switch i % 5 {
		case 0:
			l.Elect(node)
		case 1:
			l.Do(func() { l.Lose, l.Doubt = 2, 2 })
		case 2:
			b.c.net.mu.Lock()
			b.c.net.mute[node] = 3
			b.c.net.mu.Unlock()
		case 3:
			b.handOver(ctx, node)
		case 4:
			b.freeze(node)
		}
	}
}

func (b *bank) handOver(ctx context.Context, to schema.NodeID) {
	for _, x := range b.c.nodes {
		r := x.replicas[firstShard]
		if _, ok := r.Leaseholding(); ok && x.id != to {
			ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
			if err := r.Transfer(ctx, to); err != nil {
				b.t.Log(err)
			}
			cancel()
		}
	}
}

// freeze stops a node from applying and proposing for longer than a lease.
func (b *bank) freeze(node schema.NodeID) {
	g, l := b.c.nodes[node-1].groups[firstShard], b.c.logs[firstShard]
	l.Do(func() { g.Paused, g.Cut = true, true })
	l.Elect(node%3 + 1)
	time.Sleep(150 * time.Millisecond)
	l.Do(func() { g.Paused, g.Cut = false, false })
}
