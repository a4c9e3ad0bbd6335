package admission

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"

	"cloudsql/storage/mysqlerr"
)

// Gate lets only so many statements run at once: more would not end sooner, they would all take longer and
// hold memory meanwhile. Those beyond wait in a queue of bounded length for a bounded time, and are then refused with 1041.
type Gate struct {
	places chan struct{} // one for each statement that runs
	queue  int64         // most that wait
	lent   atomic.Int64  // processors, to statements that run
	// processors are the machine's that this process may use: GOMAXPROCS may be more (cmd/cloudsql).
	processors int
	Patience   time.Duration // how long they wait
	Stats      Stats
}

// Stats tell of the queue.
type Stats struct {
	Waiting atomic.Int64  `gauge:"sql_statements_waiting" help:"statements that wait for a place among those that run"`
	Refused atomic.Uint64 `counter:"sql_statements_refused_total" help:"statements refused (1041): the queue was full, or too slow" status:"Cloudsql_statements_refused"`
}

const (
	defaultPlaces    = 256
	queuePerPlace    = 4
	placePatience    = 30 * time.Second
	errOverloadedFmt = "Out of resources: %d statements run and %d wait; try again later"
)

// Open makes the gate of so many places; 0: 256.
func (g *Gate) Open(places int) {
	if places == 0 {
		places = defaultPlaces
	}
	g.places, g.queue, g.Patience = make(chan struct{}, places), int64(queuePerPlace*places), placePatience
	g.processors = min(runtime.NumCPU(), runtime.GOMAXPROCS(0))
}

// Try takes a place if one is free.
func (g *Gate) Try() bool {
	select {
	case g.places <- struct{}{}:
		return true
	default:
		return false
	}
}

// Wait takes a place when one gets free. 1041.
func (g *Gate) Wait(ctx context.Context) error {
	defer g.Stats.Waiting.Add(-1)
	if g.Stats.Waiting.Add(1) > g.queue {
		return g.overloaded()
	}
	timer := time.NewTimer(g.Patience)
	defer timer.Stop()
	select {
	case g.places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return g.overloaded()
	}
}

func (g *Gate) overloaded() error {
	g.Stats.Refused.Add(1)
	return mysqlerr.Newf(mysqlerr.OutOfResources, errOverloadedFmt, len(g.places), g.Stats.Waiting.Load()-1)
}

// Leave gives a place back.
func (g *Gate) Leave() { <-g.places }

// Idle tells whether a processor is idle, as far as statements that have places and what they have borrowed go.
func (g *Gate) Idle() bool { return len(g.places)+int(g.lent.Load()) < g.processors }

// Borrow takes a processor that is idle, for a statement that has more to do at once; Return gives it back.
func (g *Gate) Borrow() bool {
	if n := g.lent.Add(1); len(g.places)+int(n) <= g.processors {
		return true
	}
	g.lent.Add(-1)
	return false
}

// Return gives back what Borrow took.
func (g *Gate) Return() { g.lent.Add(-1) }
