package node

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"cloudsql/distributed/catalog"
	"cloudsql/distributed/datadir"
	"cloudsql/distributed/placement"
	"cloudsql/distributed/raft"
	"cloudsql/distributed/rpc"
	"cloudsql/storage/schema"
)

// What a new cluster begins with.
const (
	firstNode  schema.NodeID = 1
	rootPlugin               = "caching_sha2_password"
)

// clusterRecord is kept in the catalog under recordCluster.
type clusterRecord struct {
	ID            string `json:"id"`
	CreatedMicros int64  `json:"createdMicros"`
	Version       string `json:"version"`
}

const recordCluster = "cluster"

// bootstrap makes a new cluster of this node alone.
func (n *Node) bootstrap(ctx context.Context) error {
	var c rpc.ClusterID
	_, _ = rand.Read(c[:])
	n.setIdentity(c, firstNode)
	if _, err := n.dir.Begin(); err != nil {
		return err
	}
	if err := n.credentials.First(); err != nil {
		return err
	}
	if err := n.openStores(); err != nil {
		return err
	}
	for _, s := range []schema.ShardID{schema.SystemShard, placement.FirstDataShard} {
		r := raft.ReplicaID(firstNode, 1)
		if err := n.startReplica(ctx, datadir.Record{Shard: s, Replica: r, Members: []uint64{r}}); err != nil {
			return err
		}
	}
	if err := n.ChangeCatalog(ctx, n.firstCatalog); err != nil {
		return fmt.Errorf("writing the first catalog: %w", err)
	}
	if err := n.engine.Sync(); err != nil {
		return err
	}
	if err := n.dir.Identify(&datadir.Identity{
		Format: n.cfg.MaxVersion, Cluster: hex.EncodeToString(c[:]), Node: firstNode, Version: Version,
	}); err != nil {
		return err
	}
	return n.dir.Finish()
}

func (n *Node) firstCatalog(tx *catalog.Tx) error {
	c := n.ClusterID()
	tx.PutRecord(recordCluster, "info", &clusterRecord{
		ID: hex.EncodeToString(c[:]), CreatedMicros: time.Now().UnixMicro(), Version: Version,
	})
	tx.PutClusterVersion(catalog.ClusterVersion{Active: n.cfg.MaxVersion})
	tx.PutNode(&catalog.Node{ID: firstNode, NodeAddr: n.NodeAddr(), SQLAddr: n.cfg.SQLAddr, HTTPAddr: n.cfg.HTTPAddr})
	for _, s := range []schema.ShardID{schema.SystemShard, placement.FirstDataShard} {
		tx.PutShard(&catalog.Shard{
			ID: s, Replicas: map[schema.NodeID]uint64{firstNode: raft.ReplicaID(firstNode, 1)}, NextReplica: 2,
		})
	}
	tx.PutUser(&catalog.User{
		Name: "root", Host: "%", Plugin: rootPlugin, LoopbackOnly: true, Global: ^uint64(0), GrantOption: true,
	})
	return nil
}
