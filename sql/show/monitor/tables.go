package monitor

import (
	"cloudsql/sql/show/virtual"
	"cloudsql/storage/types"
)

// Tables make the rows of the tables that tell of what runs: sessions, statements, locks, memory, nodes.
func Tables() virtual.Generators {
	return virtual.Generators{
		virtual.InfoSchema: {
			"CLUSTER_JOBS":            clusterJobs,
			"CLUSTER_MEMORY":          clusterMemory,
			"CLUSTER_NODES":           clusterNodes,
			"CLUSTER_SHARDS":          clusterShards,
			"CLUSTER_COLUMNAR_COPIES": clusterColumnarCopies,
			"CLUSTER_TABLETS":         clusterTablets,
			"INNODB_TRX":              infoTransactions,
			"PROCESSLIST":             processes(),
		},
		virtual.PerfSchema: {
			"accounts":                  perfConnected(true, true),
			"events_statements_current": perfStatements,
			"events_statements_summary_global_by_event_name": perfStatementKinds,
			"events_transactions_current":                    perfTransactions,
			"memory_summary_global_by_event_name":            perfMemory,
			"performance_timers":                             performanceTimers,
			"persisted_variables":                            persistedVariables,
			"setup_actors":                                   list(texts("%", "%", "%", "YES", "NO")),
			"setup_consumers":                                setupConsumers,
			"setup_instruments":                              setupInstruments,
			"setup_threads":                                  setupThreads,
			"status_by_thread":                               ofThread(ownStatus),
			"table_handles":                                  perfTableHandles,
			"tls_channel_status":                             tlsChannels,
			"user_variables_by_thread":                       userVariables,
			"variables_by_thread":                            ofThread(ownVariables),
			"variables_info":                                 variablesInfo,
			"data_lock_waits":                                perfLockWaits,
			"data_locks":                                     perfLocks,
			"events_statements_summary_by_digest":            perfDigests,
			"global_status":                                  perfStatus(true),
			"global_variables":                               perfVariables(true),
			"hosts":                                          perfConnected(false, true),
			"metadata_locks":                                 perfMetadataLocks,
			"processlist":                                    processes(types.Str("PRIMARY")),
			"session_account_connect_attrs":                  perfConnectAttributes,
			"session_connect_attrs":                          perfConnectAttributes,
			"session_status":                                 perfStatus(false),
			"session_variables":                              perfVariables(false),
			"threads":                                        perfThreads,
			"users":                                          perfConnected(true, false),
		},
		virtual.SysDB: {"innodb_lock_waits": sysLockWaits, "sys_config": sysConfig},
	}
}
