// Package moves takes tablets from one shard to another while clients read and write them (decision 44). A move is a record of the
// catalog; the leaseholder of the system shard carries it out (Driver), by questions to the leaseholders of the two shards (Answer):
//
//	claim ─→ Track, Receive ─→ pages ─→ notes ─→ compared ─→ Freeze ─→ the last notes ─→ Open ─→ flip ─→ Leave, Settle ─→ drop
//	  ↑                                     └──────── busy, or too long: Track again ────────┘
//	  └ whoever drives, whenever it begins to
//
// What a shard itself does is in storage/shard (move.go, export.go), what its leaseholder does in distributed/replica (moves.go).
//
// Invariants: every step may be repeated, and be interrupted anywhere; each names the attempt that its driver has drawn from the catalog, and
// shards and the flip refuse an earlier one. Only the flip shows the copy to anybody. Before it, everything can be taken back; after it,
// nothing is. A copy whose rows are not those of its tablet is never shown.
package moves
