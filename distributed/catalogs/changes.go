package catalogs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/distributed/clock"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/version"
)

// Log is how changes reach the system shard's log, and this node's state.
type Log interface {
	NodeID() schema.NodeID
	// NextID draws an id for a command, LastID is the newest that was drawn. Ids begin anywhere, and rise.
	NextID() uint64
	LastID() uint64
	// Commit has a command put into the log, after the turns of those who have lost or atOnce. refused: it was applied, and did nothing; an error
	// leaves the outcome unknown.
	Commit(ctx context.Context, id uint64, cmd []byte, atOnce bool) (done bool, refused string, err error)
	// Refresh waits until Current is at least as new as every change acknowledged anywhere before the call.
	Refresh(ctx context.Context) error
}

// Changes makes this node's changes of the catalog.
type Changes struct {
	Store
	Turns Turns

	log   Log
	ctx   context.Context
	lanes map[catalog.Scope]*lane
}

// lane is where the changes of a scope wait, and are committed one group after the other.
type lane struct {
	*Changes
	scope      catalog.Scope
	committing chan struct{} // holds one: the commit that this node is at
	queue      queue
}

// Init makes n ready: it commits to log until ctx ends, and raises gate with the catalog.
func (n *Changes) Init(ctx context.Context, log Log, gate *version.Gate) {
	n.ctx, n.log, n.lanes = ctx, log, map[catalog.Scope]*lane{}
	for _, scope := range []catalog.Scope{catalog.Definitions, catalog.UserLocks} {
		n.lanes[scope] = &lane{Changes: n, scope: scope, committing: make(chan struct{}, 1)}
	}
	n.Store.init(gate)
}

// Waiting is how many changes wait for a commit.
func (n *Changes) Waiting() (waiting int) {
	for _, l := range n.lanes {
		waiting += l.queue.len()
	}
	return waiting
}

// Change is ChangeIn of definitions.
func (n *Changes) Change(ctx context.Context, fn func(tx *catalog.Tx) error) error {
	return n.ChangeIn(ctx, catalog.Definitions, fn)
}

// AtOnce is Change that comes before what waits at this node, and waits for no other node's turn: clients wait for it.
func (n *Changes) AtOnce(ctx context.Context, fn func(tx *catalog.Tx) error) error {
	return n.change(catalog.Definitions, &change{ctx: ctx, fn: fn, atOnce: true})
}

// ChangeIn runs fn on the newest catalog and commits what it put, again and again while others' changes come
// between, or its own, made by an attempt whose answer was lost. Only one of its attempts can commit: each expects the
// catalog that it began with.
//
// One commit takes all changes of the scope that have come meanwhile at this node, in their order: what waits for a consensus round
// shares the next one. fn may run in another's goroutine, and sees what those before it put. It must not look at other scopes.
func (n *Changes) ChangeIn(ctx context.Context, scope catalog.Scope, fn func(tx *catalog.Tx) error) error {
	return n.change(scope, &change{ctx: ctx, fn: fn})
}

func (n *Changes) change(scope catalog.Scope, c *change) error {
	c.ended = make(chan struct{})
	l := n.lanes[scope]
	l.queue.add(c)
	for open := true; open; {
		select {
		case <-c.ended:
			open = false
		case l.committing <- struct{}{}:
			l.lead(c)
		}
	}
	if c.panicked != nil {
		panic(c.panicked)
	}
	return c.err
}

// lead commits what waits, c among it unless that is done.
func (n *lane) lead(c *change) {
	defer func() { <-n.committing }()
	if !c.done {
		n.changeTogether(n.queue.take())
	}
}

// changeTogether commits some changes; committing is held.
func (n *lane) changeTogether(group []*change) {
	ctx, cancel := whileAnyWaits(group)
	defer cancel()
	before := n.log.LastID()
	for try := 0; len(group) > 0; try++ {
		atOnce := slices.ContainsFunc(group, func(c *change) bool { return c.atOnce })
		if !atOnce {
			n.Turns.Await(ctx, n.log.NodeID())
		}
		c := n.Current()
		if n.hasCommitted(c, before) {
			finish(group, nil)
			return
		}
		tx := catalog.Begin(c, n.scope)
		if group = n.gather(tx, group); !tx.Changed() {
			finish(group, nil)
			return
		}
		done, err := n.commit(ctx, tx, before, atOnce)
		if done && err == nil {
			finish(group, nil)
			return
		}
		if err != nil && (done || ctx.Err() != nil || n.ctx.Err() != nil || try == maxCommits) {
			finish(group, fmt.Errorf("changing the catalog: %w", err))
			return
		}
	}
}

// maxCommits bounds the attempts at a change that fails for another reason than a lost race.
const maxCommits = 20

// hasCommitted tells whether the newest change in c that was made here is one of those since before; committing is held.
func (n *lane) hasCommitted(c *catalog.Snapshot, before uint64) bool {
	since := c.LastCommit(n.log.NodeID(), n.scope) - before // ids begin anywhere
	return since != 0 && since <= n.log.LastID()-before
}

// commit tries to commit a change once; false: somebody else's came first. before is the last command's id of those
// before the change.
func (n *lane) commit(ctx context.Context, tx *catalog.Tx, before uint64, atOnce bool) (done bool, err error) {
	id := n.log.NextID()
	cmd := shard.EncodeSystem(nil, tx.Command(n.log.NodeID(), id))
	ok, refused, err := n.log.Commit(ctx, id, cmd, atOnce)
	if err == nil && ok {
		return true, n.awaitCommit(ctx, id)
	}
	// Lost, or its answer was: the records tell, when this node has applied all that was committed until now.
	look, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if refreshErr := n.log.Refresh(look); refreshErr != nil {
		return false, errors.Join(err, refreshErr, clock.Sleep(ctx, retryPause))
	}
	if n.hasCommitted(n.Current(), before) {
		return true, nil
	}
	if err == nil && tx.Stale(n.Current()) {
		return false, nil
	}
	if err == nil {
		err = fmt.Errorf("the system shard refused: %s", refused)
	}
	return false, errors.Join(err, clock.Sleep(ctx, retryPause))
}

// awaitCommit waits until this node has applied its own change.
func (n *lane) awaitCommit(ctx context.Context, id uint64) error {
	for {
		changed := n.Watch()
		if n.Current().LastCommit(n.log.NodeID(), n.scope) == id {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-n.ctx.Done():
			return n.ctx.Err()
		}
	}
}

// retryPause comes before another attempt at a change.
const retryPause = 50 * time.Millisecond
