package catalogs

import (
	"context"
	"sync"

	"cloudsql/distributed/catalog"
)

// change is a change of the catalog that a goroutine of this node waits for.
type change struct {
	ctx    context.Context
	fn     func(tx *catalog.Tx) error
	atOnce bool // it goes before those that wait, and waits for nobody's turn

	refused  error // what fn said in the last attempt
	done     bool  // the rest is final; guarded by lane.committing, until ended is closed
	err      error
	panicked any
	ended    chan struct{}
}

// queue has those that no commit has taken yet, oldest first.
type queue struct {
	mu      sync.Mutex
	waiting []*change
}

func (q *queue) add(c *change) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if c.atOnce {
		q.waiting = append([]*change{c}, q.waiting...)
		return
	}
	q.waiting = append(q.waiting, c)
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// maxTogether and maxTogetherBytes bound what one commit takes.
const (
	maxTogether      = 64
	maxTogetherBytes = 512 << 10
)

func (q *queue) take() []*change {
	q.mu.Lock()
	defer q.mu.Unlock()
	k := min(len(q.waiting), maxTogether)
	group := q.waiting[:k:k]
	q.waiting = append([]*change(nil), q.waiting[k:]...)
	return group
}

// back puts changes before all others again: their goroutines wait for the next commit.
func (q *queue) back(group []*change) {
	q.mu.Lock()
	q.waiting = append(group[:len(group):len(group)], q.waiting...)
	q.mu.Unlock()
}

// finish ends the changes of a group, each with what its own function said, or with err.
func finish(group []*change, err error) {
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
func whileAnyWaits(group []*change) (context.Context, context.CancelFunc) {
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
func (n *lane) gather(tx *catalog.Tx, group []*change) (open []*change) {
	for i, c := range group {
		if tx.Bytes() > maxTogetherBytes {
			n.queue.back(group[i:])
			return open
		}
		if c.refused = c.ctx.Err(); c.refused != nil {
			finish(group[i:i+1], nil)
			continue
		}
		clean := !tx.Changed()
		part := tx.Part()
		if c.refused = c.run(part); c.refused == nil {
			c.refused = part.Check(n.gate.Active())
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

func (c *change) run(tx *catalog.Tx) (err error) {
	defer func() {
		if p := recover(); p != nil { // belongs to the goroutine that waits
			c.panicked = p
		}
	}()
	return c.fn(tx)
}
