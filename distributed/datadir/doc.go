// Package datadir keeps a node's data directory: which node of which cluster it belongs to, and what it has. It also opens the
// directory of a node that does not run, for people (Stopped, JoinToken, Certify).
//
//	LOCK            held while a process uses the directory
//	node.json       which cluster and node this is, and the format of the directory
//	node.pem        the node's certificate and the cluster's authority (package certs)
//	replicas.json   this node's replicas, how much of each is known to be durable, and where the other nodes are
//	making          there while a directory is being initialised; a start that finds it and no node.json begins anew
//	raft/           the raft log (dragonboat)
//	data/           the rows (storage/engine)
//
// Invariants: files are replaced as a whole, and synced; a directory that holds other things than ours is refused, and so is one
// that a newer program has bound to a version which this one can't serve; nothing in it is deleted but what a first start left
// that did not end, which has no node.json.
package datadir
