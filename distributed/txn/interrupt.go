package txn

import (
	"context"
	"errors"

	"cloudsql/distributed/leaseholder"
	"cloudsql/storage/fragment"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// interrupted finds out what became of an autocommit write whose client did not wait for its end (KILL QUERY): what is
// said to be interrupted must not have happened. Where it has not happened so far, a mark sees to it that it never will.
// cause is the error of a write that did not happen.
func (c *Client) interrupted(s schema.ShardID, q *leaseholder.WriteRequest, cause error) ([]fragment.WriteResult, error) {
	ctx, cancel := context.WithTimeout(c.ctx, rollbackWait)
	defer cancel()
	var standing leaseholder.Standing
	err := c.call(ctx, s, repeatable, func(svc leaseholder.Service) (err error) {
		standing, err = svc.Inspect(ctx, s, q.Txn, true, q.First)
		return err
	})
	if err == nil && standing.Status != shard.Committed && standing.Status != shard.Forgotten {
		return nil, cause
	}
	var reply *leaseholder.WriteReply
	if q.Alone = false; err == nil && standing.Status == shard.Committed { // its outcome is recorded: asked again, it is told
		err = c.call(ctx, s, repeatable, func(svc leaseholder.Service) (err error) {
			reply, err = svc.Write(ctx, q)
			return err
		})
	}
	switch {
	case reply != nil && err == nil:
		return reply.Results, nil
	case standing.Status == shard.Committed:
		return nil, mysqlerr.Newf(mysqlerr.ErrorDuringCommit, "The statement was interrupted after it had taken effect")
	}
	c.Stats.UnknownOutcomes.Add(1)
	return nil, errors.Join(errDoubt, errOutcomeUnknown("the statement was interrupted"))
}
