// Package flow lets heavy work in, first come first served, as long as no more than so much is on its way: large writes to
// raft wait here before they are proposed (decision 16). What it lets in and does not know is how much there is of it (Load).
//
// Invariants: no more is let in than may be, but for one alone, which may be larger than the bound; nobody who waits is
// forgotten, however those before him come, leave and lose patience; what has left is not counted any more.
package flow
