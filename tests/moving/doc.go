// Package moving has what a real cluster keeps move while clients work and nodes are killed: tablets from shard to shard, cut and merged; replicas from node to node.
package moving
