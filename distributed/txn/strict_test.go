package txn

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/leaseholder"
	"cloudsql/distributed/raft"
	"cloudsql/distributed/replica"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// hooked is a shard that lets the test act between what a newest read waits for and the state that it reads.
type hooked struct {
	shard.API
	before atomic.Pointer[func()]
	parts  atomic.Int64 // calls of Parts
}

func (h *hooked) Read(ctx context.Context, f *fragment.Read, o shard.ReadOptions, page *fragment.Page) error {
	if fn := h.before.Load(); fn != nil && o.At == 0 && o.Locker == nil && h.before.CompareAndSwap(fn, nil) {
		(*fn)()
	}
	return h.API.Read(ctx, f, o, page)
}

func (h *hooked) Parts() []shard.Part {
	h.parts.Add(1)
	return h.API.Parts()
}

// hookedGroup is a replica's group with such a shard.
type hookedGroup struct {
	raft.Group
	state *hooked
}

func (g *hookedGroup) State() shard.API { return g.state }

// newHookedCluster is a cluster of one node whose first shard is hooked, with rows 1 and 2 in both shards.
func newHookedCluster(t *testing.T, untrusted bool) (*testCluster, *hooked) {
	t.Helper()
	var h *hooked
	c := newTestCluster(t, 1, func(c *replica.Config) {
		c.UntrustedClock = untrusted
		if c.Group.Shard() == firstShard {
			h = &hooked{API: c.Group.State()}
			c.Group = &hookedGroup{c.Group, h}
		}
	})
	for _, s := range []schema.ShardID{firstShard, secondShard} {
		for id := range int64(2) {
			if _, err := c.nodes[0].client.Write(t.Context(), nil, insertRow(s, id+1, 0)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return c, h
}

// addBoth begins a transaction that adds 1 to row 1 of both shards.
func (c *testCluster) addBoth(ctx context.Context, t *testing.T) fragment.TxnID {
	t.Helper()
	id := c.nodes[0].client.newID()
	for _, s := range []schema.ShardID{firstShard, secondShard} {
		w := &leaseholder.WriteRequest{Shard: s, Txn: id, Buffer: true, Join: true, Seq: 1, Writes: []*fragment.Write{addTo(s, 1, 1)}, LockWait: time.Second}
		if _, err := c.nodes[0].replicas[s].Write(ctx, w); err != nil {
			t.Fatal(err)
		}
	}
	return id
}

// A transaction over both shards becomes prepared, and so committed, between a read's wait for what is prepared and its
// state; another, which has seen it in the second shard, writes to the first one. The read must not show the second without the first.
func TestPreparedBetweenWaitAndState(t *testing.T) {
	for name, untrusted := range map[string]bool{"under the lease": false, "without clocks": true} {
		for what, rows := range map[string][]int64{"rows": {1, 2}, "a scan": nil} {
			t.Run(what+" "+name, func(t *testing.T) { testPreparedBetween(t, untrusted, readRows(firstShard, rows...)) })
		}
	}
}

func testPreparedBetween(t *testing.T, untrusted bool, read *fragment.Read) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c, h := newHookedCluster(t, untrusted)
	client, both := c.nodes[0].client, []schema.ShardID{firstShard, secondShard}
	id := c.addBoth(ctx, t)
	client.committing.begin(id) // the test resolves it
	var at mvcc.Timestamp
	commit := func() {
		for _, s := range both {
			ts, err := c.nodes[0].replicas[s].Prepare(ctx, s, id, both, 0)
			if err != nil {
				t.Error(err)
			}
			at = max(at, ts)
		}
		if _, err := client.Write(ctx, nil, addTo(firstShard, 1, 2)); err != nil {
			t.Error(err)
		}
	}
	h.before.Store(&commit)
	h.parts.Store(0)
	var page fragment.Page
	done := make(chan error, 1)
	go func() { done <- client.ReadPoint(ctx, read, &page) }()
	r := c.nodes[0].replicas[firstShard]
	for len(done) == 0 && r.Stats().Locks.InFlightWaits.Load() == 0 && h.parts.Load() < 2 {
		time.Sleep(time.Millisecond)
	}
	if len(done) == 0 { // it waits for the transaction
		for _, s := range both {
			if err := c.nodes[0].replicas[s].Resolve(ctx, s, id, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := show(&page); got != "1=1 2=1" {
		t.Errorf("row 2 was written by one who had seen row 1 changed; a read shows %s", got)
	}
}

// An entry is overtaken by a later one, as where raft sends proposals over a second connection. A newest read shows the later
// one's write alone; so nobody may ever see the first one's alone, as a snapshot between their timestamps would.
func TestOvertakenEntryIsStampedAgain(t *testing.T) {
	for name, overtaken := range map[string]func(ctx context.Context, t *testing.T, c *testCluster) (mvcc.Timestamp, error){
		"a write": func(ctx context.Context, _ *testing.T, c *testCluster) (mvcc.Timestamp, error) {
			res, err := c.nodes[0].replicas[firstShard].Write(ctx, &leaseholder.WriteRequest{
				Shard: firstShard, Txn: c.nodes[0].client.newID(), Writes: []*fragment.Write{addTo(firstShard, 1, 1)}, LockWait: time.Second,
			})
			if err != nil {
				return 0, err
			}
			return res.TS, nil
		},
		"a part of a commit": func(ctx context.Context, t *testing.T, c *testCluster) (mvcc.Timestamp, error) {
			id := c.addBoth(ctx, t)
			c.nodes[0].client.committing.begin(id)
			return c.nodes[0].replicas[firstShard].Prepare(ctx, firstShard, id, []schema.ShardID{firstShard, secondShard}, 0)
		},
	} {
		for where, held := range map[string]bool{"": false, ", something is prepared": true} { // it keeps timestamps from being closed
			t.Run(name+where, func(t *testing.T) { testOvertaken(t, held, overtaken) })
		}
	}
}

func testOvertaken(t *testing.T, held bool, overtaken func(context.Context, *testing.T, *testCluster) (mvcc.Timestamp, error)) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c, _ := newHookedCluster(t, false)
	r, log := c.nodes[0].replicas[firstShard], c.logs[firstShard]
	if held {
		write := func(w *fragment.Write) fragment.TxnID {
			id := c.nodes[0].client.newID()
			q := &leaseholder.WriteRequest{Shard: firstShard, Txn: id, Buffer: true, Join: true, Seq: 1, Writes: []*fragment.Write{w}, LockWait: time.Second}
			if _, err := r.Write(ctx, q); err != nil {
				t.Fatal(err)
			}
			return id
		}
		id := write(insertRow(firstShard, 9, 0))
		c.nodes[0].client.committing.begin(id)
		if _, err := r.Prepare(ctx, firstShard, id, []schema.ShardID{firstShard, secondShard}, 0); err != nil {
			t.Fatal(err)
		}
	}
	log.Do(func() { log.Hold = 1 })
	type end struct {
		ts  mvcc.Timestamp
		err error
	}
	first := make(chan end, 1)
	go func() { ts, err := overtaken(ctx, t, c); first <- end{ts, err} }()
	for log.Held() == 0 {
		if ctx.Err() != nil {
			t.Fatal("nothing was proposed")
		}
		time.Sleep(time.Millisecond)
	}
	between, err := c.source.Next(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.Write(ctx, &leaseholder.WriteRequest{
		Shard: firstShard, Txn: c.nodes[0].client.newID(), Writes: []*fragment.Write{addTo(firstShard, 1, 2)}, LockWait: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	var page fragment.Page
	if err := c.nodes[0].client.ReadPoint(ctx, readRows(firstShard, 1, 2), &page); err != nil || show(&page) != "1=0 2=1" {
		t.Fatal(show(&page), err)
	}
	log.Release()
	got := <-first
	if got.err != nil {
		t.Fatal(got.err)
	}
	if got.ts <= between || got.ts <= res.TS {
		t.Errorf("committed from %v on, below %v and a write at %v that was read without it", got.ts, between, res.TS)
	}
}

// Autocommit reads of several keys of a shard show one state, in which nothing is missing that what they show has seen:
//
//	writer:   both x (first shard) and z (second shard) become n, in one transaction
//	follower: reads z, and then writes what it has seen to y (first shard)
//	reader:   x and y at once: y is never ahead of x
func TestNewestReadIsStrict(t *testing.T) {
	const x, y, z, most = 1, 2, 1, 100
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
