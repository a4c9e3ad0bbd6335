package node

import (
	"context"
	"encoding/json"
	"fmt"

	"cloudsql/distributed/load"
	"cloudsql/distributed/peers"
	"cloudsql/storage/schema"
	"cloudsql/storage/spawn"
)

// loadLoop measures the replicas of this node.
func (n *replicas) loadLoop(ctx context.Context) {
	for range spawn.Ticks(ctx.Done(), n.cfg.SteadyFor/8) {
		for _, ls := range *n.shards.Load() {
			if ls.id != schema.SystemShard {
				ls.meter.Look(n.cfg.Clock.Now(), ls.group.IsLeader(), ls.state)
			}
		}
	}
}

// ShardLoad is how large a shard is and how busy its leader, as that one last told.
func (n *core) ShardLoad(s schema.ShardID) load.Load {
	for _, st := range n.peers.All(peers.AliveFor) {
		if r := st.Replica(s); r != nil && r.Leader {
			return r.Load()
		}
	}
	return load.Load{}
}

// tabletLoads lists what the tablets of a shard come to at its replica here.
func (n *replicas) tabletLoads(s schema.ShardID) ([]load.Tablet, error) {
	ls := n.local(s)
	if ls == nil {
		return nil, fmt.Errorf("shard %d is not here", s)
	}
	return ls.meter.List(), nil
}

func (n *replicas) handleLoads(_ context.Context, _ schema.NodeID, req []byte) ([]byte, error) {
	var s schema.ShardID
	if err := json.Unmarshal(req, &s); err != nil {
		return nil, err
	}
	list, err := n.tabletLoads(s)
	if err != nil {
		return nil, err
	}
	return json.Marshal(list)
}

// Loads asks a node what the tablets of a shard come to there.
func (r reconciled) Loads(ctx context.Context, node schema.NodeID, s schema.ShardID) (list []load.Tablet, err error) {
	if node == r.NodeID() {
		return r.tabletLoads(s)
	}
	resp, err := r.ask(ctx, node, methodLoads, s)
	if err != nil {
		return nil, err
	}
	return list, json.Unmarshal(resp, &list)
}
