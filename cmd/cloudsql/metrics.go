package main

import (
	"strconv"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"cloudsql/distributed/replica"
	"cloudsql/storage/memory"
	"cloudsql/storage/spawn"
)

// collector reads the counters of a node's parts when Prometheus asks. Everything is read from atomics that the hot
// paths keep anyway.
type collector struct {
	p *process
}

func newCollector(p *process) *collector { return &collector{p: p} }

// collectMemory tells of the accounts of memory.
func (c *collector) collectMemory(out chan<- prometheus.Metric) {
	m := c.p.memory.Totals()
	c.send(out, nil, "",
		gauge("memory_accounted_bytes", "memory that is charged to somebody", float64(m.Process.Used)),
		gauge("memory_accounted_limit_bytes", "what may be charged in all, 0 for no limit", float64(m.Process.Limit)),
		gauge("memory_process_bytes", "memory that the runtime has from the system", float64(memory.ProcessBytes())),
		sample{name: "memory_statements_shed_total", help: "statements that were ended because the process ran out of memory", value: float64(m.Sheds)},
		sample{name: "memory_refused_total", help: "requests for memory that the process's limit refused", value: float64(m.Refused)})
	for i := range m.Stores {
		c.send(out, []string{"store"}, m.Stores[i].Name, gauge("memory_store_bytes", "memory held beside the sessions", float64(m.Stores[i].Used)))
	}
	for kind, n := range m.Kinds {
		c.send(out, []string{"kind"}, kind, gauge("memory_kind_bytes", "memory of sessions and statements, by what it is held for", float64(n)))
	}
}

// collectTemporary tells of the temporary files of statements.
func (c *collector) collectTemporary(out chan<- prometheus.Metric) {
	s := c.p.space
	c.send(out, nil, "",
		gauge("temporary_bytes", "what the temporary files of statements take", float64(s.Used())),
		sample{name: "temporary_written_bytes_total", help: "bytes written to temporary files", value: float64(s.Written())})
	for k := range memory.Kinds {
		if n := s.Files(k); n > 0 {
			c.send(out, []string{"kind"}, k.String(), sample{name: "temporary_files_total",
				help: "temporary files made, by what there was too little memory for", value: float64(n)})
		}
	}
}

// Describe says nothing: the set of series depends on which shards are here.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

// sample is one value to report.
type sample struct {
	name, help string
	value      float64
	gauge      bool
}

func counter(name, help string, v *atomic.Uint64) sample {
	return sample{name: name, help: help, value: float64(v.Load())}
}

