package node

import (
	"context"
	"strconv"
	"sync"
	"time"

	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// rowIDs hands out values for hidden row ids from blocks that this node reserved in the system shard. Blocks grow with
// use, and the next is fetched when half of one is used, so that inserts do not wait.
type rowIDs struct {
	mu        sync.Mutex
	next, end uint64 // what is left of the present block
	spare     [2]uint64
	size      uint64
	wake      chan struct{}
	more      *sync.Cond
	stopped   bool
	setUp     sync.Once
}

const (
	keyRowIDs     = "rowid/next"
	rowIDsFirst   = 1 << 10
	rowIDsLargest = 1 << 20
)

func (r *rowIDs) init() {
	r.setUp.Do(func() {
		r.wake = make(chan struct{}, 1)
		r.more = sync.NewCond(&r.mu)
		r.size = rowIDsFirst
	})
}

// NextRowIDs gives n values for hidden row ids of tables without a primary key; unique in the cluster, rising on each
// node. It waits while the system shard cannot be written.
func (n *Node) NextRowIDs(count int) uint64 { return n.rowIDs.take(uint64(count)) }

func (r *rowIDs) take(count uint64) uint64 {
	r.init()
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.end-r.next < count && !r.stopped {
		if r.spare[1]-r.spare[0] >= count {
			r.next, r.end = r.spare[0], r.spare[1] // what was left of the old block is not used
			r.spare = [2]uint64{}
			break
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
	return first
}

func (r *rowIDs) ask() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// loop reserves blocks when they are wanted.
func (r *rowIDs) loop(n *Node) func(context.Context) {
	r.init()
	return func(ctx context.Context) {
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
			first, err := n.reserveRowIDs(ctx, size)
			if err != nil {
				n.log.Warn("reserving row ids failed, trying again", "err", err)
				r.ask()
				_ = sleep(ctx, 100*time.Millisecond)
				continue
			}
			r.mu.Lock()
			r.spare = [2]uint64{first, first + size}
			r.size = min(max(r.size, 2*size), max(rowIDsLargest, size))
			r.more.Broadcast()
			r.mu.Unlock()
		}
	}
}

// reserveRowIDs moves the cluster's counter by size.
func (n *Node) reserveRowIDs(ctx context.Context, size uint64) (first uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		ls := n.local(schema.SystemShard)
		if ls == nil {
			return 0, errNoSystemReplica
		}
		value, version := ls.state.SystemGet(keyRowIDs)
		first, _ := strconv.ParseUint(string(value), 10, 64)
		first = max(first, 1)
		id := n.commandID.Add(1)
		reply, err := n.command(ctx, schema.SystemShard, shard.CommandSystem, id, shard.EncodeSystem(nil, &shard.SystemCommand{
			ID:     id,
			Expect: []shard.SystemExpect{{Key: keyRowIDs, Version: version}},
			Sets:   []shard.SystemSet{{Key: keyRowIDs, Value: strconv.AppendUint(nil, first+size, 10)}},
		}))
		if err != nil {
			return 0, err
		}
		if reply.OK {
			return first, nil
		}
		if err := n.RefreshCatalog(ctx); err != nil { // the counter is as new as the catalog
			return 0, err
		}
	}
}
