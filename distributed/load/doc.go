// Package load measures how large tablets are and how much is read and written of them, at each replica. Heartbeats tell the sums of
// shards, from which package placement sees that nodes differ; what their tablets come to, it then asks the leaseholders (decision 47).
//
// Counting is the shard's (storage/shard, TabletWork): an addition for a read, or for a row that is written. A Meter looks at the counters
// from time to time and makes rates of them.
//
// Invariants: nothing here is written down, and nothing that is applied depends on it. A look costs two loads for a tablet, and asks the
// engine for the sizes of a bounded number of them. What is told at once is bounded (List).
package load