func gauge(name, help string, v float64) sample {
	return sample{name: name, help: help, value: v, gauge: true}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	defer spawn.Recover("metrics") // the library's goroutine
	for part, n := range spawn.Panics() {
		c.send(out, []string{"part"}, part, sample{name: "panics_total", help: "pieces of work that ended by a bug, by what they were for", value: float64(n)})
	}
	c.collectMemory(out)
	n := c.p.node.Counters()
	c.send(out, nil, "",
		counter("raft_proposals_total", "entries proposed to raft on this node", &n.Raft.Proposals),
		counter("raft_proposed_bytes_total", "bytes of those entries", &n.Raft.ProposedBytes),
		counter("raft_lost_proposals_total", "proposals dropped or timed out", &n.Raft.Lost),
		counter("raft_read_index_total", "linearizable reads that asked the quorum", &n.Raft.ReadIndexes),
		counter("raft_leader_changes_total", "leadership changes seen", &n.Raft.LeaderChanges),
		counter("raft_batches_out_total", "message batches sent to other nodes", &n.Transport.BatchesOut),
		counter("raft_batches_in_total", "message batches received", &n.Transport.BatchesIn),
		counter("raft_bytes_out_total", "bytes of raft messages and snapshots sent", &n.Transport.BytesOut),
		counter("raft_bytes_in_total", "bytes received", &n.Transport.BytesIn),
		counter("raft_snapshot_chunks_out_total", "chunks of snapshots sent", &n.Transport.ChunksOut),
		counter("raft_snapshot_chunks_in_total", "chunks of snapshots received", &n.Transport.ChunksIn),
		counter("raft_dropped_messages_total", "messages to nodes that were not connected", &n.Transport.Dropped),
		counter("rpc_calls_total", "requests sent to other nodes", &n.Client.Calls),
		counter("rpc_failed_calls_total", "of them, without an answer", &n.Client.Failed),
		counter("rpc_served_total", "requests of other nodes served", &n.Server.Calls),
		counter("rpc_bytes_out_total", "bytes of requests", &n.Client.BytesOut),
		counter("rpc_dials_total", "connections attempted", &n.Client.Dials),
		counter("tso_handed_out_total", "timestamps handed out by this node as the owner", &n.Owner.Timestamps),
		counter("tso_windows_total", "windows of timestamps reserved in the log", &n.Owner.Windows),
		counter("tso_local_requests_total", "requests for timestamps served here without a message", &n.Stamps.Local),
		counter("tso_remote_requests_total", "requests for timestamps that another node served", &n.Stamps.Remote),
		counter("tso_calls_total", "messages that carried them", &n.Stamps.Calls),
		counter("txn_local_calls_total", "operations at leaseholders on this node", &n.Txns.LocalCalls),
		counter("txn_remote_calls_total", "operations at leaseholders on other nodes", &n.Txns.RemoteCalls),
		counter("txn_retries_total", "operations tried again after a pause", &n.Txns.Retries),
		counter("txn_redirects_total", "operations sent on to another node", &n.Txns.Redirects),
		counter("txn_unknown_outcomes_total", "statements given up without knowing whether they took effect", &n.Txns.UnknownOutcomes),
		counter("txn_snapshots_total", "timestamps fetched for reading", &n.Txns.Snapshots),
		counter("txn_stale_states_total", "past states chosen for reads with a bound", &n.Txns.StaleStates),
		counter("txn_follower_forwards_total", "reads of the past that this node's replica could not serve", &n.Txns.FollowerForwards),
		counter("txn_aborted_total", "transactions lost to deadlocks, conflicts and failovers", &n.Txns.Aborted),
		counter("txn_one_shard_commits_total", "commits in one shard: one proposal", &n.Txns.CommitsOne),
		counter("txn_many_shard_commits_total", "commits in several shards: a proposal in each at once", &n.Txns.CommitsMany),
		sample{name: "hashes_compared_total", help: "comparisons of a replica's hash with another's", value: float64(n.Compared)},
		sample{name: "replicas_condemned_total", help: "replicas of this node that differed from a majority and were replaced", value: float64(n.Condemned)},
		gauge("clock_offset_seconds", "this node's wall clock less the majority's", n.Clock.Offset.Seconds()),
		gauge("clock_off", "1 if it is off by more than --max-clock-offset", boolean(n.Clock.Off)),
		gauge("clocks_agree", "1 if a majority of the members' clocks agrees", boolean(n.Clock.Agreed)),
		gauge("tso_lead_seconds", "timestamps less the wall clock, at the node that owns them", n.Clock.Lead.Seconds()),
		gauge("shards_disputed", "shards whose replicas differ while no majority agrees", float64(n.Disputed)),
		gauge("disk_free_bytes", "what is free on the disk of this node that has least", float64(n.DiskFree)),
		gauge("disk_full", "1 while less than --disk-reserve-mb is free", boolean(n.DiskFull)),
		gauge("lock_waiters", "requests that wait for row locks at this node's leaseholders", float64(c.p.node.LockStats().Waiting)),
		gauge("txn_open", "interactive transactions of this node's clients", float64(n.Open)),
		gauge("catalog_version", "log index of the catalog that this node has applied", float64(c.p.node.Catalog().Version())),
	)
	for id, s := range n.Replicas {
		c.send(out, []string{"shard"}, strconv.FormatUint(uint64(id), 10), replicaSamples(s)...)
	}
	for _, r := range c.p.node.Report().Replicas {
		c.send(out, []string{"shard"}, strconv.FormatUint(uint64(r.Shard), 10),
			gauge("replica_applied_index", "log index that the replica has applied", float64(r.Applied)),
			gauge("replica_holds_lease", "1 on the leaseholder", boolean(r.Holder == c.p.node.NodeID())),
			gauge("replica_leads", "1 on raft's leader", boolean(r.Leader == c.p.node.NodeID())),
			gauge("replica_broken", "1 if the replica cannot be used", boolean(r.Broken != "")),
		)
	}
	c.engine(out, n.Engine.DB().Metrics().DiskSpaceUsage())
	c.protocol(out)
}

