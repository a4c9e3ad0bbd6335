package flow

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// However those who wait come, leave and lose patience: no more is let in than may be, unless one alone is larger, nobody is
// forgotten, and nothing is left in the end.
func TestFlow(t *testing.T) {
	f := &Flow{most: Load{100, 1000}}
	var rows, many atomic.Int64
	var wg sync.WaitGroup
	for seed := range uint64(16) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			r := rand.New(rand.NewPCG(seed, 2))
			for range 300 {
				l := Load{1 + r.IntN(150), r.IntN(200)}
				var done chan struct{}
				if r.IntN(3) == 0 {
					done = make(chan struct{})
					go close(done)
				}
				if !f.Enter(l, done, nil, nil) {
					continue
				}
				n, in := many.Add(1), rows.Add(int64(l.Rows))
				if n > 1 && in > 100 {
					t.Errorf("%d rows of %d", in, n)
				}
				runtime.Gosched()
				rows.Add(-int64(l.Rows))
				many.Add(-1)
				f.Leave(l)
			}
		}()
	}
	wg.Wait()
	if (f.now != Load{}) || len(f.waiting) > 0 {
		t.Fatalf("%+v is left, and %d wait", f.now, len(f.waiting))
	}
}
