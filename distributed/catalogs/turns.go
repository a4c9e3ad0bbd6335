package catalogs

import (
	"context"
	"sync"
	"time"

	"cloudsql/storage/schema"
)

// Turns keeps the race between the nodes fair, at the leaseholder of the system shard: its own changes reach the log
// sooner than those of others, which would lose again and again while there are any. Whoever has lost is waited for by all
// who have not, or who have later, for a moment. It is a courtesy only: what a change expects decides.
type Turns struct {
	mu    sync.Mutex
	most  time.Duration               // 0: maxTurn
	since map[schema.NodeID]time.Time // when who lost did so
	moved chan struct{}               // closed and replaced when somebody has had his turn
}

// maxTurn is for how long who has lost is waited for: he may not come again.
const maxTurn = 250 * time.Millisecond

// SetMost sets for how long who has lost is waited for at most.
func (t *Turns) SetMost(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.most = d
}

func (t *Turns) turn() time.Duration {
	if t.most > 0 {
		return t.most
	}
	return maxTurn
}

// Await waits for the turn of a node.
func (t *Turns) Await(ctx context.Context, node schema.NodeID) {
	for {
		wait, moved := t.before(node)
		if wait <= 0 {
			return
		}
		timer := time.NewTimer(wait)
		select {
		case <-moved:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// before tells for how long others come before a node, at most.
func (t *Turns) before(node schema.NodeID) (wait time.Duration, moved chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	mine, waits := t.since[node]
	for other, since := range t.since {
		if other != node && (!waits || since.Before(mine)) {
			wait = max(wait, t.turn()-time.Since(since))
		}
	}
	return wait, t.moved
}

// Tried notes how an attempt of a node has ended.
func (t *Turns) Tried(node schema.NodeID, won bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.since == nil {
		t.since, t.moved = map[schema.NodeID]time.Time{}, make(chan struct{})
	}
	since, waits := t.since[node]
	switch {
	case won:
		delete(t.since, node)
	case !waits || time.Since(since) > t.turn():
		t.since[node] = time.Now()
	}
	close(t.moved)
	t.moved = make(chan struct{})
}
