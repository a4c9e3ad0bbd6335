// Package golden holds what each cluster version's programs wrote, byte for byte, and checks that this one still reads it as
// what it was and, told to write for that version, writes the same again.
//
//	testdata/v1    made by commit 8630d07 (docs/checking.md tells how); never changed again
//	testdata/v2    made by this program: go test ./tests/golden -rewrite, until version 2 has been released
//
// A line is a kind, a name, the bytes and what they mean:
//
//	expr  concat/2  0103…  concat(s,n)
//
// The log is special: its entries are applied to an empty shard, and the chained hash must be what it was then. Replicas of
// two releases compare their hashes while a cluster is upgraded. The dump is that shard's key space as the old program left
// it, which is opened here and must go on from there.
package golden
