package tso

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"cloudsql/storage/mvcc"
)

// record is the limit as the log has it, shared by owners of several nodes.
type record struct {
	mu      sync.Mutex
	limit   mvcc.Timestamp
	version uint64
	fail    error
	between func() // runs before a reservation takes effect
}

func (r *record) Limit() (mvcc.Timestamp, uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.limit, r.version
}

func (r *record) Reserve(_ context.Context, version uint64, next mvcc.Timestamp) (bool, error) {
	if fn := r.between; fn != nil {
		r.between = nil
		fn()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return false, r.fail
	}
	if r.version != version {
		return false, nil
	}
	r.limit, r.version = next, version+1
	return true, nil
}

// world is a lease and a clock.
type world struct {
	mu     sync.Mutex
	holder string
	epoch  uint64
	now    time.Time     // of the wall clock
	mono   time.Duration // time that has passed
	unsure bool          // the nodes do not agree what time it is
	rec    record
}

func (w *world) owner(name string) *Owner {
	return NewOwner(OwnerConfig{
		Limits: &w.rec,
		Holds: func(epoch uint64) bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.holder == name && w.epoch == epoch
		},
		Wall: func() WallTime {
			w.mu.Lock()
			defer w.mu.Unlock()
			return WallTime{w.now, !w.unsure}
		},
		Mono: func() time.Duration {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.mono
		},
	})
}

func (w *world) give(name string, o *Owner) {
	w.mu.Lock()
	w.holder = name
	w.epoch++
	e := w.epoch
	w.mu.Unlock()
	o.Begin(e)
}

// advance lets time pass, jump makes the wall clock wrong, or right.
func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	w.now, w.mono = w.now.Add(d), w.mono+d
	w.mu.Unlock()
}

func (w *world) jump(d time.Duration) {
	w.mu.Lock()
	w.now = w.now.Add(d)
	w.mu.Unlock()
}

func TestMonotonicAcrossOwnersAndClocks(t *testing.T) {
	w := &world{now: time.UnixMilli(1_700_000_000_000)}
	a, b := w.owner("a"), w.owner("b")
	ctx := context.Background()
	var last mvcc.Timestamp
	next := func(o *Owner, n int) {
		t.Helper()
		ts, err := o.Next(ctx, n)
		if err != nil {
			t.Fatal(err)
		}
		if ts <= last {
			t.Fatalf("%v after %v", ts, last)
		}
		last = ts + mvcc.Timestamp(n) - 1
	}
	if _, err := a.Next(ctx, 1); !errors.Is(err, ErrNotOwner) {
		t.Fatalf("without a lease: %v", err)
	}
	w.give("a", a)
	for range 10 {
		next(a, 100)
	}
	w.advance(time.Second)
	next(a, 1)
	if !last.Time().Equal(w.now) {
		t.Errorf("%v at %v", last, w.now)
	}
	w.jump(-time.Hour) // the clock goes back
	next(a, 1)
	w.give("b", b)
	if _, err := a.Next(ctx, 1); !errors.Is(err, ErrNotOwner) {
		t.Errorf("after the lease has gone: %v", err)
	}
	next(b, 1) // above the whole window of a, though its clock is an hour behind
	w.advance(2 * time.Hour)
	next(b, MaxRequest)

	// A restart: a new process with the same record.
	again := w.owner("a")
	w.give("a", again)
	next(again, 1)
	if _, err := again.Next(ctx, MaxRequest+1); err == nil {
		t.Error("too many")
	}
}

func TestPredecessorsReservationComesBetween(t *testing.T) {
	w := &world{now: time.UnixMilli(1_700_000_000_000)}
	a, b := w.owner("a"), w.owner("b")
	w.give("a", a)
	if _, err := a.Next(context.Background(), 1); err != nil {
		t.Fatal(err)
	}
	w.give("b", b)
	w.rec.between = func() { // a's last one reaches the log after b has read the limit
		limit, version := w.rec.Limit()
		w.rec.limit, w.rec.version = limit+span(time.Minute), version+1
	}
	before, _ := w.rec.Limit()
	ts, err := b.Next(context.Background(), 1)
	if err != nil || ts <= before+span(time.Minute) {
		t.Errorf("%v, %v", ts, err)
	}
}

func TestLeaseEndsWhileDrawing(t *testing.T) {
	w := &world{now: time.UnixMilli(1_700_000_000_000)}
	a := w.owner("a")
	w.give("a", a)
	w.rec.between = func() {
		w.mu.Lock()
		w.holder = "b"
		w.mu.Unlock()
	}
	if ts, err := a.Next(context.Background(), 1); !errors.Is(err, ErrNotOwner) {
		t.Errorf("%v, %v", ts, err)
	}
	w.give("a", a)
	w.rec.fail = errors.New("no quorum")
	if _, err := a.Next(context.Background(), 1); err == nil || errors.Is(err, ErrNotOwner) {
		t.Errorf("%v", err)
	}
	a.End(w.epoch - 1) // an old notice
	w.rec.fail = nil
	if _, err := a.Next(context.Background(), 1); err != nil {
		t.Error(err)
	}
	a.End(w.epoch)
	if _, err := a.Next(context.Background(), 1); !errors.Is(err, ErrNotOwner) {
		t.Error(err)
	}
}

func TestClientsOfSeveralNodes(t *testing.T) {
	w := &world{now: time.Now()}
	owner := w.owner("a")
	w.give("a", owner)
	remote := NewClient(w.owner("b"), func(ctx context.Context, n int) (mvcc.Timestamp, error) { return owner.Next(ctx, n) })
	local := NewClient(owner, func(context.Context, int) (mvcc.Timestamp, error) { return 0, errors.New("asked") })
	var mu sync.Mutex
	seen := map[mvcc.Timestamp]bool{}
	var wg sync.WaitGroup
	for g := range 16 {
		c := remote
		if g%2 == 0 {
			c = local
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			var last mvcc.Timestamp
			for i := range 300 {
				n := i%3 + 1
				ts, err := c.Next(context.Background(), n)
				if err != nil || ts <= last {
					t.Errorf("%v after %v: %v", ts, last, err)
					return
				}
				last = ts + mvcc.Timestamp(n) - 1
				mu.Lock()
				for k := range n {
					if seen[ts+mvcc.Timestamp(k)] {
						t.Error("handed out twice")
					}
					seen[ts+mvcc.Timestamp(k)] = true
				}
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	if remote.Stats.Calls.Load() > remote.Stats.Remote.Load() {
		t.Error("more calls than requests")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := remote.Next(ctx, 1); err == nil {
		t.Log("served before it noticed") // both are right
	}
}

func BenchmarkOwner(b *testing.B) {
	w := &world{now: time.Now()}
	o, fresh := w.owner("a"), NewOwner(OwnerConfig{})
	o.cfg.Holds = func(uint64) bool { return true }
	o.cfg.Wall, o.cfg.Mono = fresh.cfg.Wall, fresh.cfg.Mono
	w.give("a", o)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := o.Next(context.Background(), 1); err != nil {
				b.Fatal(err)
			}
		}
	})
}
