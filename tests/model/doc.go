// Package model is the commit protocol as a small machine, and walks through every state that it can reach: two or three
// shards, up to three transactions, a reader, and failovers, crashes, lost and repeated messages at every point between.
// `make model` runs it; docs/model.md tells what it found.
//
// # What is modelled
//
// Each shard has one row. A shard is what its log did (versions, prepared records, outcomes, the closed timestamp) and
// what the leaseholder of the present epoch has in memory (the lock, workspaces, writes in flight). A step is one action
// of one actor:
//
//	gateway      lock ─ lock ─ ask to prepare ─ … ─ tell the client        may crash after COMMIT has begun
//	leaseholder  register as in flight ─ fetch timestamp, propose ─ (again) may fail over: memory is gone
//	log          apply a proposal, an abort mark, a resolve                 in any order, late, twice
//	recoverer    ask a participant (which leaves an abort mark where the prepare is missing) ─ decide
//	reader       in each shard: wait for writes in flight ─ for prepared transactions ─ read
//
// Messages and answers are facts that stay: whoever acts may act on one that is long out of date, on some and not on
// others, and on those that somebody else got. Nothing needs to arrive, so a lost message needs no step of its own.
// Recovery is open to anybody as soon as something was prepared, and runs beside the coordinator and other recoverers.
//
// Time is not modelled. Whatever waits for time (a lease, the age of an outcome, a gateway's patience) may happen at any
// point; where the protocol relies on time, the model says so in a guard: see age. That two leaseholders never serve at
// once is the lease machine's own exploration (distributed/lease, model_test.go); here an epoch begins at one
// point in the log, and the one before ends there.
//
// # What is checked
//
// In every state: no transaction is committed in one shard and aborted in another, or at different timestamps; what the
// client was told is so; a row that was locked has not changed when its transaction commits; nothing appears at or below
// the closed timestamp, or a snapshot that was read; a read sees what was acknowledged before it began (rules.go). In
// every state from which nothing follows: everything is finished. Since steps never undo each other, every run ends in
// such a state, so nothing stays unresolved.
//
// Each entry that a log has on the way is given to a real shard too (storage/shard), which must show the same afterwards:
// pair_test.go and compare_test.go; docs/model.md tells more.
//
// TestPlantedBugs takes out one rule of the protocol after the other, and the model must notice each.
//
// # State
//
// A state is one comparable value of some 250 bytes. Timestamps are renumbered after each step, since only their order
// matters; that makes the number of states finite. Budgets bound what may go wrong (failovers, repeated proposals …).
package model
