// Package moves takes tablets' rows to others while clients read and write them (decision 44): one tablet's to another shard, one's to several
// that it is cut into, or those of neighbours to one. Such a move is a record of the catalog; the leaseholder of the system shard carries it out
// (Driver), by questions to the leaseholders of the shards (Answer):
//
//	claim ─→ cut ─→ Track, Receive ─→ pages ─→ notes ─→ compared ─→ Freeze ─→ Open, with the last notes ─→ flip ─→ Leave, Settle ─→ drop
//	  ↑                                     └──────── busy, or too long: Track again ────────┘
//	  └ whoever drives, whenever it begins to
//
// What a shard itself does is in storage/shard (move.go, export.go), what its leaseholder does in distributed/replica (moves.go).
//
// Invariants: every step may be repeated, and be interrupted anywhere; each names the attempt that its driver has drawn from the catalog, and
// shards and the flip refuse an earlier one. All sources are frozen before the one flip. Only the flip shows the copies to anybody. Before it,
// everything can be taken back; after it, nothing is. Copies whose rows are not those of their sources are never shown.
package moves
