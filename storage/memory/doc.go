// Package memory counts who holds how much memory, as a tree, so that none of a client's requests can take more than it may.
//
//	process ─┬─ store: plan cache, what is in flight to raft, requests of other nodes …
//	         ├─ session ─┬─ Hold: user variables, prepared statements, cursors, long data
//	         │           └─ statement ─── Hold: a sort, a hash table, a page of rows, a syntax tree …
//	         └─ session …
//
// An Account is a level of the tree; it may be used by several goroutines at once. A Hold is what one operator holds in an
// account; it belongs to one goroutine, and closing it gives everything back. Both take from the level above in chunks, so that
// a small step costs an addition, and an account that nothing was charged to costs nothing at all: a point select never
// touches the tree.
//
// Large values (value.go) are charged to the process by themselves, from before they are built until the collector has found that
// nobody refers to them: whoever keeps one charges it beside that.
//
// Limits, each with the error that the one who wants more gets:
//
//	statement   1038   an operator that can spill to disk asks Crowded first
//	session     3170   mostly what it keeps between statements
//	process     1041   the largest statement is ended with it ("shed"), and whoever wanted more waits a moment for
//	                   what that one held; where nothing larger than itself can be shed, it gets the error itself
//
// What sessions and stores keep may fill three quarters of the process's limit: the rest is for statements, which end.
//
// Invariants: what was taken is given back exactly once (Shrink, Close of a Hold, or Close of an Account, which gives back what
// Holds that nobody closed had); a level's use is never
// less than the sum of what the levels below it use; Close of an account comes after all use of it and of those below it.
// Sizes are estimates by whoever allocates, before it does: they leave out what the collector has not yet found, which is
// why the process's limit is below the machine's memory (see Watch).
package memory
