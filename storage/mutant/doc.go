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
//	locks     one exclusive lock in ten is granted beside its exclusive holder, as if that had lost it
//	pauses    a proposer rests now and then between fetching timestamps and proposing, as a loaded machine does
//	forgetful shards remember the outcomes of very few transactions
//	poison    apply cannot execute an entry with the text POISON in it
//
// Locks, pauses and forgetful break no promise by themselves: they make faults likely that the others guard against. The checkers
// must pass with them alone.
package mutant
