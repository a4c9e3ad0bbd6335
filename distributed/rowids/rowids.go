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
	more      *sync.Cond
	stopped   bool
}

const (
	firstBlock   = 1 << 10
	largestBlock = 1 << 20
)

// New makes IDs that reserve their blocks with reserve: it moves the cluster's counter by size and gives where it was.
func New(reserve func(ctx context.Context, size uint64) (first uint64, err error), log *slog.Logger) *IDs {
	r := &IDs{reserve: reserve, log: log, wake: make(chan struct{}, 1), size: firstBlock}
	r.more = sync.NewCond(&r.mu)
	return r
}

// ErrStopped: no values are reserved any more.
var ErrStopped = errors.New("rowids: the node stops")

// Take gives the first of count values, unique in the cluster, rising on each node. It waits while none can be reserved, until ErrStopped.
func (r *IDs) Take(count uint64) (uint64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.end-r.next < count {
		if r.spare[1]-r.spare[0] >= count {
			r.next, r.end = r.spare[0], r.spare[1] // what was left of the old block is not used
			r.spare = [2]uint64{}
			break
		}
		if r.stopped {
			return 0, ErrStopped
		}
		r.size = max(r.size, 2*count)
		r.spare = [2]uint64{}
		r.ask()
		r.more.Wait()
	}
	first := r.next
	r.next += count
	if r.spare[1] == 0 && r.end-r.next < r.size/2 {
		r.ask()
	}
	return first, nil
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
		r.more.Broadcast()
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
		r.more.Broadcast()
		r.mu.Unlock()
	}
}
