package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
	"cloudsql/storage/version"
)

// catalogStore is the catalog as this node has applied it.
type catalogStore struct {
	current atomic.Pointer[catalog.Snapshot]
	gate    *version.Gate // raised with the catalog

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at each change
}

func (c *catalogStore) init(gate *version.Gate) {
	c.gate = gate
	c.current.Store(catalog.Empty())
	c.changed = make(chan struct{})
}

// watch gives a channel that is closed at the next change; ask before looking.
func (c *catalogStore) watch() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

func (c *catalogStore) notify() {
	c.mu.Lock()
	close(c.changed)
	c.changed = make(chan struct{})
	c.mu.Unlock()
}

// follow takes over a change of the system shard; nil sets mean that everything may have changed. It is called from the
// goroutine that applies the log.
func (c *catalogStore) follow(state *shard.Shard, version uint64, sets []shard.SystemSet, log *slog.Logger) {
	var next *catalog.Snapshot
	var err error
	if sets == nil {
		next, err = catalog.Load(state.SystemScan)
	} else {
		// version is that of the last command of the batch; the catalog's own change may have come before it (a window of
		// timestamps is reserved in the same log), and the next change must expect the index of that.
		if _, own := state.SystemGet(catalog.Prefix + "version"); own != 0 {
			version = own
		}
		next, err = c.current.Load().Apply(version, sets)
	}
	if err != nil {
		log.Error("the catalog has a record that this version does not understand", "err", err)
		return
	}
	if next != c.current.Load() {
		c.gate.Raise(next.ClusterVersion().Active)
		c.current.Store(next)
		c.notify()
	}
}

// Catalog is the newest catalog that this node has applied.
func (n *Node) Catalog() *catalog.Snapshot { return n.catalog.current.Load() }

var errNoSystemReplica = errors.New("this node has no replica of the system shard yet")

// RefreshCatalog waits until Catalog is at least as new as every change acknowledged anywhere before the call.
func (n *Node) RefreshCatalog(ctx context.Context) error {
	ls := n.local(schema.SystemShard)
	if ls == nil {
		return errNoSystemReplica
	}
	if _, ok := ls.rep.Leaseholding(); ok {
		return nil // whatever was acknowledged went through here, and was applied first
	}
	return ls.group.ReadIndex(ctx)
}

// ChangeCatalog runs fn on the newest catalog and commits what it put, again and again while others' changes come
// between, or its own, made by an attempt whose answer was lost. Only one of its attempts can commit: each expects the
// catalog that it began with.
//
// One commit takes all changes of this node that have come meanwhile, in their order: what waits for a consensus round shares
// the next one. fn may run in another's goroutine, and sees what those before it put.
func (n *Node) ChangeCatalog(ctx context.Context, fn func(tx *catalog.Tx) error) error {
	c := &catalogChange{ctx: ctx, fn: fn, ended: make(chan struct{})}
	n.changes.add(c)
	for open := true; open; {
		select {
		case <-c.ended:
			open = false
		case n.committing <- struct{}{}:
			n.lead(c)
		}
	}
	if c.panicked != nil {
		panic(c.panicked)
	}
	return c.err
}

// lead commits what waits, c among it unless that is done.
func (n *Node) lead(c *catalogChange) {
	defer func() { <-n.committing }()
	if !c.done {
		n.changeTogether(n.changes.take())
	}
}

// changeTogether commits some changes of this node; committing is held.
func (n *Node) changeTogether(group []*catalogChange) {
	ctx, cancel := whileAnyWaits(group)
	defer cancel()
	before := n.commandID.Load()
	for try := 0; len(group) > 0; try++ {
		n.turns.await(ctx, n.NodeID())
		c := n.Catalog()
		if n.hasCommitted(c, before) {
			finish(group, nil)
			return
		}
		tx := c.Begin()
		if group = n.gather(tx, group); !tx.Changed() {
			finish(group, nil)
			return
		}
		done, err := n.commitCatalog(ctx, tx, before)
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

// hasCommitted tells whether the newest change in c that this node made is one of those since before; committing is held.
func (n *Node) hasCommitted(c *catalog.Snapshot, before uint64) bool {
	since := c.LastCommit(n.NodeID()) - before // ids begin anywhere
	return since != 0 && since <= n.commandID.Load()-before
}

// commitCatalog tries to commit a change once; false: somebody else's came first. before is the last command's id of those
// before the change.
func (n *Node) commitCatalog(ctx context.Context, tx *catalog.Tx, before uint64) (done bool, err error) {
	id := n.commandID.Add(1)
	cmd := shard.EncodeSystem(nil, tx.Command(n.NodeID(), id))
	res, err := n.request(ctx, &commandRequest{Shard: schema.SystemShard, Kind: shard.CommandSystem, ID: id, Command: cmd, Catalog: true})
	if err == nil && res.OK {
		return true, n.awaitCommit(ctx, id)
	}
	// Lost, or its answer was: the records tell, when this node has applied all that was committed until now.
	look, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if refreshErr := n.RefreshCatalog(look); refreshErr != nil {
		return false, errors.Join(err, refreshErr, sleep(ctx, 50*time.Millisecond))
	}
	if n.hasCommitted(n.Catalog(), before) {
		return true, nil
	}
	if err == nil && tx.Stale(n.Catalog()) {
		return false, nil
	}
	if err == nil {
		err = fmt.Errorf("the system shard refused: %s", res.Err)
	}
	return false, errors.Join(err, sleep(ctx, 50*time.Millisecond))
}

// awaitCommit waits until this node has applied its own change.
func (n *Node) awaitCommit(ctx context.Context, id uint64) error {
	for {
		changed := n.catalog.watch()
		if n.Catalog().LastCommit(n.NodeID()) == id {
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
