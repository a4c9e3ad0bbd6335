// Package mvcc keeps many versions of each key in an ordered store and reads what was visible at a timestamp.
//
//	engine key   = key  ^timestamp (8 bytes, big endian, inverted: the newest version of a key comes first)
//	engine value = flag (1) payload
//	flag         = 1 put | 2 delete (3 was kept for intents, which decision 4 did without: never written)
//
// Keys are prefix-free within an index (package keys), so that the versions of one key are neighbours and no other key
// lies among them:
//
//	k1@30 put   k1@10 put   k2@20 delete   k2@10 put
//	└ at 35, 30 ┘ └ at 15 ┘  └ at 25: nothing ┘ └ at 15 ┘
//
// Invariants: timestamps lie strictly between 0 and MaxTimestamp; a version, once written, never changes, except that
// the writes of one transaction on a key overwrite each other, having the same timestamp; garbage collection at a
// watermark changes nothing that a read at or above the watermark sees.
package mvcc
