package replica

import (
	"context"
	"time"

	"cloudsql/distributed/leaseholder"
	"cloudsql/storage/shard"
)

// commandRetry paces proposals of commands that were dropped.
const commandRetry = 50 * time.Millisecond

// Command proposes a command of another kind than batches and leases and waits for its result, matched by kind and id
// (Result.Batch). What raft drops is proposed again until ctx ends, so the command must be harmless when applied twice:
// compare-and-set, or idempotent.
func (r *transfers) Command(ctx context.Context, kind shard.CommandKind, id uint64, cmd []byte) (shard.Result, error) {
	result := r.waits.Await(kind, id)
	defer r.waits.Remove(kind, id)
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
