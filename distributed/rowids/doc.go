// Package rowids hands out values for the hidden row ids of tables without a primary key, from blocks that each node reserves.
// A value is handed out once in the life of the cluster: what is left of a block when the node stops, or when a larger one is
// needed, is never used.
package rowids
