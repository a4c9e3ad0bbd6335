package replica

import (
	"context"
	"sync"
	"time"

	"cloudsql/distributed/leaseholder"
	"cloudsql/storage/shard"
)

// resultWaits matches the results of commands other than batches and leases with those who proposed them.
type resultWaits struct {
	mu   sync.Mutex
	byID map[resultKey]chan shard.Result
}

type resultKey struct {
	kind shard.CommandKind
	id   uint64
}

func (w *resultWaits) add(k resultKey) chan shard.Result {
	c := make(chan shard.Result, 1)
	w.mu.Lock()
	if w.byID == nil {
		w.byID = make(map[resultKey]chan shard.Result)
	}
	w.byID[k] = c
	w.mu.Unlock()
	return c
}

func (w *resultWaits) remove(k resultKey) {
	w.mu.Lock()
	delete(w.byID, k)
	w.mu.Unlock()
}

func (w *resultWaits) deliver(res *shard.Result) {
	k := resultKey{res.Kind, res.Batch}
	w.mu.Lock()
	c, ok := w.byID[k]
	delete(w.byID, k)
	w.mu.Unlock()
	if ok {
		c <- *res
	}
}

// commandRetry paces proposals of commands that were dropped.
const commandRetry = 50 * time.Millisecond

// Command proposes a command of another kind than batches and leases and waits for its result, matched by kind and id
// (Result.Batch). What raft drops is proposed again until ctx ends, so the command must be harmless when applied twice:
// compare-and-set, or idempotent.
func (r *Replica) Command(ctx context.Context, kind shard.CommandKind, id uint64, cmd []byte) (shard.Result, error) {
	k := resultKey{kind, id}
	result := r.waits.add(k)
	defer r.waits.remove(k)
	for {
		dropped := make(chan error, 1)
		err := r.group.Propose(ctx, cmd, func(err error) { dropped <- err })
		if err == nil {
			select {
			case res := <-result:
				return res, nil
			case <-dropped:
			case <-ctx.Done():
				return shard.Result{}, ctx.Err()
			case <-r.ctx.Done():
				return shard.Result{}, leaseholder.ErrClosed
			}
		}
		if err := r.sleep(ctx, commandRetry); err != nil {
			return shard.Result{}, err
		}
	}
}
