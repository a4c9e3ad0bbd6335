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

	"cloudsql/distributed/clock/clocktest"
	"cloudsql/distributed/leaseholder"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/shard"
	"cloudsql/storage/types"
)

func TestWriteAndRead(t *testing.T) {
	c := newFakeCluster(t, 1, nil)
	r, ctx := c.replicas[0], t.Context()
	reply, err := r.Write(ctx, autocommit(putWrite("a", 5), bumpWrite("a2")))
	if err != nil || len(reply.Results) != 2 || reply.TS == 0 {
		t.Fatal(reply, err)
	}
	if v, err := readValue(ctx, r, "a", 0); v != "5" || err != nil {
		t.Fatal(v, err)
	}
	if v, err := readValue(ctx, r, "a", reply.TS-1); v != "none" || err != nil {
		t.Fatal(v, err)
	}
	w := putWrite("a", 6)
	w.Kind = fragment.Insert
	if reply, err = r.Write(ctx, autocommit(w)); err != nil || reply.Results[0].Err == nil || reply.Results[0].Err.Code != 1062 {
		t.Fatal("a statement's own failure is in its result: ", reply, err)
	}
	if _, err := r.Write(ctx, autocommit(&fragment.Write{Tablet: 99})); !errors.Is(err, shard.ErrNoTablet) {
		t.Fatal(err)
	}
	s := r.Stats()
	if s.LeaseTakes.Load() != 1 || s.Entries.Load() != 2 || s.Timestamps.Load() != 2 || s.LeaseReads.Load() != 2 {
		t.Errorf("one lease, one entry and one timestamp request a write, none a read: %d %d %d %d",
			s.LeaseTakes.Load(), s.Entries.Load(), s.Timestamps.Load(), s.LeaseReads.Load())
	}
}

// Deletes of rows that are not there go into the log once, and are only looked at then; what is there, goes.
func TestVainWrites(t *testing.T) {
	c := newFakeCluster(t, 1, nil)
	r, ctx := c.replicas[0], t.Context()
	write := func(w *fragment.Write, alone bool, vain, proposed uint64) {
		t.Helper()
		vain, proposed = vain+r.Stats().VainWrites.Load(), proposed+r.Stats().Proposals.Load()
		q := autocommit(w)
		q.Alone = alone
		reply, err := r.Write(ctx, q)
		if err != nil || len(reply.Results) != 1 || reply.Results[0].Err != nil {
			t.Fatal(reply, err)
		}
		if s := r.Stats(); s.VainWrites.Load() != vain || s.Proposals.Load() != proposed {
			t.Errorf("%d without the log and %d by it, want %d and %d", s.VainWrites.Load(), s.Proposals.Load(), vain, proposed)
		}
	}
	remove := func(key string) *fragment.Write {
		w := putWrite(key, 0)
		w.Kind, w.Rows = fragment.Delete, types.Batch{}
		return w
	}
	write(remove("a"), true, 0, 1)
	write(remove("a"), true, 1, 0)
	write(remove("a"), false, 0, 1) // it may have been executed before
	write(putWrite("a", 1), true, 0, 1)
	write(remove("a"), true, 0, 1)
	if v, err := readValue(ctx, r, "a", 0); v != "none" || err != nil {
		t.Fatal(v, err)
	}
	write(remove("a"), true, 1, 0)
}

