// Package lock is the row locks of a shard, in its leaseholder's memory, and the writes in flight.
//
//	Acquire, AcquireRange ─→ granted at once, or queued ─→ [deadlock?] ─→ granted when others let go
//	AcquireAuto           ─→ all keys of an autocommit write, which is in flight from then on
//	Release               ─→ the next in the queues
//
// Locks are in memory: what makes a lost one harmless is that a commit carries the version of every row that was
// written or locked by itself, and apply compares; and that locks live and die with the lease's epoch, which every proposal
// names. A Table belongs to one epoch; a planned transfer passes its transactions' locks along (Held).
//
// # Who excludes whom
//
// A lock is on a key of an index (of the primary index for a row, of a unique index for a key that is about to be taken, of
// another index for an entry that comes or goes), or on a range of an index. Two owners may have what the table says at once:
//
//	            auto  shared  exclusive    range, shared   range, exclusive
//	auto        yes    no       no              no                no
//	shared      no     yes      no              yes         where it has met no row
//	exclusive   no     no       no              no                no
//	(insert)    no     no       no              no                no
//	range, s                                    yes         no rows in common
//	range, x                                                no rows in common
//
// Auto is what autocommit writes hold: they go together because the log orders them. A key that is locked only to keep it
// from being inserted (absent) is held shared, and lets ranges of all modes in: it has no row. Insert is what an insert asks for and
// shows as while it waits for a gap, as InnoDB's insert intention; it is granted as exclusive, and never held.
//
// # Order
//
//   - Queues are first come first served, upgrades first. Nobody is granted a key before an earlier request for it that it
//     conflicts with, but for who holds it, or a range around it, already: the queue waits for him.
//   - A range is granted if nothing that others hold in it is in its way, and no range with common rows. A range whose scan
//     is under way counts as full of rows: two scans for update of the same rows follow one another instead of taking the
//     range together and then meeting at its rows (a deadlock in most cases). Afterwards only the rows that it met count, so
//     that empty ranges, gaps, don't exclude each other.
//   - Ranges and keys look at each other when they are asked for and when somebody lets go. Who holds nothing waits behind
//     earlier requests that it conflicts with; who holds something passes a range that is only waited for, since that may be
//     waiting for him.
//   - Writes lock the entries of secondary indexes that come and go, so that a range finds what is pending in it. Autocommit
//     writes don't, since they are evaluated at apply: a range of a secondary index waits for those in flight, and those that
//     come while there is one are told so (ErrInDoubt), and find out first what they will touch.
//   - A transaction with very many locks on keys of an index has one on a range of it instead, as strong as those, if nobody else has
//     anything there that would have to wait (escalate.go).
//   - A deadlock within the table is found when the request that closes the cycle is made, and the member with the fewest
//     locks is refused (1213). For cycles through several tables see package deadlock, and waits.go for what it is told.
//
// # Writes in flight
//
// A write is registered in the moment in which it has all its locks, before its timestamp is fetched, and leaves with them
// when its outcome is known. A snapshot read at T waits for those on what it reads (AwaitBelow), unless their timestamps are
// known to be above T: because they have been fetched, or because the write registered when T, or a later timestamp, was
// known here already (Flights.Saw). A read of the newest state waits for those that are prepared (AwaitPrepared).
//
// Without ranges in the table, a key costs one look at a map's length more; without writes in flight, a read costs one
// atomic load. Nothing here blocks but the waiting itself, and no mutex is held then.
package lock
