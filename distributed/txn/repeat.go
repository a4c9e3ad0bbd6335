package txn

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"cloudsql/distributed/leaseholder"
	"cloudsql/storage/mutant"
	"cloudsql/storage/mvcc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/version"
)

// A request whose answer was lost is made again under the same transaction id, and is told the first one's outcome by the
// shard's records. Those are bounded. What has been forgotten must not be done again, so each request carries a timestamp
// that this gateway knew when it made it first (leaseholder.WriteRequest.First); where that is as old as what the shard has
// forgotten, it is refused:
//
//	one try only  ─→ it surely was not executed: made again with a newer timestamp
//	several       ─→ the client is told that nobody knows
//
// A timestamp that is too old costs a repetition or an answer, never a second execution; so what answers, snapshots and
// heartbeats bring along does, and no message is sent for it.

// sinceFirst is the cluster's version since which all nodes and logs know what a request's first try knew.
const sinceFirst = version.V2

// known is the newest timestamp that a gateway knows to have been handed out.
type known struct{ ts atomic.Uint64 }

func (k *known) raise(ts mvcc.Timestamp) {
	for {
		have := k.ts.Load()
		if uint64(ts) <= have || k.ts.CompareAndSwap(have, uint64(ts)) {
			return
		}
	}
}

// Observe takes in a timestamp that was handed out somewhere, before now.
func (c *caller) Observe(ts mvcc.Timestamp) { c.known.raise(ts) }

// Observed is the newest timestamp that this gateway has seen; 0: none.
func (c *caller) Observed() mvcc.Timestamp { return mvcc.Timestamp(c.known.ts.Load()) }

// firstTry is what a request that begins now carries: 0 where some nodes of the cluster would not understand it.
func (c *caller) firstTry(ctx context.Context) (mvcc.Timestamp, error) {
	if !c.cfg.Version.Allows(sinceFirst) {
		return 0, nil
	}
	if ts := c.Observed(); ts != 0 {
		return ts, nil
	}
	return c.newest(ctx)
}

// newest fetches a timestamp.
func (c *caller) newest(ctx context.Context) (mvcc.Timestamp, error) {
	ts, err := c.cfg.Timestamps.Next(ctx, 1)
	if err != nil {
		return 0, unavailable(ctx, "the timestamp service", err)
	}
	c.Observe(ts)
	return ts, nil
}

// execute is call for a request that must take effect once, however often it is made. fn passes on first, and alone, which
// says that the request was not made before, or surely not executed, and will not be while fn runs.
func (c *caller) execute(ctx context.Context, s schema.ShardID, first mvcc.Timestamp,
	fn func(svc leaseholder.Service, first mvcc.Timestamp, alone bool) error) error {
	doubt := false // an earlier try may have been executed
	for {
		err := c.call(ctx, s, repeatable, func(svc leaseholder.Service) error {
			if doubt {
				mutant.Linger()
			}
			err := fn(svc, first, !doubt)
			doubt = doubt || leaseholder.OutcomeUnknown(err)
			return err
		})
		if !errors.Is(err, leaseholder.ErrForgotten) {
			return err
		}
		if doubt {
			c.Stats.UnknownOutcomes.Add(1)
			return errors.Join(errDoubt, errOutcomeUnknown(fmt.Sprintf("shard %d has forgotten what was so long ago", s)))
		}
		if first, err = c.newest(ctx); err != nil {
			return err
		}
	}
}

// errOutcomeUnknown is what a client is told whose change may have taken effect.
func errOutcomeUnknown(why string) error {
	return mysqlerr.Newf(mysqlerr.ErrorDuringCommit, "Whether the transaction took effect is unknown: %s", why)
}