// TestExactlyOnce loses proposals, or says so of some that are applied all the same: each increment counts once.
func TestExactlyOnce(t *testing.T) {
	c := newFakeCluster(t, 1, nil)
	r := c.replicas[0]
	var wg sync.WaitGroup
	const clients, each = 8, 60
	for g := range clients {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range each {
				if (i+g)%7 == 0 {
					c.log.Do(func() { c.log.Lose++ })
				}
				if (i+g)%9 == 0 {
					c.log.Do(func() { c.log.Doubt++ })
				}
				if _, err := r.Write(context.Background(), autocommit(bumpWrite("n"))); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	wg.Wait()
	if v, err := readValue(t.Context(), r, "n", 0); v != fmt.Sprint(clients*each) || err != nil {
		t.Fatal(v, err)
	}
	if r.Stats().Reproposals.Load() == 0 {
		t.Error("nothing was proposed twice: the test tests nothing")
	}
}

// TestWritesAfterADropThatNobodyWaitsFor: raft drops an entry, the tenure ends before the pause after it does, and the
// next tenure begins with the pause still on and an empty queue.
func TestWritesAfterADropThatNobodyWaitsFor(t *testing.T) {
	c := newFakeCluster(t, 1, nil)
	r := c.replicas[0]
	r.prop.mu.Lock()
	r.prop.backoff = true
	r.prop.mu.Unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := r.Write(ctx, autocommit(putWrite("a", 1))); err != nil {
		t.Fatal(err)
	}
}

// TestRetryElsewhere repeats a write whose answer was lost with its leaseholder at the next one.
func TestRetryElsewhere(t *testing.T) {
	c := newFakeCluster(t, 2, func(c *Config) { c.LeaseDuration = 200 * time.Millisecond })
	q := autocommit(bumpWrite("n"))
	if _, err := c.replicas[0].Write(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	c.log.Do(func() { c.groups[0].Cut = true })
	c.log.Elect(2)
	if _, err := untilServed(t, c.replicas[1], q); err != nil {
		t.Fatal(err)
	}
	if v, err := readValue(t.Context(), c.replicas[1], "n", 0); v != "1" || err != nil {
		t.Fatal("executed twice: ", v, err)
	}
	if v, err := readValue(t.Context(), c.replicas[0], "n", 0); v != "" || err == nil {
		t.Fatal("the old holder still serves", v, err)
	}
}

// untilServed repeats a write until the replica has the lease.
func untilServed(t *testing.T, r *Replica, q *leaseholder.WriteRequest) (*leaseholder.WriteReply, error) {
	t.Helper()
	for {
		reply, err := r.Write(t.Context(), q)
		var elsewhere *leaseholder.NotLeaseholder
		if !errors.As(err, &elsewhere) {
			return reply, err
		}
	}
}

// TestPausedHolder freezes a holder in the middle of a read while another takes over and writes: the read must not come
// back with the old value.
func TestPausedHolder(t *testing.T) {
	clock := clocktest.NewManual()
	c := newFakeCluster(t, 2, func(c *Config) { c.Clock = clock })
	stop := keepAdvancing(clock)
	a, b := c.replicas[0], c.replicas[1]
	if _, err := a.Write(t.Context(), autocommit(putWrite("k", 1))); err != nil {
		t.Fatal(err)
	}
	entered, leave := make(chan struct{}), make(chan struct{})
	c.states[0].mu.Lock()
	var once sync.Once
	c.states[0].delay = func() { once.Do(func() { close(entered); <-leave }) }
	c.states[0].mu.Unlock()
	type answer struct {
		v   string
		err error
	}
	got := make(chan answer, 1)
	go func() {
		v, err := readValue(context.Background(), a, "k", 0)
		got <- answer{v, err}
	}()
	<-entered
	c.log.Do(func() { c.groups[0].Paused, c.groups[0].Cut = true, true }) // a hears nothing and says nothing
	c.log.Elect(2)
	if _, err := untilServed(t, b, autocommit(putWrite("k", 2))); err != nil {
		t.Fatal(err)
	}
	close(leave)
	if x := <-got; x.err == nil {
		t.Fatalf("a stale read: %s", x.v)
	}
	stop()
}

// keepAdvancing lets manual time pass in small steps; the returned function ends that.
func keepAdvancing(clock *clocktest.Manual) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			default:
				clock.Advance(5 * time.Millisecond)
				time.Sleep(100 * time.Microsecond)
			}
		}
	}()
	return func() { close(done); <-ended }
}

// TestSnapshotSeesAll reads counters at snapshots while they are incremented: a snapshot never misses an increment with
// a smaller timestamp, so reading the same snapshot again, later, gives the same values.
func TestSnapshotSeesAll(t *testing.T) {
	c := newFakeCluster(t, 1, nil)
	r := c.replicas[0]
	var stop atomic.Bool
	var wg sync.WaitGroup
	c.source.gate = func() { // writers and readers meet between registration and timestamp
		if rand.IntN(4) == 0 {
			time.Sleep(time.Duration(rand.IntN(50)) * time.Microsecond)
		}
	}
	for range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for !stop.Load() {
				if _, err := r.Write(context.Background(), autocommit(bumpWrite(fmt.Sprint("k", rand.IntN(3))))); err != nil {
					t.Error(err)
					return
				}
			}
		}()
	}
	type seen struct {
		key   string
		at    mvcc.Timestamp
		value string
	}
	var all []seen
	for range 1500 {
		key := fmt.Sprint("k", rand.IntN(3))
		at, _ := c.source.Next(context.Background(), 1)
		v, err := readValue(t.Context(), r, key, at)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, seen{key, at, v})
	}
	stop.Store(true)
	wg.Wait()
	for _, s := range all {
		if v, err := readValue(t.Context(), r, s.key, s.at); v != s.value || err != nil {
			t.Fatalf("%s at %v was %s and is now %s (%v)", s.key, s.at, s.value, v, err)
		}
	}
	if r.Stats().Locks.InFlightWaits.Load() == 0 {
		t.Error("no read ever waited: the test tests nothing")
	}
}

