// Package moving has tablets of a real cluster move from shard to shard, be cut and merged while clients work and nodes are killed.
package moving
