// Package placement makes the cluster what it should be: which nodes have replicas of which shards, who leads them, how many data
// shards there are, and which version the cluster is at. Splitting, moving and balancing of tablets belong here as further steps.
//
// The catalog says which replica of a shard is on which node. The leaseholder of the system shard compares that with what
// the cluster should look like, with raft's own configuration and with what the nodes report, and does one step at a
// time towards it (Reconciler). Every step may be repeated and may be interrupted anywhere:
//
//  1. the catalog gives a node a new replica id, non-voting
//  2. raft's configuration gets it
//  3. the node is told to start it; the leader streams it a snapshot and then the log
//  4. when it has caught up, raft makes it a voter
//  5. the catalog notes that
//
// Invariant: replica ids are drawn from the catalog before they are used, and never again.
package placement
