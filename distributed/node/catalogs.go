package node

import (
	"context"
	"errors"

	"cloudsql/distributed/catalog"
	"cloudsql/storage/schema"
	"cloudsql/storage/shard"
)

// Catalog is the newest catalog that this node has applied.
func (n *core) Catalog() *catalog.Snapshot { return n.catalog.Current() }

// CatalogChanged gives a channel that is closed once this node's Catalog is another one; ask before looking.
func (n *core) CatalogChanged() <-chan struct{} { return n.catalog.Watch() }

var errNoSystemReplica = errors.New("this node has no replica of the system shard yet")

// RefreshCatalog waits until Catalog is at least as new as every change acknowledged anywhere before the call.
func (n *routes) RefreshCatalog(ctx context.Context) error {
	ls := n.local(schema.SystemShard)
	if ls == nil {
		return errNoSystemReplica
	}
	if _, ok := ls.rep.Leaseholding(); ok {
		return nil // whatever was acknowledged went through here, and was applied first
	}
	return ls.group.ReadIndex(ctx)
}

// ChangeCatalog runs fn on the newest catalog and commits what it put; see catalogs.Changes.
func (n *routes) ChangeCatalog(ctx context.Context, fn func(tx *catalog.Tx) error) error {
	return n.catalog.Change(ctx, fn)
}

// ChangeUserLocks is ChangeCatalog of user locks.
func (n *routes) ChangeUserLocks(ctx context.Context, fn func(tx *catalog.Tx) error) error {
	return n.catalog.ChangeIn(ctx, catalog.UserLocks, fn)
}

// systemLog is how changes of the catalog reach the system shard.
type systemLog struct{ *Node }

func (l systemLog) NextID() uint64                    { return l.commandID.Add(1) }
func (l systemLog) LastID() uint64                    { return l.commandID.Load() }
func (l systemLog) Refresh(ctx context.Context) error { return l.RefreshCatalog(ctx) }

func (l systemLog) Commit(ctx context.Context, id uint64, cmd []byte, atOnce bool) (done bool, refused string, err error) {
	q := &commandRequest{Shard: schema.SystemShard, Kind: shard.CommandSystem, ID: id, Command: cmd, Catalog: !atOnce}
	reply, err := l.request(ctx, q)
	if err != nil {
		return false, "", err
	}
	return reply.OK, reply.Err, nil
}

// executeInTurn executes a command of a node; changes of the catalog let others have their turn.
func (n *routes) executeInTurn(ctx context.Context, from schema.NodeID, q *commandRequest) *commandReply {
	if !q.Catalog {
		return n.execute(ctx, q)
	}
	n.catalog.Turns.Await(ctx, from)
	reply := n.execute(ctx, q)
	if !reply.NotHere {
		n.catalog.Turns.Tried(from, reply.OK)
	}
	return reply
}
