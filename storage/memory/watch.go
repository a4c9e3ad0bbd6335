package memory

import (
	"context"
	"runtime/metrics"
	"time"

	"cloudsql/storage/spawn"
)

const (
	watchEvery = 20 * time.Millisecond
	shedAfter  = 3 // looks at which the process was too large before a statement is ended: the collector may be at it
)

// Watch looks at the process itself, whatever the accounts say: what nobody charged, and what the collector has not found yet,
// counts too. While measure gives more than high bytes, operators spill early and caches are emptied; where that does not help, the
// largest statement is ended. It returns at once; the watching ends with ctx.
func (a *Account) Watch(ctx context.Context, measure func() int64, high int64) {
	t := a.tree
	spawn.Go("the watch over memory", func() {
		ticker := time.NewTicker(watchEvery)
		defer ticker.Stop()
		for over := 0; ; {
			select {
			case <-ctx.Done():
				t.above.Store(false)
				return
			case <-ticker.C:
			}
			if over = t.look(measure() > high, over); over >= shedAfter {
				t.shed(nil)
			}
		}
	})
}

// look notes whether the process is too large, and counts for how long it has been.
func (t *tree) look(above bool, over int) int {
	t.above.Store(above)
	if !above {
		return 0
	}
	t.callReclaim()
	return over + 1
}

// ProcessBytes is the memory that the Go runtime has from the system and has not given back.
func ProcessBytes() int64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return int64(samples[0].Value.Uint64() - samples[1].Value.Uint64()) // far below
}
