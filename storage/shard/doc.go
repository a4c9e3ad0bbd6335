// Package shard is one replica's state of one shard: what its log did to the node's key space, and how it is read.
package shard
