package memory

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/mysqlerr"
)

// session opens a session with one statement below a process.
func session(p *Account, sessionLimit, statementLimit int64) (s, st *Account) {
	s, st = new(Account), new(Account)
	s.Open(p, Session, "session", sessionLimit)
	st.Open(s, Statement, "statement", statementLimit)
	return s, st
}

func wantCode(t *testing.T, err error, code uint16) {
	t.Helper()
	if mysqlerr.Code(err) != code {
		t.Fatalf("got %v, want code %d", err, code)
	}
}

func TestEachLevelHasItsLimitAndError(t *testing.T) {
	p := NewProcess(100 << 20)
	s, st := session(p, 10<<20, 1<<20)
	wantCode(t, st.Grow(2<<20), mysql.ErrOutOfSortMemory)
	wantCode(t, s.Grow(11<<20), mysqlerr.CapacityExceeded)
	store := p.NewStore("cache", 0)
	wantCode(t, store.Grow(101<<20), mysql.ErrOutOfResources)
	wantCode(t, store.Grow(76<<20), mysql.ErrOutOfResources) // beyond the share of what is kept
	if err := store.Grow(75 << 20); err != nil {
		t.Fatal(err)
	}
	if p.Used() != 75<<20 {
		t.Fatalf("failed requests left %d bytes", p.Used()-75<<20)
	}
}

// However holds and accounts grow, shrink and close, beside each other: a level never counts less than what is held below it,
// limits are kept, and nothing is left in the end.
func TestWhatIsTakenIsGivenBack(t *testing.T) {
	const limit = 8 << 20
	p := NewProcess(limit)
	var wg sync.WaitGroup
	for seed := range uint64(8) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			r := rand.New(rand.NewPCG(seed, 1))
			s, st := session(p, limit/4, limit/8)
			for range 200 {
				kept := s.Hold(Variables)
				holds := []Hold{st.Hold(Sort), st.Hold(Join), st.Hold(Group)}
				for range 50 {
					h := &holds[r.IntN(len(holds))]
					if n := r.IntN(100 << 10); r.IntN(3) == 0 {
						_ = h.Grow(-min(n, h.Used()))
					} else if before := h.Used(); h.Grow(n) != nil && h.Used() != before {
						t.Errorf("a refused request changed the hold: %d, %d", before, h.Used())
					}
					_ = kept.Set(r.IntN(50 << 10))
					sum := holds[0].Used() + holds[1].Used() + holds[2].Used()
					if st.Used() < int64(sum) || s.Used() < int64(sum+kept.Used()) || st.Used() > limit/8 || p.Used() > limit+int64(8*chunk) {
						t.Errorf("sum %d, statement %d, session %d, process %d", sum, st.Used(), s.Used(), p.Used())
					}
				}
				for i := range holds {
					holds[i].Close()
				}
				st.Close()
				kept.Close()
			}
			s.Close()
		}()
	}
	wg.Wait()
	if p.Used() != 0 {
		t.Fatalf("%d bytes are left", p.Used())
	}
	for k, n := range p.Totals().Kinds {
		if n != 0 {
			t.Errorf("%d bytes of %s are left", n, k)
		}
	}
}

func TestTheLargestStatementMakesRoom(t *testing.T) {
	p := NewProcess(10 << 20)
	_, large := session(p, 0, 0)
	_, medium := session(p, 0, 0)
	_, small := session(p, 0, 0)
	ctx, cancel := context.WithCancelCause(context.Background())
	large.OnShed(func(err error) { cancel(err) })
	if err := errors.Join(large.Grow(6<<20), medium.Grow(3<<20)); err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	go func() {
		<-ctx.Done()
		large.Close()
		close(closed)
	}()
	if err := small.Grow(2 << 20); err != nil {
		t.Fatal(err)
	}
	<-closed
	wantCode(t, context.Cause(ctx), mysql.ErrOutOfResources)
	if got := p.Totals(); got.Sheds != 1 || got.Refused != 0 {
		t.Fatalf("%d sheds, %d refusals", got.Sheds, got.Refused)
	}
	// The largest one itself is told at once.
	wantCode(t, medium.Grow(6<<20), mysql.ErrOutOfResources)
	// An account that was shed may be used again.
	if err := large.Grow(1 << 20); err != nil {
		t.Fatal(err)
	}
}

