// Package moving has tablets of a real cluster move from shard to shard while clients work and nodes are killed.
package moving
