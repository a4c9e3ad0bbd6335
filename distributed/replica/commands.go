package replica

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"cloudsql/distributed/leaseholder"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/spawn"
	"cloudsql/storage/version"
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

// countedGiven is the cluster's version since which the log tells which AUTO_INCREMENT values were given to gateways.
const countedGiven = version.V2

// ReserveAutoInc hands out n consecutive AUTO_INCREMENT values of a tablet's table. Whoever has them may write them when the lease is another's, who must
// not give them again: so the log knows of them before anybody has them. (Values that a leaseholder puts into rows itself come to nothing with it.)
func (r *transfers) ReserveAutoInc(ctx context.Context, _ schema.ShardID, tablet schema.TabletID, n uint64) (uint64, error) {
	t, err := r.serving(ctx)
	if err != nil {
		return 0, err
	}
	var first uint64
	err = r.thawed(ctx, func() (err error) {
		first, err = r.state.ReserveAutoInc(tablet, n)
		return err
	}, tablet)
	if err == nil && n > 0 && r.cfg.Version.Allows(countedGiven) {
		err = r.countGiven(ctx, t, tablet, first+n-1)
	}
	if err == nil && !r.still(t) {
		return 0, r.notHere(0, t.epoch)
	}
	return first, err
}

// countGiven has the log know that AUTO_INCREMENT values up to one were given.
func (r *transfers) countGiven(ctx context.Context, t *tenure, tablet schema.TabletID, value uint64) error {
	c := &shard.MoveCommand{ID: rand.Uint64(), Op: shard.MoveCount, Epoch: t.epoch, Tablet: tablet, AutoInc: value}
	cmd, err := shard.EncodeMove(nil, c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan struct{})
	defer close(ended)
	spawn.Go("the end of a lease", func() {
		select {
		case <-t.lost:
			cancel()
		case <-ended:
		}
	})
	res, err := r.Command(ctx, shard.CommandMove, c.ID, cmd)
	switch {
	case err != nil && !r.still(t), errors.Is(res.Err, shard.ErrMoveEpoch):
		return r.notHere(0, t.epoch)
	case errors.Is(res.Err, shard.ErrMoveRefused):
		return shard.ErrNoTablet
	}
	return errors.Join(err, res.Err)
}