// TestFailovers moves the leadership around, with and without transfer, while clients count: every acknowledged
// increment is there, and none twice.
func TestFailovers(t *testing.T) {
	c := newFakeCluster(t, 3, func(c *Config) { c.LeaseDuration = 50 * time.Millisecond })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var stop atomic.Bool
	var counted atomic.Int64
	var wg sync.WaitGroup
	for range 6 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for !stop.Load() && ctx.Err() == nil {
				if countOnce(ctx, c, autocommit(bumpWrite("n"))) {
					counted.Add(1)
				}
			}
		}()
	}
	for i := range 12 {
		before := counted.Load()
		for counted.Load() < before+20 && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		to := c.groups[(i+1)%3].Node()
		if i%3 == 0 {
			for _, r := range c.replicas {
				if _, ok := r.Leaseholding(); ok {
					if err := r.Transfer(ctx, to); err != nil {
						t.Log(err)
					}
				}
			}
			continue
		}
		c.log.Elect(to)
	}
	stop.Store(true)
	wg.Wait()
	if ctx.Err() != nil {
		t.Fatal("stuck")
	}
	for {
		for _, r := range c.replicas {
			if v, err := readValue(ctx, r, "n", 0); err == nil {
				if v != fmt.Sprint(counted.Load()) {
					t.Fatalf("%s increments, %d acknowledged", v, counted.Load())
				}
				return
			}
		}
	}
}

// countOnce executes a write at whichever replica serves, however often that takes.
func countOnce(ctx context.Context, c *fakeCluster, q *leaseholder.WriteRequest) bool {
	for i := 0; ctx.Err() == nil; i++ {
		_, err := c.replicas[i%len(c.replicas)].Write(ctx, q)
		if err == nil {
			return true
		}
	}
	return false
}

// TestLeaseHooks checks the order of OnLease calls, and that Close ends what is held.
func TestLeaseHooks(t *testing.T) {
	var mu sync.Mutex
	var events []string
	c := newFakeCluster(t, 1, func(c *Config) {
		c.KeepLease = true
		c.OnLease = func(epoch uint64, held bool) {
			mu.Lock()
			events = append(events, fmt.Sprint(epoch, held))
			mu.Unlock()
		}
	})
	if _, err := c.replicas[0].Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.replicas[0].Close()
	mu.Lock()
	defer mu.Unlock()
	if fmt.Sprint(events) != "[1true 1false]" && fmt.Sprint(events) != "[1 true 1 false]" {
		t.Fatal(events)
	}
	if _, err := c.replicas[0].Write(t.Context(), autocommit(bumpWrite("x"))); err == nil {
		t.Fatal("a closed replica wrote")
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, clients := range []int{1, 16, 64, 256} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			c := newFakeCluster(b, 1, nil)
			r := c.replicas[0]
			ctx := context.Background()
			b.ReportAllocs()
			b.ResetTimer()
			var next atomic.Int64
			var wg sync.WaitGroup
			for g := range clients {
				wg.Add(1)
				go func() {
					defer wg.Done()
					f := putWrite(fmt.Sprint("key", g), 1)
					for next.Add(1) <= int64(b.N) {
						if _, err := r.Write(ctx, autocommit(f)); err != nil {
							b.Error(err)
							return
						}
					}
				}()
			}
			wg.Wait()
			b.ReportMetric(float64(r.Stats().Proposals.Load())/float64(r.Stats().Entries.Load()), "writes/entry")
		})
	}
}

// TestLeaseFollowsLeader elects another node while the holder goes on renewing: the lease moves there by itself.
func TestLeaseFollowsLeader(t *testing.T) {
	clock := clocktest.NewManual()
	c := newFakeCluster(t, 2, func(c *Config) { c.Clock = clock; c.KeepLease = true })
	stop := keepAdvancing(clock)
	defer stop()
	if _, err := c.replicas[0].Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.log.Elect(2)
	for {
		if _, ok := c.replicas[1].Leaseholding(); ok {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if c.states[1].Lease().Epoch != 3 { // 2: handed over; 3: taken
		t.Errorf("the lease was not handed over: epoch %d", c.states[1].Lease().Epoch)
	}
}

// TestStandingClock is a holder whose clock stands still, as on a suspended machine: it takes its lease for valid when
// another has long written. With UntrustedClock it hands out nothing that it has not had confirmed.
func TestStandingClock(t *testing.T) {
	standing := clocktest.NewManual()
	c := newFakeCluster(t, 2, func(c *Config) {
		c.UntrustedClock, c.LeaseDuration = true, 200*time.Millisecond
		if c.Node == 1 {
			c.Clock = standing
		}
	})
	a, b := c.replicas[0], c.replicas[1]
	if _, err := a.Write(t.Context(), autocommit(putWrite("k", 1))); err != nil {
		t.Fatal(err)
	}
	c.log.Do(func() { c.groups[0].Cut, c.groups[0].Paused = true, true })
	c.log.Elect(2)
	if _, err := untilServed(t, b, autocommit(putWrite("k", 2))); err != nil {
		t.Fatal(err)
	}
	if _, ok := a.Leaseholding(); !ok {
		t.Fatal("the old holder has noticed: the test tests nothing")
	}
	now, _ := c.source.Next(t.Context(), 1)
	for _, at := range []mvcc.Timestamp{0, now} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if v, err := readValue(ctx, a, "k", at); err == nil {
			t.Errorf("read %s at %d", v, at)
		}
		cancel()
		if v, err := readValue(t.Context(), b, "k", at); v != "2" || err != nil {
			t.Error(v, err)
		}
	}
}
