package replica

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/distributed/clock/clocktest"
	"cloudsql/storage/memory"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// However those who wait come, leave and lose patience: no more is let in than may be, unless one alone is larger, nobody is
// forgotten, and nothing is left in the end.
func TestFlow(t *testing.T) {
	f := &Flow{most: load{100, 1000}}
	var rows, many atomic.Int64
	var wg sync.WaitGroup
	for seed := range uint64(16) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			r := rand.New(rand.NewPCG(seed, 2))
			for range 300 {
				l := load{1 + r.IntN(150), r.IntN(200)}
				var done chan struct{}
				if r.IntN(3) == 0 {
					done = make(chan struct{})
					go close(done)
				}
				if !f.enter(l, done, nil, nil) {
					continue
				}
				n, in := many.Add(1), rows.Add(int64(l.rows))
				if n > 1 && in > 100 {
					t.Errorf("%d rows of %d", in, n)
				}
				runtime.Gosched()
				rows.Add(-int64(l.rows))
				many.Add(-1)
				f.leave(l)
			}
		}()
	}
	wg.Wait()
	if (f.now != load{}) || len(f.waiting) > 0 {
		t.Fatalf("%+v is left, and %d wait", f.now, len(f.waiting))
	}
}

// heavyWrite names more rows than a light write may.
func heavyWrite(prefix string) *WriteRequest {
	w := putWrite(prefix+"0", 1)
	for i := 1; i <= lightLoad.rows; i++ {
		w.Keys = append(w.Keys, fmt.Appendf(nil, "%s%d", prefix, i))
		w.Rows.Append([]types.Value{types.Int(1)})
	}
	return autocommit(w)
}

func (f *Flow) waiters() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.waiting)
}

// untilWaiting waits until so many wait for room.
func untilWaiting(t *testing.T, f *Flow, n int) {
	t.Helper()
	for f.waiters() != n {
		if t.Context().Err() != nil {
			t.Fatal("nobody waits")
		}
		runtime.Gosched()
	}
}

// Heavy writes wait until there is room in their shard and on their node, charged with what they hold; light writes, reads and
// lease renewals do not wait behind them.
func TestHeavyWritesWaitForRoom(t *testing.T) {
	process := memory.NewProcess(1 << 30)
	account, node := process.NewStore("writes in flight", 0), NewFlow()
	c := newFakeCluster(t, 1, func(cfg *Config) { cfg.Flow, cfg.InFlight = node, account })
	r, ctx := c.replicas[0], t.Context()
	if _, err := r.Write(ctx, heavyWrite("first")); err != nil {
		t.Fatal(err)
	}
	for _, f := range []*Flow{&r.flow, node} {
		f.enter(f.most, nil, nil, nil)
		before := r.stats.HeavyWrites.Load()
		ended := make(chan error, 2)
		for i := range 2 {
			go func() {
				_, err := r.Write(ctx, heavyWrite(fmt.Sprint("heavy", i)))
				ended <- err
			}()
		}
		for r.stats.HeavyWrites.Load() < before+2 {
			runtime.Gosched()
		}
		untilWaiting(t, f, 2)
		if account.Used() == 0 {
			t.Error("writes that wait are not charged")
		}
		if _, err := r.Write(ctx, autocommit(putWrite("light", 7))); err != nil {
			t.Fatal(err)
		}
		if v, err := readValue(ctx, r, "light", 0); v != "7" || err != nil {
			t.Fatal(v, err)
		}
		f.leave(f.most)
		for range 2 {
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
		}
	}
	if (r.flow.now != load{}) || (node.now != load{}) || account.Used() != 0 {
		t.Fatalf("left: %+v, %+v, %d bytes", r.flow.now, node.now, account.Used())
	}
}

// A write that is not let in was not executed, and says why; its rows are not locked any more.
func TestHeavyWritesThatAreNotLetIn(t *testing.T) {
	clock := clocktest.NewManual()
	c := newFakeCluster(t, 1, func(cfg *Config) { cfg.Clock = clock })
	stop := keepAdvancing(clock)
	r, ctx := c.replicas[0], t.Context()
	if _, err := r.Write(ctx, autocommit(putWrite("h0", 5))); err != nil {
		t.Fatal(err)
	}
	r.flow.enter(shardLoad, nil, nil, nil)
	_, err := r.Write(ctx, heavyWrite("h")) // the clock goes on
	if mysqlerr.Code(err) != mysql.ErrOutOfResources {
		t.Fatalf("got %v", err)
	}
	stop()
	impatient, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		_, err := r.Write(impatient, heavyWrite("h"))
		ended <- err
	}()
	untilWaiting(t, &r.flow, 1)
	cancel()
	if err := <-ended; err == nil || OutcomeUnknown(err) {
		t.Fatalf("got %v", err)
	}
	if v, err := readValue(ctx, r, "h0", 0); v != "5" || err != nil {
		t.Fatal(v, err)
	}
	go func() {
		_, err := r.Write(ctx, heavyWrite("h"))
		ended <- err
	}()
	untilWaiting(t, &r.flow, 1)
	r.Close()
	if err := <-ended; err == nil {
		t.Fatal("a write of a replica that was closed")
	}
}
