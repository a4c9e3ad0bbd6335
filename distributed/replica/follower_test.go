package replica

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloudsql/distributed/closedts"
	"cloudsql/distributed/leaseholder"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/shard"
)

// followerValue reads a counter at a follower; "none" if it is absent.
func followerValue(ctx context.Context, r *Replica, key string, at mvcc.Timestamp) (string, error) {
	var page fragment.Page
	if err := r.ReadFollower(ctx, pointRead(key, at).Read, shard.ReadOptions{At: at}, &page); err != nil {
		return "", err
	}
	if page.Batch.Len() == 0 {
		return "none", nil
	}
	return fmt.Sprint(page.Batch.Row(0)[0].Int()), nil
}

// TestFollowerReadsOfIdleShard: without another entry in the log, a promise lets a follower serve what was written.
func TestFollowerReadsOfIdleShard(t *testing.T) {
	c := newFakeCluster(t, 3, nil)
	ctx, holder, near := t.Context(), c.replicas[0], c.replicas[1]
	reply, err := holder.Write(ctx, autocommit(putWrite("a", 1)))
	if err != nil {
		t.Fatal(err)
	}
	now, _ := c.source.Next(ctx, 1)
	if _, err := followerValue(ctx, near, "a", now); !errors.Is(err, closedts.ErrNotClosed) {
		t.Fatal("nobody has closed the timestamp: ", err)
	}
	if _, err := followerValue(ctx, near, "a", 0); !errors.Is(err, closedts.ErrNotClosed) {
		t.Fatal("a follower does not know the newest state: ", err)
	}
	entries := holder.Stats().Entries.Load()
	p, err := holder.ClosedUpTo(ctx, testShard, now)
	if err != nil || p.TS < now {
		t.Fatal(p, err)
	}
	near.Learn(p)
	if err := near.AwaitClosed(ctx, now, time.Minute); err != nil {
		t.Fatal(err)
	}
	if v, err := followerValue(ctx, near, "a", now); v != "1" || err != nil {
		t.Fatal(v, err)
	}
	if v, err := followerValue(ctx, near, "a", reply.TS-1); v != "none" || err != nil {
		t.Fatal(v, err)
	}
	if _, err := near.ClosedUpTo(ctx, testShard, now); !isElsewhere(err) {
		t.Fatal("only the holder promises: ", err)
	}
	if n := holder.Stats().Entries.Load(); n != entries {
		t.Errorf("%d entries for a promise", n-entries)
	}
	if next, err := holder.Write(ctx, autocommit(putWrite("a", 2))); err != nil || next.TS <= p.TS {
		t.Fatal("a promise was broken", next, p, err)
	}
}

func isElsewhere(err error) bool {
	var e *leaseholder.NotLeaseholder
	return errors.As(err, &e)
}

// TestFollowerBehind: a promise about entries that a follower has not applied lets it serve nothing yet.
func TestFollowerBehind(t *testing.T) {
	c := newFakeCluster(t, 2, nil)
	ctx, holder, near := t.Context(), c.replicas[0], c.replicas[1]
	if _, err := holder.Acquire(ctx); err != nil {
		t.Fatal(err)
	}
	c.log.Do(func() { c.groups[1].Paused = true })
	if _, err := holder.Write(ctx, autocommit(putWrite("a", 1))); err != nil {
		t.Fatal(err)
	}
	now, _ := c.source.Next(ctx, 1)
	p, err := holder.ClosedUpTo(ctx, testShard, now)
	if err != nil {
		t.Fatal(err)
	}
	near.Learn(p)
	if near.Closed() >= now {
		t.Fatal("closed without the entries")
	}
	if err := near.AwaitClosed(ctx, now, time.Millisecond); !errors.Is(err, closedts.ErrNotClosed) {
		t.Fatal(err)
	}
	waited := make(chan error, 1)
	go func() { waited <- near.AwaitClosed(context.Background(), now, time.Minute) }()
	c.log.Do(func() { c.groups[1].Paused = false })
	if err := <-waited; err != nil {
		t.Fatal(err)
	}
	if v, err := followerValue(ctx, near, "a", now); v != "1" || err != nil {
		t.Fatal(v, err)
	}
}

// TestInflightHoldsPromise: a write that has registered may get any timestamp above its floor, so no promise passes it.
func TestInflightHoldsPromise(t *testing.T) {
	c := newFakeCluster(t, 2, nil)
	ctx, holder := t.Context(), c.replicas[0]
	if _, err := holder.Acquire(ctx); err != nil {
		t.Fatal(err)
	}
	entered, leave := make(chan struct{}), make(chan struct{})
	var once sync.Once
	c.source.gate = func() { once.Do(func() { close(entered); <-leave }) }
	wrote := make(chan *leaseholder.WriteReply, 1)
	go func() {
		reply, err := holder.Write(context.Background(), autocommit(putWrite("a", 1)))
		if err != nil {
			t.Error(err)
		}
		wrote <- reply
	}()
	<-entered // in flight, without a timestamp
	later := mvcc.Timestamp(c.source.next.Add(50))
	p, err := holder.ClosedUpTo(ctx, testShard, later)
	if err != nil {
		t.Fatal(err)
	}
	close(leave)
	if reply := <-wrote; reply.TS <= p.TS || p.TS >= later {
		t.Fatalf("promised %d when asked for %d, and wrote at %d", p.TS, later, reply.TS)
	}
	if p, err = holder.ClosedUpTo(ctx, testShard, later); err != nil || p.TS < later {
		t.Fatal("nothing is in flight any more: ", p, err)
	}
}

