package tso

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"cloudsql/storage/mvcc"
	"cloudsql/storage/spawn"
)

// ClientStats count a node's requests: those that its own Owner served, those that went to another node, and the calls
// that carried the latter.
type ClientStats struct {
	Local  atomic.Uint64 `counter:"tso_local_requests_total" help:"requests for timestamps served here without a message"`
	Remote atomic.Uint64 `counter:"tso_remote_requests_total" help:"requests for timestamps that another node served"`
	Calls  atomic.Uint64 `counter:"tso_calls_total" help:"messages that carried them"`
}

// Client is a node's Source: its own Owner while that owns the sequence, otherwise one call at a time to the node that
// does, for all who wait.
type Client struct {
	owner *Owner
	// ask asks the owning node, wherever it is now; its retries are bounded by ctx.
	ask   func(ctx context.Context, n int) (mvcc.Timestamp, error)
	Stats ClientStats

	mu      sync.Mutex
	waiting []*request
	asking  bool
}

var _ Source = (*Client)(nil)

// askTimeout bounds a call that others wait behind. It covers a failover.
const askTimeout = 20 * time.Second

type request struct {
	n     int
	first mvcc.Timestamp
	err   error
	done  chan struct{} // capacity 1
}

var requests = sync.Pool{New: func() any { return &request{done: make(chan struct{}, 1)} }}

// NewClient makes a node's source. ask is called from one goroutine at a time.
func NewClient(owner *Owner, ask func(ctx context.Context, n int) (mvcc.Timestamp, error)) *Client {
	return &Client{owner: owner, ask: ask}
}

// Next implements Source.
func (c *Client) Next(ctx context.Context, n int) (mvcc.Timestamp, error) {
	ts, err := c.owner.Next(ctx, n)
	if !errors.Is(err, ErrNotOwner) {
		c.Stats.Local.Add(1)
		return ts, err
	}
	if n <= 0 || n > MaxRequest {
		return 0, fmt.Errorf("tso: a request for %d timestamps", n)
	}
	c.Stats.Remote.Add(1)
	r := requests.Get().(*request)
	r.n = n
	c.mu.Lock()
	c.waiting = append(c.waiting, r)
	if !c.asking {
		c.asking = true
		spawn.Go("asking for timestamps", c.serve)
	}
	c.mu.Unlock()
	select {
	case <-r.done:
	case <-ctx.Done():
		return 0, ctx.Err() // r is lost to the pool: its answer may still come
	}
	first, err := r.first, r.err
	r.first, r.err = 0, nil
	requests.Put(r)
	return first, err
}

// serve asks until nobody waits.
func (c *Client) serve() {
	for {
		c.mu.Lock()
		batch, n := c.take()
		if len(batch) == 0 {
			c.asking = false
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		c.Stats.Calls.Add(1)
		ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
		var first mvcc.Timestamp
		err := spawn.Do("asking for timestamps", func() (err error) {
			first, err = c.ask(ctx, n)
			return err
		})
		cancel()
		for _, r := range batch {
			r.first, r.err = first, err
			first += mvcc.Timestamp(r.n)
			r.done <- struct{}{}
		}
	}
}

// take removes what fits one request from the queue.
func (c *Client) take() (batch []*request, n int) {
	i := 0
	for ; i < len(c.waiting) && n+c.waiting[i].n <= MaxRequest; i++ {
		n += c.waiting[i].n
	}
	batch = append(batch, c.waiting[:i]...)
	c.waiting = append(c.waiting[:0], c.waiting[i:]...)
	return batch, n
}
