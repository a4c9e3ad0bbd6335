package main

import "cloudsql/storage/memory"

// statusCounters are the variables of SHOW STATUS that tell the cluster's version and where this node's reads ran.
func (p *process) statusCounters() map[string]uint64 {
	n := p.node.Counters()
	vars := map[string]uint64{
		"Cloudsql_cluster_version":    uint64(p.node.Version().Active()),
		"Cloudsql_replicas_condemned": n.Condemned,
		"Cloudsql_shards_disputed":    uint64(n.Disputed), //nolint:gosec // a count
		"Cloudsql_clock_off":          uint64(boolean(n.Clock.Off)),
		"Cloudsql_clock_offset_ms":    uint64(n.Clock.Offset.Abs().Milliseconds()), //nolint:gosec // not negative
		"Cloudsql_clocks_agree":       uint64(boolean(n.Clock.Agreed)),
		"Cloudsql_disk_free_bytes":    n.DiskFree,
		"Cloudsql_disk_full":          uint64(boolean(n.DiskFull)),
		"Cloudsql_stale_states":       n.Txns.StaleStates.Load(),
		"Cloudsql_follower_forwards":  n.Txns.FollowerForwards.Load(),
	}
	m := p.memory.Totals()
	vars["Cloudsql_memory_used"], vars["Cloudsql_memory_peak"] = uint64(m.Process.Used), uint64(m.Process.Peak) //nolint:gosec // not negative
	vars["Cloudsql_memory_limit"] = uint64(m.Process.Limit)                                                     //nolint:gosec // not negative
	vars["Cloudsql_statements_shed"], vars["Cloudsql_memory_refused"] = m.Sheds, m.Refused
	vars["Cloudsql_temporary_bytes"] = uint64(p.space.Used()) //nolint:gosec // not negative
	vars["Cloudsql_temporary_written"] = p.space.Written()
	for k := range memory.Kinds {
		vars["Cloudsql_temporary_files"] += p.space.Files(k)
	}
	for _, s := range n.Replicas {
		vars["Cloudsql_lease_reads"] += s.LeaseReads.Load()
		vars["Cloudsql_follower_reads"] += s.FollowerReads.Load()
		vars["Cloudsql_follower_waits"] += s.FollowerWaits.Load()
		vars["Cloudsql_follower_promises"] += s.ClosedAsked.Load()
	}
	return vars
}
