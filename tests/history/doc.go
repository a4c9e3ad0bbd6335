// Package history judges what clients saw of a database: whether the transactions of a recorded run can be explained
// at the isolation level that they asked for. It knows no SQL and no cluster; package tests/cluster records.
//
// # Lists
//
// Clients append numbers, each used once, to lists, and read whole lists. That is what makes histories easy to judge
// (as Kingsbury and Alvaro's Elle does): the final list of a key is the order of its versions, the number at the end
// of a list that somebody read names the transaction that wrote the version, and so all dependencies are known:
//
//	ww  B appended right after A to the same list
//	wr  B read a list whose last number is A's
//	rw  A read a list to which B then appended: A comes before B
//	rt  A was acknowledged before B began
//
// Transactions that can be put into an order have a graph without cycles. What is found otherwise has a name:
//
//	lost append     an acknowledged transaction's number is in no final list
//	duplicate       a number was appended twice
//	fork            a read list is not the beginning of the final one
//	G1a             a transaction that did not commit was seen (aborted read)
//	G1b             a list was seen as it was within somebody's transaction (intermediate read)
//	internal        a transaction does not see its own appends, or a read is not repeatable
//	partial         some of a transaction's appends are there and others are not
//	G0              a cycle of ww alone: two transactions' writes are interleaved
//	G1c             a cycle of ww and wr: each saw what the other did
//	G-single        a cycle with one rw: read skew, lost update
//	G2              a cycle with several rw: write skew, phantoms
//	…-realtime      a cycle that only the clients' order of acknowledgements closes: a stale read
//
// # What is allowed
//
// A transaction that is not Weak must fit into one order with all others, rw and real time included: what is read with
// locks, what a read-only transaction reads at its snapshot, and what is read under SERIALIZABLE. A Weak one, which
// reads at a snapshot and then writes the newest rows, as REPEATABLE READ and READ COMMITTED have it, owes the others
// no rw; everything else it does. In this database commit timestamps are such an order, which is why all kinds may be
// mixed in one history: ww, wr and rt always go up in time, and rw does from all but the weak.
//
// A plain autocommit SELECT in one shard reads the newest state there and has no timestamp. What it has seen, whoever
// begins after it sees as well, and it misses nothing that was acknowledged for what it reads. But it does not wait for a
// write that is in flight, though that may get a timestamp below that of a transaction elsewhere which has been
// acknowledged; so there is no rt from others to such a read (Newest): it may come before transactions that a snapshot
// shows without one that had ended when the read began. In an order without real time it has its place like all others.
//
// # Unknown outcomes
//
// A transaction whose COMMIT got no answer has committed if any of its numbers is in a final list, and may have taken
// effect at any time after it began.
package history
