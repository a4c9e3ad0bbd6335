// Package mutant switches off rules that correctness rests on, to show that the checkers of tests/cluster notice. Only
// programs built with the tag "mutant" can do so (make mutants); in all others its switches are constants, and the
// compiler removes what they guard.
//
// A mutant program reads what to switch from the environment, CLOUDSQL_MUTANT=epoch,pauses:
//
//	expect    apply does not compare the versions of rows that a transaction saw with those that are there
//	epoch     apply takes entries of leaseholders that have been succeeded
//	inflight  snapshot reads do not wait for writes in flight
//	forgotten apply takes a proposal for new whose outcome may have been forgotten
//	prepared  reads of the newest state do not wait for what is prepared and not yet decided there
//	first     a leaseholder takes each request for one that was never made before, and stamps it anew
//	closed    apply takes timestamps that have been closed
//	majority  the most frequent hash is right, however many voters have it
//	damage    the raft log's files are not looked through before they are read
//	floor     the raft log may end before what the rows have of it
//	marks     the raft log's files are looked through without the marks of what was synced
//	synced    the raft log's files are looked through without the note of what was synced beside them
//	reserve   a disk is full when it is
//	pace      timestamps take any step of the clock at once
//	agreement a node's clock is right whatever the others' are
//	steady    reads of the newest state do not look whether something was prepared after they waited for that
//	budget    expressions at apply may look at as much as they like
//	locks     one exclusive lock in ten is granted beside its exclusive holder, as if that had lost it
//	pauses    a proposer rests now and then between fetching timestamps and proposing, as a loaded machine does
//	gaps      a read of the newest state rests now and then before it opens the state
//	forgetful shards remember the outcomes of very few transactions, and gateways rest before they repeat one
//	poison    apply cannot execute an entry with the text POISON in it
//
// Locks, pauses, gaps and forgetful break no promise by themselves: they make faults likely that the others guard against. The checkers
// must pass with them alone.
package mutant
