package txn

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"cloudsql/distributed"
	"cloudsql/distributed/leaseholder"
	"cloudsql/distributed/rpc"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// policy says what may be done about a call whose outcome is unknown.
type policy uint8

const (
	repeatable policy = iota // call again: it is a read, or its transaction id keeps it from happening twice
	once                     // give up and let the caller find out
)

const (
	minBackoff = 2 * time.Millisecond
	maxBackoff = 100 * time.Millisecond
	// doubtFor is how long a request is repeated that may have been executed, where it does not carry when it was made first:
	// shards remember outcomes for longer, as a rule.
	doubtFor = 15 * time.Second
	// maxHops is how often a redirect is followed at once; beyond, holders are pointing at each other.
	maxHops = 2
)

// call runs fn at the shard's leaseholder, wherever that is or comes to be, until it succeeds, fails for good, or ctx or
// RetryFor ends. The error is fit for the layers above.
func (c *caller) call(ctx context.Context, s schema.ShardID, p policy, fn func(leaseholder.Service) error) error {
	var first error
	if local := c.cfg.Router.Local(s); local != nil { // the common case, without the bookkeeping below
		if _, ok := local.Leaseholding(); ok {
			c.Stats.LocalCalls.Add(1)
			err := fn(local)
			if err == nil {
				return nil
			}
			if !c.again(err, p) {
				return public(err)
			}
			if ctx.Err() != nil {
				return c.giveUp(ctx, s, leaseholder.OutcomeUnknown(err), err)
			}
			first = err
		}
	}
	return c.search(ctx, s, p, first, fn)
}

// again tells whether a call that ended with err is worth another try.
func (c *caller) again(err error, p policy) bool {
	return retryable(err) || p == repeatable && leaseholder.OutcomeUnknown(err)
}

// retryable tells whether a request surely was not executed, and may be elsewhere or later.
func retryable(err error) bool {
	var elsewhere *leaseholder.NotLeaseholder
	return errors.As(err, &elsewhere) || errors.Is(err, rpc.ErrNotSent)
}

// search is call's way when the leaseholder is not here or not known. first is how a try has ended, if there was one.
func (c *caller) search(ctx context.Context, s schema.ShardID, p policy, first error, fn func(leaseholder.Service) error) error {
	var (
		end     time.Time // once a try has failed
		backoff = minBackoff
		hops    int
		next    = c.Leaseholder(s)
		doubt   bool // an earlier try may have been executed
	)
	note := func(err error) {
		if doubt || !leaseholder.OutcomeUnknown(err) {
			return
		}
		if doubt = true; !c.cfg.Version.Allows(sinceFirst) {
			end = time.Now().Add(min(doubtFor, c.cfg.RetryFor))
		}
	}
	note(first)
	for try := 0; ; try++ {
		if next == 0 {
			next = c.candidate(s, try)
		}
		node := next
		err := c.at(s, node, fn)
		if err == nil {
			c.hints.Store(s, node)
			return nil
		}
		if !c.again(err, p) {
			if doubt && ctx.Err() != nil {
				err = errors.Join(errDoubt, err)
			}
			return public(err)
		}
		note(err)
		if next = redirect(err); next == node {
			next = 0
		}
		if next != 0 && hops < maxHops {
			hops++
			c.Stats.Redirects.Add(1)
			continue
		}
		if end.IsZero() {
			end = time.Now().Add(c.cfg.RetryFor)
		}
		if time.Now().After(end) {
			return c.giveUp(ctx, s, doubt, err)
		}
		c.Stats.Retries.Add(1)
		if !c.pause(ctx, backoff) {
			return c.giveUp(ctx, s, doubt, err)
		}
		backoff, hops = min(2*backoff, maxBackoff), 0
	}
}

// redirect is who to ask instead, if the error says.
func redirect(err error) schema.NodeID {
	var elsewhere *leaseholder.NotLeaseholder
	if errors.As(err, &elsewhere) {
		return elsewhere.Holder
	}
	return 0
}

// candidate picks who to ask when nothing is known: all of the shard's nodes in turn.
func (c *caller) candidate(s schema.ShardID, try int) schema.NodeID {
	nodes := c.cfg.Router.Replicas(s)
	if len(nodes) == 0 {
		return c.cfg.Node
	}
	return nodes[try%len(nodes)]
}

// at runs fn at one node.
func (c *caller) at(s schema.ShardID, node schema.NodeID, fn func(leaseholder.Service) error) error {
	if node == c.cfg.Node {
		local := c.cfg.Router.Local(s)
		if local == nil {
			if err := c.cfg.Router.Lost(s); err != nil {
				return err
			}
			return &leaseholder.NotLeaseholder{Shard: s}
		}
		c.Stats.LocalCalls.Add(1)
		return fn(local)
	}
	c.Stats.RemoteCalls.Add(1)
	return fn(c.remote(node))
}

func (c *caller) remote(node schema.NodeID) *leaseholder.Remote {
	if r, ok := c.remotes.Load(node); ok {
		return r.(*leaseholder.Remote)
	}
	r, _ := c.remotes.LoadOrStore(node, leaseholder.NewRemote(c.cfg.Caller, node, c.cfg.Version))
	return r.(*leaseholder.Remote)
}

// pause waits a little more or less than d; false: ctx or the client has ended.
func (c *caller) pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d/2 + rand.N(d))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	case <-c.ctx.Done():
		return false
	}
}

// errDoubt marks an error after which a write may have happened.
var errDoubt = errors.New("txn: the outcome is unknown")

func (c *caller) giveUp(ctx context.Context, s schema.ShardID, doubt bool, err error) error {
	if doubt {
		c.Stats.UnknownOutcomes.Add(1)
		if ctx.Err() != nil {
			return errors.Join(errDoubt, ctx.Err())
		}
		return errors.Join(errDoubt, errOutcomeUnknown(fmt.Sprintf("no node serves shard %d: %v", s, err)))
	}
	return unavailable(ctx, fmt.Sprintf("shard %d", s), err)
}

// noConnection is the number that MySQL's clustered engine has for it.
const noConnection = 157

// unavailable is the client's error when nobody serves what it needs: 1296.
func unavailable(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return mysqlerr.Newf(mysqlerr.GetErrmsg, "Got error %d 'No node serves %s: %v' from cloudsql", noConnection, what, err)
}

// public turns a leaseholder's error into what distributed.DB promises.
func public(err error) error {
	if errors.Is(err, shard.ErrSchemaChanged) || errors.Is(err, shard.ErrNoTablet) {
		return distributed.ErrSchemaChanged
	}
	if errors.Is(err, shard.ErrTooOld) {
		return distributed.ErrTooOld
	}
	return err
}
