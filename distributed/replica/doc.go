// Package replica serves one shard on one node: it takes and renews the lease, holds the lock table and the open
// transactions' workspaces, gathers writes into log entries, and answers reads.
package replica
