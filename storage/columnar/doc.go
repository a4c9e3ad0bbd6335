// Package columnar keeps a tablet's rows a second time, column by column, for queries that look at few columns of many rows (decision 50).
//
//	Copy    a tablet's rows as of one timestamp, and the keys that were changed since
//	Block   some thousand rows whose keys follow one another
//	Page    one column of a block: an Arrow stream, compressed, with a checksum
//	Column  a page, decoded: codes of a dictionary, numbers of 64 bits, or encoded values
//	Space   the files: they have no names, so nothing is left of them when the process ends
//
//	keys      … k1 ───────── k2 ───────── k3 ───────── …
//	blocks         block 0      block 1      block 2
//	regions   ───────────────┤────────────┤───────────────   each key is in just one block's region
//	changed      ·     ·              given up               rows of these keys, and all of a region that was given up, are read from the row store
//
// A copy is derived, local data of a replica: no log, hash or snapshot knows of it, and another version of the program
// makes its own. The shard's reader (storage/shard, columns*.go) puts it together with the row store.
//
// # Invariants
//
// A row of the copy whose key was not changed since, and whose region was not given up, is what a reader of the row store at At or
// any later timestamp finds under the key; a key of a region that is neither there nor changed has no row. A Block and its pages never change, and several copies may share
// them. A page whose bytes have changed on disk gives ErrDamaged and never another value. Nothing but copies and their readers refers to pages, so that a
// file's room on the disk is free when they are gone; what the cache holds of decoded pages is charged to the Space's account, for as long as it holds it.
package columnar
