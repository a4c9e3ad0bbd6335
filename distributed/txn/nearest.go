package txn

import (
	"context"
	"errors"
	"time"

	"cloudsql/distributed/leaseholder"
	"cloudsql/storage/fragment"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// Reads of the past on a node without a replica go to the nearest node that has one, if that is nearer than the leaseholder's. It serves
// them as it serves its own clients' (follower.go): from what is closed there, or once a promise has been asked for. Where it is behind or
// fails, the leaseholder serves them.

const (
	nearestWait = 2 * time.Second // for a page: as long as a node counts as alive that says nothing
	shunFor     = time.Second     // a nearest node that failed
)

// nearest is the node to ask for a past state of a shard that this one has no replica of; 0: the leaseholder.
func (c *Client) nearest(s schema.ShardID) schema.NodeID {
	if c.cfg.Router.Local(s) != nil {
		return 0
	}
	node := c.cfg.Router.Nearest(s)
	if until, ok := c.shunned.Load(node); ok && time.Now().Before(until.(time.Time)) {
		return 0
	}
	return node
}

// readNearest reads a page from the nearest node; done is false where the leaseholder has to be asked.
func (c *Client) readNearest(ctx context.Context, q *leaseholder.ReadRequest, page *fragment.Page) (done bool, err error) {
	node := c.nearest(q.Shard)
	if node == 0 {
		return false, nil
	}
	call, cancel := context.WithTimeout(ctx, nearestWait)
	defer cancel()
	if err = c.remote(node).ReadNear(call, q, page); err == nil {
		c.Stats.NearestReads.Add(1)
		return true, nil
	}
	if ctx.Err() != nil {
		return true, ctx.Err()
	}
	c.Stats.FollowerForwards.Add(1)
	var behind *leaseholder.NotLeaseholder
	if !errors.As(err, &behind) {
		c.shunned.Store(node, time.Now().Add(shunFor))
	}
	return false, nil
}

// ServeNear serves another node's readNearest from this node's replica. Since its clients are going to ask again, what they read is kept
// fresh, by how old it is.
func (c *Client) ServeNear(ctx context.Context, q *leaseholder.ReadRequest, page *fragment.Page) error {
	c.fresh.want(c, q.Shard, c.moments.newest().Time().Sub(q.At.Time()))
	o := shard.ReadOptions{At: q.At, From: q.From, MaxBytes: q.MaxBytes}
	if done, err := c.readNear(ctx, q.Shard, q.Read, o, page); done {
		return err
	}
	return &leaseholder.NotLeaseholder{Shard: q.Shard}
}
