package node

import (
	"context"
	"sync"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/schema"
)

// catalogChange is a change of the catalog that a goroutine of this node waits for.
type catalogChange struct {
	ctx context.Context
	fn  func(tx *catalog.Tx) error

	refused  error // what fn said in the last attempt
	done     bool  // the rest is final; guarded by Node.committing, until ended is closed
	err      error
	panicked any
	ended    chan struct{}
}

// catalogChanges are those that no commit has taken yet, oldest first.
type catalogChanges struct {
	mu      sync.Mutex
	waiting []*catalogChange
}

func (q *catalogChanges) add(c *catalogChange) {
	q.mu.Lock()
	q.waiting = append(q.waiting, c)
	q.mu.Unlock()
}

// maxTogether and maxTogetherBytes bound what one commit takes.
const (
	maxTogether      = 64
	maxTogetherBytes = 512 << 10
)

func (q *catalogChanges) take() []*catalogChange {
	q.mu.Lock()
	defer q.mu.Unlock()
	k := min(len(q.waiting), maxTogether)
	group := q.waiting[:k:k]
	q.waiting = append([]*catalogChange(nil), q.waiting[k:]...)
	return group
}

// back puts changes before all others again: their goroutines wait for the next commit.
func (q *catalogChanges) back(group []*catalogChange) {
	q.mu.Lock()
	q.waiting = append(group[:len(group):len(group)], q.waiting...)
	q.mu.Unlock()
}

// finish ends the changes of a group, each with what its own function said, or with err.
func finish(group []*catalogChange, err error) {
	for _, c := range group {
		if c.done = true; c.refused != nil {
			c.err = c.refused
		} else {
			c.err = err
		}
		close(c.ended)
	}
}

// whileAnyWaits gives a context that ends when those of all changes have.
func whileAnyWaits(group []*catalogChange) (context.Context, context.CancelFunc) {
	if len(group) == 1 {
		return context.WithCancel(group[0].ctx)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(group[0].ctx))
	var mu sync.Mutex
	left := len(group)
	stops := make([]func() bool, 0, len(group))
	for _, c := range group {
		stops = append(stops, context.AfterFunc(c.ctx, func() {
			mu.Lock()
			defer mu.Unlock()
			if left--; left == 0 {
				cancel()
			}
		}))
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
		cancel()
	}
}

// gather runs the functions of a group on tx and gives those changes that its commit decides. Whose function refuses while
// nothing is put has his answer, since it rests on what is committed; so has who leaves, or panics. One that refuses later
// waits for the commit of what it may have seen.
func (n *Node) gather(tx *catalog.Tx, group []*catalogChange) (open []*catalogChange) {
	for i, c := range group {
		if tx.Bytes() > maxTogetherBytes {
			n.changes.back(group[i:])
			return open
		}
		if c.refused = c.ctx.Err(); c.refused != nil {
			finish(group[i:i+1], nil)
			continue
		}
		clean := !tx.Changed()
		part := tx.Part()
		if c.refused = c.run(part); c.refused == nil {
			c.refused = part.Check(n.version.Active())
		}
		if c.refused == nil {
			part.Join()
		}
		if c.refused != nil && clean || c.panicked != nil {
			finish(group[i:i+1], nil)
			continue
		}
		open = append(open, c)
	}
	return open
}

func (c *catalogChange) run(tx *catalog.Tx) (err error) {
	defer func() {
		if p := recover(); p != nil { // belongs to the goroutine that waits
			c.panicked = p
		}
	}()
	return c.fn(tx)
}

// catalogTurns keeps the race between the nodes fair, at the leaseholder of the system shard: its own changes reach the log
// sooner than those of others, which would lose again and again while there are any. Whoever has lost is waited for by all
// who have not, or who have later, for a moment. It is a courtesy only: what a change expects decides.
type catalogTurns struct {
	mu    sync.Mutex
	since map[schema.NodeID]time.Time // when who lost did so
	most  time.Duration               // instead of maxTurn, in tests
	moved chan struct{}               // closed and replaced when somebody has had his turn
}

// maxTurn is for how long who has lost is waited for: he may not come again.
const maxTurn = 250 * time.Millisecond

func (t *catalogTurns) turn() time.Duration {
	if t.most > 0 {
		return t.most
	}
	return maxTurn
}

// await waits for the turn of a node.
func (t *catalogTurns) await(ctx context.Context, node schema.NodeID) {
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
func (t *catalogTurns) before(node schema.NodeID) (wait time.Duration, moved chan struct{}) {
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

// tried notes how an attempt of a node has ended.
func (t *catalogTurns) tried(node schema.NodeID, won bool) {
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

// executeInTurn executes a command of a node; changes of the catalog let others have their turn.
func (n *Node) executeInTurn(ctx context.Context, from schema.NodeID, q *commandRequest) *commandReply {
	if !q.Catalog {
		return n.execute(ctx, q)
	}
	n.turns.await(ctx, from)
	reply := n.execute(ctx, q)
	if !reply.NotHere {
		n.turns.tried(from, reply.OK)
	}
	return reply
}
