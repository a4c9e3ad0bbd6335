package leaseholder

import (
	"sync/atomic"

	"cloudsql/distributed/lock"
	"cloudsql/storage/metric"
)

// Stats counts what a leaseholder, or another replica, did since it was made. All fields may be read at any time.
type Stats struct {
	LeaseReads      atomic.Uint64 `counter:"replica_lease_reads_total" help:"reads under the lease: no raft message" status:"Cloudsql_lease_reads"`
	SnapshotReads   atomic.Uint64 `counter:"replica_snapshot_reads_total" help:"of them, at a timestamp"`
	ReadIndexReads  atomic.Uint64 `counter:"replica_read_index_reads_total" help:"reads that asked raft instead of trusting the clock"`
	FollowerReads   atomic.Uint64 `counter:"replica_follower_reads_total" help:"reads of closed timestamps, without the lease" status:"Cloudsql_follower_reads"`
	FollowerWaits   atomic.Uint64 `counter:"replica_follower_waits_total" help:"waits for a timestamp to be closed here, of reads without the lease and of those forwarded" status:"Cloudsql_follower_waits"`
	ClosedAsked     atomic.Uint64 `counter:"replica_closed_asked_total" help:"promises made to followers, beside the log" status:"Cloudsql_follower_promises"`
	Writes          atomic.Uint64 `counter:"replica_writes_total" help:"autocommit transactions admitted"`
	HeavyWrites     atomic.Uint64 `counter:"replica_heavy_writes_total" help:"writes of many rows or bytes, which wait until there is room for them"`
	ClaimsFound     atomic.Uint64 `counter:"replica_claims_found_total" help:"autocommit writes evaluated beforehand, because of the locks of others"`
	VainWrites      atomic.Uint64 `counter:"replica_vain_writes_total" help:"autocommit writes by keys without rows, answered without the log"`
	ClaimWaits      atomic.Uint64 `counter:"replica_claim_waits_total" help:"proposals that waited for the end of a prepared transaction"`
	Commits         atomic.Uint64 `counter:"replica_commits_total" help:"interactive transactions whose commit, or part of it, was proposed"`
	Resolves        atomic.Uint64 `counter:"replica_resolves_total" help:"prepared parts whose end was proposed, in the background"`
	Recoveries      atomic.Uint64 `counter:"replica_recoveries_total" help:"transactions decided in the place of a gateway"`
	AbandonedTxns   atomic.Uint64 `counter:"replica_abandoned_txns_total" help:"transactions rolled back because their gateway was gone"`
	PassedTxns      atomic.Uint64 `counter:"replica_passed_txns_total" help:"open transactions that came along with a lease"`
	Proposals       atomic.Uint64 `counter:"replica_proposals_total" help:"transactions put into log entries, repetitions included"`
	Entries         atomic.Uint64 `counter:"replica_entries_total" help:"log entries proposed for them"`
	EntryBytes      atomic.Uint64 `counter:"replica_entry_bytes_total" help:"bytes of those entries"`
	MaxBatch        atomic.Uint64 `gauge:"replica_largest_batch" help:"most transactions in one entry"`
	Timestamps      atomic.Uint64 `counter:"replica_timestamp_requests_total" help:"requests for commit timestamps, one an entry"`
	Reproposals     atomic.Uint64 `counter:"replica_reproposals_total" help:"proposals repeated after a drop or with a new timestamp"`
	UnknownOutcomes atomic.Uint64 `counter:"replica_unknown_outcomes_total" help:"proposals given up without knowing whether they were applied"`
	LeaseTakes      atomic.Uint64 `counter:"replica_lease_takes_total" help:"leases taken"`
	LeaseRenewals   atomic.Uint64 `counter:"replica_lease_renewals_total" help:"leases renewed"`
	LeaseLosses     atomic.Uint64 `counter:"replica_lease_losses_total" help:"leases lost"`
	NotLeaseholder  atomic.Uint64 `counter:"replica_not_leaseholder_total" help:"requests sent elsewhere"`

	// Applied is how long entries took from raft's proposal until their effects were here.
	Applied metric.Histogram `histogram:"raft_apply_wait_seconds" help:"log entries, from their proposal until they are applied at their proposer: consensus, fsyncs and apply"`

	Locks lock.Stats
}
