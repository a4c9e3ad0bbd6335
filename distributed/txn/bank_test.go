package txn

import (
	"context"
	"math/rand/v2"
	"runtime"
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
// once; a transaction's writes can be read everywhere once it is acknowledged; no client is stuck.
func TestBank(t *testing.T) {
	const small = 32 // bytes of an entry, so that every transaction comes in pieces
	t.Run("one shard", func(t *testing.T) { testBank(t, 0, firstShard) })
	t.Run("two shards", func(t *testing.T) { testBank(t, 0, firstShard, secondShard) })
	t.Run("pieces", func(t *testing.T) { testBank(t, small, firstShard) })
	t.Run("pieces in two shards", func(t *testing.T) { testBank(t, small, firstShard, secondShard) })
}

func testBank(t *testing.T, entryBytes int, shards ...schema.ShardID) {
	const accounts, opening, tellers = 6, 100, 6
	c := newTestCluster(t, 3, func(c *replica.Config) { c.LeaseDuration, c.MaxEntryBytes = 100*time.Millisecond, entryBytes })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b := openBank(ctx, c, accounts, opening, tellers, shards...)
	go b.watch(ctx, cancel)
	var clients, faults sync.WaitGroup
	for i := range tellers {
		clients.Add(2)
		go func() { defer clients.Done(); b.teller(ctx, i) }()
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
	if err := c.nodes[1].client.ReadPoint(ctx, readRows(b.home(accounts), accounts), &page); err != nil {
		t.Fatal(err)
	}
	if got, want := page.Batch.Row(0)[1].Int(), opening+b.counted.Load(); got != want {
		t.Errorf("counted %d, acknowledged %d", got, want)
	}
	t.Logf("%d transfers, %d increments, %d audits, %d aborted", b.moved.Load(), b.counted.Load(), b.audits.Load(), b.aborted.Load())
}

// openBank makes a bank with its accounts, which take turns over the shards, a counter behind them, and the journals.
func openBank(ctx context.Context, c *testCluster, accounts, opening int64, tellers int, shards ...schema.ShardID) *bank {
	b := &bank{t: c.t, c: c, accounts: accounts, total: accounts * opening, shards: shards}
	add := func(s schema.ShardID, id, value int64) {
		if _, err := c.nodes[0].client.Write(ctx, nil, insertRow(s, id, value)); err != nil {
			c.t.Fatal(err)
		}
	}
	for id := range accounts + 1 {
		add(b.home(id), id, opening)
	}
	for _, s := range shards {
		for i := range tellers {
			add(s, b.journal(i), 0)
		}
	}
	return b
}

type bank struct {
	t        testing.TB
	c        *testCluster
	accounts int64
	total    int64
	shards   []schema.ShardID
	stop     atomic.Bool

	moved, counted, audits, aborted atomic.Int64
}

// watch cancels everything when nothing has got on for a minute: how fast it does is the machine's affair. An
// increment, a transfer and an audit wait for different things, so each must get on.
func (b *bank) watch(ctx context.Context, cancel context.CancelFunc) {
	const patience = time.Minute
	counts := []*atomic.Int64{&b.moved, &b.counted, &b.audits}
	last, since := make([]int64, len(counts)), make([]time.Time, len(counts))
	for i := range since {
		since[i] = time.Now()
	}
	for ctx.Err() == nil {
		for i, c := range counts {
			if n := c.Load(); n != last[i] {
				last[i], since[i] = n, time.Now()
			}
			if time.Since(since[i]) > patience {
				stacks := make([]byte, 1<<20)
				b.t.Logf("stuck: %s", stacks[:runtime.Stack(stacks, true)])
				cancel()
				return
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (b *bank) done(ctx context.Context) bool { return b.stop.Load() || ctx.Err() != nil }

// home is the shard of an account, journal the row, in each shard, in which a teller counts its transfers.
func (b *bank) home(account int64) schema.ShardID { return b.shards[account%int64(len(b.shards))] }
func (b *bank) journal(teller int) int64          { return 100 + int64(teller) }

func (b *bank) teller(ctx context.Context, i int) {
	c := b.c.nodes[i%3].client
	for n := int64(0); !b.done(ctx); {
		x := c.Begin(distributed.TxnOptions{LockWait: 5 * time.Second})
		err := b.transfer(ctx, x, i)
		if err != nil {
			b.aborted.Add(1)
			_ = x.Rollback(ctx)
			switch mysqlerr.Code(err) {
			case 1213, 1205:
			case 1180, 1296, 1317: // it may have taken effect
				n = b.journalled(ctx, c, i, b.shards[0])
			default:
				b.t.Error(err)
			}
			continue
		}
		b.moved.Add(1)
		n++
		for k, s := range b.shards { // what is acknowledged can be read, at once and everywhere
			if got := b.journalled(ctx, b.c.nodes[(i+k+1)%3].client, i, s); got != n && ctx.Err() == nil {
				b.t.Errorf("teller %d: shard %d shows %d of %d transfers", i, s, got, n)
			}
		}
	}
}

// journalled reads the newest number of a teller's transfers.
func (b *bank) journalled(ctx context.Context, c *Client, i int, s schema.ShardID) int64 {
	var page fragment.Page
	if err := c.ReadPoint(ctx, readRows(s, b.journal(i)), &page); err != nil {
		b.t.Error(err)
		return -1
	}
	return page.Batch.Row(0)[1].Int()
}

// transfer moves one unit, by FOR UPDATE or by plain updates, sometimes over a savepoint.
func (b *bank) transfer(ctx context.Context, x distributed.Txn, teller int) error {
	from, to, amount := rand.Int64N(b.accounts), rand.Int64N(b.accounts), int64(1)
	if b.home(from) > b.home(to) { // deadlocks between shards are not looked for here
		from, to, amount = to, from, -1
	}
	if rand.IntN(2) == 0 {
		for _, id := range []int64{from, to} {
			var page fragment.Page
			if err := x.ReadPoint(ctx, readRows(b.home(id), id), distributed.ReadForUpdate, distributed.LockOptions{}, &page); err != nil {
				return err
			}
		}
	}
	if rand.IntN(4) == 0 {
		mark := x.Savepoint()
		if _, err := x.Write(ctx, addTo(b.home(from), 1000, from)); err != nil {
			return err
		}
		if err := x.RollbackTo(ctx, mark); err != nil {
			return err
		}
	}
	if _, err := x.Write(ctx, addTo(b.home(from), -amount, from)); err != nil {
		return err
	}
	if _, err := x.Write(ctx, addTo(b.home(to), amount, to)); err != nil {
		return err
	}
	for _, s := range b.shards {
		if _, err := x.Write(ctx, addTo(s, 1, b.journal(teller))); err != nil {
			return err
		}
	}
	return x.Commit(ctx)
}

func (b *bank) counter(ctx context.Context, c *Client) {
	for !b.done(ctx) {
		res, err := c.Write(ctx, nil, addTo(b.home(b.accounts), 1, b.accounts))
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
		rows, err := c.ReadAt(ctx, readRows(b.home(id), id), at)
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
	for i := range 10 * len(b.shards) {
		s := b.shards[rand.IntN(len(b.shards))]
		l := b.c.logs[s]
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
			b.moveLease(ctx, s, node)
		case 4:
			b.freeze(s, node)
		}
	}
}

func (b *bank) moveLease(ctx context.Context, s schema.ShardID, to schema.NodeID) {
	for _, x := range b.c.nodes {
		r := x.replicas[s]
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
func (b *bank) freeze(s schema.ShardID, node schema.NodeID) {
	g, l := b.c.nodes[node-1].groups[s], b.c.logs[s]
	l.Do(func() { g.Paused, g.Cut = true, true })
	l.Elect(node%3 + 1)
	time.Sleep(150 * time.Millisecond)
	l.Do(func() { g.Paused, g.Cut = false, false })
}
