// Package raft runs this node's raft groups on dragonboat and hides that it is dragonboat.
//
// # What is ours
//
// Messages and snapshots travel over the node's own listener (package rpc, KindRaft and KindSnapshot), addressed by node
// id: a group's members are named "n3" in raft's configuration, and the address book says where node 3 is today, so a
// node may change its address. A replica's id holds its node: node<<32 | sequence; the sequence is counted in the
// catalog and never reused, because raft never takes a removed replica id back.
//
//	Propose ─→ dragonboat ─→ log, fsync, quorum ─→ Update ─→ shard.Apply ─→ OnApplied listener
//	      └─ request state ─→ sweeper: tells of what was dropped or timed out
//
// # Invariants
//
//   - The raft log is the write-ahead log. The state machine is written without syncing; Sync makes it durable before
//     dragonboat compacts the log, and Config.OnDurable reports how far, so that a replica whose data is older than
//     that is found out before it is opened again (dragonboat would panic).
//   - A log that lacks what was written to it is not opened (ErrDamagedLog): see wal.go, synced.go, tables.go and damage.go.
//   - A replica that cannot apply an entry applies nothing more, and the listener is told (OnFailed); the library is not.
//   - A proposal's result comes through OnApplied, once, in log order; dropped is called at most once and only when
//     dragonboat says that the proposal is lost or presumed lost. A presumed loss may still be applied later: exactly
//     once is the shard's business (outcome records), not raft's.
//   - Nothing is proposed while no leader is known: dragonboat would keep it until its timeout.
//   - A replica that once joined as non-voting is always started as non-voting; replaying its log makes it a voter where
//     it was promoted. Starting it as a voter would make dragonboat panic on its own first log entry.
package raft
