package rowids

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// IDs hands out values for hidden row ids from blocks that this node reserved. Blocks grow with
// use, and the next is fetched when half of one is used, so that inserts do not wait.
type IDs struct {
	reserve func(ctx context.Context, size uint64) (first uint64, err error)
	log     *slog.Logger

	mu        sync.Mutex
	next, end uint64 // what is left of the present block
	spare     [2]uint64
	size      uint64
	wake      chan struct{}
	more      chan struct{} // closed when another look is worth while: there are more values, or there will be none
	stopped   bool
}

const (
	firstBlock   = 1 << 10
	largestBlock = 1 << 20
)

// New makes IDs that reserve their blocks with reserve: it moves the cluster's counter by size and gives where it was.
func New(reserve func(ctx context.Context, size uint64) (first uint64, err error), log *slog.Logger) *IDs {
	return &IDs{reserve: reserve, log: log, wake: make(chan struct{}, 1), more: make(chan struct{}), size: firstBlock}
}

// ErrStopped: no values are reserved any more.
var ErrStopped = errors.New("rowids: the node stops")

// Take gives the first of count values, unique in the cluster, rising on each node. It waits while none can be reserved, until ErrStopped
// or the end of ctx.
func (r *IDs) Take(ctx context.Context, count uint64) (uint64, error) {
	for {
		first, more, err := r.take(count)
		if more == nil {
			return first, err
		}
		select {
		case <-more:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// take is Take without a wait: more is for that, nil where there is an answer.
func (r *IDs) take(count uint64) (first uint64, more <-chan struct{}, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.end-r.next < count {
		switch {
		case r.spare[1]-r.spare[0] >= count:
			r.next, r.end = r.spare[0], r.spare[1] // what was left of the old block is not used
			r.spare = [2]uint64{}
		case r.stopped:
			return 0, nil, ErrStopped
		default:
			r.size = max(r.size, 2*count)
			r.spare = [2]uint64{}
			r.ask()
			return 0, r.more, nil
		}
	}
	first = r.next
	r.next += count
	if r.spare[1] == 0 && r.end-r.next < r.size/2 {
		r.ask()
	}
	return first, nil, nil
}

// tell wakes those who wait. r.mu is held.
func (r *IDs) tell() {
	close(r.more)
	r.more = make(chan struct{})
}

func (r *IDs) ask() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Loop reserves blocks when they are wanted.
func (r *IDs) Loop(ctx context.Context) {
	defer func() {
		r.mu.Lock()
		r.stopped = true
		r.tell()
		r.mu.Unlock()
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		}
		r.mu.Lock()
		size := r.size
		r.mu.Unlock()
		first, err := r.reserve(ctx, size)
		if err != nil {
			r.log.Warn("reserving row ids failed, trying again", "err", err)
			r.ask()
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		r.mu.Lock()
		r.spare = [2]uint64{first, first + size}
		r.size = min(max(r.size, 2*size), max(largestBlock, size))
		r.tell()
		r.mu.Unlock()
	}
}
