// Package node is one process of the cluster: it owns the data directory, runs this node's replicas, keeps the catalog
// in memory, talks to the other nodes and implements distributed.DB on top.
//
//	                   ┌──────────── Node ────────────┐
//	SQL layer ──DB──→  │ catalog · tso · txn.Client   │ ←─rpc─→ other nodes
//	                   │ replica.Replica, one a shard │
//	                   │ raft.Host      shard.Shard   │
//	                   └──── raft/ ──────── data/ ────┘
//
// # The data directory
//
//	LOCK            held while a process uses the directory
//	node.json       which cluster and node this is, and the format of the directory
//	replicas.json   this node's replicas, how much of each is known to be durable, and where the other nodes are
//	making          there while a directory is being initialised; a start that finds it begins anew
//	raft/           the raft log (dragonboat)
//	data/           the rows (storage/engine)
//
// # Membership
//
// The catalog says which replica of a shard is on which node. The leaseholder of the system shard compares that with what
// the cluster should look like, with raft's own configuration and with what the nodes report, and does one step at a
// time towards it (reconcile.go). Every step may be repeated and may be interrupted anywhere:
//
//  1. the catalog gives a node a new replica id, non-voting
//  2. raft's configuration gets it
//  3. the node is told to start it; the leader streams it a snapshot and then the log
//  4. when it has caught up, raft makes it a voter
//  5. the catalog notes that
//
// # Invariants
//
//   - Replica ids are drawn from the catalog before they are used, and never again.
//   - A replica is opened only if its raft log is there and its rows are at least as new as what replicas.json says was
//     durable. Otherwise it is broken: it is not started, the node reports it, and the reconciler gives the node a new
//     one, which is filled by a streamed copy.
//   - Replicas of a shard compare hashes, and a majority of its voters judges (judge.go): only a replica that differs from a
//     majority that agrees and answers is broken, whether it is the leaseholder or not. Without such a majority nobody
//     goes, and the shard is reported as disputed.
//   - Nodes report waits for locks only while there are any (deadlock.go), and refuse a wait as the victim of a circle only
//     after every wait in it was confirmed.
//   - Whatever makes a replica unusable goes through breakReplica (broken.go); a part of the directory that is damaged is set
//     aside, never changed or deleted, and only where others have copies.
//   - A node whose disk is full but for the reserve leads nothing that others can lead (disk.go).
//   - The leaseholder of a shard is asked for everything that changes it. Who that is may be known wrongly: a node that
//     is asked by mistake says so and knows better, or has no idea and is asked again.
package node