func replicaSamples(s *replica.Stats) []sample {
	return []sample{
		counter("replica_lease_reads_total", "reads under the lease: no raft message", &s.LeaseReads),
		counter("replica_snapshot_reads_total", "of them, at a timestamp", &s.SnapshotReads),
		counter("replica_inflight_waits_total", "snapshot reads that waited for a write", &s.Locks.InFlightWaits),
		counter("replica_read_index_reads_total", "reads that asked raft", &s.ReadIndexReads),
		counter("replica_follower_reads_total", "reads of closed timestamps, without the lease", &s.FollowerReads),
		counter("replica_follower_waits_total", "waits for a timestamp to be closed here", &s.FollowerWaits),
		counter("replica_closed_asked_total", "promises made to followers, beside the log", &s.ClosedAsked),
		counter("replica_writes_total", "autocommit transactions", &s.Writes),
		counter("replica_heavy_writes_total", "writes of many rows or bytes, which wait until there is room for them", &s.HeavyWrites),
		counter("replica_commits_total", "interactive transactions committed", &s.Commits),
		counter("replica_resolves_total", "prepared parts whose end was proposed, in the background", &s.Resolves),
		counter("replica_proposals_total", "transactions put into log entries", &s.Proposals),
		counter("replica_entries_total", "log entries proposed for them", &s.Entries),
		counter("replica_timestamp_requests_total", "requests for commit timestamps, one an entry", &s.Timestamps),
		counter("replica_reproposals_total", "proposals repeated", &s.Reproposals),
		counter("replica_unknown_outcomes_total", "proposals given up without knowing", &s.UnknownOutcomes),
		counter("replica_lock_waits_total", "row locks waited for", &s.Locks.Waits),
		counter("replica_lock_timeouts_total", "1205", &s.Locks.Timeouts),
		counter("replica_deadlocks_total", "1213", &s.Locks.Deadlocks),
		counter("replica_claims_found_total", "autocommit writes evaluated beforehand, because of others' locks", &s.ClaimsFound),
		counter("replica_lease_takes_total", "leases taken", &s.LeaseTakes),
		counter("replica_passed_txns_total", "open transactions that came along with a lease", &s.PassedTxns),
		counter("replica_lease_renewals_total", "leases renewed", &s.LeaseRenewals),
		counter("replica_lease_losses_total", "leases lost", &s.LeaseLosses),
		counter("replica_not_leaseholder_total", "requests sent elsewhere", &s.NotLeaseholder),
	}
}

func (c *collector) engine(out chan<- prometheus.Metric, disk uint64) {
	c.send(out, nil, "", gauge("engine_disk_bytes", "disk space that the rows take", float64(disk)))
}

func (c *collector) protocol(out chan<- prometheus.Metric) {
	if c.p.sql == nil {
		return
	}
	c.collectTemporary(out)
	m := &c.p.sql.server.Metrics
	c.send(out, nil, "",
		counter("sql_connections_total", "client connections accepted", &m.Accepted),
		counter("sql_refused_connections_total", "of them, turned away with 1040", &m.Refused),
		counter("sql_auth_failures_total", "log-ins refused", &m.AuthFailures),
		counter("sql_aborted_connections_total", "connections lost before they were logged in", &m.Aborted),
		counter("sql_gone_clients_total", "clients that went away during a statement", &m.Gone),
		counter("sql_bytes_in_total", "bytes received from clients, without the overhead of TLS", &m.Traffic.In),
		counter("sql_bytes_out_total", "bytes sent to clients, likewise", &m.Traffic.Out),
		counter("sql_errors_total", "error packets sent", &m.Errors),
		counter("sql_panics_total", "connections ended by a bug", &m.Panics),
		gauge("sql_connections", "client connections open", float64(m.Open.Load())),
	)
	m.EachCommand(func(name string, n uint64) {
		c.send(out, []string{"command"}, name, sample{name: "sql_commands_total", help: "commands by type", value: float64(n)})
	})
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (c *collector) send(out chan<- prometheus.Metric, labels []string, label string, samples ...sample) {
	for _, s := range samples {
		d := prometheus.NewDesc("cloudsql_"+s.name, s.help, labels, nil)
		kind := prometheus.CounterValue
		if s.gauge {
			kind = prometheus.GaugeValue
		}
		if labels == nil {
			out <- prometheus.MustNewConstMetric(d, kind, s.value)
		} else {
			out <- prometheus.MustNewConstMetric(d, kind, s.value, label)
		}
	}
}
