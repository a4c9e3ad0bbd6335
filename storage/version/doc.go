// Package version numbers what the nodes of one cluster can say to each other and write for ever.
//
// A cluster has one version, a record of its catalog. What a node puts where another node reads it (log entries, fragments,
// messages, records) is of that version or older, so that programs of two releases can serve one cluster while it is
// upgraded. What was written stays readable for ever: every program decodes all versions up to its newest.
//
//	program            can       cluster
//	commit 8630d07     1 … 1     1   a node that says nothing about itself is such a one
//	this one           1 … 2     raised to 2 when every member can (distributed/node, version.go), never lowered
//
// # What a new format does
//
// Every function, operator, aggregate, fragment kind, flag, effect, proposal kind, command and record has a version since
// which it exists: V1 unless its table says otherwise. An encoder is told the version that it may write and refuses what
// is newer with a *TooNew. Who chooses between an old and a new format asks the Gate, which costs an atomic load, once for
// all that belongs together: the answer may change from one call to the next, but only from no to yes.
//
//   - The planner keeps at the gateway what the cluster cannot say yet.
//   - A proposer writes entries in the format that the Gate allows.
//   - Binary messages between nodes get new fields at their end, written when the Gate allows, read when they are there;
//     JSON ones ignore what they do not know.
//   - What a node has been sent by another is not checked against its own Gate: that other one knew the version to be
//     raised, so it is, and this node's catalog is merely behind.
//
// Applying a log never asks the Gate: replicas learn of a raise at different times.
package version