func TestAStatementThatWasShedGetsNoMore(t *testing.T) {
	p := NewProcess(10 << 20)
	_, large := session(p, 0, 0)
	if err := large.Grow(6 << 20); err != nil {
		t.Fatal(err)
	}
	if !p.tree.shed(nil) {
		t.Fatal("nothing was shed")
	}
	wantCode(t, large.Grow(1<<20), mysql.ErrOutOfResources)
	large.Close()
	if err := large.Grow(1 << 20); err != nil {
		t.Fatal(err)
	}
}

func TestCachesGiveBackFirst(t *testing.T) {
	p := NewProcess(10 << 20)
	cache := p.NewStore("cache", 0)
	if err := cache.Grow(7 << 20); err != nil {
		t.Fatal(err)
	}
	p.OnPressure(func() { cache.Shrink(7 << 20) })
	_, st := session(p, 0, 0)
	if err := st.Grow(8 << 20); err != nil {
		t.Fatal(err)
	}
}

// A cache may itself be the one whose wish leaves the process without memory: it is asked to give back in the middle of it.
func TestACacheIsAskedWhileItGrows(t *testing.T) {
	p := NewProcess(10 << 20)
	cache := p.NewStore("cache", 0)
	p.OnPressure(func() { cache.Shrink(cache.Used()) })
	done := make(chan error, 1)
	go func() {
		for range 7 {
			if err := cache.Grow(1 << 20); err != nil {
				done <- err
				return
			}
		}
		done <- cache.Grow(2 << 20)
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the cache waits for itself")
	}
}

func TestTight(t *testing.T) {
	p := NewProcess(0)
	_, st := session(p, 0, 1<<20)
	h := st.Hold(Sort)
	if h.Tight(1<<20) || !h.Tight(1<<20+1) {
		t.Fatal("the limit is not where it should be")
	}
	if err := h.Grow(1 << 20); err != nil {
		t.Fatal(err)
	}
	if !h.Tight(1) {
		t.Fatal("a full statement has room")
	}
	var nobody Hold
	if nobody.Tight(1<<40) || nobody.Grow(1<<40) != nil {
		t.Fatal("the zero Hold has limits")
	}
	nobody.Close()
}

func TestNothingChargedCostsNothing(t *testing.T) {
	p := NewProcess(1 << 30)
	s, st := session(p, 0, 0)
	if n := testing.AllocsPerRun(100, func() {
		h := st.Hold(Result)
		_ = h.Grow(1000)
		h.Close()
		st.Close()
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
	s.Close()
	if p.Used() != 0 {
		t.Fatal("memory is left")
	}
}

// A process that is too large, whatever was charged, sheds its largest statement; operators see that memory is tight.
func TestWatch(t *testing.T) {
	p := NewProcess(0)
	_, large := session(p, 0, 0)
	ended := make(chan error, 1)
	large.OnShed(func(err error) { ended <- err })
	if err := large.Grow(2 << 20); err != nil {
		t.Fatal(err)
	}
	size := new(atomic.Int64)
	size.Store(100)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	p.Watch(ctx, size.Load, 100)
	if large.Tight(1 << 20) {
		t.Error("tight already")
	}
	size.Store(101)
	wantCode(t, <-ended, mysql.ErrOutOfResources)
	if !large.Tight(1 << 20) {
		t.Error("not tight")
	}
	large.Close()
	size.Store(99)
	for large.Tight(1 << 20) {
		runtime.Gosched()
	}
	if ProcessBytes() <= 0 {
		t.Error("the process has no memory")
	}
}
