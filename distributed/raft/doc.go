// Package raft runs the node's dragonboat groups over our own node transport and hands their entries to storage/shard.
package raft
