// Package metalock has the locks that hold in the whole cluster and are not on rows: on tables, for LOCK TABLES, FLUSH TABLES WITH
// READ LOCK and definitions, and GET_LOCK's. A lock is a record of the catalog, whose changes come one after the other, reach every
// node, survive failovers and wake who waits for them. A node has one Locks; each of its sessions has an Owner, by which it takes
// locks, and by which it is known to those who wait for it. The records of GET_LOCK are a scope of the catalog of their own (decision
// 45): they do not race with definitions, and plans do not look at their changes.
//
// # Tables
//
// LOCK TABLES and FLUSH TABLES WITH READ LOCK take locks until UNLOCK TABLES, a definition for as long as it changes what statements
// see. Every gateway knows a lock once it has seen the record; who asked for it has it once every gateway has seen the record and
// has no statement or transaction left that uses the table otherwise (the drain call):
//
//	record in the catalog ── new users of the table wait from here on
//	drain at every node   ── users from before end, in their own time
//	granted
//
// FLUSH TABLES WITH READ LOCK takes two, one after the other: on all tables, for which no open transaction is waited for, and on
// commits, which those then wait for that have written.
//
// It works because each side first shows what it is about to do and then looks at the other: a statement stores what it
// uses and then reads the catalog; a drain sees to the catalog and then reads what the statements use. Where there are no
// locks, a statement pays for one atomic store and two loads.
//
// A transaction that uses a table already is not kept off it by a lock that still waits for that very transaction;
// otherwise each would wait for the other. What is left of that, with several tables, is found by deadlocked.
//
// # Names
//
// The record of a user lock names who has the lock and who waits for it in order of coming; who gives it back hands it to the first
// of the queue in the same change, and the waiter sees that in its own node's catalog. Since every change of the records is one
// after the other, whoever is about to wait sees all waits there are, and finds a deadlock exactly.
//
//	GET_LOCK ── free ─────────────▶ Holder           one change of the catalog: one consensus round
//	         └─ taken ─▶ Queue ───▶ Holder           … and one for each transfer
//	                       └─ time is up, killed ─▶ gone
//
// Taking a lock again, and giving one of several back, concern the owner alone.
//
// # What keeps the records true
//
// A record names the engine (a node and its start) of each holder. Locks of an engine that is gone are removed by whoever waits for
// them; an owner that lost locks though it lives is told so by the end of its connection; what can't be given back at the moment is
// given back later (keep.go).
//
// Invariants: an Owner is used by its session's goroutine, but for what the process list and drains read; nothing here knows a
// session: what a lock does for one, it is told by an Owner that is handed to it, never by a context. Why so: docs/decisions/0022.
package metalock
