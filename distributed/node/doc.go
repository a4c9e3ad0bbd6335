// Package node is one process of the cluster: it owns the data directory, runs this node's replicas, keeps the catalog
// in memory, talks to the other nodes and implements distributed.DB on top.
//
//	                   ┌──────────── Node ────────────┐
//	SQL layer ──DB──→  │ catalog · tso · txn.Client   │ ←─rpc─→ other nodes
//	                   │ replica.Replica, one a shard │
//	                   │ raft.Host      shard.Shard   │
//	                   └──── raft/ ──────── data/ ────┘
//
// What can be said without the rest has rooms of its own: the data directory (datadir), heartbeats (peers), which replicas there
// should be (placement), changes of the catalog (catalogs), deadlocks (lockwatch), the time of day (wallclock), row ids (rowids).
// Here is what starts and stops them, and what they need of each other, in layers (layers.go).
//
// # Invariants
//
//   - A replica is opened only if its raft log is there and its rows are at least as new as what replicas.json says was
//     durable. Otherwise it is broken: it is not started, the node reports it, and the reconciler gives the node a new
//     one, which is filled by a streamed copy.
//   - Replicas of a shard compare hashes, and a majority of its voters judges (judge.go): only a replica that differs from a
//     majority that agrees and answers is broken, whether it is the leaseholder or not. Without such a majority nobody
//     goes, and the shard is reported as disputed.
//   - Whatever makes a replica unusable goes through breakReplica (broken.go); a part of the directory that is damaged is set
//     aside, never changed or deleted, and only where others have copies.
//   - A node whose disk is full but for the reserve leads nothing that others can lead (disk.go).
//   - The leaseholder of a shard is asked for everything that changes it. Who that is may be known wrongly: a node that
//     is asked by mistake says so and knows better, or has no idea and is asked again.
package node
