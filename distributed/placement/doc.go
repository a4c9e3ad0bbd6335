// Package placement makes the cluster what it should be: which nodes have replicas of which shards, who leads them, how many data
// shards there are, which tablets go elsewhere so that nodes bear the same, and which version the cluster is at.
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
// A replica goes the other way: the catalog notes that it is to go (Shard.Changing), raft removes it, the catalog forgets it, and its
// node clears it. Where to find what:
//
//	members.go    how a node stands (it stays, is silent, lost, leaving, left), who should have a replica, and whose may go
//	balance.go    replicas and leases from nodes with many to nodes with few, and leases by what they come to
//	weigh.go      what nodes bear, and which moves would make that more even
//	shift.go      which tablets move together, and having them moved (package moves does it)
//	cuts.go       tablets that are too much for a node are cut, and put together again when they are light (decision 54)
//	routes.go     which node serves a shard, or a past state of it
//	reconcile.go  the steps, in their order
//	tables.go     shards for the tablets of new tables
//	version.go    the cluster's version
//
// Invariants: replica ids are drawn from the catalog before they are used, and never again. A change that raft was asked for is
// completed, whatever was heard of it. Nothing is taken out of a group before as many others as it should have vote, run and have
// caught up. Tablets are moved for evenness only by moves that make the sum of weigh.go smaller, so none goes to and fro while loads
// stay; and those of a database together. (decisions 43, 47, 53, 54; sim_test.go is a simulation of whole clusters.)
package placement
