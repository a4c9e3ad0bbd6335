package node

import (
	"context"
	"maps"
	"slices"

	"cloudsql/distributed"
	"cloudsql/distributed/lockwatch"
	"cloudsql/storage/schema"
)

// watchLocks makes what finds deadlocks and lists locks.
func (n *gateway) watchLocks() *lockwatch.Watch {
	return lockwatch.New(n.ctx, lockwatch.Config{
		Node: n.NodeID, Others: n.otherMembers, Caller: n.client, Log: n.log,
		Detector: func() schema.NodeID { return n.Leaseholder(schema.SystemShard) },
		Replicas: func() (list []lockwatch.Replica) {
			shards := *n.shards.Load()
			for _, s := range slices.Sorted(maps.Keys(shards)) {
				list = append(list, shards[s].rep)
			}
			return list
		},
		Serving: func(s schema.ShardID) lockwatch.Replica {
			if r := n.replicaOf(s); r != nil {
				return r
			}
			return nil
		},
	})
}

// otherMembers are the cluster's nodes but for this one.
func (n *core) otherMembers() (ids []schema.NodeID) {
	for _, m := range n.Catalog().Nodes() {
		if m.ID != n.NodeID() && !m.Left {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

var _ distributed.LockViewer = (*Node)(nil)

// Locks, OnDeadlock and LockStats implement distributed.LockViewer.
func (n *gateway) Locks(ctx context.Context) []distributed.LockInfo { return n.locks.Locks(ctx) }
func (n *gateway) OnDeadlock(fn func(*distributed.Deadlock))        { n.locks.OnDeadlock(fn) }
func (n *gateway) LockStats() distributed.LockStats                 { return n.locks.Stats() }