// TestClosedInLog: where clocks are not trusted, closing costs an entry.
func TestClosedInLog(t *testing.T) {
	c := newFakeCluster(t, 2, func(c *Config) { c.UntrustedClock = true })
	ctx, holder, near := t.Context(), c.replicas[0], c.replicas[1]
	if _, err := holder.Write(ctx, autocommit(putWrite("a", 1))); err != nil {
		t.Fatal(err)
	}
	now, _ := c.source.Next(ctx, 1)
	p, err := holder.ClosedUpTo(ctx, testShard, now)
	if err != nil || p.TS != now {
		t.Fatal(p, err)
	}
	if err := near.AwaitClosed(ctx, now, time.Minute); err != nil { // without having heard of it
		t.Fatal(err)
	}
	if v, err := followerValue(ctx, near, "a", now); v != "1" || err != nil {
		t.Fatal(v, err)
	}
}

// TestFollowersNeverWrong reads at followers, which learn promises, while clients write and leadership, leases and
// proposals are lost: whatever a follower showed at a timestamp is still the state at that timestamp in the end.
func TestFollowersNeverWrong(t *testing.T) {
	c := newFakeCluster(t, 3, func(c *Config) { c.LeaseDuration = 50 * time.Millisecond })
	c.source.gate = func() {
		if rand.IntN(8) == 0 {
			time.Sleep(time.Duration(rand.IntN(100)) * time.Microsecond)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var stop atomic.Bool
	var clients sync.WaitGroup
	for range 4 {
		clients.Add(1)
		go func() {
			defer clients.Done()
			for !stop.Load() && ctx.Err() == nil {
				countOnce(ctx, c, autocommit(bumpWrite(fmt.Sprint("k", rand.IntN(3)))))
			}
		}()
	}
	w := &followerWitness{c: c}
	for range 3 {
		clients.Add(1)
		go func() {
			defer clients.Done()
			for !stop.Load() && ctx.Err() == nil {
				w.look(ctx)
			}
		}()
	}
	for i := range 24 {
		before := w.count()
		for w.count() < before+40 && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		disturb(ctx, c, i)
	}
	stop.Store(true)
	clients.Wait()
	if ctx.Err() != nil {
		t.Fatal("stuck")
	}
	w.verify(t)
}

// disturb makes something go wrong.
func disturb(ctx context.Context, c *fakeCluster, i int) {
	to := c.groups[rand.IntN(3)]
	switch i % 4 {
	case 0:
		c.log.Elect(to.Node())
	case 1:
		c.log.Do(func() { c.log.Lose, c.log.Doubt = 2, 3 })
	case 2:
		c.log.Do(func() { to.Paused, to.Cut = true, true })
		c.log.Elect(to.Node()%3 + 1)
		time.Sleep(60 * time.Millisecond)
		c.log.Do(func() { to.Paused, to.Cut = false, false })
	case 3:
		for _, r := range c.replicas {
			if _, ok := r.Leaseholding(); ok {
				limited, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
				_ = r.Transfer(limited, to.Node())
				cancel()
			}
		}
	}
}

// followerWitness remembers what followers showed.
type followerWitness struct {
	c    *fakeCluster
	mu   sync.Mutex
	seen []followerSight
}

type followerSight struct {
	key, value string
	at         mvcc.Timestamp
}

func (w *followerWitness) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.seen)
}

// look asks one replica for a promise at a new timestamp and reads another at it.
func (w *followerWitness) look(ctx context.Context) {
	at, _ := w.c.source.Next(ctx, 1)
	near := w.c.replicas[rand.IntN(3)]
	if rand.IntN(2) == 0 {
		p, err := w.c.replicas[rand.IntN(3)].ClosedUpTo(ctx, testShard, at)
		if err != nil {
			return
		}
		at = p.TS
		near.Learn(p)
		if near.AwaitClosed(ctx, at, 5*time.Millisecond) != nil {
			return
		}
	} else {
		at = near.Closed()
	}
	key := fmt.Sprint("k", rand.IntN(3))
	value, err := followerValue(ctx, near, key, at)
	if err != nil {
		return
	}
	w.mu.Lock()
	w.seen = append(w.seen, followerSight{key, value, at})
	w.mu.Unlock()
}

// verify compares with what all replicas have in the end.
func (w *followerWitness) verify(t *testing.T) {
	end := w.c.states[0]
	for i := range w.c.states {
		if w.c.states[i].AppliedIndex() > end.AppliedIndex() {
			end = w.c.states[i]
		}
	}
	for _, s := range w.seen {
		var page fragment.Page
		if err := end.Read(t.Context(), pointRead(s.key, s.at).Read, shard.ReadOptions{At: s.at}, &page); err != nil {
			t.Fatal(err)
		}
		value := "none"
		if page.Batch.Len() > 0 {
			value = fmt.Sprint(page.Batch.Row(0)[0].Int())
		}
		if value != s.value {
			t.Fatalf("%s at %d was %s at a follower, and is %s", s.key, s.at, s.value, value)
		}
	}
	var asked uint64
	for _, r := range w.c.replicas {
		asked += r.Stats().ClosedAsked.Load()
	}
	t.Logf("%d reads, %d promises asked for", len(w.seen), asked)
}
